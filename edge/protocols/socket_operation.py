"""Operations of a socket: what runs for a client, until it is over for the client, and until it is over."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from graphql import GraphQLError

from resolvers.listener import Listener
from schema.execution.documents import Answer


@dataclass(eq=False, slots=True)
class Operation:
    """An operation of a client.

    Args:
        id: as the client chose it.
        may_be_broken_off: what changes things comes to its end, whoever still waits for it.
        is_over: for the client, which hears no more of it.
        listener: what it has to be told, if it listens.
    """

    id: str
    may_be_broken_off: bool = True
    is_over: bool = False
    listener: Listener | None = None


class NotRunError(Exception):
    """The operation can't be run, for GraphQL's reasons."""


def counts(operation: Operation | None) -> bool:
    """Whether it takes a place: until it is over, or as long as it can't be broken off."""
    return operation is not None and not (operation.is_over and operation.may_be_broken_off)


def break_off(task: asyncio.Task[None], operation: Operation | None) -> None:
    """Break off what may be; what changes things goes on."""
    if operation is None or operation.may_be_broken_off:
        task.cancel()


async def refusing(errors: Sequence[GraphQLError]) -> AsyncGenerator[Answer, None]:
    """What an operation comes to that can't be run."""
    raise NotRunError(errors)
    yield  # what makes it a generator
