"""What makes the input of a change the same as another: a hash under a key, for some inputs hold secrets."""

import hashlib
import hmac
from dataclasses import dataclass, field

from resolvers.keys import Keys, all_of, is_known


@dataclass(frozen=True, slots=True)
class InputHash:
    """The hash of an input.

    Args:
        text: all of the input.
        keys: under which it is hashed.
    """

    text: str = field(repr=False)
    keys: Keys = field(repr=False)

    def __str__(self) -> str:
        """As it is stored."""
        return self._under(all_of(self.keys)[0])

    def is_stored_as(self, stored: str) -> bool:
        """Whether a stored one is of the same input: under the key of today, or of before a rotation."""
        return is_known(self.keys, lambda key: hmac.compare_digest(self._under(key), stored))

    def _under(self, key: bytes) -> str:
        return hmac.new(key, self.text.encode(), hashlib.sha256).hexdigest()
