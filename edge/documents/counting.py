"""Counting how often documents are used: in memory, and now and then in the database."""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.base import now
from models.store import Store, StoreError
from resolvers import documents
from resolvers.documents import LONGEST_NOTED, Noted

log = logging.getLogger("canopy.documents")

SECONDS = 30.0
"""Of what a process counted since, a kill takes away the last."""
MOST_WAITING = 1_000
"""Unknown documents that wait to be written down, each with its text; further ones go unnoted."""


class Counting:
    """How often documents were used since it was last written down.

    Args:
        store: where it is written.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._uses: Counter[tuple[str, str]] = Counter()
        self._unknown: defaultdict[tuple[str, str], Noted] = defaultdict(Noted)

    def used(self, document_id: str, client: str) -> None:
        """A registered document is used; `client` is the one that it is registered for."""
        self._uses[document_id, client] += 1

    def unknown(self, document_id: str, client: str, text: str | None) -> None:
        """Something was asked for that isn't registered."""
        key = (document_id, client)
        if key not in self._unknown and len(self._unknown) >= MOST_WAITING:
            return
        noted = self._unknown[key]
        noted.uses += 1
        noted.text = noted.text or (text if text is not None and len(text) <= LONGEST_NOTED else None)

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Write down now and then, and when the block ends."""
        task = asyncio.create_task(self._now_and_then())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            await self.write()

    async def _now_and_then(self) -> None:
        while True:
            await asyncio.sleep(SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write down what was counted; what can't be is kept until it can."""
        if not self._uses and not self._unknown:
            return
        uses, unknown = self._uses, self._unknown
        self._uses, self._unknown = Counter(), defaultdict(Noted)
        try:
            await documents.count(self._store, uses, unknown, now())
        except (StoreError, OSError) as error:
            log.warning("uses of documents can't be counted now: %s", error)
            self._uses.update(uses)
            for key, noted in unknown.items():
                self._unknown[key].uses += noted.uses
                self._unknown[key].text = noted.text
