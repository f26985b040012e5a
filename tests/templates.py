"""What the databases of the tests are copied from: empty, with the hand-made hierarchy, with the demo tree."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from argon2 import PasswordHasher

from models.migrations import migrate
from models.roles import name_roles
from models.store import Store, open_store
from resolvers.privileges import ROLE_NAMES, Privilege
from tests.databases import Databases
from tests.hierarchy import World, insert_world

DEMO_ACCOUNTS = 600


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    """An open store, closed when the block ends."""
    store = open_store(url)
    try:
        yield store
    finally:
        # A reader that a test left open would make the pool wait for it for ever.
        await asyncio.wait_for(store.close(), 10)


def migrated_template(databases: Databases) -> str:
    """A database as `canopy migrate` leaves it: migrated, and the roles named."""

    async def name(url: str) -> None:
        async with opened(url) as store:
            await name_roles(store, ROLE_NAMES)

    def fill(url: str) -> None:
        migrate(url)
        asyncio.run(name(url))

    return databases.template("migrated", fill)


def hierarchy_template(databases: Databases, world: World) -> str:
    """The hand-made hierarchy."""

    async def insert(url: str) -> None:
        async with opened(url) as store:
            await insert_world(store, world)

    return databases.template("hierarchy", lambda url: asyncio.run(insert(url)), of=migrated_template(databases))


def seeded_template(databases: Databases) -> str:
    """The demo tree."""
    return databases.template("seeded", lambda url: asyncio.run(_seed(url)), of=migrated_template(databases))


async def _seed(url: str) -> None:
    from models import demo  # only here: the tests of what it stands on shall run while it doesn't

    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    privileges = [privilege.value for privilege in Privilege]
    async with opened(url) as store:
        await demo.seed(store, DEMO_ACCOUNTS, hash_secret=cheap.hash, reseller_privileges=privileges)
