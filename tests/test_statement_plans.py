"""On PostgreSQL: which statements are planned for their values each time, and which once for a connection."""

import pytest
from sqlalchemy import column, select, table

from models.statement import Statement
from models.store import Store
from tests.asking import SpyingReader, ask, caller_at
from tests.market import PROVIDER, RESELLER

PREPARED = Statement(
    select(column("statement"), column("generic_plans"), column("custom_plans")).select_from(
        table("pg_prepared_statements")
    ),
    is_lookup=True,
)
OFTEN = 8
"""More than the five times after which PostgreSQL makes up its mind."""

LOOKUPS = """{ viewer { account {
  vendor { name } marketplace { name } contacts { firstName }
  users(first: 5) { totalCount nodes { roles { code } account { name } } }
  orders(first: 5) { nodes { lines { quantity product { name } } } }
  subscriptions(first: 5) { totalCount nodes { product { name manufacturer { name } } items { quantity } } }
  children(first: 5) { nodes { children(first: 5) { totalCount nodes { name } } } }
} } }"""
PAGES = """{
  accounts(first: 5, filter: { type: [CUSTOMER] }) { totalCount nodes { name } }
  users(first: 5) { totalCount nodes { id } }
  subscriptions(first: 5, filter: { status: [ACTIVE] }) { totalCount nodes { id } }
  orders(first: 5) { totalCount nodes { id } }
  products(first: 5) { totalCount nodes { id } }
  prices(first: 5) { totalCount nodes { id } }
  summary { users { kind count } subscriptions { status count } monthly { currency price { amount } } }
  viewer { account {
    descendants(first: 5) { totalCount nodes { name } }
    subscriptions(first: 5, filter: { status: [ACTIVE] }) { totalCount nodes { id } }
  } }
}"""


async def plans(store: Store, query: str, account: int) -> dict[bool, set[str]]:
    """The kinds of plans that a query's statements have had, those of lookups under True."""
    spied: list[Statement] = []
    kinds: dict[bool, set[str]] = {False: set(), True: set()}
    for _ in range(OFTEN):
        answer = await ask(store, caller_at(account), query)
        assert not answer.errors
        spied = answer.sent
    async with store.reader(caller_at(account).scope()) as reader:
        prepared = {row[0]: row for row in await SpyingReader(reader).rows(PREPARED)}
    for statement in spied:
        _, generic, custom = prepared[statement.text("postgresql")[0]]
        kinds[statement.is_lookup].add("kept" if generic else "each time")
        assert generic + custom >= OFTEN
    return kinds


@pytest.mark.parametrize("account", [PROVIDER, RESELLER])
async def test_rows_that_are_found_by_keys_are_looked_up_by_a_plan_that_is_kept(
    postgresql_hierarchy: Store, account: int
) -> None:
    assert await plans(postgresql_hierarchy, LOOKUPS, account) == {True: {"kept"}, False: set()}


@pytest.mark.parametrize("account", [PROVIDER, RESELLER])
async def test_a_page_whose_best_plan_depends_on_its_values_is_planned_each_time(
    postgresql_hierarchy: Store, account: int
) -> None:
    kinds = await plans(postgresql_hierarchy, PAGES, account)

    assert kinds[False] == {"each time"}


@pytest.mark.parametrize(
    ("arguments", "walks"),
    [("first: 5", True), ('first: 5, filter: { search: "a" }', False), ('filter: { search: "a b" }', False)],
)
async def test_a_search_gathers_its_hits_and_never_walks_an_order_to_meet_them(
    postgresql_hierarchy: Store, arguments: str, walks: bool
) -> None:
    """All names that begin with a word stand together: an order may be walked nearly to its end before they come."""
    answer = await ask(postgresql_hierarchy, caller_at(PROVIDER), f"{{ accounts({arguments}) {{ nodes {{ name }} }} }}")
    text, names, constants = answer.sent[0].text("postgresql")
    given = {"lo": "000001", "hi": "000001~", "limit": 6}
    async with postgresql_hierarchy.unfiltered("a test reads a plan") as db:
        for method in ("sort", "seqscan", "bitmapscan", "hashjoin", "mergejoin"):
            await db.sql(f"SET LOCAL enable_{method} = off")
        values = [constants[name] if constants[name] is not None else given.get(name, "a") for name in names]
        plan = "\n".join(row[0] for row in await db.driver.fetch(f"EXPLAIN {text}", *values))

    assert ("account_name" in plan) is walks
