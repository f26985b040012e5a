"""The caller: who really acts, whose eyes are used, how far they reach, and what they may do."""

from dataclasses import dataclass, field

from models import path as paths
from models.scope import Reach, Scope
from resolvers.errors import ForbiddenError
from resolvers.privileges import MEANINGS, Privilege


@dataclass(frozen=True, slots=True)
class Actor:
    """A user who works in an account below its own, as that account's administrators do.

    Args:
        user_id: its own.
        path: of its own account.
        name: its own; personal data.
        account_name: of its own account.
    """

    user_id: int
    path: str
    name: str = field(repr=False)
    account_name: str


@dataclass(frozen=True, slots=True)
class Caller:
    """The identity behind one operation, worked out afresh for each.

    Args:
        user_id: the user who acts, where the account is its own; None for an API client, and for who acts as another.
        client_id: the API client that acts (its row's id); None for a user.
        path: of the account whose place in the tree decides what is visible.
        reach: how far below that account.
        privileges: the union of what its roles grant, less what it is denied.
        actor: who really acts, while working in an account below its own; None for whoever works in its own.
        is_service_user: narrows the view to the user's own profile and services.
        size_class: log2 of the accounts below; chooses plans, decides nothing.
        tree_class: log2 of all accounts; likewise.
        memberships: row ids and names of the accounts in which the person may work, this one among them, wherever they
            are; none for API clients, and for who works as another.
    """

    path: str
    privileges: frozenset[Privilege]
    user_id: int | None = None
    client_id: int | None = None
    reach: Reach = Reach.SUBTREE
    is_service_user: bool = False
    size_class: int = 0
    tree_class: int = 0
    actor: Actor | None = None
    memberships: tuple[tuple[int, str], ...] = field(default=(), compare=False)

    @property
    def subject(self) -> str:
        """Who acts, and as whom: `client:7`, `user:7`, `user:7@15`."""
        if self.actor is not None:
            return f"user:{self.actor.user_id}@{self.account_id}"
        return f"client:{self.client_id}" if self.user_id is None else f"user:{self.user_id}"

    @property
    def person(self) -> str:
        """Who acts, as whomever: `client:7`, `user:7`."""
        return f"user:{self.actor.user_id}" if self.actor is not None else self.subject

    @property
    def is_wide(self) -> bool:
        """Whether walking an order until a page is full beats gathering and sorting all that is in reach.

        Gathering n of N accounts costs about n, walking until enough of the n are met about 1000 N / n (measured).
        """
        return 2 * self.size_class > 10 + self.tree_class

    @property
    def account_id(self) -> int:
        """The account whose eyes are used."""
        return paths.account_id(self.path)

    @property
    def home_id(self) -> int:
        """The account of who acts."""
        return self.account_id if self.actor is None else paths.account_id(self.actor.path)

    def may(self, privilege: Privilege) -> bool:
        """Whether the caller has the privilege."""
        return privilege in self.privileges

    def require(self, privilege: Privilege) -> None:
        """Refuse a caller who lacks the privilege.

        Raises:
            ForbiddenError: with the privilege's name and meaning.
        """
        if privilege not in self.privileges:
            raise ForbiddenError(f"This needs the privilege {privilege.value}: {MEANINGS[privilege].lower()}")

    def scope(self) -> Scope:
        """The part of the tree that a reader shows to this caller."""
        return Scope(
            path=self.path,
            reach=self.reach,
            only_user=(self.user_id or 0) if self.is_service_user else 0,
            prices=bool(self.privileges & {Privilege.PRICES_VIEW, Privilege.FINANCES_VIEW}),
            size_class=self.size_class,
            finances=self.may(Privilege.FINANCES_VIEW),
            changes=self.may(Privilege.CHANGES_VIEW),
        )
