"""Mail as files in a folder."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from resolvers.mail.transport import Delivery, NotNowError

_OWNER_ONLY = 0o600


class FolderTransport:
    """Writes each mail into a folder, as a file that mail programs open. A mail that comes twice is the same file."""

    is_repeatable = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @asynccontextmanager
    async def offer(self, name: str, sender: str, to: str) -> AsyncIterator[Delivery]:
        """See `resolvers.mail.transport.Transport`."""
        del sender, to  # whoever they are, the folder takes it
        yield _File(self._folder / f"{name}.eml")


class _File:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def hand_over(self, message: bytes) -> None:
        try:
            await asyncio.to_thread(self._write, message)
        except OSError as error:
            raise NotNowError(f"{self._path.parent} can't be written: {error.strerror}") from error

    def _write(self, message: bytes) -> None:
        """The file is there as a whole or not at all, and for its owner only: it may hold a link."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = self._path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        unfinished.touch(_OWNER_ONLY)
        unfinished.write_bytes(message)
        unfinished.replace(self._path)
