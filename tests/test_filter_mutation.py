"""The filter is broken on purpose, one comparison at a time, and the oracle must notice each time."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager

import asyncpg
import pytest

from models.policy.postgresql import postgresql_condition
from models.policy.rules import RULES
from models.store import Store, StoreError
from tests.databases import Databases
from tests.hierarchy import Expectation, World, differences
from tests.templates import hierarchy_template, opened

COMPARISON = re.compile(r"[\w.]+ \{is_own\}|(?:length\([^()]*\)|[\w.{}]+) (?:=|<=|>=|<) [\w.{}]+|[\w.{}]+ IS NULL")
"""One comparison of a rule."""

_RANGE_OF_OFFERS = (
    "p.seller_path >= {lo}",
    "p.seller_path < {hi}",
    "p.seller_id = {vendor}",
    "s.path >= {lo}",
    "s.path < {hi}",
)

UNNOTICED = {
    # The sub-query reads a table that has a rule of its own; the comparison only says which index finds the row.
    *((table, comparison, "true") for table in ("plan", "product") for comparison in _RANGE_OF_OFFERS),
    *(("marketplace", comparison, "true") for comparison in ("a.path >= {lo}", "a.path < {hi}")),
}
"""Comparisons without which exactly the same rows are visible. Any other that goes unnoticed is a hole in the tests."""


def mutants(table: str) -> Iterator[tuple[str, str, str]]:
    """The table's rule with one comparison that always or never holds: comparison, what it became, the rule."""
    rule = RULES[table]
    for match in COMPARISON.finditer(rule):
        for always in ("true", "false"):
            yield match[0], always, rule[: match.start()] + always + rule[match.end() :]


@pytest.fixture(scope="module")
async def breakable(databases: Databases, world: World) -> AsyncIterator[Store]:
    """An open store on a copy of the hierarchy whose filter may be broken, as long as it is mended again."""
    with databases.copied(hierarchy_template(databases, world)) as url:
        async with opened(url) as store:
            yield store


@asynccontextmanager
async def broken(store: Store, table: str, rule: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    """A store on the same database, with another rule for one table."""
    with monkeypatch.context() as patch:
        patch.setitem(RULES, table, rule)
        if store.engine == "postgresql":
            async with policy(store, table, postgresql_condition(table)):
                yield store
        else:  # new connections make new views
            async with opened(store.url) as other:
                yield other


@asynccontextmanager
async def policy(store: Store, table: str, condition: str) -> AsyncIterator[None]:
    """Give a table another policy for a while."""
    owner = await asyncpg.connect(store.url)
    right = await owner.fetchval("SELECT qual FROM pg_policies WHERE tablename = $1 AND policyname = 'scope'", table)
    try:
        await owner.execute(f"ALTER POLICY scope ON {table} USING ({condition})")
        yield
    finally:
        await owner.execute(f"ALTER POLICY scope ON {table} USING ({right})")
        await owner.close()


async def is_noticed(store: Store, expected: list[Expectation], table: str) -> bool:
    """Whether the oracle test would fail on this table: by its answer or by a refusal."""
    try:
        async with aclosing(differences(store, expected, [table])) as lines:
            async for _ in lines:
                return True
    except StoreError:
        return True
    return False


@pytest.mark.parametrize("table", sorted(RULES.keys() - {"exchange_rate", "role"}))
async def test_no_comparison_of_a_rule_can_be_left_out_unnoticed(
    breakable: Store, expected: list[Expectation], table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unnoticed = set()
    for comparison, always, rule in mutants(table):
        async with broken(breakable, table, rule, monkeypatch) as store:
            if not await is_noticed(store, expected, table):
                unnoticed.add((table, comparison, always))

    assert unnoticed == {entry for entry in UNNOTICED if entry[0] == table}


@asynccontextmanager
async def removed(store: Store, table: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    """A store on the same database, with no filter over one table."""
    if store.engine == "sqlite":
        with monkeypatch.context() as patch:
            patch.delitem(RULES, table)
            async with opened(store.url) as other:
                yield other
        return
    owner = await asyncpg.connect(store.url)
    try:
        await owner.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        yield store
    finally:
        await owner.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        await owner.close()


async def test_no_filter_can_be_removed_unnoticed(
    breakable: Store, expected: list[Expectation], monkeypatch: pytest.MonkeyPatch
) -> None:
    unnoticed = []
    for table in sorted(RULES.keys() - {"exchange_rate", "role"}):
        async with removed(breakable, table, monkeypatch) as store:
            if not await is_noticed(store, expected, table):
                unnoticed.append(table)

    assert unnoticed == []


async def test_what_was_broken_is_mended_again(breakable: Store, expected: list[Expectation]) -> None:
    assert [line async for line in differences(breakable, expected, RULES)] == []
