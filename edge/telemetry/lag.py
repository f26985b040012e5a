"""How late the event loop is: whatever holds it up holds up everybody."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_SECONDS = 0.25
_LOOKS = 240
"""So many a minute."""


class Lag:
    """Looks four times a second how late it was woken."""

    def __init__(self) -> None:
        self._found: deque[float] = deque([0.0], maxlen=_LOOKS)

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Look while the block lasts."""
        task = asyncio.create_task(self._look(), name="loop lag")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _SECONDS
            await asyncio.sleep(_SECONDS)
            self._found.append(loop.time() - due)

    def worst(self) -> float:
        """The worst within the last minute, in seconds."""
        return max(self._found)
