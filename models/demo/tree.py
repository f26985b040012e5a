"""The shape of the demo tree: who supplies whom.

An account is known by its number: 0 is the provider, then come all resellers, each after its vendor, then all
customers. What else there is to know about an account follows from its number and the tree's seed, so only the shape
is kept: four bytes for an account.
"""

import itertools
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from models.demo.dice import Dice, Subject

PROVIDER = 0
RESELLER = 1
SUBRESELLER = 2
SIBLING = 3
"""The reseller beside the demo's: whatever its users see of the others would be a leak."""

SMALLEST = 10
DEEPEST_RESELLER = 6

_BRANCH = 500
"""Accounts below the demo's reseller, when the tree has room for them."""
_ACCOUNTS_A_SUBRESELLER = 28


def key_prefix(accounts: int, seed: int) -> str:
    """What the keys of a tree's accounts begin with. They name the tree, so that two trees are never mixed."""
    return f"demo:{accounts}:{seed}:"


class TreeTooSmallError(ValueError):
    """Fewer accounts than the demo logins need."""


class Tree:
    """A tree of so many accounts, the provider included. The demo's own accounts are there whatever its size.

    Raises:
        TreeTooSmallError: fewer than `SMALLEST`.
    """

    def __init__(self, accounts: int, seed: int) -> None:
        if accounts < SMALLEST:
            raise TreeTooSmallError(f"a demo tree has at least {SMALLEST} accounts, not {accounts}")
        if seed < 0:
            raise ValueError(f"a seed is 0 or more, not {seed}")
        self.accounts = accounts
        self.seed = seed
        self.vendors = array("i", [-1, PROVIDER, RESELLER, PROVIDER])
        """For each account the number of the one above it."""
        self.levels = bytearray([0, 1, 2, 1])
        """For each reseller (and the provider) the levels above it."""
        self._dice = Dice(seed).about(Subject.SHAPE)
        branches = _branches(accounts)
        resellers = [self._add_resellers(branch) for branch in branches]
        self.resellers = len(self.levels) - 1
        """How many there are; they are the accounts 1 to `resellers`."""
        self.customer = self.resellers + 1
        """The number of the demo's customer."""
        for branch, members in zip(branches, resellers, strict=True):
            self._add_customers(branch, members)

    def is_reseller(self, account: int) -> bool:
        """Whether the account sells to others, the provider left out."""
        return 0 < account <= self.resellers

    def _add_resellers(self, branch: "_Branch") -> Sequence[int]:
        first = len(self.levels)
        members = list(branch.resellers)
        for number in range(first, first + branch.further_resellers):
            vendor = branch.vendor_of(members, self.levels, self._dice)
            self.vendors.append(vendor)
            self.levels.append(self.levels[vendor] + 1)
            members.append(number)
        return members

    def _add_customers(self, branch: "_Branch", resellers: Sequence[int]) -> None:
        sellers = [branch.root, *resellers]
        bounds = list(itertools.accumulate(branch.weights(len(resellers), self._dice)))
        self.vendors.extend(branch.first_customers[: branch.customers])
        for _ in range(branch.customers - len(branch.first_customers)):
            self.vendors.append(sellers[bisect_right(bounds, self._dice.random() * bounds[-1])])


class _Branch:
    """A part of the tree: what hangs below `root`, some resellers of which may be there already."""

    first_customers: Sequence[int] = ()
    """The vendors of its first customers, where they matter."""

    def __init__(self, root: int, accounts: int) -> None:
        self.root = root
        self.resellers: Sequence[int] = ()
        self.further_resellers = max(accounts * 3 // 100, int(accounts >= SMALLEST))
        self.customers = accounts - self.further_resellers

    def vendor_of(self, members: Sequence[int], levels: Sequence[int], dice: Dice) -> int:
        """The vendor of the branch's next reseller: its root, or one of those that are already there."""
        if not members or dice.chance(45):
            return self.root
        vendor = dice.pick(members)
        return vendor if levels[vendor] < DEEPEST_RESELLER else self.root

    def weights(self, resellers: int, dice: Dice) -> Iterator[float]:
        """How many customers the root and each reseller attract: a few most of them, most a few."""
        drawn = [dice.heavy() for _ in range(resellers)]
        yield self.root_share() * (sum(drawn) or 1.0)
        yield from drawn

    def root_share(self) -> float:
        """The customers of the root itself, as a part of those of its resellers."""
        return 0.01 if self.root == PROVIDER else 0.08


class _DemoBranch(_Branch):
    """The branch below the demo's reseller: made to be looked at, so less left to chance.

    Most of its resellers stand right below it and have some twenty to forty accounts each; a chain goes down from
    the demo's sub-reseller to the deepest level.
    """

    def __init__(self, accounts: int) -> None:
        super().__init__(RESELLER, accounts)
        self.resellers = (SUBRESELLER,)
        self.further_resellers = max(accounts // _ACCOUNTS_A_SUBRESELLER, 1) - 1
        self.customers = accounts - 1 - self.further_resellers
        self.first_customers = (SUBRESELLER, SUBRESELLER, RESELLER)
        self._chain = min(DEEPEST_RESELLER - 2, self.further_resellers // 2)

    def vendor_of(self, members: Sequence[int], levels: Sequence[int], dice: Dice) -> int:
        if len(members) <= self._chain:
            return members[-1]
        return super().vendor_of(members[:1], levels, dice) if dice.chance(15) else self.root

    def weights(self, resellers: int, dice: Dice) -> Iterator[float]:
        yield 0.8
        yield 1.6
        yield from (0.4 if place < self._chain else 0.8 + dice.random() * 0.8 for place in range(resellers - 1))


def _branches(accounts: int) -> tuple[_Branch, _Branch, _Branch]:
    """The demo's branch, the one beside it (in a large tree by far the largest), and all others."""
    left = accounts - 3
    demo = min(_BRANCH, left * 3 // 4)
    left -= demo
    beside = min(left, max(120, left * 23 // 100))
    return _DemoBranch(demo), _Branch(SIBLING, beside), _Branch(PROVIDER, left - beside)
