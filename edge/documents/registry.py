"""What is registered, remembered by the process: looked up again when it has changed."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable

from models.store import Store, StoreError
from resolvers import documents
from resolvers.documents import Registered

log = logging.getLogger("canopy.documents")

MOST_TEXTS = 2_000


class Registry:
    """All that is registered, but for the texts, of which those are kept that were used last.

    Args:
        store: where it is.
        seconds: how old a look may be.
        clock: seconds that only grow, for tests to move.
    """

    def __init__(self, store: Store, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._seconds = seconds
        self._clock = clock
        self._registered = Registered()
        self.clients: frozenset[str] = frozenset()
        """The names of clients that operators have named."""
        self._looked_at = -float("inf")
        self._look: asyncio.Task[None] | None = None
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._names: dict[int, str] = {}

    async def registered(self) -> Registered:
        """What is registered. While the database is away, what was when it was last seen.

        Raises:
            StoreError: it has never been seen.
        """
        if self._clock() - self._looked_at >= self._seconds:
            if self._look is None:
                self._look = asyncio.create_task(self._looked())
                self._look.add_done_callback(self._forget_look)
            await asyncio.shield(self._look)
        return self._registered

    @property
    def count(self) -> int:
        """How many documents are registered, as far as is known."""
        return len(self._registered.clients)

    def _forget_look(self, look: "asyncio.Task[None]") -> None:
        self._look = None
        if not look.cancelled():
            look.exception()  # told to whoever waits, if anybody still does

    async def _looked(self) -> None:
        try:
            found = await documents.registered(self._store, self._registered)
        except (StoreError, OSError) as error:
            if self._registered.version < 0:
                raise
            log.warning("registered documents can't be looked at: %s", error)
        else:
            if found is not self._registered:
                self._registered = found
                self.clients = frozenset().union(found.levels, *found.clients.values())
                self._texts.clear()
                self._names.clear()
        self._looked_at = self._clock()

    async def text(self, document_id: str) -> str | None:
        """The text of a registered document; None if it has just been removed.

        Raises:
            StoreError: the database can't be reached.
        """
        text = self._texts.get(document_id)
        if text is None:
            text = await documents.text_of(self._store, document_id)
            if text is None:
                return None
            self._texts[document_id] = text
            if len(self._texts) > MOST_TEXTS:
                self._texts.popitem(last=False)
        self._texts.move_to_end(document_id)
        return text

    async def name_of(self, client_id: int) -> str:
        """The name under which an API client signs in, by its row's id.

        Raises:
            StoreError: the database can't be reached.
        """
        if client_id not in self._names:
            self._names[client_id] = await documents.name_of_client(self._store, client_id)
        return self._names[client_id]
