"""Who asks, and the ways into the graph."""

from asyncio import gather
from types import SimpleNamespace
from typing import Annotated, Any

import strawberry

from models import AccountType
from models.scope import Reach
from resolvers import accounts, users
from resolvers.context import Context
from resolvers.errors import ForbiddenError, InvalidError
from resolvers.privileges import Action, Privilege, allowed_actions
from schema.account import Account
from schema.info import Info
from schema.node import NOUNS, Node, split
from schema.reference import SummaryRef
from schema.selection import columns
from schema.user import ApiClient, User

_MAX_NODES = 100


async def _account(context: Context, needed: tuple[str, ...]) -> Any:
    return await context.load(accounts.by_id, context.caller.account_id, needed)


@strawberry.type(description="Who asks: the user or API client, and the account whose eyes are used.")
class Viewer:
    """Its source is the context itself."""

    @strawberry.field(description="The user who acts. Null for an API client.")
    async def user(root: Any, info: Info) -> User | None:
        if info.context.caller.user_id is None:
            return None
        return await info.context.load(users.by_id, info.context.caller.user_id, columns(info))  # type: ignore[no-any-return]  # a row

    @strawberry.field(description="The API client that acts. Null for a user.")
    async def api_client(root: Any, info: Info) -> ApiClient | None:
        if info.context.caller.client_id is None:
            return None
        return await info.context.load(users.api_client_by_id, info.context.caller.client_id, columns(info))  # type: ignore[no-any-return]  # a row

    @strawberry.field(description="The account at whose place in the tree the caller looks.")
    async def account(root: Any, info: Info) -> Account | None:
        return await _account(info.context, columns(info))  # type: ignore[no-any-return]  # a row

    @strawberry.field(
        description="The account that the user really belongs to, while working in another below it; null otherwise."
    )
    async def acting_as(root: Any, info: Info) -> Account | None:
        return None

    @strawberry.field(description="How far below the account the caller sees.")
    def reach(root: Any, info: Info) -> Reach:
        return info.context.caller.reach

    @strawberry.field(description="What the caller may do, as `resource:action`, in alphabetical order.")
    def privileges(root: Any, info: Info) -> list[str]:
        return sorted(privilege.value for privilege in info.context.caller.privileges)

    @strawberry.field(description="What the caller may do at its own account.")
    async def allowed_actions(root: Any, info: Info) -> list[Action]:
        own = await _account(info.context, ("type",))
        return allowed_actions(info.context.caller.privileges, AccountType(own.type))


async def _node(info: Info, text: str) -> Any:
    prefix, row_id = split(text) or ("", 0)
    noun = NOUNS.get(prefix)
    if noun is None:
        return None
    noun.require(info.context.caller, row_id)
    return await info.context.load(noun.source, row_id, columns(info, noun.type_name))


async def _node_or_refusal(info: Info, text: str) -> Any:
    """As `_node`, but a refusal takes this one's place in a list and leaves the others alone."""
    try:
        return await _node(info, text)
    except ForbiddenError as error:
        return error


@strawberry.type
class ViewerQuery:
    """The ways into the graph that are no lists."""

    @strawberry.field(description="Who asks.")
    def viewer(root: Any, info: Info) -> Viewer | None:
        return info.context  # type: ignore[return-value]  # stands behind the type

    @strawberry.field(description="The object with a global id. Null when it doesn't exist or is not visible.")
    async def node(
        root: Any,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The global id.")],  # noqa: A002  # its public name
    ) -> Node | None:
        return await _node(info, id)  # type: ignore[no-any-return]  # a row

    @strawberry.field(
        description="The objects with these global ids, in their order; null for each that is not visible."
    )
    async def nodes(
        root: Any,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Global ids, at most 100.")],
    ) -> list[Node | None] | None:
        if len(ids) > _MAX_NODES:
            raise InvalidError(f"{len(ids)} ids; at most {_MAX_NODES} at once.")
        return list(await gather(*(_node_or_refusal(info, text) for text in ids)))

    @strawberry.field(
        description="An account by its global id or by its external id. Null when there is none, or none visible."
    )
    async def account(
        root: Any,
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its global id.")] = strawberry.UNSET,  # noqa: A002  # its public name
        external_id: Annotated[
            str | None,
            strawberry.argument(
                description="Its external id. Where several vendors use the same: the account nearest to the caller's."
            ),
        ] = strawberry.UNSET,
    ) -> Account | None:
        if bool(id) == bool(external_id):
            raise InvalidError("Give either `id` or `externalId`.")
        info.context.caller.require(Privilege.ACCOUNTS_VIEW)
        if external_id:
            return await info.context.load(accounts.by_external_id, external_id, columns(info))  # type: ignore[no-any-return]  # a row
        parts = split(id or "")
        if parts is None or parts[0] != "acc":
            return None
        return await info.context.load(accounts.by_id, parts[1], columns(info))  # type: ignore[no-any-return]  # a row

    @strawberry.field(description="Counts and sums over everything in the caller's scope.")
    def summary(root: Any, info: Info) -> SummaryRef | None:
        return SimpleNamespace(path=info.context.caller.path)  # type: ignore[return-value]  # a summary needs only a path
