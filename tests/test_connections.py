"""Pages: every row once and in order, whichever way one goes; and what is refused, and what isn't even asked for."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from models.store import Store
from resolvers import page, source, statements
from resolvers.caller import Caller
from schema import connection
from tests.asking import Answer, ask, caller_at
from tests.documents import ROOTS, connections, is_connection, node_type, orders
from tests.hierarchy import Record, World
from tests.lists import SORTED_BY, global_id, in_order, row, rows_of, seen_by
from tests.market import PROVIDER, RESELLER

ROOT_LISTS = [name for name, each in ROOTS.items() if is_connection(each)]
INNER_LISTS = [(parent, name) for parent, name, _ in connections() if parent != "Query"]
DIRECTIONS = ("ASC", "DESC")
SMALL_RESELLER = 7

PARTS = "nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"


def at(world: World, account_id: int, **more: Any) -> Caller:
    """A caller at an account of the market."""
    path = next(account["path"] for account in world["account"] if account["id"] == account_id)
    return caller_at(account_id, path=path, **more)


def ids(rows: Sequence[Record], type_name: str) -> list[str]:
    return [global_id(type_name, record) for record in rows]


def found(part: Any) -> list[str]:
    """The ids on a page."""
    return [node["id"] for node in part["nodes"]]


def asked(name: str, order: str, direction: str) -> str:
    """A document for one page of a list at the root, forwards or backwards."""
    return (
        "query($first: Int, $after: String, $last: Int, $before: String)"
        f" {{ page: {name}(first: $first, after: $after, last: $last, before: $before,"
        f" orderBy: {{field: {order}, direction: {direction}}}) {{ {PARTS} }} }}"
    )


Walk = Callable[..., Any]


async def forwards(store: Store, caller: Caller, document: str, size: int) -> list[str]:
    """All rows, page by page from the start."""
    rows: list[str] = []
    cursor, has_more = None, True
    while has_more:
        answer = await ask(store, caller, document, {"first": size, "after": cursor})
        info = answer.data["page"]["pageInfo"]
        assert info["hasPreviousPage"] is bool(rows)
        rows += found(answer.data["page"])
        cursor, has_more = info["endCursor"], info["hasNextPage"]
    return rows


async def backwards(store: Store, caller: Caller, document: str, size: int) -> list[str]:
    """All rows, page by page from the end."""
    rows: list[str] = []
    cursor, has_more = None, True
    while has_more:
        answer = await ask(store, caller, document, {"last": size, "before": cursor})
        info = answer.data["page"]["pageInfo"]
        assert info["hasNextPage"] is bool(rows)
        rows = found(answer.data["page"]) + rows
        cursor, has_more = info["startCursor"], info["hasPreviousPage"]
    return rows


@pytest.mark.parametrize(("account_id", "size"), [(SMALL_RESELLER, 1), (RESELLER, 7), (PROVIDER, 100)])
@pytest.mark.parametrize("name", ROOT_LISTS)
@pytest.mark.parametrize("walk", [forwards, backwards])
async def test_paging_visits_every_row_once_and_in_order(
    market_store: Store, market_world: World, name: str, walk: Walk, account_id: int, size: int
) -> None:
    caller = at(market_world, account_id)
    type_name = node_type(ROOTS[name]).name
    rows = rows_of(seen_by(market_world, caller.scope()), "Query", name, None, type_name)
    assert len(rows) > 1

    for order in orders(ROOTS[name]):
        for direction in DIRECTIONS:
            visited = await walk(market_store, caller, asked(name, order, direction), size)

            assert visited == ids(in_order(rows, order, direction), type_name)


@pytest.mark.parametrize("name", ROOT_LISTS)
async def test_a_large_scope_is_paged_in_the_same_way_as_a_small_one(
    market_store: Store, market_world: World, name: str
) -> None:
    order, document = orders(ROOTS[name])[0], asked(name, orders(ROOTS[name])[0], "DESC")
    small, large = (at(market_world, RESELLER, size_class=size_class) for size_class in (0, 20))

    assert await forwards(market_store, large, document, 7) == await forwards(market_store, small, document, 7), order


def expected_page(rows: list[Record], order: str, size: int, after: Record | None, last: bool) -> list[Record]:
    """The page of sorted rows: behind the cursor's row, or in front of it, whether or not that is in the list."""

    def key(record: Record) -> Any:
        value = record[SORTED_BY[order]]
        return value.encode() if isinstance(value, str) else value, record["id"]

    if last:
        rest = [record for record in rows if after is None or key(record) < key(after)]
        return rest[len(rest) - size :] if len(rest) > size else rest
    rest = [record for record in rows if after is None or key(record) > key(after)]
    return rest[:size]


@pytest.mark.parametrize(("parent_type", "name"), INNER_LISTS)
async def test_every_parent_gets_its_own_page_of_a_list(
    market_store: Store, market_world: World, parent_type: str, name: str
) -> None:
    caller = at(market_world, PROVIDER)
    seen = seen_by(market_world, caller.scope())
    (of,) = [each for parent, field, each in connections() if (parent, field) == (parent_type, name)]
    parents = [row(seen, parent_type, record["id"]) for record in seen[{"Account": "account", "User": "app_user"}[parent_type]]][:100]
    type_name = node_type(of).name
    for order in orders(of):
        lists = {
            global_id(parent_type, parent): in_order(rows_of(seen, parent_type, name, parent, type_name), order, "ASC")
            for parent in parents
        }
        middle = max(lists.values(), key=len)[1]
        for arguments in ("first: 2", "last: 2", "first: 2, after: $cursor", "last: 2, before: $cursor"):
            document = (
                f"query($ids: [ID!]!, $cursor: String) {{ nodes(ids: $ids) {{ id ... on {parent_type} {{"
                f" {name}({arguments}, orderBy: {{field: {order}}}) {{ {PARTS} totalCount }} }} }} }}"
            )
            cursor = await cursor_of(market_store, caller, parent_type, name, order, lists, middle, type_name)
            answer = await ask(market_store, caller, document, {"ids": list(lists), "cursor": cursor})
            assert answer.errors == []
            after = middle if "$cursor" in arguments else None
            for parent in answer.data["nodes"]:
                rows = lists[parent["id"]]
                right = expected_page(rows, order, 2, after, "last" in arguments)
                assert found(parent[name]) == ids(right, type_name), (arguments, order, parent)
                assert parent[name]["totalCount"] == len(rows)


async def cursor_of(
    store: Store, caller: Caller, parent_type: str, name: str, order: str, lists: dict[str, list[Record]],
    wanted: Record, type_name: str,
) -> str:  # fmt: skip
    """The cursor of a row in the longest of the lists."""
    parent = max(lists, key=lambda each: len(lists[each]))
    document = (
        f"query($id: ID!) {{ node(id: $id) {{ ... on {parent_type} {{"
        f" {name}(first: 100, orderBy: {{field: {order}}}) {{ edges {{ cursor node {{ id }} }} }} }} }} }}"
    )
    answer = await ask(store, caller, document, {"id": parent})
    edges = {edge["node"]["id"]: edge["cursor"] for edge in answer.data["node"][name]["edges"]}
    return str(edges[global_id(type_name, wanted)])
