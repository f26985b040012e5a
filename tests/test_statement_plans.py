"""On PostgreSQL: which statements are planned for their values each time, and which once for a connection."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from sqlalchemy import column, select, table

from models.policy.scope import SETTINGS
from models.statement import Statement
from models.store import Store
from tests.asking import SpyingReader, ask, caller_at
from tests.lists import PREFIXES
from tests.market import PROVIDER, RESELLER
from tests.test_statement_counts import point

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


# Statements that are alone


@pytest.mark.parametrize("type_name", PREFIXES)
async def test_a_point_query_keeps_its_plan(postgresql_hierarchy: Store, type_name: str) -> None:
    query = point(type_name, f"{PREFIXES[type_name]}_1")

    assert await plans(postgresql_hierarchy, query, PROVIDER) == {True: {"kept"}, False: set()}


@pytest.mark.parametrize("planned", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize("type_name", PREFIXES)
async def test_a_point_query_sets_the_scope_before_it_evaluates_anything_else(
    postgresql_hierarchy: Any, type_name: str, planned: str
) -> None:
    """The outer side of a nested loop sets it; all that a policy asks, and every gate, stands on the inner side."""
    answer = await ask(postgresql_hierarchy, caller_at(PROVIDER), point(type_name, f"{PREFIXES[type_name]}_1"))
    text, names, _ = answer.sent[0].text("postgresql")
    values = ", ".join("'{1}'" if name == "keys" else "'1'" for name in names)
    async with postgresql_hierarchy._pools["reader"].acquire() as connection:
        for command in (f"SET plan_cache_mode = {planned}", f"PREPARE point AS {text}"):
            await connection.execute(command)
        found = await connection.fetchval(f"EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE point({values})")
        for command in ("DEALLOCATE point", "SET plan_cache_mode = auto"):
            await connection.execute(command)
    (top,) = orjson.loads(found)
    outer, inner = top["Plan"]["Plans"]

    assert [each["Parent Relationship"] for each in (outer, inner)] == ["Outer", "Inner"]
    assert top["Plan"]["Node Type"] == "Nested Loop"
    assert outer["Node Type"] == "Result"
    assert [each.partition("'")[2].partition("'")[0] for each in outer["Output"]] == [f"canopy.{s}" for s in SETTINGS]
    assert "Plans" not in outer
    assert "set_config" in inner["One-Time Filter"], "it waits for the outer side"
    readers = [node for node in nodes(top["Plan"]) if "current_setting" in orjson.dumps(own(node)).decode()]
    assert readers
    assert all(node in list(nodes(inner)) for node in readers)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's nodes."""
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


def own(node: dict[str, Any]) -> dict[str, Any]:
    """A node without those below it."""
    return {name: value for name, value in node.items() if name != "Plans"}
