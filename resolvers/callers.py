"""Who asks, remembered for a moment: verifying a token and looking its caller up cost more than a small answer."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from math import inf

from models.store import Store
from resolvers.caller import Caller
from resolvers.errors import UnauthenticatedError
from resolvers.identity import caller_of
from resolvers.tokens import LEEWAY_SECONDS, AccessTokens, Claims

_REMEMBERED = 10_000
"""Tokens; the one that was used longest ago is forgotten first."""
_SECONDS_REFUSED = 10.0
"""For so long a token that was refused is refused again without being verified, which takes 0.1 ms of a processor."""


@dataclass(slots=True)
class _Known:
    claims: Claims
    caller: Caller
    looked_up_at: float


class Callers:
    """Gives the callers behind access tokens.

    A token's signature is verified once; whether it has expired, each time. The caller is looked up afresh when the
    last look is older than `seconds`: for so long, at most, goes on who was deactivated, lost a role or signed out.
    A token that isn't good is remembered too, by its hash. Once there are other keys, all of them are verified again.

    Args:
        store: where users, roles and accounts are.
        tokens: verifies.
        seconds: how long a caller is remembered; 0 for not at all.
        clock: seconds that only grow, for tests to move.
    """

    def __init__(
        self,
        store: Store,
        tokens: AccessTokens,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._seconds = seconds
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._refused: OrderedDict[bytes, tuple[float, str]] = OrderedDict()
        """Until when, and why."""
        self._generation = 0
        """Of the keys by which they were verified."""

    async def behind(self, token: str, *, is_fresh: bool = False) -> Caller:
        """The caller behind a token.

        Args:
            token: as it was signed.
            is_fresh: whether the caller is looked up now: who changes things goes by what they may do at this moment.

        Raises:
            UnauthenticatedError: the token is not ours, or has expired, or whom it stands for may not come in.
        """
        self._follow_keys()
        known = self._known.get(token)
        if known is None or known.claims.expires_at <= time.time():
            claims = self._verified(token)
        elif not is_fresh and self._clock() - known.looked_up_at < self._seconds:
            return known.caller
        else:
            claims = known.claims
        self._known.pop(token, None)
        looked_up_at, generation = self._clock(), self._generation
        caller = await caller_of(self._store, claims)
        if generation == self._generation:  # else it has to be verified again
            self._known[token] = _Known(claims, caller, looked_up_at)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return caller

    def _follow_keys(self) -> None:
        """A key that was dropped may be somebody else's: what it has signed is good no more."""
        generation = self._tokens.generation()
        if generation != self._generation:
            self._generation = generation
            self._known.clear()
            self._refused.clear()

    def _verified(self, token: str) -> Claims:
        """What a token says.

        Raises:
            UnauthenticatedError: it isn't good, or wasn't a moment ago.
        """
        key = blake2b(token.encode(errors="surrogatepass"), digest_size=16).digest()
        until, why = self._refused.get(key, (0.0, ""))
        if self._clock() < until:
            raise UnauthenticatedError(why)
        try:
            return self._tokens.verify(token)
        except UnauthenticatedError as error:
            self._refused[key] = self._clock() + _SECONDS_REFUSED, str(error)
            self._refused.move_to_end(key)
            if len(self._refused) > _REMEMBERED:
                self._refused.popitem(last=False)
            raise

    def seconds_left(self, token: str) -> float:
        """For how long a token is good that was looked at lately; for ever, as far as is known, if it wasn't."""
        known = self._known.get(token)
        return max(known.claims.expires_at + LEEWAY_SECONDS - time.time(), 0.0) if known else inf
