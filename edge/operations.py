"""Operations and their answers, whatever they come by: everything that a transport knows of them.

A transport makes a `Sender` and an `Asked`, opens `begin`, and writes each of its payloads in its own frames. What
limits, checks, counts or masks stands here once, in the order in which it is safe.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from graphql import GraphQLError, OperationType

from edge import execution, preparing
from edge.execution import Prepared
from edge.exposure.masking import Payload, Refusal, payload, refusal_of, refused
from edge.service import Service
from models.store import StoreError
from resolvers.caller import Caller
from resolvers.errors import CanopyError, UnauthenticatedError
from resolvers.listener import Listener
from schema import listen
from schema.execution.documents import chosen
from schema.listening import Listening


class NotAcceptableError(CanopyError):
    """The answer can't be given in any form that the client takes."""

    code = "NOT_ACCEPTABLE"


class MethodNotAllowedError(CanopyError):
    """The operation can't be sent by this method of HTTP."""

    code = "METHOD_NOT_ALLOWED"


class Transport(StrEnum):
    """By what operations come."""

    HTTP = "http"
    SOCKET = "socket"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends an operation, and what its transport can carry.

    Args:
        token: an access token; empty for a stranger.
        transport: by which it comes.
        address: from which it comes, as trusted proxies tell it.
        client_name: what the client calls itself.
        is_safe: nothing may be changed.
        takes_events: whether it can be told of more than one answer.
        takes_parts: whether it can be told an answer in parts, and asks for that.
        on_full: called when a client that listens takes too little of what it is told; it is told no more.
    """

    token: str
    transport: Transport = Transport.HTTP
    address: str = ""
    client_name: str = ""
    is_safe: bool = False
    takes_events: bool = False
    takes_parts: bool = False
    on_full: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation as it was asked for; of its parts only the types are known to be right.

    Args:
        query: the document; None where it is named by its id alone.
        variables: of the operation.
        name: which of the document's operations; None where there is one only.
        document_id: of a document that was sent before, or registered.
        registers: whether the document, which has this id, is to be remembered.
    """

    query: str | None
    variables: Mapping[str, Any] | None = None
    name: str | None = None
    document_id: str | None = None
    registers: bool = False


@dataclass(slots=True)
class Running:
    """An operation that runs.

    Args:
        kind: whether it asks, changes or listens.
        payloads: its answers: one for what asks or changes, one for each event for what listens. Raises `Refusal` where
            nothing can be told any more.
        headers: of HTTP, once there is a first payload.
    """

    kind: OperationType
    payloads: AsyncGenerator[Payload, None]
    headers: dict[str, str] = field(default_factory=dict)


_HOW_TO_LISTEN = (
    "Listen over a WebSocket (graphql-transport-ws, at the same address), or accept text/event-stream or multipart/mixed."
)


async def known(service: Service, sender: Sender, *, is_fresh: bool = False) -> Caller:
    """The caller behind a sender's token.

    Raises:
        Refusal: there is none, or the database does not answer.
    """
    if not sender.token:
        raise _stranger(
            UnauthenticatedError(
                "Sign in first: POST /auth/token gives an access token; send it as `Authorization: Bearer <token>`."
            )
        )
    try:
        return await service.callers.behind(sender.token, is_fresh=is_fresh)
    except UnauthenticatedError as error:
        raise _stranger(error) from error
    except (StoreError, OSError) as error:
        raise refusal_of(error) from error


def _stranger(error: UnauthenticatedError) -> Refusal:
    return refused(error, 401, www_authenticate="Bearer")


@asynccontextmanager
async def begin(service: Service, sender: Sender, asked: Asked) -> AsyncIterator[Running]:
    """An operation, from when it is known that it can be run; at the end of the block it is given up.

    Raises:
        Refusal: it can't be run.
    """
    caller = await known(service, sender)
    prepared = await _prepared(service, sender, caller, asked)
    if prepared.kind is not OperationType.SUBSCRIPTION:
        if prepared.kind is OperationType.MUTATION:
            if sender.is_safe:
                raise refused(MethodNotAllowedError("Send a mutation by POST."), 405, allow="POST")
            caller = await known(service, sender, is_fresh=True)
        running = _once(service, caller, prepared)
        async with aclosing(running.payloads):
            yield running
        return
    if not sender.takes_events:
        raise refused(NotAcceptableError(_HOW_TO_LISTEN), status=406)
    listening = listen(prepared.document, prepared.operation, asked.variables)
    if isinstance(listening, list):
        raise Refusal(listening)
    async with _listening(service, sender, caller, listening) as running:
        yield running


async def _prepared(service: Service, sender: Sender, caller: Caller, asked: Asked) -> Prepared:
    resolved = await service.documents.resolve(
        caller, sender.client_name, asked.query, asked.document_id, registers=asked.registers
    )
    bounds = service.settings.limits.bounds(is_trusted=resolved.is_trusted)
    document = await service.reading.read(resolved.text, bounds)
    operation = chosen(document, asked.name)
    if isinstance(operation, GraphQLError):
        raise Refusal([operation])
    return preparing.prepared(document, operation, asked.variables, bounds)


def _once(service: Service, caller: Caller, prepared: Prepared) -> Running:
    """What asks or changes."""

    async def payloads() -> AsyncGenerator[Payload, None]:
        try:
            answer, by = await execution.answered(service, caller, prepared)
        except (StoreError, OSError) as error:
            raise refusal_of(error) from error
        running.headers["x-executor"] = by
        if answer.is_request_error:
            raise Refusal(answer.errors)
        yield payload(answer)

    running = Running(prepared.kind, payloads())
    return running


@asynccontextmanager
async def _listening(service: Service, sender: Sender, caller: Caller, listening: Listening) -> AsyncIterator[Running]:
    """What listens, from here on."""
    hub = service.hub
    async with hub.joined():
        listener = Listener(hub, sender.token, caller.account_id, listening.wanted, sender.on_full)
        answers = listener.answers(listening.answer)

        async def payloads() -> AsyncGenerator[Payload, None]:
            try:
                async for answer in answers:
                    yield payload(answer)
            except Exception as error:  # whatever it is, a client that listens is told why it ends
                raise refusal_of(error) from error

        running = Running(OperationType.SUBSCRIPTION, payloads())
        try:
            async with aclosing(answers), aclosing(running.payloads):
                yield running
        finally:
            listener.end()
