"""Quantities of an order's line: what is meant, what results, whether that is allowed, and what else it needs."""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass

from models.order import QuantityKind
from resolvers.errors import UserErrorCode
from resolvers.ordering.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Quantities:
    """A line's quantity in full: what there is, what is added (negative: taken away), and what results.

    The platform's own API tells a delta only, or with `scheduledOn: renewal` a target, so that nobody can say what a
    subscription had when (domain reference §A.4); here all three are always said.
    """

    present: int
    delta: int

    @property
    def resulting(self) -> int:
        """What the subscription has once the order is completed."""
        return self.present + self.delta


@dataclass(frozen=True, slots=True)
class Limits:
    """How many of a product a subscription may have; no maximum: any number from the minimum up."""

    minimum: int = 1
    maximum: int | None = None


def quantities(kind: QuantityKind, quantity: int, present: int = 0) -> Quantities:
    """What a line means.

    Args:
        kind: whether `quantity` is a change of what there is, or what shall be.
        quantity: as written on the line.
        present: what the subscription has; 0 for a sales order.
    """
    return Quantities(present, quantity if kind is QuantityKind.DELTA else quantity - present)


def quantity_refusal(wanted: Quantities, limits: Limits) -> Refusal | None:
    """Why that can't be ordered; None: it can. Nothing at all is left to a cancellation."""
    least = max(limits.minimum, 1)
    if wanted.present and not wanted.delta:
        return Refusal(UserErrorCode.INVALID, f"The subscription has {wanted.present} already.")
    if wanted.resulting < least:
        hint = " To have none, cancel the subscription." if wanted.resulting == 0 and wanted.present else ""
        return Refusal(
            UserErrorCode.BELOW_MINIMUM,
            f"{wanted.resulting} would result; the least is {least}.{hint}",
            possible_quantity=max(wanted.present - least, 0) if wanted.delta < 0 else None,
        )
    # Whoever has more than the maximum, which may have been lowered since, may come nearer to it.
    if limits.maximum is not None and wanted.resulting > limits.maximum and wanted.delta > 0:
        return Refusal(
            UserErrorCode.ABOVE_MAXIMUM,
            f"{wanted.resulting} would result; the most is {limits.maximum}.",
            possible_quantity=max(limits.maximum - wanted.present, 0),
        )
    return None


Dependencies = Mapping[int, Set[int]]
"""Product id → ids of the products that must be there beside it."""


def missing(ordered: Iterable[int], present: Set[int], dependencies: Dependencies) -> list[int]:
    """The products that an order lacks, directly or through what it lacks.

    The platform adds them to the order (domain reference §A.2).

    Args:
        ordered: products of the order.
        present: products that the account has and keeps.
        dependencies: of all products.

    Returns:
        Each once, a product before those that depend on it, otherwise in order of id. Circles are no error.
    """
    known = {*ordered}
    found: dict[int, None] = {}
    for product in sorted(known):
        found |= dict.fromkeys(_needed(product, dependencies, known | present))
    return list(found)


def _needed(product: int, dependencies: Dependencies, there: Set[int]) -> Iterator[int]:
    """What the product needs and is not there, deepest first."""
    seen = {*there, product}
    path = [(product, iter(sorted(dependencies.get(product, ()))))]
    while path:
        at, rest = path[-1]
        for needed in rest:
            if needed not in seen:
                seen.add(needed)
                path.append((needed, iter(sorted(dependencies.get(needed, ())))))
                break
        else:
            path.pop()
            if path:
                yield at


def bereft(ended: Set[int], kept: Set[int], dependencies: Dependencies) -> list[int]:
    """The products that are kept and need one that ends and isn't kept elsewhere, in order of id."""
    gone = ended - kept
    return sorted(product for product in kept if not gone.isdisjoint(dependencies.get(product, frozenset())))
