"""Operations of a socket: what runs for a client, until it is over for the client, and until it is over."""

import asyncio
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Operation:
    """An operation of a client.

    Args:
        id: as the client chose it.
        may_be_broken_off: what changes things comes to its end, whoever still waits for it.
        is_over: for the client, which hears no more of it.
        has_begun: set once it runs, or listens.
    """

    id: str
    may_be_broken_off: bool = True
    is_over: bool = False
    has_begun: asyncio.Event = field(default_factory=asyncio.Event)


def counts(operation: Operation | None) -> bool:
    """Whether it takes a place: until it is over, or as long as it can't be broken off."""
    return operation is not None and not (operation.is_over and operation.may_be_broken_off)


def break_off(task: asyncio.Task[None], operation: Operation | None) -> None:
    """Break off what may be; what changes things goes on."""
    if operation is None or operation.may_be_broken_off:
        task.cancel()
