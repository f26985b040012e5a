"""The context of one operation: its caller, its reader, and the loaders that gather what its fields ask for."""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import UTC, date, datetime
from math import inf
from time import perf_counter_ns
from typing import Any

from aiodataloader import DataLoader

from models import base
from models.statement import Engine, Row, Statement
from models.store import Reader, StoreTimeoutError
from resolvers.allowance import Allowance
from resolvers.caller import Caller
from resolvers.cursor import CursorCodec
from resolvers.errors import AnswerTooLargeError, UnavailableError
from resolvers.keys import Keys
from resolvers.page import MAX_SIZE
from resolvers.record import FAILED, RECORD, Record
from resolvers.source import Key, Source


class Context:
    """One operation of one caller. Never kept for a second: loaders remember what they loaded.

    Args:
        caller: who asks.
        reader: the database as that caller sees it.
        cursor_key: signs cursors.
        today: the day that "renewing within" counts from; UTC's present day unless given.
    """

    def __init__(self, caller: Caller, reader: Reader, cursor_key: Keys, today: date | None = None) -> None:
        self.caller = caller
        self.reader = reader
        self.engine: Engine = reader.engine
        self.cursors = CursorCodec(cursor_key, caller.account_id)
        self.today = today or datetime.now(UTC).date()
        self.statements = 0
        """How many statements this operation has sent."""
        self.record = RECORD.get() or Record()
        self.allowance: Allowance | None = None
        """What is left of the caller's budget, this operation paid for; None where nothing is bounded."""
        self.estimate = 0
        """What this operation may cost."""
        self.most_rows = MAX_SIZE
        """Of a page."""
        self.most_objects = inf
        """What its answer may hold, and what may be read for it: lists may be longer than they were estimated."""
        self._read = 0
        self.selections: dict[Any, Any] = {}
        """Which columns each place of the document needs, worked out once."""
        self._once: dict[tuple[str, Hashable], dict[Key, Any]] = {}
        self._loaders: dict[tuple[Source, Hashable], DataLoader[Key, Any]] = {}

    @property
    def now(self) -> datetime:
        """The instant at which it is asked: on the day that counts as today."""
        return datetime.combine(self.today, base.now().timetz())

    def renew(self, reader: Reader) -> None:
        """Go on from another snapshot, remembering nothing of the last."""
        self.reader = reader
        self._once.clear()
        self._loaders.clear()

    async def load(self, source: Source, key: Key, request: Hashable = None) -> Any:
        """What the source has for one parent, fetched together with all others that are asked for meanwhile."""
        place = (source, request)
        loader = self._loaders.get(place)
        if loader is None:

            async def fetch(keys: list[Key]) -> list[Any]:
                started = perf_counter_ns()
                found = list(await source.fetch(self, keys, request))
                self.record.step(source, len(keys), started)
                return found

            loader = self._loaders[place] = DataLoader(fetch, max_batch_size=None)
        return await loader.load(key)

    async def tuples(self, statement: Statement, parameters: Mapping[str, Any]) -> list[Any]:
        """The rows of a prebuilt statement, as tuples in the order of its columns.

        Raises:
            UnavailableError: the database took too long.
            AnswerTooLargeError: this operation has read too many.
        """
        self.statements += 1
        started, count = perf_counter_ns(), FAILED
        try:
            rows = await self.reader.rows(statement, parameters)
            count = len(rows)
            self._read += count
            if self._read > self.most_objects:
                raise AnswerTooLargeError(self.most_objects)
            return rows
        except StoreTimeoutError as error:
            raise UnavailableError(
                "The answer took too long. Ask for less: a smaller page, or a narrower filter."
            ) from error
        finally:
            self.record.statement(statement, started, count)

    async def rows(self, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]:
        """As `tuples`, but with names: for the few rows that are worked on further."""
        return list(map(statement.row._make, await self.tuples(statement, parameters)))

    async def once(
        self,
        name: str,
        request: Hashable,
        keys: Sequence[Key],
        fetch: Callable[[Sequence[Key]], Awaitable[Sequence[Any]]],
    ) -> list[Any]:
        """What `fetch` has for each key, asked once in this operation: for sums that several fields are made of."""
        known = self._once.setdefault((name, request), {})
        missing = [key for key in keys if key not in known]
        if missing:
            known.update(zip(missing, await fetch(missing), strict=True))
        return [known[key] for key in keys]

    def scope_parameters(self) -> dict[str, Any]:
        """The range of the whole scope, for statements that narrow themselves to it."""
        settings = self.reader.scope.settings()
        return {name: settings[name] for name in ("lo", "hi", "vendor", "account")}
