"""The bell of a store: it rings when a writer has committed, so that nobody has to ask again and again."""

import asyncio
from collections.abc import Callable


class Bell:
    """Heard in this process alone."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []

    def ring(self) -> None:
        """A writer of this process has just committed."""
        self._told()

    async def listen(self, heard: Callable[[], None]) -> None:
        """Call `heard` each time that it rings, until cancelled; now and then it rings for nothing."""
        self._listeners.append(heard)
        try:
            await asyncio.Event().wait()
        finally:
            self._listeners.remove(heard)

    async def close(self) -> None:
        """Be silent."""

    def _told(self) -> None:
        for heard in tuple(self._listeners):
            heard()
