"""Pages: every row once and in order, whichever way one goes; and what is refused, and what isn't even asked for."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

import resolvers.scope_pages
import resolvers.source
import resolvers.statements
import schema.connection
from models.store import Store
from resolvers.caller import Caller
from tests.asking import Answer, ask, caller_at
from tests.documents import ROOTS, connections, is_connection, node_type, orders
from tests.hierarchy import Record, World
from tests.lists import TABLES, global_id, in_order, rows_of, seen_by, sort_key
from tests.market import PROVIDER, RESELLER, SUBRESELLER

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


@pytest.mark.parametrize(("account_id", "size"), [(SMALL_RESELLER, 1), (SUBRESELLER, 7), (PROVIDER, 100)])
@pytest.mark.parametrize("name", ROOT_LISTS)
@pytest.mark.parametrize("walk", [forwards, backwards])
async def test_paging_visits_every_row_once_and_in_order(
    market_store: Store, market_world: World, name: str, walk: Walk, account_id: int, size: int
) -> None:
    caller = at(market_world, account_id)
    type_name = node_type(ROOTS[name]).name
    rows = rows_of(seen_by(market_world, caller.scope()), "Query", name, None, type_name)
    assert len(rows) > 1
    size = size if len(rows) < 20 * size else 7  # the catalogue is large for anybody

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


def expected_page(rows: list[Record], order: str, size: int, beside: Record | None, last: bool) -> list[Record]:
    """The page of sorted rows: behind the cursor's row, or in front of it, whether or not that is in the list."""
    here = sort_key(order, beside) if beside else None
    if last:
        rest = [record for record in rows if here is None or sort_key(order, record) < here]
        return rest[max(len(rest) - size, 0) :]
    return [record for record in rows if here is None or sort_key(order, record) > here][:size]


@pytest.mark.parametrize(("parent_type", "name"), INNER_LISTS)
async def test_every_parent_gets_its_own_page_of_a_list(
    market_store: Store, market_world: World, parent_type: str, name: str
) -> None:
    caller = at(market_world, PROVIDER)
    seen = seen_by(market_world, caller.scope())
    (of,) = [each for parent, field, each in connections() if (parent, field) == (parent_type, name)]
    type_name = node_type(of).name
    document = (
        "query($ids: [ID!]!, $first: Int, $after: String, $last: Int, $before: String,"
        f" $order: {of.args['orderBy'].type}) {{ nodes(ids: $ids) {{ id ... on {parent_type} {{ page:"
        f" {name}(first: $first, after: $after, last: $last, before: $before, orderBy: $order)"
        " { nodes { id } edges { cursor } totalCount } } } }"
    )
    for order in orders(of):
        lists = {
            global_id(parent_type, parent): in_order(rows_of(seen, parent_type, name, parent, type_name), order, "ASC")
            for parent in seen[TABLES[parent_type]][:100]
        }
        longest = max(lists, key=lambda each: len(lists[each]))
        given: dict[str, Any] = {"ids": [longest], "first": 2, "order": {"field": order}}
        start = await ask(market_store, caller, document, given)
        cursor = start.data["nodes"][0]["page"]["edges"][1]["cursor"]
        for arguments in ({"first": 2}, {"last": 2}, {"first": 2, "after": cursor}, {"last": 1, "before": cursor}):
            beside = lists[longest][1] if cursor in arguments.values() else None
            size = arguments.get("first") or arguments["last"]
            answer = await ask(
                market_store, caller, document, {"ids": list(lists), "order": {"field": order}, **arguments}
            )
            for parent in answer.data["nodes"]:
                right = expected_page(lists[parent["id"]], order, size, beside, "last" in arguments)
                assert found(parent["page"]) == ids(right, type_name)
                assert parent["page"]["totalCount"] == len(lists[parent["id"]])


# What is refused


async def told(store: Store, caller: Caller, arguments: str) -> str:
    """The message with which a page of accounts is refused."""
    answer = await ask(store, caller, f"{{ accounts({arguments}) {{ nodes {{ id }} pageInfo {{ endCursor }} }} }}")
    (error,) = answer.errors
    assert answer.data == {"accounts": None}
    assert (error["path"], error["extensions"]["code"]) == (["accounts"], "INVALID_ARGUMENT")
    return str(error["message"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("first: 101", ["`first`", "101", "0 to 100"]),
        ("first: -1", ["`first`", "-1", "0 to 100"]),
        ("last: 101", ["`last`", "101", "0 to 100"]),
        ("last: -1", ["`last`", "-1", "0 to 100"]),
        ("first: 1, last: 1", ["`first`", "`last`", "not both"]),
        ('first: 1, before: "x"', ["`before`", "`last`"]),
        ('last: 1, after: "x"', ["`after`", "`first`"]),
        ('after: "garbage"', ["`endCursor`", "`orderBy`"]),
        ('after: ""', ["`endCursor`"]),
        ('after: "é"', ["`endCursor`"]),
        ('last: 1, before: "AAAA"', ["`startCursor`"]),
        (f'after: "{"A" * 2000}"', ["`endCursor`"]),
    ],
)
async def test_a_page_that_makes_no_sense_is_refused_with_what_would(
    market_store: Store, market_world: World, arguments: str, words: list[str]
) -> None:
    message = await told(market_store, at(market_world, RESELLER), arguments)

    assert [word for word in words if word not in message] == []


