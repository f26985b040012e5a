"""The keys behind everything that Canopy signs, drawn from the secrets of one file, and followed when it changes."""

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from resolvers.key_file import SECRET_BYTES, KeyFileError, base64_of, read_secrets

log = logging.getLogger("canopy.keys")

_CURSORS, _INPUTS, _BROWSERS = b"canopy page cursors", b"canopy inputs of changes", b"canopy sign-ins of browsers"
_PURPOSES = (_CURSORS, _INPUTS, _BROWSERS)
_SECONDS_BETWEEN_LOOKS = 1.0

Look = tuple[int, int, int]
"""What changes with a file: its number, its size, and when it was written."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What is drawn from the secrets as they are."""

    secrets: tuple[bytes, ...]
    signing_key: Ed25519PrivateKey
    public: dict[str, Ed25519PublicKey]
    derived: dict[bytes, tuple[bytes, ...]]
    """Keys by their purpose, the newest first."""


def _drawn(secrets_: Sequence[bytes]) -> _Drawn:
    signing = [signing_key(each) for each in secrets_]
    public = {key_id(each.public_key()): each.public_key() for each in signing}
    derived = {purpose: tuple(_derived(each, purpose) for each in secrets_) for purpose in _PURPOSES}
    return _Drawn(tuple(secrets_), signing[0], public, derived)


class KeyRing:
    """The keys drawn from one or several secrets: the newest signs, all of them verify.

    Args:
        secrets_: 32 bytes each, the newest first. To rotate, put a new one before the old, and take the old one away
            once what it signed has expired.
        path: of the file from which they are, which is looked at again when something is signed, and when something
            comes that none of the keys has signed: so all processes of a gateway follow without being told.
        clock: seconds that only grow, for tests to move.
    """

    def __init__(
        self, secrets_: Sequence[bytes], path: Path | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._clock = clock
        self._drawn = _drawn(secrets_)
        self._seen = _look(path)
        self._looked_at = self._searched_at = clock()
        self.generation = 0
        """Another number once there are other keys."""

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._drawn.public)})"

    @property
    def signing_key(self) -> Ed25519PrivateKey:
        """Signs access tokens (Ed25519)."""
        return self._drawn.signing_key

    @property
    def key_id(self) -> str:
        """Names the signing key in the header of what it signs."""
        return next(iter(self._drawn.public))

    @property
    def public_keys(self) -> dict[str, Ed25519PublicKey]:
        """All that verify, by their ids, the newest first."""
        return dict(self._drawn.public)

    def public_key(self, named: str) -> Ed25519PublicKey | None:
        """The verifying key of that id, if it is one of ours."""
        if named not in self._drawn.public:
            self.search()
        return self._drawn.public.get(named)

    def cursor_keys(self) -> "DerivedKeys":
        """Sign the cursors of pages."""
        return DerivedKeys(self, _CURSORS)

    def input_keys(self) -> "DerivedKeys":
        """The inputs of changes are hashed under them, to know them again: some hold secrets."""
        return DerivedKeys(self, _INPUTS)

    def browser_keys(self) -> "DerivedKeys":
        """Seal what browsers keep while they sign in by an external issuer."""
        return DerivedKeys(self, _BROWSERS)

    def source_key(self) -> bytes:
        """32 bytes under which sources of failed sign-ins are stored, so that the table holds no name or address.

        Of the oldest secret: a rotation forgives nobody, and processes agree while one has not seen it yet.
        """
        return _derived(self._drawn.secrets[-1], b"canopy sources of failed sign-ins")

    def derived(self, purpose: bytes) -> tuple[bytes, ...]:
        """The keys for a purpose, the newest first."""
        return self._drawn.derived[purpose]

    def look_again(self) -> bool:
        """Whether the file holds other keys by now, which are used from then on; looked at once a second at most."""
        now = self._clock()
        if now - self._looked_at < _SECONDS_BETWEEN_LOOKS:
            return False
        self._looked_at = now
        return self._follow()

    def search(self) -> bool:
        """The same for something that none of the keys has signed, however lately the file was looked at otherwise."""
        now = self._clock()
        if now - self._searched_at < _SECONDS_BETWEEN_LOOKS:
            return False
        self._searched_at = now
        return self._follow()

    def _follow(self) -> bool:
        seen = _look(self._path)
        if self._path is None or seen is None or seen == self._seen:
            return False
        try:
            secrets_ = tuple(read_secrets(self._path))
        except KeyFileError as error:
            log.error("the keys stay as they were: %s", error)
            return False
        self._seen = seen
        is_other = secrets_ != self._drawn.secrets
        if is_other:
            self._drawn = _drawn(secrets_)
            self.generation += 1
            log.info("the keys are now %s", ", ".join(self._drawn.public))
        return is_other


class DerivedKeys:
    """The keys for one purpose, as they are at each moment.

    Args:
        ring: from whose secrets they are drawn.
        purpose: for which.
    """

    def __init__(self, ring: KeyRing, purpose: bytes) -> None:
        self._ring = ring
        self._purpose = purpose

    @property
    def all(self) -> tuple[bytes, ...]:
        """32 bytes each: the first signs, any verifies."""
        return self._ring.derived(self._purpose)

    def search(self) -> bool:
        """Whether there are others by now."""
        return self._ring.search()


Keys = bytes | DerivedKeys
"""One key for good, or several that are followed."""


def all_of(keys: Keys) -> tuple[bytes, ...]:
    """The first signs, any verifies."""
    return (keys,) if isinstance(keys, bytes) else keys.all


def is_known(keys: Keys, is_of: Callable[[bytes], bool]) -> bool:
    """Whether something is of one of the keys, maybe of one that has come lately."""
    if any(map(is_of, all_of(keys))):
        return True
    return not isinstance(keys, bytes) and keys.search() and any(map(is_of, keys.all))


def _look(path: Path | None) -> Look | None:
    try:
        found = path.stat() if path else None
    except OSError as error:
        log.error("the key file %s can't be looked at: %s", path, error.strerror)
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found else None


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=SECRET_BYTES, salt=None, info=purpose).derive(secret)


def signing_key(secret: bytes) -> Ed25519PrivateKey:
    """What signs access tokens, drawn from a secret."""
    return Ed25519PrivateKey.from_private_bytes(_derived(secret, b"canopy access tokens"))


def public_jwk(public: Ed25519PublicKey) -> dict[str, str]:
    """The key as others may know it.

    Source: RFC 8037 §2.
    """
    return {"crv": "Ed25519", "kty": "OKP", "x": base64_of(public.public_bytes_raw())}


def key_id(public: Ed25519PublicKey) -> str:
    """The key's thumbprint.

    Source: RFC 7638 §3, with the members that RFC 8037 §2 requires of an Ed25519 key.
    """
    text = json.dumps(public_jwk(public), separators=(",", ":"), sort_keys=True)
    return base64_of(sha256(text.encode()).digest())


def open_key_ring(path: Path, *, is_strict: bool = False) -> KeyRing:
    """The key ring of a file; see `read_secrets`.

    Raises:
        KeyFileError: what is there is no key file, or it can't be read or written.
    """
    return KeyRing(read_secrets(path, is_strict=is_strict), path)
