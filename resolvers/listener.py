"""Listeners: each is told only what its caller sees when it is told.

An event says that something happened to an object, never what the object is like. Before anybody is told, the caller
is looked up afresh and the object is read through that caller's scope: what it doesn't show is not told, and neither
is that there was something. So whoever was moved out, or lost a privilege, hears no more, whatever it heard before.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from models import EventKind, Topic
from models import path as paths
from models.outbox_window import is_within
from models.statement import Row
from models.tail import Position
from resolvers.accounts import ACCOUNT
from resolvers.caller import Caller
from resolvers.context import Context
from resolvers.cursor import CursorCodec
from resolvers.errors import CanopyError, InvalidError, UnavailableError
from resolvers.live import PAGE, Hub, Wanted, concerned
from resolvers.orders import ORDER
from resolvers.source import Source, one
from resolvers.subscriptions import SUBSCRIPTION

T = TypeVar("T")

OBJECTS: dict[Topic, Source] = {
    Topic.ACCOUNT: one(ACCOUNT, "object_id"),
    Topic.ORDER: one(ORDER, "object_id"),
    Topic.SUBSCRIPTION: one(SUBSCRIPTION, "object_id"),
}
"""Where the object of an event is read."""
_ACCOUNT_BY_ID = OBJECTS[Topic.ACCOUNT]
_ANY_STREAM = "live"


class EventsGoneError(CanopyError):
    """What came after an event can't be told any more."""

    code = "EVENTS_GONE"


def position(hub: Hub, account_id: int) -> str:
    """An event id for who has heard of none: of what has happened before now, in whatever stream.

    Args:
        hub: which follows the outbox, within `Hub.joined`.
        account_id: whose eyes are used.
    """
    return CursorCodec(hub.cursor_key, account_id).encode(_ANY_STREAM, *hub.position)


@dataclass(frozen=True, slots=True)
class Heard:
    """An event as a listener is told of it.

    Args:
        event_id: for taking up from there; good for the listener's account and the same stream.
        kind: what happened.
        at: when.
        object_id: to what.
    """

    event_id: str
    kind: EventKind
    at: datetime
    object_id: int


class Listener:
    """One operation that listens, from when it is made until its `end`; only within `Hub.joined`.

    Args:
        hub: follows the outbox.
        token: of the caller.
        account_id: whose eyes the token lets use.
        wanted: what it listens to.
        on_full: called when too much waits; nothing is told from then on.
    """

    def __init__(self, hub: Hub, token: str, account_id: int, wanted: Wanted, on_full: Callable[[], None]) -> None:
        self._hub = hub
        self._token = token
        self._account_id = account_id
        self._wanted = wanted
        self._feed = hub.feed(account_id, wanted, on_full)
        self._ids = CursorCodec(hub.cursor_key, account_id)
        self._passed: Position = (0, 0)
        """Up to here all was told from the outbox itself."""

    def end(self) -> None:
        """Listen no more."""
        self._hub.forget(self._account_id, self._feed)

    async def answers(self, answer: Callable[[Heard, Context], Awaitable[T]]) -> AsyncGenerator[T, None]:
        """What `answer` makes of each event that the caller sees, in the order in which they were committed.

        Args:
            answer: called within a snapshot that was taken for this event, in which its object is visible.

        Raises:
            UnauthenticatedError: the token has expired, or whom it stands for may not come in any more.
            ForbiddenError: the caller lacks the privilege, by now.
            InvalidError: `after` is no id of an event of this stream that this account was given.
            EventsGoneError: too much has happened since.
            UnavailableError: reading took too long.
            StoreError: the database can't be reached.
        """
        async with aclosing(self._events()) as events:
            async for event in events:
                told = await self._look(event, answer)
                if told is not None:
                    yield told

    async def _caller(self) -> Caller:
        caller = await self._hub.callers.behind(self._token)
        caller.require(self._wanted.privilege)
        return caller

    async def _events(self) -> AsyncGenerator[Row, None]:
        await self._caller()
        if self._wanted.after is not None:
            async with aclosing(self._missed(await self._position(self._wanted.after))) as missed:
                async for event in missed:
                    yield event
        while True:
            waited = await self._feed.next(self._hub.settings.seconds_between_looks)
            if waited is None:
                await self._caller()  # to be told that it is over, it needs no event
            elif (waited.transaction_id, waited.id) > self._passed:
                yield waited

    async def _position(self, event_id: str) -> Position:
        after = self._decoded(event_id)
        if not await is_within(self._hub.store, after, self._hub.settings.most_missed):
            raise EventsGoneError(
                "Too much has happened since that event. Subscribe without `after`, then ask for what you follow anew."
            )
        return after

    def _decoded(self, event_id: str) -> Position:
        for stream in (self._stream, _ANY_STREAM):
            with suppress(InvalidError):
                transaction_id, row_id = self._ids.decode(stream, event_id)
                return int(transaction_id), row_id
        raise InvalidError(
            "`after` takes the `eventId` of an event that came from the same field, or of `connection_ack`, signed in"
            " to the same account."
        )

    @property
    def _stream(self) -> str:
        return f"{_ANY_STREAM} {self._wanted.stream}"

    async def _missed(self, position: Position) -> AsyncGenerator[Row, None]:
        """What was committed after a position, up to now; what comes later waits in the feed."""
        is_all = False
        while not is_all:
            events = await self._hub.store.tail(position, PAGE)
            for event in events:
                position = (event.transaction_id, event.id)
                if self._account_id in concerned(event) and self._feed.wants(event):
                    yield event
            is_all = len(events) < PAGE
        self._passed = position

    async def _look(self, event: Row, answer: Callable[[Heard, Context], Awaitable[T]]) -> T | None:
        """What the caller is told of an event; None if it doesn't see the object."""
        hub = self._hub
        async with hub.lookers:
            try:
                async with asyncio.timeout(hub.settings.seconds_to_answer):
                    caller = await self._caller()
                    async with hub.store.reader(caller.scope()) as reader:
                        context = Context(caller, reader, hub.cursor_key, hub.clock().date())
                        context.most_rows = hub.settings.most_rows
                        if not await self._sees(context, event):
                            return None
                        return await answer(self._heard(event), context)
            except TimeoutError:
                raise UnavailableError(
                    "The answer took too long. Ask for less, and go on after the last event that you have."
                ) from None

    async def _sees(self, context: Context, event: Row) -> bool:
        found: Any = await context.load(OBJECTS[self._wanted.topic], event.object_id, ("path",))
        if found is None or self._wanted.below is None:
            return found is not None
        above: Any = await context.load(_ACCOUNT_BY_ID, self._wanted.below, ("path",))
        path = found[1]
        return above is not None and path != above[1] and paths.contains(above[1], path)

    def _heard(self, event: Row) -> Heard:
        event_id = self._ids.encode(self._stream, event.transaction_id, event.id)
        return Heard(event_id, EventKind(event.kind), event.at, event.object_id)
