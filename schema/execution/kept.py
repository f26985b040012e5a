"""What is kept for as long as there is room: for want of it, what was used the longest ago is forgotten."""

from collections import OrderedDict
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """Something that takes room.

    Args:
        length: how much.
    """

    length: int


T = TypeVar("T", bound=Sized)


class Kept(Generic[T]):
    """Things by their keys, those that were used last.

    Args:
        most: how many.
        most_length: how long they may be together; one is kept however long it is.
    """

    def __init__(self, most: int, most_length: int) -> None:
        self._most = most
        self._most_length = most_length
        self._things: OrderedDict[bytes, T] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        """How many there are."""
        return len(self._things)

    def get(self, key: bytes) -> T | None:
        """The thing of a key, which is used by this; None if it isn't kept."""
        thing = self._things.get(key)
        if thing is not None:
            self._things.move_to_end(key)
        return thing

    def put(self, key: bytes, thing: T) -> T:
        """Keep a thing, unless there is one of this key already; gives what is kept."""
        kept = self._things.setdefault(key, thing)
        if kept is thing:
            self._length += thing.length
        while len(self._things) > self._most or (self._length > self._most_length and len(self._things) > 1):
            self.drop(next(iter(self._things)))
        return kept

    def drop(self, key: bytes) -> None:
        """Keep a thing no more."""
        self._length -= self._things.pop(key).length
