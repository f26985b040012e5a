"""GraphQL over WebSockets: operations, and live updates. Mounted by `gateway.py`."""

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import OperationType
from starlette.websockets import WebSocket, WebSocketDisconnect

from edge.exposure.masking import Refusal, refusal_of, refused
from edge.operations import Asked, Sender, Transport, begin
from edge.protocols.request import client_name
from edge.protocols.session import Session
from edge.protocols.socket_messages import (
    FORBIDDEN,
    INITIALISATION_TIMEOUT,
    NOT_ACCEPTABLE,
    PROTOCOL,
    SIGNED_OUT,
    TOO_MANY_INITIALISATIONS,
    TOO_MANY_SOCKETS,
    TOO_SLOW,
    TRY_AGAIN_LATER,
    UNAUTHORIZED,
    ClosedError,
    Message,
    TooManyOperationsError,
    bearer,
    id_of,
    invalid,
    optional_object,
    read_message,
    requested,
)
from edge.protocols.socket_operation import Operation, break_off, counts
from edge.service import Service
from edge.telemetry.metrics import SOCKETS
from models.store import StoreError
from resolvers.caller import Caller
from resolvers.errors import UnauthenticatedError
from resolvers.listener import position

log = logging.getLogger("canopy.sockets")

_SECONDS_TO_CLOSE = 1.0
"""After that a client that takes nothing is left to itself."""
_CHARACTERS_OF_ID = 20
"""Of an operation's id in the reason of a closure, which has room for 123 bytes."""


@dataclass(frozen=True, slots=True)
class SocketSettings:
    """How far sockets go.

    Args:
        seconds_to_begin: in which a client must say who it is.
        seconds_to_send: after which a client that takes nothing is given up.
        most_operations: of one socket at the same time.
        most_sockets: of one caller at the same time, in this process.
    """

    seconds_to_begin: float = 5.0
    seconds_to_send: float = 30.0
    most_operations: int = 50
    most_sockets: int = 20


def settings_of(service: Service) -> SocketSettings:
    """How far sockets go, as the environment has it."""
    sharing, protocols = service.settings.sharing, service.settings.protocols
    return SocketSettings(
        sharing.socket_seconds, protocols.stream_seconds, sharing.socket_operations, sharing.sockets_per_user
    )


