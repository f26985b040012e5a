"""What a scope shows: against an oracle that knows no SQL, and in sentences where the oracle could share a mistake."""

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from models.path import PathError
from models.policy.rules import RULES
from models.scope import Reach, Scope
from models.statement import Statement
from models.store import Store
from tests.hierarchy import (
    OFFERED_BY_3,
    OFFERED_BY_9,
    OFFERED_BY_NOBODY,
    OFFERED_BY_PROVIDER,
    OFFERED_TO_2_ALONE,
    PARENT,
    SUBSCRIBED_ONLY,
    UNPRICED,
    Expectation,
    World,
    differences,
    path_of,
)

TABLES = SQLModel.metadata.tables


async def column(store: Store, scope: Scope, table: str, name: str) -> list[object]:
    """The visible values of one column, sorted."""
    async with store.reader(scope) as reader:
        return sorted((row[0] for row in await reader.rows(Statement(select(TABLES[table].c[name])))), key=str)


async def edges(store: Store, scope: Scope, table: str) -> set[tuple[int | None, int | None]]:
    """The visible edges from seller to buyer."""
    c = TABLES[table].c
    async with store.reader(scope) as reader:
        return {tuple(row) for row in await reader.rows(Statement(select(c.seller_id, c.buyer_id)))}


async def test_every_place_with_every_reach_sees_what_the_oracle_says_in_every_table(
    hierarchy: Store, expected: list[Expectation]
) -> None:
    assert [line async for line in differences(hierarchy, expected, RULES)] == []


def test_the_oracle_tells_scopes_apart_in_every_table_but_roles_and_rates(expected: list[Expectation]) -> None:
    sizes = {table: {len(right[table]) for _, right in expected} for table in RULES}

    assert {table for table, seen in sizes.items() if len(seen) < 2} == {"exchange_rate", "role"}


async def test_a_reach_is_the_account_its_children_or_all_below(hierarchy: Store) -> None:
    assert await column(hierarchy, Scope(path_of(2), Reach.OWN), "account", "id") == [2]
    assert await column(hierarchy, Scope(path_of(2), Reach.DIRECT), "account", "id") == [2, 3, 7, 8]
    assert await column(hierarchy, Scope(path_of(2), Reach.SUBTREE), "account", "id") == [2, 3, 4, 5, 6, 7, 8]


async def test_a_buyer_sees_its_own_cost_and_nothing_that_its_vendor_pays_or_asks_of_others(hierarchy: Store) -> None:
    assert await edges(hierarchy, Scope(path_of(7)), "price") == {(2, None), (2, 7)}


async def test_a_reseller_sees_its_cost_its_prices_and_the_prices_of_sellers_below(hierarchy: Store) -> None:
    sold_below = {(seller, buyer) for buyer, seller in PARENT.items() if seller in (2, 3, 4)}

    assert await edges(hierarchy, Scope(path_of(2)), "price") == (
        {(1, None), (1, 2)} | {(2, None), (3, None), (4, None)} | sold_below
    )


async def test_a_reach_of_direct_shows_what_children_are_charged_and_not_what_they_charge(hierarchy: Store) -> None:
    shown = await edges(hierarchy, Scope(path_of(2), Reach.DIRECT), "price")

    assert shown == {(1, None), (1, 2), (2, None), (2, 3), (2, 7), (2, 8)}


async def test_only_the_provider_sees_what_manufacturers_charge(hierarchy: Store) -> None:
    sees = {place for place in PARENT if (None, None) in await edges(hierarchy, Scope(path_of(place)), "price")}
    is_charged = {
        place for place in PARENT if (None, 1) in await edges(hierarchy, Scope(path_of(place)), "subscription_charge")
    }

    assert (sees, is_charged) == ({1}, {1})


