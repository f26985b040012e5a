"""Chance that comes out the same everywhere: one seed gives one tree, on every machine and every Python.

So the numbers come from BLAKE2, which is what it is, and not from `random`, most of whose methods may change between
versions; and they are only used in arithmetic that IEEE 754 rounds in one way, so there is no `pow`.
"""

import hashlib
import itertools
import math
import struct
from bisect import bisect_right
from collections.abc import Sequence
from enum import IntEnum
from typing import Generic, TypeVar

T = TypeVar("T")

_NUMBERS = struct.Struct("<16I")
_UNIT = 2.0**-32


class Subject(IntEnum):
    """What is being diced for. Each has its own sequence, so that one file can be made without the others."""

    SHAPE = 0
    LIFE = 1
    ADDRESS = 2
    PEOPLE = 3
    ASSORTMENT = 4
    SPECIAL = 5
    PURCHASE = 6
    ORDER = 7


class Dice:
    """A source of chance that can be put, for any account, to the start of the sequence that belongs to it."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._sequence = b""
        self._block = 0
        self._numbers: list[int] = []

    def about(self, subject: Subject, account: int = 0) -> "Dice":
        """These dice, at the start of the sequence of a subject and an account."""
        self._sequence = b"%d/%d/%d/" % (self._seed, subject, account)
        self._block = 0
        self._numbers.clear()
        return self

    def _more(self) -> list[int]:
        self._numbers.extend(_NUMBERS.unpack(hashlib.blake2b(self._sequence + b"%d" % self._block).digest()))
        self._block += 1
        return self._numbers

    # The methods below are called ten times for a row, so each takes its number itself.

    def random(self) -> float:
        """A number from 0 up to, not including, 1."""
        return (self._numbers or self._more()).pop() * _UNIT

    def below(self, bound: int) -> int:
        """A whole number from 0 up to, not including, `bound`."""
        return int((self._numbers or self._more()).pop() * _UNIT * bound)

    def low(self, bound: int) -> int:
        """A whole number below `bound`, small ones more often than large ones."""
        drawn = self.random()
        return int(drawn * drawn * bound)

    def chance(self, percent: float) -> bool:
        """True in so many of a hundred cases."""
        return (self._numbers or self._more()).pop() * _UNIT * 100 < percent

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices, all alike."""
        return choices[int((self._numbers or self._more()).pop() * _UNIT * len(choices))]

    def heavy(self) -> float:
        """At least 1 and sometimes enormous: Pareto with exponent 4/3, mean 4, median 1.7."""
        root = math.sqrt(1.0 - self.random())
        return 1.0 / (root * math.sqrt(root))


class Weighted(Generic[T]):
    """Choices of which some are likelier than others."""

    def __init__(self, *weights: tuple[T, float]) -> None:
        self._choices = [choice for choice, _ in weights]
        self._bounds = list(itertools.accumulate(weight for _, weight in weights))
        self._total = self._bounds[-1]

    def draw(self, dice: Dice) -> T:
        """One choice, as often as its weight says."""
        return self._choices[bisect_right(self._bounds, dice.random() * self._total)]