class Sockets:
    """The endpoint.

    Args:
        service: what operations work with.
        settings: how far sockets go.
    """

    def __init__(self, service: Service, settings: SocketSettings | None = None) -> None:
        self._service = service
        self._settings = settings or settings_of(service)
        self._open: Counter[str] = Counter()
        """Sockets by their caller."""

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one socket until one side closes it."""
        if PROTOCOL not in websocket.scope["subprotocols"]:
            await websocket.accept()
            await websocket.close(*NOT_ACCEPTABLE)
            return
        await websocket.accept(PROTOCOL)
        with SOCKETS.track_inprogress():
            await _Socket(websocket, self._service, self._settings, self._open).serve()


class _Socket:
    """One socket."""

    def __init__(self, websocket: WebSocket, service: Service, settings: SocketSettings, opened: Counter[str]) -> None:
        self._websocket = websocket
        self._service = service
        self._settings = settings
        self._opened = opened
        self._closing: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        self._tasks: dict[asyncio.Task[None], Operation | None] = {}
        """All that runs, with the operation that it runs for."""
        self._operations: dict[str, asyncio.Task[None]] = {}
        """Those that are not over for the client, by their ids."""
        self._token = ""
        self._has_begun = False
        self._caller: Caller | None = None
        """Who the client is; None until that is acknowledged."""
        self._session: Session | None = None

    async def serve(self) -> None:
        """Take messages until the socket is closed, then end what runs."""
        timer = asyncio.get_running_loop().call_later(self._settings.seconds_to_begin, self._insist_on_beginning)
        reading = asyncio.create_task(self._read())
        try:
            ends: set[asyncio.Future[Any]] = {reading, self._closing}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            reading.cancel()
            for task, operation in self._tasks.items():
                break_off(task, operation)
            if self._closing.done():
                with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):  # it may be gone, or take nothing
                    async with asyncio.timeout(_SECONDS_TO_CLOSE):
                        await self._websocket.close(*self._closing.result())
            await asyncio.gather(reading, *self._tasks, return_exceptions=True)

    def _close(self, code: int, reason: str) -> None:
        """Close the socket; of several reasons the first is told."""
        if not self._closing.done():
            self._closing.set_result((code, reason))

    def _insist_on_beginning(self) -> None:
        if not self._has_begun:
            self._close(*INITIALISATION_TIMEOUT)

    def _start(self, work: Coroutine[Any, Any, None], operation: Operation | None) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks[task] = operation
        task.add_done_callback(self._put_down)
        return task

    def _put_down(self, task: asyncio.Task[None]) -> None:
        operation = self._tasks.pop(task)
        if operation is not None:
            self._forget(operation)

    def _forget(self, operation: Operation) -> None:
        """Its id is free again, unless another operation has it by now."""
        if not operation.is_over:
            operation.is_over = True
            del self._operations[operation.id]

    # What the client says

    async def _read(self) -> None:
        try:
            while True:
                await self._take(await self._websocket.receive())
        except ClosedError as error:
            self._close(*error.args)
        except WebSocketDisconnect:
            return
        except Exception:
            log.exception("a socket failed")
            self._close(*TRY_AGAIN_LATER)

    async def _take(self, received: Any) -> None:
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect
        message = read_message(received, self._service.settings.protocols)
        match message.get("type"):
            case "connection_init":
                self._begin(optional_object(message, "payload"))
            case "ping":
                payload = optional_object(message, "payload")
                await self._send({"type": "pong"} | ({} if payload is None else {"payload": payload}))
            case "pong":
                optional_object(message, "payload")
            case "subscribe":
                await self._subscribe(id_of(message), requested(message))
            case "complete":
                self._complete(id_of(message))
            case _:
                raise invalid("its type is none that clients send")

    def _begin(self, payload: Message | None) -> None:
        if self._has_begun:
            raise ClosedError(*TOO_MANY_INITIALISATIONS)
        self._has_begun = True
        self._start(self._acknowledge(payload or {}), None)

    async def _acknowledge(self, payload: Message) -> None:
        """Let the client in, and follow the outbox for as long as it stays."""
        self._token = bearer(payload)
        try:
            caller = await self._service.callers.behind(self._token)
            if self._opened[caller.subject] >= self._settings.most_sockets:
                self._close(*TOO_MANY_SOCKETS)
                return
            self._opened[caller.subject] += 1
            try:
                async with self._service.hub.joined():
                    event_id = position(self._service.hub, caller.account_id)
                    self._caller = caller
                    await self._send({"type": "connection_ack", "payload": {"eventId": event_id}})
                    await self._stay()
            finally:
                self._opened -= Counter([caller.subject])
        except UnauthenticatedError:
            self._close(*FORBIDDEN)
        except WebSocketDisconnect:
            return
        except Exception as error:  # most likely the database is away
            log.error("no socket can be opened: %s", error, exc_info=None if isinstance(error, StoreError) else error)
            self._close(*TRY_AGAIN_LATER)

    async def _stay(self) -> None:
        """Wait until the socket is closed, and see to it that it is once the client may not stay any more."""
        hub = self._service.hub
        good_for = self._service.callers.seconds_left(self._token)
        self._session = Session(hub.callers, self._token, good_for, hub.settings.seconds_between_looks)
        watching = asyncio.create_task(self._session.over())
        try:
            ends: set[asyncio.Future[Any]] = {watching, self._closing}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                await self._throw_out(watching.result())
        finally:
            watching.cancel()

    async def _throw_out(self, why: UnauthenticatedError) -> None:
        """End all operations, those that change things by waiting for them, and then the socket."""
        changing = [task for task, operation in self._tasks.items() if operation and not operation.may_be_broken_off]
        for operation_id, task in list(self._operations.items()):
            if task not in changing:
                self._complete(operation_id)
                await self._send({"id": operation_id, "type": "error", "payload": refused(why).errors})
        if changing:
            await asyncio.wait(changing)
        self._close(*SIGNED_OUT)

    async def _subscribe(self, operation_id: str, asked: Asked | Refusal) -> None:
        """Start an operation. One that listens does so from here on, before another message is taken."""
        if self._caller is None:
            raise ClosedError(*UNAUTHORIZED)
        if operation_id in self._operations:
            raise ClosedError(4409, f"Subscriber for {operation_id[:_CHARACTERS_OF_ID]} already exists")
        if sum(map(counts, self._tasks.values())) >= self._settings.most_operations:
            error = TooManyOperationsError(f"At most {self._settings.most_operations} operations at a time.")
            await self._send({"id": operation_id, "type": "error", "payload": refused(error).errors})
            return
        operation = Operation(operation_id)
        self._operations[operation_id] = self._start(self._operate(operation, asked), operation)
        await operation.has_begun.wait()

    def _complete(self, operation_id: str) -> None:
        """The client wants to hear no more of it; it may have ended by itself."""
        task = self._operations.get(operation_id)
        if task is not None:
            operation = self._tasks[task]
            if operation is not None:
                self._forget(operation)
            break_off(task, operation)

    # What it is told

    async def _operate(self, operation: Operation, asked: Asked | Refusal) -> None:
        websocket = self._websocket
        sender = Sender(
            self._token,
            transport=Transport.SOCKET,
            address=websocket.client.host if websocket.client else "",
            client_name=client_name(websocket.headers),
            takes_events=True,
            on_full=lambda: self._close(*TOO_SLOW),
        )
        try:
            if isinstance(asked, Refusal):
                raise asked
            async with begin(self._service, sender, asked) as running:
                operation.may_be_broken_off = running.kind is not OperationType.MUTATION
                operation.has_begun.set()
                async for payload in running.payloads:
                    await self._tell(operation, {"type": "next", "payload": payload.body})
            end: Message = {"type": "complete"}
        except WebSocketDisconnect:
            return
        except Exception as error:
            end = self._refused(refusal_of(error))
        finally:
            operation.has_begun.set()
        is_over = operation.is_over
        self._forget(operation)  # before the client can know that the id is free
        if not is_over:
            with suppress(WebSocketDisconnect):
                await self._send({"id": operation.id} | end)

    def _refused(self, refusal: Refusal) -> Message:
        if refusal.code == UnauthenticatedError.code and self._session:
            self._session.doubt()
        return {"type": "error", "payload": refusal.errors}

    async def _tell(self, operation: Operation, message: Message) -> None:
        if not operation.is_over:
            await self._send({"id": operation.id} | message)

    async def _send(self, message: Message) -> None:
        try:
            async with asyncio.timeout(self._settings.seconds_to_send):
                await self._websocket.send_text(orjson.dumps(message).decode())
        except TimeoutError:
            self._close(*TOO_SLOW)
        except RuntimeError:  # the socket was closed meanwhile
            raise WebSocketDisconnect from None