async def test_charges_show_every_edge_from_the_callers_cost_down(hierarchy: Store) -> None:
    # Account 5 buys from 4, which buys from 3, from 2, from 1.
    assert await edges(hierarchy, Scope(path_of(5)), "subscription_charge") == {(4, 5)}
    assert await edges(hierarchy, Scope(path_of(4)), "subscription_charge") == {(4, 5), (3, 4)}
    assert {(4, 5), (3, 4), (2, 3), (1, 2)} < await edges(hierarchy, Scope(path_of(2)), "subscription_charge")


async def test_a_view_without_prices_has_neither_prices_nor_charges(hierarchy: Store) -> None:
    scope = Scope(path_of(1), prices=False)

    assert await edges(hierarchy, scope, "price") == set()
    assert await edges(hierarchy, scope, "subscription_charge") == set()


async def test_the_vendor_is_a_card_and_nothing_else(hierarchy: Store) -> None:
    assert await column(hierarchy, Scope(path_of(7)), "vendor_card", "account_id") == [2]
    assert await column(hierarchy, Scope(path_of(7)), "account", "id") == [7]
    assert await column(hierarchy, Scope(path_of(9)), "vendor_card", "account_id") == [1, 10, 9]


@pytest.mark.parametrize(
    ("place", "products"),
    [
        (
            1,
            [
                OFFERED_BY_PROVIDER,
                OFFERED_TO_2_ALONE,
                OFFERED_BY_9,
                OFFERED_BY_3,
                OFFERED_BY_NOBODY,
                SUBSCRIBED_ONLY,
                UNPRICED,
            ],
        ),
        (2, [OFFERED_BY_PROVIDER, OFFERED_TO_2_ALONE, OFFERED_BY_3, SUBSCRIBED_ONLY]),
        (6, [OFFERED_BY_PROVIDER, OFFERED_BY_3]),
        (7, [OFFERED_BY_PROVIDER, SUBSCRIBED_ONLY]),
        (8, [OFFERED_BY_PROVIDER]),
        (12, [OFFERED_BY_PROVIDER, OFFERED_BY_9]),
    ],
)
async def test_products_plans_and_makers_are_those_offered_or_used(
    hierarchy: Store, place: int, products: list[int]
) -> None:
    scope = Scope(path_of(place))

    assert await column(hierarchy, scope, "product", "id") == products
    assert await column(hierarchy, scope, "plan", "id") == products
    assert await column(hierarchy, scope, "manufacturer", "id") == products + [UNPRICED + 1] * (place == 1)


async def test_a_service_user_sees_itself_and_the_services_in_which_it_has_a_seat(
    hierarchy: Store, world: World
) -> None:
    user = next(user for user in world["app_user"] if user["login"] == "LEAK-7-first")
    scope = Scope(path_of(7), only_user=user["id"])
    (seat,) = [seat for seat in world["seat"] if seat["user_id"] == user["id"]]

    assert await column(hierarchy, scope, "app_user", "id") == [user["id"]]
    assert await column(hierarchy, scope, "subscription", "id") == [seat["subscription_id"]]
    assert await column(hierarchy, scope, "orders", "id") == []
    assert await column(hierarchy, scope, "price", "id") == []
    assert await column(hierarchy, scope, "product", "id") == [SUBSCRIBED_ONLY]


async def test_a_service_user_of_a_reseller_sees_nothing_of_the_accounts_below(hierarchy: Store, world: World) -> None:
    user = next(user for user in world["app_user"] if user["login"] == "LEAK-2-first")
    scope = Scope(path_of(2), Reach.SUBTREE, only_user=user["id"])

    assert await column(hierarchy, scope, "account", "id") == [2]
    assert await column(hierarchy, scope, "app_user", "account_id") == [2]


@pytest.mark.parametrize(
    "path", ["", "00001", "000001'", "000001\n", "00000A", "000001~", "000001000002x", "\uff1000001"]
)
def test_a_scope_of_a_malformed_path_is_refused(path: str) -> None:
    with pytest.raises(PathError):
        Scope(path)
