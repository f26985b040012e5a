"""How many statements a query takes: by its shape, never by its rows; and how little they fetch."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from functools import cache
from typing import Any, cast

import pytest
from graphql import GraphQLField, GraphQLObjectType, get_nullable_type, is_leaf_type, is_list_type

from models import RoleCode
from models.policy.rules import RULES
from models.scope import Reach
from models.store import Store
from schema.execution.declaration import Related
from tests.asking import Answer, ask, ask_graphql_core, caller_at
from tests.differences import difference
from tests.documents import GRAPH, Values, declaration, is_connection, is_loaded, named, object_types, variants
from tests.hierarchy import World
from tests.lists import PREFIXES, TABLES
from tests.market import PROVIDER, RESELLER, SUBRESELLER

Way = Callable[..., Awaitable[Answer]]
BOTH_WAYS = pytest.mark.parametrize("way", [ask, ask_graphql_core])
MANY = 50
OWN_STATEMENTS = {
    "allowedActions": 2, "dependsOn": 2, "monthly": 2, "openOrder": 2, "refundable": 2,
    "subscriptionsByManufacturer": 3, "upgrades": 6,
}  # fmt: skip
"""Fields that take more than one: what leads to the rows, both sides of a margin, or all that an offer is made of."""


@cache
def route(type_name: str) -> tuple[str, ...]:
    """The shortest way to a type: a type with global ids, and the fields that lead on from there; empty if none."""
    waiting: deque[tuple[str, ...]] = deque((base,) for base in sorted(PREFIXES))
    seen = set(PREFIXES)
    at: dict[tuple[str, ...], str] = {(base,): base for base in PREFIXES}
    while waiting:
        way = waiting.popleft()
        if at[way] == type_name:
            return way
        for name, each in cast(GraphQLObjectType, GRAPH.type_map[at[way]]).fields.items():
            below = named(each).name
            if isinstance(named(each), GraphQLObjectType) and not is_connection(each) and below not in seen:
                seen.add(below)
                at[(*way, name)] = below
                waiting.append((*way, name))
    return ()


def looked_up() -> Iterator[tuple[str, str, GraphQLField]]:
    """Every field that takes a statement, of every type that there can be many objects of."""
    for of_type in object_types():
        for name, each in of_type.fields.items():
            if is_loaded(each) and route(of_type.name):
                yield of_type.name, name, each


FIELDS = {(type_name, name): each for type_name, name, each in looked_up()}
PAGED = [at for at, each in FIELDS.items() if is_connection(each)]


def document(type_name: str, selection: str) -> str:
    """A document that selects something of every object of a type that the given objects lead to."""
    base, *fields = route(type_name)
    below = " ".join(f"{name} {{" for name in fields)
    within = f"... on {base} {{ id {below} {selection} {'}' * len(fields)} }}"
    return f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ {within} }} }}"


def selected(name: str, of: GraphQLField) -> str:
    """The field with a little of what it leads to."""
    of_type = named(of)
    if is_leaf_type(of_type):
        return name
    if is_connection(of):
        return f"{name}(first: 2) {{ nodes {{ id }} totalCount pageInfo {{ hasNextPage }} }}"
    fields = cast(GraphQLObjectType, of_type).fields
    leaves = [each for each, field in fields.items() if is_leaf_type(named(field)) and not is_loaded(field)]
    return f"{name} {{ {' '.join(leaves)} }}"


def is_empty(value: Any) -> bool:
    """Whether nothing was found: nulls and empty lists all the way down."""
    if isinstance(value, dict):
        return all(is_empty(each) for name, each in value.items() if name != "id")
    return value in (None, 0, False) or (isinstance(value, list) and all(map(is_empty, value)))


async def counts(
    store: Store, world: World, type_name: str, selection: str, *ways: Way
) -> tuple[list[tuple[int, int]], list[Any]]:
    """How many statements it takes each way for two parents, how many for fifty, and what was found."""
    base = route(type_name)[0]
    rows = [row for row in world[TABLES[base]] if row.get("parent_id", 0) is not None]
    text, caller = document(type_name, selection), caller_at(PROVIDER)
    ids = [f"{PREFIXES[base]}_{row['id']}" for row in rows]
    full: list[Any] = []
    for at in range(0, len(ids), 100):
        answer = await ask(store, caller, text, {"ids": ids[at : at + 100]})
        assert answer.errors == []
        full += [node for node in answer.data["nodes"] if not is_empty(node)]
        if len(full) >= MANY:
            break
    chosen = [node["id"] for node in full] + ids
    taken = []
    for way in ways:
        few, many = [await way(store, caller, text, {"ids": chosen[:number]}) for number in (2, MANY)]
        assert few.errors == many.errors == []
        assert not any(map(is_empty, few.data["nodes"][: len(full)]))
        taken.append((few.statements, many.statements))
    return taken, full


@pytest.mark.parametrize(("type_name", "name"), FIELDS)
async def test_a_field_takes_as_many_statements_for_two_parents_as_for_fifty(
    market_store: Store, market_world: World, type_name: str, name: str
) -> None:
    of = FIELDS[type_name, name]
    selection = selected(name, of)
    taken, full = await counts(market_store, market_world, type_name, selection, ask, ask_graphql_core)

    assert len(full) >= 2, "the market must have some of it"
    on_the_way = 1 + sum(OWN_STATEMENTS.get(each, 1) for each in route(type_name)[1:])
    for few, many in taken:
        assert few == many, taken
        assert many <= on_the_way + (2 if is_connection(of) else OWN_STATEMENTS.get(name, 1)), taken


@pytest.mark.parametrize(("type_name", "name"), PAGED)
async def test_a_list_takes_as_many_statements_for_two_parents_as_for_fifty_whatever_its_arguments(
    market_store: Store, market_world: World, type_name: str, name: str
) -> None:
    of = FIELDS[type_name, name]
    values = Values(
        ids=lambda prefix: [f"{prefix}_{row['id']}" for row in market_world[table_of(prefix)]],
        texts=lambda _name: ["acme"],
    )
    for arguments in variants(of, values):
        plain = arguments.replace("after: $after,", "").replace("before: $before,", "")
        selection = f"{name}({plain}) {{ nodes {{ id }} totalCount }}"
        ((few, many),), _ = await counts(market_store, market_world, type_name, selection, ask)

        assert few == many, arguments
        assert many <= 5, arguments  # the parents, and for page and count each what the condition stands for


def table_of(prefix: str) -> str:
    return next(TABLES[type_name] for type_name, each in PREFIXES.items() if each == prefix)


# What people ask

PEOPLE_AND_SERVICES = (
    "name users(first: 5) { nodes { name } } subscriptions(first: 5) { nodes { name status product { name mpn } } }"
)
DASHBOARD = (
    f"{{ viewer {{ account {{ {PEOPLE_AND_SERVICES} children(first: 20) {{ nodes {{ {PEOPLE_AND_SERVICES}"
    f" children(first: 20) {{ nodes {{ {PEOPLE_AND_SERVICES} }} }} }} }} }} }} }}"
)
CUSTOMERS = "{ accounts(first: 100, filter: {type: [CUSTOMER]}, orderBy: {field: NAME}) { nodes { id name status } } }"
MPNS = ", ".join(f'"MPN-{number:03}"' for number in range(15))
SEARCH = f"{{ subscriptions(filter: {{mpn: [{MPNS}], status: [ACTIVE]}}) {{ nodes {{ id account {{ name }} }} }} }}"

SUMMARY = (
    "{ summary { accounts { type status count } users { kind count } subscriptions { status count seats } productCount"
    " subscriptionsByProduct { count seats product { name } } subscriptionsByManufacturer { name count seats }"
    " soon: renewals(days: 30) { count seats } later: renewals(days: 90) { count seats }"
    " monthly { currency cost { amount } price { amount } margin { amount } } } }"
)


@pytest.mark.parametrize(
    ("text", "statements"),
    [(DASHBOARD, 6), (CUSTOMERS, 1), (SEARCH, 3), (SUMMARY, 10)],
    ids=["dashboard", "customers", "search", "summary"],
)
@pytest.mark.parametrize("account_id", [PROVIDER, RESELLER, SUBRESELLER])
async def test_what_people_ask_takes_a_few_statements(
    market_store: Store, market_world: World, account_id: int, text: str, statements: int
) -> None:
    path = next(row["path"] for row in market_world["account"] if row["id"] == account_id)
    answer = await ask(market_store, caller_at(account_id, Reach.SUBTREE, path=path), text)

    assert answer.errors == []
    assert answer.statements == statements


# What isn't asked for isn't fetched


@BOTH_WAYS
@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("{ accounts { nodes { name } } }", [{"id", "name"}]),
        ("{ accounts { nodes { __typename } pageInfo { hasNextPage } } }", [{"id"}]),
        ("{ accounts { pageInfo { endCursor } } }", [{"sort_key", "id"}]),
        ("{ accounts { edges { cursor node { status } } } }", [{"sort_key", "id", "status"}]),
        ("{ accounts { edges { node { status } } nodes { type } } }", [{"id", "status", "type"}]),
        ("{ viewer { account { name } } }", [{"id", "name"}]),
        (
            "{ viewer { account { children { nodes { name } } } } }",
            [{"id"}, {"parent_key", "id", "name"}],
        ),
        (
            "{ subscriptions { nodes { product { name } } } }",
            [{"id", "product_id"}, {"id", "name"}],
        ),
    ],
)
async def test_only_the_columns_that_are_asked_for_are_fetched(
    market_store: Store, way: Way, text: str, columns: list[set[str]]
) -> None:
    answer = await way(market_store, caller_at(PROVIDER), text)

    # SQLite sorts the rows of many parents here, and so takes what they are sorted by along.
    assert [set(statement.columns) - {"order_key"} for statement in answer.sent] == columns


@BOTH_WAYS
async def test_the_same_field_asked_in_two_ways_is_answered_in_two_ways(market_store: Store, way: Way) -> None:
    text = (
        "{ a: accounts(first: 2) { nodes { id } } b: accounts(first: 3) { nodes { id } }"
        " c: accounts(first: 2, filter: {type: [RESELLER]}) { nodes { type } totalCount }"
        " viewer { account { up: children(first: 2) { nodes { id name } }"
        " down: children(first: 2, orderBy: {field: NAME, direction: DESC}) { nodes { id name } } } } }"
    )
    answer = await way(market_store, caller_at(PROVIDER), text)
    account = answer.data["viewer"]["account"]

    assert answer.data["b"]["nodes"][:2] == answer.data["a"]["nodes"] != answer.data["b"]["nodes"]
    assert answer.data["c"] == {"nodes": [{"type": "RESELLER"}] * 2, "totalCount": 6}
    assert account["up"]["nodes"][0]["name"].casefold() < account["down"]["nodes"][0]["name"].casefold()


@BOTH_WAYS
async def test_the_same_field_asked_twice_in_the_same_way_is_fetched_once(market_store: Store, way: Way) -> None:
    once = "children(first: 2, filter: {status: [ACTIVE]}) { nodes { id } totalCount }"
    single = await way(market_store, caller_at(PROVIDER), f"{{ viewer {{ account {{ {once} }} }} }}")
    double = await way(market_store, caller_at(PROVIDER), f"{{ viewer {{ account {{ a: {once} b: {once} }} }} }}")

    assert double.statements == single.statements == 3
    assert double.data["viewer"]["account"]["a"] == double.data["viewer"]["account"]["b"]


@BOTH_WAYS
@pytest.mark.parametrize(
    "text",
    [
        "{ viewer { account { ...A } } accounts { nodes { children { nodes { ...A ...B } } } } }",
        "{ accounts { nodes { children { nodes { ...A ...B } } } } viewer { account { ...A } } }",
        "{ accounts { nodes { children { nodes { ...A ...B } } ...B } } }",
        "{ accounts { nodes { ...B children { nodes { ...A } } ... on Account { ...A } ... on Node { id } } } }",
    ],
)
async def test_a_fragment_brings_its_columns_wherever_it_is_spread(market_store: Store, way: Way, text: str) -> None:
    fragments = (
        "fragment A on Account { parent { name } users(first: 1) { nodes { kind } } }"
        "fragment B on Account { parent { status } users(first: 1) { edges { node { status } } } }"
    )
    answer = await way(market_store, caller_at(PROVIDER), f"{text} {fragments}")

    assert answer.errors == []


# Points


def point(type_name: str, global_id: str) -> str:
    """A document that asks for one object by its id, with the rows that belong to it."""
    fields = cast(GraphQLObjectType, GRAPH.type_map[type_name]).fields
    belonging = [name for name, each in fields.items() if comes_along(each)]
    rows = " ".join(f"{name} {{ {some_leaf(fields[name])} }}" for name in belonging)
    return f'{{ node(id: "{global_id}") {{ ... on {type_name} {{ id {rows} }} }} }}'


def comes_along(of: GraphQLField) -> bool:
    """Whether the field is one row, from a source that finds it by a key."""
    is_one = isinstance(declaration(of), Related) and not is_list_type(get_nullable_type(of.type))
    return is_one and declaration(of).source.fetch_along is not None


def some_leaf(of: GraphQLField) -> str:
    names = cast(GraphQLObjectType, named(of)).fields
    return next(str(name) for name, each in names.items() if is_leaf_type(named(each)) and not is_loaded(each))


@pytest.mark.parametrize("type_name", PREFIXES)
async def test_an_object_by_its_id_with_the_rows_that_belong_to_it_takes_one_statement(
    hierarchy: Store, world: World, type_name: str
) -> None:
    """Whoever asks, and whether or not it is visible; and the answer is what graphql-core has to say."""
    service_user = next(row for row in world["app_user"] if row["account_id"] == 7 and row["kind"] == "SERVICE_USER")
    callers = [caller_at(1), caller_at(2), caller_at(3, Reach.OWN), caller_at(7)]
    callers.append(caller_at(2, Reach.SUBTREE, RoleCode.LIMITED_ADMINISTRATOR))
    callers.append(caller_at(7, user_id=service_user["id"], is_service_user=True))
    rows = world[TABLES[type_name]]
    found = []
    for row in rows[:: max(1, len(rows) // 8)]:
        query = point(type_name, f"{PREFIXES[type_name]}_{row['id']}")
        for caller in callers:
            answer, core = await ask(hierarchy, caller, query), await ask_graphql_core(hierarchy, caller, query)
            assert not difference((answer.data, answer.errors), (core.data, core.errors)), (query, caller)
            assert [each.sets_scope for each in answer.sent] == ([True] if core.sent else [])
            assert set(answer.codes) <= {"FORBIDDEN"}, answer.errors
            found.append(answer.data["node"])

    assert any(found), "somebody sees one of them"
    assert not all(found) or RULES[TABLES[type_name]] == RULES["role"], "and not everybody sees all"
