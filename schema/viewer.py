"""Who asks, and the ways into the graph."""

from dataclasses import dataclass
from typing import Annotated, Any

import strawberry

from models.scope import Reach
from models.statement import Row
from resolvers import accounts, users
from resolvers.actions import actions_of_viewer, allowed_actions
from resolvers.caller import Actor
from resolvers.context import Context
from resolvers.errors import ForbiddenError, InvalidError
from resolvers.privileges import Privilege
from schema.account import Account
from schema.execution.declaration import Reference
from schema.field import column, computed, loaded, lookup, related
from schema.node import NOUNS, Node, split
from schema.reference import ActionRef, SummaryRef
from schema.user import ApiClient, User

_MAX_NODES = 100


@dataclass(frozen=True, slots=True)
class Asking:
    """What stands behind `Viewer` and the root's summary: the caller, as far as fields are made of it."""

    user_id: int | None
    api_client_id: int | None
    account_id: int
    acting_as_id: int | None
    actor: Actor | None
    path: str
    reach: Reach
    privileges: list[str]
    memberships: tuple[tuple[int, str], ...]


def _asking(context: Context) -> Asking:
    caller = context.caller
    privileges = sorted(privilege.value for privilege in caller.privileges)
    return Asking(
        caller.user_id,
        caller.client_id,
        caller.account_id,
        caller.account_id if caller.actor else None,
        caller.actor,
        caller.path,
        caller.reach,
        privileges,
        caller.memberships,
    )


@strawberry.type(description="Someone who works in an account below their own.")
class ViewerActor:
    """Stands in front of `resolvers.caller.Actor`."""

    name: str = column("The given name and the family name.")
    account_name: str = column("The name of their own account.")


@strawberry.type(description="An account as the person who may work in it knows it, also where it is out of sight.")
class MembershipAccount:
    """An account's id and name."""

    id: strawberry.ID = strawberry.field(description="The global id: `account` of `POST /auth/token` takes it.")
    name: str = strawberry.field(description="Its name.")


@strawberry.type(description="That the person who asks may work in an account.")
class Membership:
    """One of the accounts of a person."""

    account: MembershipAccount = strawberry.field(description="The account.")
    is_current: bool = strawberry.field(description="Whether the caller works in it now.")


@strawberry.type(description="Who asks: the user or API client, and the account whose eyes are used.")
class Viewer:
    """Stands in front of `Asking`."""

    reach: Reach = column("How far below the account the caller sees.")
    privileges: list[str] = column("What the caller may do, as `resource:action`, in alphabetical order.")
    user: User | None = related(
        users.by_user_id, User, "The user who acts, in its own account. Null for an API client, and in other accounts."
    )
    api_client: ApiClient | None = related(
        users.by_api_client_id, ApiClient, "The API client that acts. Null for a user."
    )
    account: Account | None = related(
        accounts.by_account_id, Account, "The account at whose place in the tree the caller looks."
    )
    acting_as: Account | None = related(
        accounts.acting_as,
        Account,
        "The account in which the user works although it belongs to another above it; null in its own.",
    )

    @computed("Who really acts, while working in an account below their own; null otherwise.", needs=("actor",))
    def actor(asking: Asking) -> ViewerActor | None:
        return asking.actor  # type: ignore[return-value]  # stands behind the type

    @computed(
        "The accounts in which the person may work, this one among them, by name. Empty for an API client, and in other"
        " accounts.",
        needs=("account_id", "memberships"),
    )
    def memberships(asking: Asking) -> list[Membership]:
        return [
            Membership(
                account=MembershipAccount(id=strawberry.ID(f"acc_{row_id}"), name=name),
                is_current=row_id == asking.account_id,
            )
            for row_id, name in asking.memberships
        ]

    @loaded(
        accounts.standing_of,
        "What the caller may do at its own account, and what is about no account: to the catalogue, and to prices.",
    )
    def allowed_actions(account: Row, _asking: Asking, context: Context) -> list[ActionRef]:
        return allowed_actions(context.caller, account) + actions_of_viewer(context.caller)


_Id = Annotated[strawberry.ID, strawberry.argument(description="The global id.")]
_Ids = Annotated[list[strawberry.ID], strawberry.argument(description="Global ids, at most 100.")]
_AccountId = Annotated[strawberry.ID | None, strawberry.argument(description="Its global id.")]
_ExternalId = Annotated[
    str | None,
    strawberry.argument(
        description="Its external id. Where several vendors use the same: the account nearest to the caller's."
    ),
]


def _reference(context: Context, text: str) -> Reference | None:
    """What a global id refers to. Whether the caller may see it at all depends on its type alone.

    Raises:
        ForbiddenError: the caller may not see objects of that type.
    """
    parts = split(text)
    noun = NOUNS.get(parts[0]) if parts else None
    if parts is None or noun is None:
        return None
    noun.require(context.caller, parts[1])
    return Reference(type_name=noun.type_name, source=noun.source, key=parts[1])


def _reference_or_refusal(context: Context, text: str) -> Reference | ForbiddenError | None:
    """As `_reference`, but a refusal takes this one's place in a list and leaves the others alone."""
    try:
        return _reference(context, text)
    except ForbiddenError as error:
        return error


@strawberry.type
class ViewerQuery:
    """The ways into the graph that are no lists."""

    @computed("Who asks.")
    def viewer(_root: Any, context: Context) -> Viewer | None:
        return _asking(context)  # type: ignore[return-value]  # stands behind the type

    @lookup("The object with a global id. Null when it doesn't exist or is not visible.")
    def node(context: Context, *, id: _Id) -> Node | None:  # noqa: A002  # its public name
        return _reference(context, id)  # type: ignore[return-value]  # leads to the row

    @lookup("The objects with these global ids, in their order; null for each that is not visible.")
    def nodes(context: Context, *, ids: _Ids) -> list[Node | None] | None:
        if len(ids) > _MAX_NODES:
            raise InvalidError(f"{len(ids)} ids; at most {_MAX_NODES} at once.")
        return [_reference_or_refusal(context, text) for text in ids]  # type: ignore[misc]  # lead to the rows

    @lookup("An account by its global id or by its external id. Null when there is none, or none visible.")
    def account(
        context: Context,
        *,
        id: _AccountId = strawberry.UNSET,  # noqa: A002  # its public name
        external_id: _ExternalId = strawberry.UNSET,
    ) -> Account | None:
        if bool(id) == bool(external_id):
            raise InvalidError("Give either `id` or `externalId`.")
        if external_id:
            context.caller.require(Privilege.ACCOUNTS_VIEW)
            return Reference(type_name="Account", source=accounts.by_external_id, key=external_id)  # type: ignore[return-value]  # leads to the row
        found = _reference(context, id or "")
        return found if found and found.type_name == "Account" else None  # type: ignore[return-value]  # as above

    @computed("Counts and sums over everything in the caller's scope.")
    def summary(_root: Any, context: Context) -> SummaryRef | None:
        return _asking(context)  # type: ignore[return-value]  # a summary is worked out from a path
