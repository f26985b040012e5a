"""Operations and their answers, whatever they come by: everything that a transport knows of them.

A transport makes a `Sender` and an `Asked`, opens `begin`, and writes each of its payloads in its own frames. What
limits, checks, counts or masks stands here once, in the order in which it is safe.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError, OperationType

from edge import execution
from edge.execution import Prepared
from edge.exposure.masking import Payload, Refusal, payload, refusal_of, refused
from edge.service import Service
from models.store import StoreError
from resolvers.caller import Caller
from resolvers.errors import CanopyError, UnauthenticatedError
from resolvers.listener import Listener
from schema import executor, listen
from schema.execution.documents import chosen
from schema.listening import Listening


class NotAcceptableError(CanopyError):
    """The answer can't be given in any form that the client takes."""

    code = "NOT_ACCEPTABLE"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends an operation, and what its transport can carry.

    Args:
        token: an access token; empty for a stranger.
        takes_events: whether it can be told of more than one answer.
        on_full: called when a client that listens takes too little of what it is told; it is told no more.
    """

    token: str
    takes_events: bool = False
    on_full: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation as it was asked for; of its parts only the types are known to be right.

    Args:
        query: the document.
        variables: of the operation.
        name: which of the document's operations; None where there is one only.
    """

    query: str
    variables: Mapping[str, Any] | None = None
    name: str | None = None


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
    prepared = _prepared(asked)
    if prepared.kind is not OperationType.SUBSCRIPTION:
        if prepared.kind is OperationType.MUTATION:
            caller = await known(service, sender, is_fresh=True)
        running = _once(service, caller, prepared)
        async with aclosing(running.payloads):
            yield running
        return
    if not sender.takes_events:
        raise refused(
            NotAcceptableError("Listen over a WebSocket: graphql-transport-ws, at the same address."), status=406
        )
    listening = listen(prepared.document, prepared.operation, asked.variables)
    if isinstance(listening, list):
        raise Refusal(listening)
    async with _listening(service, sender, caller, listening) as running:
        yield running


def _prepared(asked: Asked) -> Prepared:
    document = executor.document(asked.query)
    if document.errors:
        raise Refusal(document.errors)
    operation = chosen(document, asked.name)
    if isinstance(operation, GraphQLError):
        raise Refusal([operation])
    return Prepared(document, operation, dict(asked.variables or {}))


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
