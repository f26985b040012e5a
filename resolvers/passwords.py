"""Passwords and client secrets: hashed with Argon2id, off the event loop, a few at a time."""

import asyncio
import secrets
import unicodedata
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from resolvers.errors import InvalidError, UnavailableError

T = TypeVar("T")

MAX_BYTES = 1024
"""Longer secrets are refused before any work is done for them."""


@dataclass(frozen=True, slots=True)
class HashSettings:
    """How hard a secret is to guess from its hash, and how much of the process that may take.

    Args:
        passes: over the memory (Argon2's time cost).
        memory_kib: for each hash.
        lanes: threads for each hash.
        at_once: hashes that one process works on at the same time.
        waiting: how many more may wait for their turn; about 25 ms each, so the last waits under two seconds.

    Source: OWASP Password Storage Cheat Sheet, the Argon2id profile with the most memory. 47 ms on one core.
    """

    passes: int = 1
    memory_kib: int = 47_104
    lanes: int = 1
    at_once: int = 2
    waiting: int = 64


class Passwords:
    """Hashes and verifies secrets of one process."""

    def __init__(self, settings: HashSettings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.passes, memory_cost=settings.memory_kib, parallelism=settings.lanes
        )
        # Threads of our own, for a caller who leaves does not stop the thread that works for it: those that wait in
        # this pool are at most `at_once` at work, whatever became of their callers.
        self._threads = ThreadPoolExecutor(settings.at_once, thread_name_prefix="passwords")
        self._turns = asyncio.Semaphore(settings.at_once)
        self._places = settings.at_once + settings.waiting
        self._of_nobody = self._hasher.hash(secrets.token_bytes())

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """A turn at verifying: what is looked up and noted around a verification belongs inside it.

        Raises:
            UnavailableError: too many wait already.
        """
        if self._places == 0:
            raise UnavailableError("Too many are signing in at this moment. Try again in a few seconds.")
        self._places -= 1
        try:
            async with self._turns:
                yield
        finally:
            self._places += 1

    def hash(self, secret: str) -> str:
        """The hash to store for a secret, with its parameters and salt. Takes its time: call it off the event loop.

        Raises:
            InvalidError: the secret is too long or no text.
        """
        return self._hasher.hash(prepared(secret))

    async def hashed(self, secret: bytes) -> str:
        """As `hash`, off the event loop.

        Args:
            secret: as `prepared` gives it.
        """
        return await self._apart(lambda: self._hasher.hash(secret))

    async def verify(self, secret: bytes, stored: str | None) -> bool:
        """Whether it is the secret behind the stored hash. Where none is stored, a hash of nothing does the same work.

        Args:
            secret: as `prepared` gives it.
            stored: a hash that `hash` made; None for someone unknown or without a secret.
        """
        expected = stored or self._of_nobody
        return await self._apart(lambda: self._matches(expected, secret)) and stored is not None

    async def renewed(self, secret: bytes, stored: str) -> str | None:
        """The secret hashed anew when the stored hash was made with other parameters than today's; else None."""
        if not self._hasher.check_needs_rehash(stored):
            return None
        return await self._apart(lambda: self._hasher.hash(secret))

    def _matches(self, stored: str, secret: bytes) -> bool:
        try:
            return self._hasher.verify(stored, secret)
        except (Argon2Error, InvalidHashError):
            return False

    async def _apart(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def prepared(secret: str) -> bytes:
    """The bytes of a secret that are hashed: composed, so that it is the same from every keyboard.

    Raises:
        InvalidError: it is too long, or holds half a character.
    """
    # Composing takes time that depends on the text, so an enormous one isn't composed.
    if len(secret) > MAX_BYTES:
        raise InvalidError(f"The secret is longer than {MAX_BYTES} bytes.")
    try:
        raw = unicodedata.normalize("NFC", secret).encode()
    except UnicodeEncodeError:
        raise InvalidError("The secret is no valid text.") from None
    if len(raw) > MAX_BYTES:
        raise InvalidError(f"The secret is longer than {MAX_BYTES} bytes.")
    return raw
