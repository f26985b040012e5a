"""Operations and their answers, whatever they come by: everything that a transport knows of them.

A transport makes a `Sender` and an `Asked`, opens `begin`, and writes each of its payloads in its own frames. What
limits, checks, counts or masks stands here once, in the order in which it is safe.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import Any

from graphql import GraphQLError, OperationType

from edge import execution, preparing
from edge.execution import Prepared
from edge.exposure.masking import Payload, Refusal, payload, refusal_of, refused
from edge.limits.admission import Place
from edge.limits.budget import Reservation
from edge.parts import IN_PARTS, Parts, payloads_of
from edge.service import Service
from edge.telemetry.seen import Seen
from models.store import StoreError
from resolvers.caller import Caller
from resolvers.errors import CanopyError, UnauthenticatedError
from resolvers.listener import Listener
from schema import listen
from schema.execution.documents import chosen


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
    "Listen over a WebSocket (graphql-transport-ws, at the same address), or accept text/event-stream or"
    " multipart/mixed."
)


async def known(service: Service, sender: Sender, *, is_fresh: bool = False) -> Caller:
    """The caller behind a sender's token.

    Raises:
        Refusal: there is none, or the database does not answer.
    """
    if not sender.token:
        raise _stranger(
            service,
            sender,
            UnauthenticatedError(
                "Sign in first: POST /auth/token gives an access token; send it as `Authorization: Bearer <token>`."
            ),
        )
    try:
        return await service.callers.behind(sender.token, is_fresh=is_fresh)
    except UnauthenticatedError as error:
        raise _stranger(service, sender, error) from error
    except (StoreError, OSError) as error:
        raise refusal_of(error) from error


def _stranger(service: Service, sender: Sender, error: UnauthenticatedError) -> Refusal:
    service.strangers.note(sender.address)
    return refused(error, 401, www_authenticate="Bearer")


@asynccontextmanager
async def begin(service: Service, sender: Sender, asked: Asked) -> AsyncIterator[Running]:
    """An operation, from when it is known that it can be run; at the end of the block it is given up.

    Raises:
        Refusal: it can't be run.
    """
    with service.telemetry.watching(sender.transport) as seen:
        async with _begun(service, sender, asked, seen) as running:
            yield running


@asynccontextmanager
async def _begun(service: Service, sender: Sender, asked: Asked, seen: Seen) -> AsyncIterator[Running]:
    """See `begin`, which has it watched."""
    caller = seen.caller = await known(service, sender)
    with service.admission.place(caller) as place:
        try:
            prepared = await _prepared(service, sender, caller, asked, seen)
        except Refusal as refusal:
            if refusal.status is None:
                await service.budget.charge(caller, 1)  # for having been looked at
            raise
        if prepared.kind is OperationType.SUBSCRIPTION:
            async with _listening(service, sender, caller, prepared, place, seen) as running:
                yield running
            return
        if prepared.kind is OperationType.MUTATION:
            if sender.is_safe:
                raise refused(MethodNotAllowedError("Send a mutation by POST."), 405, allow="POST")
            caller = await known(service, sender, is_fresh=True)
        reservation = await service.budget.reserve(caller, prepared.estimate)
        prepared = replace(prepared, allowance=reservation.allowance)
        if _wants_parts(sender, prepared):
            parts = payloads_of(Parts(service, caller, prepared), reservation, seen)
            running = Running(prepared.kind, parts, {"x-executor": IN_PARTS, **reservation.headers})
        else:
            running = _once(service, caller, prepared, reservation, seen)
        async with aclosing(running.payloads):
            yield running


async def _prepared(service: Service, sender: Sender, caller: Caller, asked: Asked, seen: Seen) -> Prepared:
    resolved = await service.documents.resolve(
        caller, sender.client_name, asked.query, asked.document_id, registers=asked.registers
    )
    is_known = service.documents.knows(caller, resolved.client)
    seen.found(resolved.id, resolved.client, is_trusted=resolved.is_trusted, is_client_known=is_known)
    bounds = service.settings.limits.bounds(is_trusted=resolved.is_trusted)
    charge = None if resolved.is_trusted else partial(service.budget.charge, caller)
    document = await service.reading.read(resolved.text, bounds, charge)
    await service.documents.remember(resolved)
    operation = chosen(document, asked.name)
    if isinstance(operation, GraphQLError):
        raise Refusal([operation])
    made = await preparing.prepared(service.reading, document, operation, asked.variables, bounds, charge)
    seen.prepared(document, made.name, made.kind.value, made.estimate)
    if made.shape.has_introspection:
        service.introspection.check(operation)
    return made


def _once(service: Service, caller: Caller, prepared: Prepared, reservation: Reservation, seen: Seen) -> Running:
    """What asks or changes."""

    async def payloads() -> AsyncGenerator[Payload, None]:
        try:
            answer, by = await execution.answered(service, caller, prepared)
        except (StoreError, OSError) as error:
            raise refusal_of(error) from error
        seen.answered(answer, by)
        reservation.settle(answer.cost)
        running.headers |= {"x-executor": by, **reservation.headers}
        if answer.is_request_error:
            raise Refusal(answer.errors)
        yield reservation.told(payload(answer))

    running = Running(prepared.kind, payloads())
    return running


def _wants_parts(sender: Sender, prepared: Prepared) -> bool:
    """Whether an answer is told in parts; what asks about the schema is told as a whole."""
    return sender.takes_parts and prepared.shape.has_parts and not prepared.shape.has_introspection


@asynccontextmanager
async def _listening(
    service: Service, sender: Sender, caller: Caller, prepared: Prepared, place: Place, seen: Seen
) -> AsyncIterator[Running]:
    """What listens, from here on: it costs for each event, and has a place of another kind."""
    if not sender.takes_events:
        raise refused(NotAcceptableError(_HOW_TO_LISTEN), status=406)
    listening = listen(prepared.document, prepared.operation, prepared.variables)
    if isinstance(listening, list):
        raise Refusal(listening)
    reservation = await service.budget.reserve(caller, prepared.estimate)
    hub = service.hub
    with service.admission.live(caller), service.telemetry.listening(seen):
        place.leave()
        async with hub.joined():
            listener = Listener(hub, sender.token, caller.account_id, listening.wanted, sender.on_full)
            answers = listener.answers(listening.answer)

            async def payloads() -> AsyncGenerator[Payload, None]:
                try:
                    async for answer in answers:
                        answer.cost = prepared.spent(answer)
                        service.telemetry.event(seen, answer)
                        yield reservation.told_of(payload(answer), answer.cost)
                except Exception as error:  # whatever it is, a client that listens is told why it ends
                    raise refusal_of(error) from error

            running = Running(OperationType.SUBSCRIPTION, payloads(), reservation.headers)
            try:
                async with aclosing(answers), aclosing(running.payloads):
                    yield running
            finally:
                listener.end()
