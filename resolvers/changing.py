"""The context of an operation that changes things: each change is a transaction, and what follows is read anew."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date

from models.store import Reader
from resolvers.caller import Caller
from resolvers.context import Context
from resolvers.keys import Keys
from resolvers.operation import Operation
from resolvers.outcome import BulkOutcome, Outcome
from resolvers.perform import Item, perform, perform_many
from resolvers.run import Business


class ChangingContext(Context):
    """See `Context`. Its reader is never older than the last change, and none is open while something changes."""

    def __init__(
        self,
        business: Business,
        caller: Caller,
        readers: AsyncExitStack,
        reader: Reader,
        cursor_key: Keys,
        today: date | None,
    ) -> None:
        super().__init__(caller, reader, cursor_key, today)
        self._business = business
        self._readers = readers

    async def perform(self, operation: Operation, item: Item, key: str) -> Outcome:
        """See `resolvers.perform.perform`."""
        async with self._between_readers():
            return await perform(self._business, self.caller, operation, item, key)

    async def perform_many(
        self, operation: Operation, items: Sequence[Item], key: str, *, is_atomic: bool
    ) -> BulkOutcome:
        """See `resolvers.perform.perform_many`."""
        async with self._between_readers():
            return await perform_many(self._business, self.caller, operation, items, key, is_atomic=is_atomic)

    @asynccontextmanager
    async def _between_readers(self) -> AsyncIterator[None]:
        """End the snapshot; afterwards begin another."""
        await self._readers.aclose()
        try:
            yield
        finally:
            reader = self._business.store.reader(self.caller.scope())
            self.renew(await self._readers.enter_async_context(reader))


@asynccontextmanager
async def changing(
    business: Business, caller: Caller, cursor_key: Keys, today: date | None = None
) -> AsyncIterator[ChangingContext]:
    """The context of an operation that changes things; the arguments are those of `Context`."""
    async with AsyncExitStack() as readers:
        reader = await readers.enter_async_context(business.store.reader(caller.scope()))
        yield ChangingContext(business, caller, readers, reader, cursor_key, today)