async def test_a_refused_page_is_refused_whatever_is_selected_of_it(market_store: Store, market_world: World) -> None:
    for part in ("totalCount", "__typename", "nodes { id }", "edges { cursor }", "pageInfo { endCursor }"):
        for arguments in ("first: 101", 'after: "garbage"', 'first: 0, after: "garbage"'):
            document = f"{{ accounts({arguments}) {{ {part} }} }}"
            answer = await ask(market_store, at(market_world, RESELLER), document)

            assert answer.codes == ["INVALID_ARGUMENT"], document


async def end_cursor(store: Store, caller: Caller, field: str) -> str:
    """The cursor at the end of a page."""
    answer = await ask(store, caller, f"{{ page: {field} {{ pageInfo {{ endCursor }} }} }}")
    return str(answer.data["page"]["pageInfo"]["endCursor"])


@pytest.mark.parametrize(
    "other",
    [
        "accounts(first: 2, orderBy: {field: NAME, direction: DESC})",
        "accounts(first: 2, orderBy: {field: CREATED_AT})",
        "subscriptions(first: 2, orderBy: {field: NAME})",
    ],
)
async def test_a_cursor_is_good_for_its_own_list_and_order_alone(
    market_store: Store, market_world: World, other: str
) -> None:
    caller = at(market_world, RESELLER)
    garbage = await told(market_store, caller, 'after: "garbage"')
    cursor = await end_cursor(market_store, caller, other)
    own = await end_cursor(market_store, caller, "accounts(first: 2)")

    assert await told(market_store, caller, f'after: "{cursor}"') == garbage
    assert (await ask(market_store, caller, f'{{ accounts(after: "{own}") {{ nodes {{ id }} }} }}')).errors == []


async def test_a_changed_cursor_is_refused(market_store: Store, market_world: World) -> None:
    caller = at(market_world, RESELLER)
    garbage = await told(market_store, caller, 'after: "garbage"')
    cursor = await end_cursor(market_store, caller, "accounts(first: 2)")
    changed = [f"{cursor[:at]}{'B' if cursor[at] == 'A' else 'A'}{cursor[at + 1 :]}" for at in range(len(cursor) - 1)]

    assert {await told(market_store, caller, f'after: "{each}"') for each in [*changed, cursor + "AAAA"]} == {garbage}


# What is there at the ends


async def test_an_empty_page_tells_that_there_is_more(market_store: Store, market_world: World) -> None:
    document = f"{{ none: accounts(first: 0) {{ {PARTS} }} last: accounts(last: 0) {{ {PARTS} }} }}"
    answer = await ask(market_store, at(market_world, RESELLER), document)
    nothing = {"startCursor": None, "endCursor": None}

    assert answer.data["none"] == {"nodes": [], "pageInfo": {"hasNextPage": True, "hasPreviousPage": False, **nothing}}
    assert answer.data["last"] == {"nodes": [], "pageInfo": {"hasNextPage": False, "hasPreviousPage": True, **nothing}}


async def test_twenty_rows_come_where_no_number_is_given(market_store: Store, market_world: World) -> None:
    answer = await ask(
        market_store, at(market_world, PROVIDER), "{ accounts(first: null, after: null) { nodes { id } } }"
    )

    assert len(answer.data["accounts"]["nodes"]) == 20


async def test_an_edge_holds_its_row_and_the_cursor_that_leads_behind_it(
    market_store: Store, market_world: World
) -> None:
    document = (
        "query($after: String) { accounts(first: 3, after: $after) { nodes { id } edges { cursor node { id } } } }"
    )
    caller = at(market_world, PROVIDER)
    page = (await ask(market_store, caller, document)).data["accounts"]
    after = await ask(market_store, caller, document, {"after": page["edges"][0]["cursor"]})

    assert [edge["node"] for edge in page["edges"]] == page["nodes"]
    assert after.data["accounts"]["nodes"][:2] == page["nodes"][1:]


# What isn't asked for isn't done


async def test_the_rows_are_counted_only_when_their_number_is_selected(
    market_store: Store, market_world: World
) -> None:
    async def sent(selection: str) -> Answer:
        return await ask(market_store, at(market_world, PROVIDER), f"{{ accounts {{ {selection} }} }}")

    rows, number, both = [await sent(part) for part in ("nodes { id }", "totalCount", "nodes { id } totalCount")]

    assert (rows.statements, number.statements, both.statements) == (1, 1, 2)
    assert "count(" not in str(rows.sent[0].source)
    assert "count(" in str(number.sent[0].source)
    assert (await sent("totalCount totalCountIsExact")).statements == 1
    assert (await sent("pageInfo { hasNextPage }")).statements == 1


@pytest.mark.parametrize(
    "document",
    [
        "{ list: accounts { totalCount totalCountIsExact } }",
        '{ parent: account(id: "acc_1") { list: descendants { totalCount totalCountIsExact } } }',
    ],
)
async def test_beyond_the_cap_a_count_says_that_there_are_more(
    market_store: Store, market_world: World, monkeypatch: pytest.MonkeyPatch, document: str
) -> None:
    whole = 64 if "accounts" in document else 63
    told = {}
    for cap in (whole - 1, whole, whole + 1):
        for module in (resolvers.source, resolvers.scope_pages, resolvers.statements, schema.connection):
            monkeypatch.setattr(module, "COUNT_CAP", cap)
        for build in (resolvers.scope_pages.scope_count, resolvers.statements.counts_of_parents):
            build.cache_clear()
        answer = await ask(market_store, at(market_world, PROVIDER), document)
        part = answer.data.get("parent", answer.data)["list"]
        told[cap - whole] = (part["totalCount"] - whole, part["totalCountIsExact"])
    resolvers.scope_pages.scope_count.cache_clear()
    resolvers.statements.counts_of_parents.cache_clear()

    assert told == {-1: (-1, False), 0: (0, True), 1: (0, True)}
