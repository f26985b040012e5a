"""A scope: the part of the tree that a reading connection shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from models import path as paths


class Reach(StrEnum):
    """How far below its place a scope goes."""

    OWN = "OWN"
    """The account itself."""
    DIRECT = "DIRECT"
    """And the accounts right below it."""
    SUBTREE = "SUBTREE"
    """And all below those."""


_NO_LIMIT = 1_000_000
_REMEMBERED = 10_000
"""Scopes whose settings are kept."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A place in the tree and what is visible from there.

    Args:
        path: the account from whose place the reader looks.
        reach: how far down.
        only_user: narrows the view to one user's own rows (a service user), in its own account, without prices
            whatever `reach` and `prices` say; 0 for all users.
        prices: whether prices and charges belong to the view.
        size_class: log2 of the accounts in the subtree, for choosing a plan; never decides what is visible.
        finances: whether balances and invoices belong to the view.
        changes: whether the change log belongs to the view.

    Raises:
        PathError: the path is malformed. A well-formed path may be written into a statement.
    """

    path: str
    reach: Reach = Reach.SUBTREE
    only_user: int = 0
    prices: bool = True
    size_class: int = 0
    finances: bool = False
    changes: bool = False

    def __post_init__(self) -> None:
        paths.check(self.path)

    @property
    def account_id(self) -> int:
        """The account at the scope's place."""
        return paths.account_id(self.path)

    def holds(self, path: str) -> bool:
        """Whether the account of that path is in the scope."""
        settings = self.settings()
        return str(settings["lo"]) <= path < str(settings["hi"]) and len(path) <= int(settings["span"])

    def sells(self, seller_path: str) -> bool:
        """Whether what the account of that path charges belongs to the view."""
        settings = self.settings()
        return str(settings["lo"]) <= seller_path < str(settings["hi"]) and len(seller_path) <= int(
            settings["seller_span"]
        )

    @lru_cache(_REMEMBERED)  # noqa: B019  # a bounded number of small frozen values
    def settings(self) -> Mapping[str, str | int]:
        """The values that `models/policy/scope.py` names, in its order."""
        length = len(self.path)
        reach = Reach.OWN if self.only_user else self.reach
        further = {Reach.OWN: 0, Reach.DIRECT: paths.WIDTH, Reach.SUBTREE: _NO_LIMIT}[reach]
        is_provider = length == paths.WIDTH
        settings: dict[str, str | int] = {
            "lo": self.path,
            "hi": self.path + (paths.AFTER_SELF if reach is Reach.OWN else paths.AFTER_SUBTREE),
            "span": length + further,
            # Of an account right below one sees what it is charged, not what it charges others.
            "seller_span": length + (further if reach is Reach.SUBTREE else 0),
            "account": self.account_id,
            "vendor": paths.parent_id(self.path) or 0,
            "only_user": self.only_user,
            "prices": int(self.prices and not self.only_user),
            "catalogue": int(is_provider and not self.only_user),
            "finances": int(self.finances and not self.only_user),
            "changes": int(self.changes and not self.only_user),
        }
        return MappingProxyType(settings)
