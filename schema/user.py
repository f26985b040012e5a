"""Users and API clients in GraphQL."""

from collections.abc import Callable

import orjson
import strawberry
from strawberry.utils.str_converters import to_camel_case

from models import RoleCode, SecurityQuestion, UserKind, UserStatus
from models.statement import Row
from resolvers import accounts, subscriptions, users
from resolvers.context import Context
from resolvers.privileges import ROLE_NAMES, ROLES, Privilege
from resolvers.user_actions import NEEDS, Held, UserAction, allowed_actions, held
from schema.arguments import given, ordering
from schema.connection import connection
from schema.enums import describe
from schema.field import column, computed, loaded, of_noun, personal, related
from schema.node import Node, global_id, register, row_ids
from schema.reference import AccountRef, SubscriptionRef
from schema.scalars import DateTime
from schema.subscription import SUBSCRIPTIONS


@strawberry.type(description="A named set of privileges. The roles of a user add up.")
class Role:
    """From the table of roles in `resolvers/privileges.py`."""

    code: RoleCode = strawberry.field(description="Its stable code.")
    name: str = strawberry.field(description="Its name for people.")
    description: str = strawberry.field(description="What it is for.")
    privileges: list[str] = strawberry.field(description="The privileges, as `resource:action`, in alphabetical order.")


def role(code: str) -> Role:
    """The role of that code."""
    name, text = ROLE_NAMES[RoleCode(code)]
    return Role(
        code=RoleCode(code), name=name, description=text, privileges=sorted(p.value for p in ROLES[RoleCode(code)])
    )


@strawberry.input(description="Which users.")
class UserFilter:
    """Conditions on users."""

    search: str | None = strawberry.field(
        default=None,
        description="Every word begins a word of the name, whatever its case and accents. Of more than five words the"
        " five longest count. Takes the privilege `personal-data:view`.",
    )
    email: list[str] | None = strawberry.field(
        default=None, description="One of these addresses. Takes the privilege `personal-data:view`."
    )
    kind: list[UserKind] | None = strawberry.field(default=None, description="One of these kinds.")
    role: list[RoleCode] | None = strawberry.field(default=None, description="Holds one of these roles.")
    status: list[UserStatus] | None = strawberry.field(default=None, description="One of these statuses.")
    subscription: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Has a seat in one of these subscriptions."
    )
    below: strawberry.ID | None = strawberry.field(
        default=None, description="Of accounts below this one, at any depth; its own users not included."
    )

    def values(self) -> dict[str, object]:
        """As the source takes them."""
        return given(
            search=self.search,
            email=self.email,
            kind=self.kind,
            role=self.role,
            status=self.status,
            subscription=row_ids("sub")(self.subscription) if self.subscription is not None else None,
            below=row_ids("acc")([self.below])[0] if self.below is not None else None,
        )


UserOrder = ordering(
    "User",
    NAME="By family name, then given name. Takes the privilege `personal-data:view`.",
    CREATED_AT="By age.",
)

USERS = {"filter_type": UserFilter, "order_type": UserOrder, "privilege": Privilege.USERS_VIEW}


describe(
    UserAction,
    "What can be done with a user.",
    **{action.value: f"Do `{to_camel_case(action.value.lower())}` to it." for action in UserAction},
)


def _is_self(context: Context) -> Callable[[Row], bool]:
    return lambda row: bool(row.id == context.caller.user_id)


@strawberry.type(
    description="Someone who belongs to an account. Personal data of others is masked without `personal-data:view`."
)
class User(Node):
    """A row of the users' table."""

    is_type_of = of_noun("app_user")

    id: strawberry.ID = global_id("usr")
    kind: UserKind = column("What the user is for.")
    status: UserStatus = column("Whether the user can sign in.")
    language: str = column("The language of panels, as BCP 47; mails are in English so far.")
    created_at: DateTime = column("When the user was created.")
    updated_at: DateTime = column("When the user was last changed.")
    version: int = column("Grows with every change.")

    @personal("What the user signs in with.", needs=("id", "login"), own=_is_self)
    def login(row: Row) -> str:
        return row.login  # type: ignore[no-any-return]  # text

    @personal("The given name and the family name.", needs=("id", "first_name", "last_name"), own=_is_self)
    def name(row: Row) -> str:
        return f"{row.first_name} {row.last_name}".strip()

    @personal("The given name.", needs=("id", "first_name"), own=_is_self)
    def first_name(row: Row) -> str:
        return row.first_name  # type: ignore[no-any-return]  # text

    @personal("The family name.", needs=("id", "last_name"), own=_is_self)
    def last_name(row: Row) -> str:
        return row.last_name  # type: ignore[no-any-return]  # text

    @personal("The e-mail address.", needs=("id", "email"), own=_is_self)
    def email(row: Row) -> str:
        return row.email  # type: ignore[no-any-return]  # text

    @personal("The telephone number in international form.", needs=("id", "phone_number"), own=_is_self)
    def phone_number(row: Row) -> str | None:
        return row.phone_number  # type: ignore[no-any-return]  # text or null

    account: AccountRef | None = related(
        accounts.by_account_id, AccountRef, "The account that the user belongs to.", privilege=Privilege.ACCOUNTS_VIEW
    )

    @loaded(users.roles, "The roles that the user holds in its account.")
    def roles(codes: list[str], _row: Row) -> list[Role]:
        return [role(code) for code in codes]

    @computed(
        "What to ask someone who claims to be the user. Null if the user has chosen no question.",
        needs=("security_question",),
        privilege=Privilege.SECURITY_VERIFY,
    )
    def security_question(row: Row) -> SecurityQuestion | None:
        return row.security_question  # type: ignore[no-any-return]  # a text of the enumeration

    @loaded(users.denied, "Privileges that the user doesn't have here, whatever its roles grant, as `resource:action`.")
    def denied_privileges(names: list[str], _row: Row) -> list[str]:
        return names

    @loaded(
        held,
        "What the caller may do with the user, as it stands now. An account's last full administrator stays one,"
        " whatever is said here.",
        needs=NEEDS,
    )
    def allowed_actions(what: Held, row: Row, context: Context) -> list[UserAction]:
        return allowed_actions(context.caller, row, what)

    subscriptions = connection(
        subscriptions.of_user, SubscriptionRef, "The subscriptions whose services the user uses.", **SUBSCRIPTIONS
    )


register("usr", "User", users.by_id, Privilege.USERS_VIEW, own=lambda caller: caller.user_id)


@strawberry.type(description="A named credential by which programs reach an account, with privileges of its own.")
class ApiClient(Node):
    """A row of the API clients' table."""

    is_type_of = of_noun("api_client")

    id: strawberry.ID = global_id("cli")
    client_id: str = column("What it signs in with.")
    name: str = column("What it is for.")
    is_active: bool = column("Whether it can sign in.")
    created_at: DateTime = column("When it was created.")

    @computed("Its privileges, as `resource:action`, in alphabetical order.", needs=("privileges",))
    def privileges(row: Row) -> list[str]:
        return sorted(orjson.loads(row.privileges))

    account: AccountRef | None = related(
        accounts.by_account_id, AccountRef, "The account that it acts for.", privilege=Privilege.ACCOUNTS_VIEW
    )


register("cli", "ApiClient", users.api_client_by_id, Privilege.USERS_VIEW, own=lambda caller: caller.client_id)


@strawberry.type
class UserQuery:
    """The users' part of the root."""

    users = connection(users.in_scope, User, "The users of all accounts in the caller's scope.", **USERS)
