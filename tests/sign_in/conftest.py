"""A store in which somebody can sign in, its settings and its clock."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from argon2 import PasswordHasher

from models import RoleCode
from models.store import Store, open_store
from resolvers.sign_in import SignInSettings
from tests.conftest import migrated_template
from tests.databases import Databases
from tests.people import RESELLER, Clock, keep_client, keep_user, start_afresh
from tests.signing_in import CLIENT, USER, Work, make_settings


@pytest.fixture(scope="module")
async def shared(databases: Databases) -> AsyncIterator[Store]:
    """One database for the module, emptied for each test: making one for each would take most of the time."""
    with databases.copied(migrated_template(databases)) as url:
        store = open_store(url)
        yield store
        await store.close()


@pytest.fixture
async def store(shared: Store) -> Store:
    await start_afresh(shared)
    await keep_user(shared, USER, RESELLER, RoleCode.ACCOUNTANT)
    await keep_client(shared, CLIENT, RESELLER)
    return shared


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(clock: Clock) -> SignInSettings:
    return make_settings(clock)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    work = Work()
    verify = PasswordHasher.verify

    def counted(*arguments: Any) -> Any:
        work.verified += 1
        return verify(*arguments)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    return work
