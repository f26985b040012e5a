from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from models import Account, demo
from models.base import table_of
from models.demo import LOGINS, AlreadyPopulatedError, MissingLoginError, demo_sources
from models.exchange.report import ImportReport
from models.statement import Statement
from models.store import Store
from resolvers.caller import Caller
from tests.test_demo import below, table

_IMPORT_KEYS = Statement(select(table_of(Account).c.import_key))


async def counts(store: Store) -> dict[str, int]:
    tables = sorted(SQLModel.metadata.tables)
    async with store.unfiltered("a test counts rows") as session:
        return {name: (await session.sql(f"SELECT count(*) FROM {name}"))[0][0] for name in tables}


async def seed_small(store: Store, accounts: int = 40, seed: int = 1) -> ImportReport:
    return await demo.seed(
        store, accounts, seed, hash_secret=lambda secret: f"hashed {secret}", reseller_privileges=["orders:view"]
    )


async def test_seeding_loads_every_row_and_seeding_again_changes_nothing(store: Store) -> None:
    first = await seed_small(store)
    before = await counts(store)
    second = await seed_small(store)

    assert first.rows == sum(len(list(rows())) for rows in demo_sources(40, 1).values())
    assert first.rows == first.changes
    assert second.changes == 0
    assert await counts(store) == before
    assert before["account"] == 40
    assert before["credential"] == len(LOGINS) + 1
    assert before["api_client"] == 1


async def test_seeding_refuses_a_database_with_other_accounts(store: Store) -> None:
    await seed_small(store)
    before = await counts(store)
    with pytest.raises(AlreadyPopulatedError, match="50 accounts and seed 1; seed an empty database"):
        await seed_small(store, accounts=50)
    with pytest.raises(AlreadyPopulatedError):
        await seed_small(store, seed=2)

    assert await counts(store) == before


async def test_the_logins_and_the_api_client_hold_the_secrets_of_the_demo(store: Store) -> None:
    await seed_small(store)
    async with store.unfiltered("a test reads credentials") as session:
        users = await session.sql(
            "SELECT u.login, c.secret_hash FROM credential c JOIN app_user u ON c.subject_id = u.id"
            " WHERE c.subject_type = 'USER'"
        )
        clients = await session.sql(
            "SELECT a.client_id, a.privileges, a.reach, c.secret_hash, u.login FROM credential c"
            " JOIN api_client a ON c.subject_id = a.id JOIN app_user u ON u.account_id = a.account_id"
            " WHERE c.subject_type = 'API_CLIENT' AND u.login LIKE 'admin@%'"
        )

    assert {tuple(row) for row in users} == {(login, "hashed canopy-demo") for login in LOGINS}
    assert [tuple(row) for row in clients] == [
        ("demo-client", '["orders:view"]', "SUBTREE", "hashed canopy-demo-secret", "admin@reseller.example")
    ]


async def test_credentials_need_the_tree_first(store: Store) -> None:
    with pytest.raises(MissingLoginError, match="no user is called accountant"):
        await demo.add_credentials(store, str.upper, [])


async def test_every_running_subscription_is_charged_along_its_whole_vendor_chain(seeded_store: Store) -> None:
    async with seeded_store.unfiltered("a test compares charges with levels") as session:
        wrong = await session.sql(
            "SELECT i.id FROM subscription_item i JOIN subscription s ON s.id = i.subscription_id"
            " LEFT JOIN subscription_charge c ON c.item_id = i.id WHERE s.start_date IS NOT NULL"
            " GROUP BY i.id, s.path HAVING count(c.id) <> length(s.path) / 6"
        )
        charged = await session.sql("SELECT count(*) FROM subscription_charge")

    assert wrong == []
    assert charged[0][0] > 3000


async def test_sales_orders_were_placed_at_the_price_that_is_charged(seeded_store: Store) -> None:
    async with seeded_store.unfiltered("a test compares orders with charges") as session:
        units = await session.sql(
            "SELECT l.unit_micros, c.unit_micros FROM orders o JOIN order_line l ON l.order_id = o.id"
            " JOIN subscription_item i ON i.subscription_id = o.subscription_id AND i.product_id = l.product_id"
            " JOIN subscription_charge c ON c.item_id = i.id AND c.buyer_id = o.account_id"
            " WHERE o.type = 'SALES' AND (l.mpn <> 'EW-BACKUP' OR l.quantity = i.quantity)"
        )

    assert len(units) > 1000
    assert all(ordered == charged for ordered, charged in units)


async def test_the_demo_reseller_sees_its_branch_and_nothing_of_its_sibling(
    seeded_store: Store, caller: Callable[[str], Awaitable[Caller]]
) -> None:
    tree = table("accounts.csv")
    reseller = await caller("admin@reseller.example")
    async with seeded_store.reader(reseller.scope()) as reader:
        seen = {row[0] for row in await reader.rows(_IMPORT_KEYS)}

    assert seen == below(tree[1]["key"], tree) | {tree[1]["key"]}
