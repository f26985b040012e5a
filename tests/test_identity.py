"""From a token to a caller: who may come in, whose eyes are used, what they may do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from models import AccountStatus, AccountType, RoleCode, SubjectType, UserDenial, UserKind, UserStatus
from models.life.standing import WHY_NOT
from models.scope import Reach
from models.store import Store, open_store
from resolvers.caller import Caller
from resolvers.errors import UnauthenticatedError
from resolvers.identity import FITS, caller_of
from resolvers.privileges import ROLES, Privilege
from resolvers.tokens import Claims, Subject
from tests.conftest import migrated_template
from tests.databases import Databases
from tests.people import (
    CUSTOMER,
    PROVIDER,
    RESELLER,
    SIBLING,
    TYPES,
    change,
    keep,
    keep_client,
    keep_user,
    owner,
    start_afresh,
)
from tests.people import path_of as path

USER = 70
CLIENT = 80


async def user(store: Store, account_id: int = RESELLER, user_id: int = USER) -> Caller:
    return await caller_of(store, Claims(Subject(SubjectType.USER, user_id), account_id, "x", 0))


async def client(store: Store, account_id: int = RESELLER) -> Caller:
    return await caller_of(store, Claims(Subject(SubjectType.API_CLIENT, CLIENT), account_id, "x", 0))


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
    return shared


async def test_a_user_sees_its_account_and_what_is_below(store: Store) -> None:
    for account_id, reach in {PROVIDER: Reach.SUBTREE, RESELLER: Reach.SUBTREE, CUSTOMER: Reach.OWN}.items():
        await keep_user(store, USER + account_id, account_id, RoleCode.ACCOUNTANT)

        assert await user(store, account_id, USER + account_id) == Caller(
            path=path(account_id),
            privileges=ROLES[RoleCode.ACCOUNTANT] & FITS[TYPES[account_id]],
            user_id=USER + account_id,
            reach=reach,
            size_class=account_id,
            tree_class=PROVIDER,
        )


async def test_the_roles_of_a_user_add_up(store: Store) -> None:
    await keep_user(store, USER, RESELLER, RoleCode.ACCOUNTANT, RoleCode.SUPPORT_ENGINEER)

    assert (await user(store)).privileges == ROLES[RoleCode.ACCOUNTANT] | ROLES[RoleCode.SUPPORT_ENGINEER]


async def test_what_is_denied_to_a_user_is_taken_from_what_its_roles_grant(store: Store) -> None:
    await keep_user(store, USER, RESELLER, RoleCode.ACCOUNTANT, RoleCode.SALES_MANAGER)
    for denied in (Privilege.PRICES_VIEW, Privilege.ORDERS_PLACE):
        await keep(store, UserDenial(user_id=USER, privilege=denied.value, **owner(RESELLER)))

    both = ROLES[RoleCode.ACCOUNTANT] | ROLES[RoleCode.SALES_MANAGER]
    assert (await user(store)).privileges == both - {Privilege.PRICES_VIEW, Privilege.ORDERS_PLACE}


@pytest.mark.parametrize("account_id", [PROVIDER, RESELLER, CUSTOMER])
async def test_nobody_holds_more_than_fits_the_type_of_their_account(account_id: int, store: Store) -> None:
    names = orjson.dumps([privilege.value for privilege in Privilege]).decode()
    await keep_user(store, USER, account_id, *RoleCode)
    await keep_client(store, CLIENT, account_id, names)

    assert (await user(store, account_id)).privileges == FITS[TYPES[account_id]]
    assert (await client(store, account_id)).privileges == FITS[TYPES[account_id]]


async def test_a_user_without_a_role_may_do_nothing_and_sees_only_itself(store: Store) -> None:
    await keep_user(store, USER, RESELLER)

    caller = await user(store)

    assert (caller.privileges, caller.is_service_user) == (frozenset(), True)


async def test_a_role_that_this_version_does_not_know_grants_nothing(store: Store) -> None:
    await keep_user(store, USER, RESELLER, RoleCode.ACCOUNTANT)
    await change(
        store, "INSERT INTO role (code, name, description) VALUES ('OF_TOMORROW', '', '') ON CONFLICT DO NOTHING"
    )
    await change(
        store,
        "INSERT INTO user_role (account_id, path, shard_id, user_id, role_code)"
        f" VALUES ({RESELLER}, '{path(RESELLER)}', 2, {USER}, 'OF_TOMORROW')",
    )

    assert (await user(store)).privileges == ROLES[RoleCode.ACCOUNTANT]


@pytest.mark.parametrize("roles", [[RoleCode.SERVICE_USER], [RoleCode.SERVICE_USER, RoleCode.RESELLER_FULL_ACCESS]])
async def test_a_service_user_never_gets_more_than_its_own_role(roles: list[RoleCode], store: Store) -> None:
    await keep_user(store, USER, RESELLER, *roles, kind=UserKind.SERVICE_USER)

    caller = await user(store)

    assert caller.privileges == ROLES[RoleCode.SERVICE_USER]
    assert caller.is_service_user
    assert caller.scope().only_user == USER


async def test_an_administrator_with_no_other_role_than_the_service_users_sees_as_one(store: Store) -> None:
    await keep_user(store, USER, CUSTOMER, RoleCode.SERVICE_USER)

    assert (await user(store, CUSTOMER)).scope().only_user == USER


async def test_a_limited_administrator_sees_its_account_without_prices(store: Store) -> None:
    await keep_user(store, USER, CUSTOMER, RoleCode.LIMITED_ADMINISTRATOR)

    scope = (await user(store, CUSTOMER)).scope()

    assert (scope.only_user, scope.prices) == (0, False)


async def test_an_api_client_has_privileges_and_a_reach_of_its_own(store: Store) -> None:
    await keep_client(store, CLIENT, RESELLER, '["orders:view", "teapots:view"]')

    for reach in Reach:
        await change(store, f"UPDATE api_client SET reach = '{reach}'")
        assert await client(store) == Caller(
            path=path(RESELLER),
            privileges=frozenset({Privilege.ORDERS_VIEW}),
            client_id=CLIENT,
            reach=reach,
            size_class=RESELLER,
            tree_class=PROVIDER,
        )


async def test_a_user_and_a_client_of_one_number_are_two(store: Store) -> None:
    await keep_user(store, CLIENT, RESELLER, RoleCode.ACCOUNTANT)

    with pytest.raises(UnauthenticatedError):
        await client(store)


async def test_whoever_is_gone_is_nobody(store: Store) -> None:
    with pytest.raises(UnauthenticatedError, match="not here any more"):
        await user(store)
    with pytest.raises(UnauthenticatedError, match="not here any more"):
        await client(store)


async def test_a_token_for_the_account_that_a_user_was_in_before_is_void(store: Store) -> None:
    await keep_user(store, USER, RESELLER, RoleCode.ACCOUNTANT)

    with pytest.raises(UnauthenticatedError, match="not here any more"):
        await user(store, SIBLING)


async def test_a_user_who_is_not_active_is_turned_away(store: Store) -> None:
    await keep_user(store, USER, RESELLER, RoleCode.ACCOUNTANT)

    for status in (UserStatus.INVITED, UserStatus.DEACTIVATED):
        await change(store, f"UPDATE app_user SET status = '{status}'")
        with pytest.raises(UnauthenticatedError, match="user is not active"):
            await user(store)


async def test_a_client_that_is_not_active_is_turned_away(store: Store) -> None:
    await keep_client(store, CLIENT, RESELLER, is_active=False)

    with pytest.raises(UnauthenticatedError, match="client is not active"):
        await client(store)


LET_IN = {AccountStatus.ACTIVE, AccountStatus.CREDIT_HOLD}


def test_it_is_decided_for_every_state_of_an_account_who_comes_in() -> None:
    assert {status for status in AccountStatus if not WHY_NOT[status]} == LET_IN


async def test_the_state_of_the_account_lets_everyone_in_or_nobody(store: Store) -> None:
    await keep_user(store, USER, RESELLER, RoleCode.ACCOUNTANT)
    await keep_client(store, CLIENT, RESELLER)

    for status in AccountStatus:
        await change(store, f"UPDATE account SET status = '{status}' WHERE id = {RESELLER}")
        for who in (user, client):
            if status in LET_IN:
                assert (await who(store)).path == path(RESELLER)
            else:
                with pytest.raises(UnauthenticatedError, match="The account is"):
                    await who(store)


async def test_the_state_of_the_vendors_account_does_not_matter(store: Store) -> None:
    await keep_user(store, USER, CUSTOMER, RoleCode.ACCOUNTANT)
    await change(store, f"UPDATE account SET status = 'ADMIN_HOLD' WHERE id = {RESELLER}")

    assert (await user(store, CUSTOMER)).path == path(CUSTOMER)


async def test_a_change_shows_at_the_next_operation(store: Store) -> None:
    await keep_user(store, USER, RESELLER, RoleCode.ACCOUNTANT)
    before = await user(store)
    await change(store, f"UPDATE user_role SET role_code = 'SUPPORT_ENGINEER' WHERE user_id = {USER}")

    assert before.privileges == ROLES[RoleCode.ACCOUNTANT]
    assert (await user(store)).privileges == ROLES[RoleCode.SUPPORT_ENGINEER]


@dataclass
class Counting:
    """A store that counts statements."""

    store: Store
    statements: int = field(default=0)

    @asynccontextmanager
    async def unfiltered(self, reason: str, *, write: bool = False) -> AsyncIterator[Any]:
        async with self.store.unfiltered(reason, write=write) as db:
            rows = db.rows

            async def counted(*arguments: Any) -> Any:
                self.statements += 1
                return await rows(*arguments)

            db.rows = counted  # type: ignore[method-assign, assignment]  # counted, and otherwise the same
            yield db


async def test_a_caller_costs_one_statement_however_many_roles_it_has(store: Store) -> None:
    await keep_user(store, USER, RESELLER, *RoleCode)
    counting = Counting(store)

    caller = await user(counting)  # type: ignore[arg-type]  # all of a store that is used here

    assert caller.privileges == FITS[AccountType.RESELLER]
    assert counting.statements == 1


@pytest.mark.parametrize(
    ("accounts", "of", "wide"),
    [
        (2, 600, False),
        (500, 100000, False),
        (23000, 100000, True),
        (600, 600, False),
        (16000, 1000000, False),
        (64000, 1000000, True),
        (10000, 10000, True),
    ],
)
def test_a_scope_is_wide_where_most_of_what_an_order_leads_past_is_in_it(accounts: int, of: int, wide: bool) -> None:
    caller = Caller("000001", frozenset(), size_class=accounts.bit_length() - 1, tree_class=of.bit_length() - 1)

    assert caller.is_wide is wide
