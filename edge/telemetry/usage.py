"""Usage: which fields which clients use, so that operators know what may be deprecated.

An operation is counted by a look into a dictionary. What its document mentions is worked out when it is written down,
once for all who sent the same one meanwhile, and in a thread.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache

from edge.telemetry.labels import Labels
from edge.telemetry.seen import Seen
from models.store import Store, StoreError
from resolvers import usage
from schema import executor, schema_text
from schema.breaking import coordinates
from schema.execution.documents import Document

log = logging.getLogger("canopy.usage")

_MOST_OPERATIONS = 2_000
"""Different operations that are counted between two times of writing down; others aren't."""
_MOST_CLIENTS = 1_000
_KEPT = timedelta(days=400)


class Usage:
    """How often operations were run since it was last written down, and by which clients.

    Args:
        store: where it is written.
        seconds: how often.
    """

    def __init__(self, store: Store, seconds: float) -> None:
        self._store = store
        self._seconds = seconds
        self._is_known = False
        """Whether it is written down which schema is served."""
        self._counts: Counter[tuple[Document, str | None, str]] = Counter()
        self._clients = Labels(_MOST_CLIENTS)

    def used(self, seen: Seen) -> None:
        """An operation was asked for that can be run."""
        assert seen.document is not None  # noqa: S101  # it was read
        key = (seen.document, seen.name, self._clients.of(seen.client, is_known=seen.is_client_known))
        if key in self._counts or len(self._counts) < _MOST_OPERATIONS:
            self._counts[key] += 1

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Write down now and then, and when the block ends."""
        task = asyncio.create_task(self._now_and_then(), name="usage")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            await self.write()

    async def _now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            await self.write()

    async def write(self) -> None:
        """Write down what was counted; what can't be is kept until it can."""
        if not self._counts:
            return
        counts, self._counts = self._counts, Counter()
        try:
            uses = await asyncio.to_thread(_by_coordinate, counts)
            await usage.add(self._store, uses, datetime.now(UTC).date())
            await self._note_schema()
        except (StoreError, OSError) as error:
            log.warning("the use of fields can't be written down now: %s", error)
            self._counts.update(counts)

    async def _note_schema(self) -> None:
        """Write down, once, that the program's schema is served: what is used is used of it. Forget what is old."""
        if not self._is_known:
            await usage.forget(self._store, datetime.now(UTC).date() - _KEPT)
            await usage.served(self._store, await asyncio.to_thread(_text))
            self._is_known = True


_text = cache(schema_text)


def _by_coordinate(counts: Mapping[tuple[Document, str | None, str], int]) -> dict[tuple[str, str], int]:
    """How often each coordinate was used by each client."""
    found: Counter[tuple[str, str]] = Counter()
    for (document, name, client), count in counts.items():
        for coordinate in coordinates(executor.schema, document.operations[name], document.fragments):
            found[coordinate, client] += count
    return found
