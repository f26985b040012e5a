"""The hand-made hierarchy behind a gateway, for who listens to what happens in it."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import bindparam, update

from models import EventKind, RoleCode, Topic, UserRole
from models.base import table_of
from models.beyond import announce
from models.scope import Scope
from models.statement import Statement
from models.store import Store
from models.writer import Writer
from tests.changes import user_of
from tests.databases import Databases
from tests.hierarchy import CUSTOMERS, PARENT, World, path_of
from tests.live import Client, Served, serving
from tests.templates import hierarchy_template, opened

NOW = datetime(2026, 11, 2, 12, 30, tzinfo=UTC)
EVERYWHERE = Scope(path_of(1))
FIELDS = {
    Topic.ACCOUNT: ("accountChanged", "account", "acc"),
    Topic.ORDER: ("orderChanged", "order", "ord"),
    Topic.SUBSCRIPTION: ("subscriptionChanged", "subscription", "sub"),
}
TABLES = {Topic.ACCOUNT: "account", Topic.ORDER: "orders", Topic.SUBSCRIPTION: "subscription"}
ACCOUNTS = "subscription { accountChanged { eventId kind account { id } } }"

_ROLE = table_of(UserRole)
SET_ROLE = Statement(
    update(_ROLE).where(_ROLE.c.user_id == bindparam("of_user")).values(role_code=bindparam("role_code"))
)


def listening(topic: Topic, arguments: str = "") -> str:
    field, noun, _ = FIELDS[topic]
    return f"subscription {{ {field}{arguments} {{ {noun} {{ id }} }} }}"


async def grant(store: Store, world: World) -> None:
    """Give the administrators of the hierarchy full access; without that they are service users."""
    async with store.unfiltered("a test grants roles", write=True) as db:
        for account_id in PARENT:
            role = (
                RoleCode.PROVIDER_FULL_ACCESS
                if account_id == 1
                else RoleCode.CUSTOMER_FULL_ACCESS
                if account_id in CUSTOMERS
                else RoleCode.RESELLER_FULL_ACCESS
            )
            await db.execute(SET_ROLE, {"of_user": user_of(world, account_id), "role_code": role.value})


@pytest.fixture(scope="module")
def listened_url(databases: Databases, world: World) -> Iterator[str]:
    with databases.copied(hierarchy_template(databases, world)) as url:
        yield url


@pytest.fixture(scope="module")
async def listened_store(listened_url: str, world: World) -> AsyncIterator[Store]:
    """What changes things behind the server's back, as another process does."""
    async with opened(listened_url) as store:
        await grant(store, world)
        yield store


@pytest.fixture(scope="module")
async def served(
    listened_url: str, listened_store: Store, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """A gateway on the hierarchy, one for a module."""
    del listened_store  # has filled the database
    async with serving(listened_url, tmp_path_factory.mktemp("live")) as served:
        yield served


@pytest.fixture
async def own_served(own_hierarchy: Store, world: World, tmp_path: Path) -> AsyncIterator[Served]:
    """A gateway on a database of the test's own."""
    await grant(own_hierarchy, world)
    async with serving(own_hierarchy.url, tmp_path) as served:
        yield served


def token(served: Served, world: World, account_id: int, kind: str = "ADMINISTRATOR") -> str:
    return served.token(user_of(world, account_id, kind), account_id)


async def tell(writer: Writer, topic: Topic, object_id: int, path: str) -> None:
    await announce.event(writer, topic, EventKind.CHANGED, object_id, path, NOW)


async def happens(store: Store, *accounts: int) -> None:
    """Something happens to accounts, to each in a transaction of its own."""
    for account_id in accounts:
        async with store.writer(EVERYWHERE) as writer:
            await tell(writer, Topic.ACCOUNT, account_id, path_of(account_id))


async def heard(listener: Client, operation_id: str = "1") -> int:
    """The number of the account that it is told of next."""
    return int((await listener.data(operation_id))["account"]["id"].removeprefix("acc_"))
