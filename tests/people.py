"""A few accounts with users and an API client, for tests about who asks."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam, insert
from sqlmodel import SQLModel

from models import (
    Account,
    AccountType,
    ApiClient,
    Credential,
    Identity,
    RoleCode,
    SubjectType,
    User,
    UserKind,
    UserRole,
    UserStatus,
    VendorCard,
)
from models import path as paths
from models.base import table_of
from models.statement import Statement
from models.store import Store
from resolvers.passwords import HashSettings, Passwords

PASSWORD = "correct horse battery staple"
CHEAP = HashSettings(passes=1, memory_kib=8)
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
HASH = Passwords(CHEAP).hash(PASSWORD)

PROVIDER, RESELLER, CUSTOMER, SIBLING = 1, 2, 3, 4
PARENTS = {PROVIDER: None, RESELLER: PROVIDER, CUSTOMER: RESELLER, SIBLING: PROVIDER}
TYPES = {
    PROVIDER: AccountType.PROVIDER,
    RESELLER: AccountType.RESELLER,
    CUSTOMER: AccountType.CUSTOMER,
    SIBLING: AccountType.RESELLER,
}


def path_of(account_id: int) -> str:
    parent = PARENTS[account_id]
    return paths.child(path_of(parent) if parent else "", account_id)


async def start_afresh(store: Store) -> None:
    """Nobody but provider 1, its resellers 2 and 4, and customer 3 of reseller 2."""
    tables = (
        "external_identity", "issuer",
        "refresh_token", "sign_in_failure", "credential", "one_time_link", "security_answer", "identity", "mail", "job",
        "user_denial", "user_role", "user_term", "app_user", "api_client", "account_term", "idempotency",
        "vendor_card", "account",
    )  # fmt: skip
    for table in tables:
        await change(store, f"DELETE FROM {table}")
    await keep(store, *(account(number) for number in PARENTS))
    sellers = [number for number in PARENTS if TYPES[number] is not AccountType.CUSTOMER]
    await keep(store, *(VendorCard(name=f"Vendor {number}", **owner(number)) for number in sellers))


async def keep(store: Store, *rows: SQLModel) -> None:
    """Store rows as they are."""
    async with store.unfiltered("a test's rows", write=True) as db:
        for row in rows:
            columns = row.model_dump()
            await db.execute(_insert(type(row), tuple(columns)), columns)


@cache
def _insert(model: type[SQLModel], columns: tuple[str, ...]) -> Statement:
    values: dict[str, Any] = {name: bindparam(name) for name in columns}
    return Statement(insert(table_of(model)).values(values))


async def change(store: Store, sql: str) -> None:
    async with store.unfiltered("a test changes rows", write=True) as db:
        await db.sql(sql)


async def rows_of(store: Store, sql: str) -> list[Any]:
    async with store.unfiltered("a test looks") as db:
        return await db.sql(sql)


def account(number: int) -> Account:
    return Account(
        id=number,
        shard_id=paths.shard_id(path_of(number)),
        parent_id=PARENTS[number],
        path=path_of(number),
        type=TYPES[number],
        name=f"Account {number}",
        name_key=f"account {number}",
        size_class=number,
    )


def owner(number: int) -> dict[str, Any]:
    return {"account_id": number, "path": path_of(number), "shard_id": paths.shard_id(path_of(number))}


async def keep_user(
    store: Store,
    number: int,
    account_id: int,
    *roles: RoleCode,
    kind: UserKind = UserKind.ADMINISTRATOR,
    status: UserStatus = UserStatus.ACTIVE,
    secret_hash: str | None = HASH,
) -> str:
    """A user `user<number>@example.com`; returns the login."""
    login = f"user{number}@example.com"
    user = User(
        id=number,
        login=login,
        kind=kind,
        status=status,
        first_name="Ada",
        last_name="Byron",
        name_key="byron ada",
        email=login,
        email_key=login,
        **owner(account_id),
    )
    await keep(store, user, *(UserRole(user_id=number, role_code=role, **owner(account_id)) for role in roles))
    await keep(store, Identity(id=number, login=login, email=login, created_at=MOMENT))
    if secret_hash:
        await keep(store, credential(SubjectType.USER, number, secret_hash))
    return login


async def keep_membership(
    store: Store, number: int, of: int, account_id: int, *roles: RoleCode, **columns: Any
) -> None:
    """User `of` once more, as user `number` of another account."""
    login = f"user{of}@example.com"
    given: dict[str, Any] = {"kind": UserKind.ADMINISTRATOR, "status": UserStatus.ACTIVE, "email": login} | columns
    names: dict[str, Any] = {"first_name": "Ada", "last_name": "Byron", "name_key": "byron ada", "email_key": login}
    user = User(id=number, login=login, **names, **given, **owner(account_id))
    await keep(store, user, *(UserRole(user_id=number, role_code=role, **owner(account_id)) for role in roles))


async def keep_client(store: Store, number: int, account_id: int, privileges: str = "[]", **columns: Any) -> str:
    """An API client `client-<number>`; returns the client id."""
    client_id = f"client-{number}"
    row = ApiClient(
        id=number, client_id=client_id, name="Script", privileges=privileges, **owner(account_id), **columns
    )
    await keep(store, row, credential(SubjectType.API_CLIENT, number, HASH))
    return client_id


def credential(of_type: SubjectType, number: int, secret_hash: str) -> Credential:
    return Credential(subject_type=of_type, subject_id=number, secret_hash=secret_hash, updated_at=MOMENT)


class Clock:
    """A clock that a test moves, and sleeping that takes no time."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 1, 12, tzinfo=UTC)
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
