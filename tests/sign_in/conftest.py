"""A store in which somebody can sign in, its settings and its clock."""

from typing import Any

import pytest
from argon2 import PasswordHasher

from models import RoleCode
from models.store import Store
from resolvers.sign_in import SignInSettings
from tests.people import RESELLER, Clock, keep_client, keep_user
from tests.signing_in import CLIENT, USER, Work, make_settings


@pytest.fixture
async def store(few_accounts: Store) -> Store:
    await keep_user(few_accounts, USER, RESELLER, RoleCode.ACCOUNTANT)
    await keep_client(few_accounts, CLIENT, RESELLER)
    return few_accounts


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
