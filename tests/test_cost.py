"""What operations cost: declared on the schema, estimated before they run, counted in their answers."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)
from graphql.execution.values import VariableValues
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.documents.reading import Reading
from edge.exposure.masking import Refusal
from edge.limits.settings import LimitSettings
from edge.preparing import prepared
from models.store import Store
from resolvers.caller import Caller
from resolvers.context import Context
from schema import executor, schema_text
from schema.execution import selections
from schema.execution.documents import Document
from schema.execution.plan import NotCoveredError
from schema.limits.cost import Estimating
from schema.limits.declaring import Cost, ListSize
from schema.limits.weights import Declared, Weights
from tests.asking import CURSOR_KEY, TODAY
from tests.documents import GRAPH, ROOTS, is_connection, node_type, object_types
from tests.random_documents import documents
from tests.test_execution_differential import LOGINS, QUIET, _arguments
from tests.toy_schema import new_executor

ROOT = Path(__file__).parent.parent
WEIGHTS = Weights(GRAPH)
READING = Reading()


def values_of(given: Mapping[str, Any] | None = None) -> VariableValues:
    """Values of variables, as they are."""
    return VariableValues(sources={}, coerced=dict(given or {}))


def read(query: str) -> Document:
    """A document that is valid."""
    document = executor.document(query)
    assert not document.errors, document.errors
    return document


def estimated(query: str, given: Mapping[str, Any] | None = None, name: str | None = None) -> int:
    """What an operation may cost."""
    document = read(query)
    operation = document.operations[name] if name else next(iter(document.operations.values()))
    values = executor.coerced(operation, given)
    assert not isinstance(values, list), values
    estimator = executor.estimator(document, operation, values)
    assert not isinstance(estimator, list)
    return estimator.estimate(values.coerced)


# Declared


def declared(of: Any, kind: type) -> Any:
    """A directive of a type or field; None where there is none."""
    return next((each for each in of.extensions["strawberry-definition"].directives or () if type(each) is kind), None)


def test_a_row_costs_one_point_and_what_is_no_row_nothing() -> None:
    rows = {each.name for each in object_types() if declared(each, Cost) is None}
    values = {each.name for each in object_types() if declared(each, Cost) == Cost(weight="0")}

    assert rows | values == {each.name for each in object_types()}
    assert rows >= {each.name for each in object_types() if "Node" in {i.name for i in each.interfaces}}
    assert rows >= {node_type(each).name for each in ROOTS.values() if is_connection(each)}
    assert values >= {"Money", "Period", "Query", "Mutation", "Live", "PageInfo", "AccountConnection", "AccountEdge"}
    assert values >= {"AccountUpdatePayload", "AccountEvent", "Summary"}


def costs(of: Any, seen: frozenset[str] = frozenset()) -> bool:
    """Whether an object of a type, or anything below it, costs something."""
    if is_leaf_type(of) or of.name in seen:
        return False
    weighs = [declared(each, Cost) for each in of.fields.values()]
    if declared(of, Cost) is None or any(weighs):
        return True
    return any(costs(get_named_type(each.type), seen | {of.name}) for each in of.fields.values())


def test_every_list_of_what_costs_something_has_a_size() -> None:
    missing = []
    for each in object_types():
        sized_above = {"nodes", "edges", "results"} if each.name.endswith(("Connection", "BulkPayload")) else set()
        for name in each.fields.keys() - sized_above:
            field = each.fields[name]
            is_list = is_list_type(get_nullable_type(field.type)) and costs(get_named_type(field.type))
            if is_list and declared(field, ListSize) is None:
                missing.append(f"{each.name}.{name}")
    assert missing == []


def test_every_connection_is_sized_by_first_and_last() -> None:
    for each in object_types():
        for name, field in each.fields.items():
            if is_connection(field):
                size = declared(field, ListSize)
                assert size.slicing_arguments == ["first", "last"], f"{each.name}.{name}"
                assert (size.assumed_size, size.sized_fields) == (20, ["nodes", "edges"])
                connection: Any = get_named_type(field.type)
                assert declared(connection.fields["totalCount"], Cost) == Cost(weight="5")


def test_a_change_costs_ten_points_and_one_of_many_things_ten_for_each() -> None:
    assert GRAPH.mutation_type
    for name, field in GRAPH.mutation_type.fields.items():
        if not name.endswith("Bulk"):
            assert declared(field, Cost) == Cost(weight="10"), name
            continue
        given: Any = get_named_type(field.args["input"].type)
        assert isinstance(given, GraphQLInputObjectType)
        assert declared(given.fields["items"], Cost) == Cost(weight="10")
        assert declared(field, ListSize).slicing_arguments == ["input.items"]


def test_what_is_declared_is_told_in_the_schema_definition() -> None:
    text = schema_text()
    assert "  weight: String!\n) on FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT" in text
    assert 'type Money @cost(weight: "0")' in text
    assert '@listSize(assumedSize: 20, slicingArguments: ["first", "last"], sizedFields: ["nodes", "edges"]' in text


# Estimated

_ITEM = '{accountId: "acc_1", reason: "x"}'


@pytest.mark.parametrize(("query", "given", "points"), [
    ("{ viewer { login: __typename } }", None, 1),
    ('{ node(id: "acc_1") { id } }', None, 1),
    ('{ nodes(ids: ["acc_1", "acc_2"]) { id } }', None, 2),
    ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a"] * 40}, 40),
    ("query($id: ID!) { nodes(ids: [$id, $id, $id]) { id } }", {"id": "a"}, 3),
    ("{ accounts { nodes { id } } }", None, 20),
    ("{ accounts(first: 0) { nodes { id } } }", None, 1),
    ("{ accounts(first: -5) { nodes { id } } }", None, 1),
    ("{ accounts(first: 7) { edges { cursor node { id } } } }", None, 7),
    ("{ accounts(first: 7) { nodes { id } edges { node { id } } } }", None, 14),
    ("{ accounts(first: 7) { pageInfo { endCursor } } }", None, 1),
    ("{ accounts { totalCount } }", None, 5),
    ("{ accounts(first: 7) { totalCount nodes { id } } }", None, 12),
    ("{ accounts(first: 3, last: 50) { nodes { id } } }", None, 50),
    ("query($n: Int = 30) { accounts(first: 1, last: $n) { nodes { id } } }", None, 30),
    ("query($n: Int = 30) { accounts(first: $n) { nodes { id } } }", {"n": 4}, 4),
    ("query($n: Int) { accounts(first: $n) { nodes { id } } }", None, 20),
    ("query($n: Int) { accounts(first: $n) { nodes { id } } }", {"n": None}, 20),
    ("{ accounts(first: null) { nodes { id } } }", None, 20),
    ("{ accounts(first: 1000000) { nodes { id } } }", None, 100),
    ("query($n: Int) { accounts(first: $n) { nodes { id } } }", {"n": 1000000}, 100),
    ("{ accounts(first: 10) { nodes { users(first: 5) { nodes { id } } } } }", None, 60),
    ("{ accounts(first: 10) { nodes { ancestors { id } } } }", None, 90),
    ("{ accounts(first: 10) { nodes { attributes { name } } } }", None, 10),
    ("{ a: accounts(first: 10) { nodes { id } } b: accounts(first: 10) { nodes { id } } }", None, 20),
    ("{ accounts(first: 10) { nodes { id } } accounts(first: 10) { nodes { name } } }", None, 10),
    ("{ ...F ...F } fragment F on Query { accounts(first: 10) { nodes { id } } }", None, 10),
    ("query($x: Boolean!) { accounts @skip(if: $x) { nodes { id } } }", {"x": True}, 1),
    ("query($x: Boolean!) { accounts @skip(if: $x) { nodes { id } } }", {"x": False}, 20),
    ("query($x: Boolean = true) { accounts @skip(if: $x) { nodes { id } } }", {"x": None}, 20),
    ('{ node(id: "a") { ... on Account { users { nodes { id } } } ... on Order { lines { mpn } } } }', None, 21),
    ('{ accounts(first: 10, filter: {search: "x"}) { nodes { id } } }', None, 15),
    ('query($f: AccountFilter) { accounts(first: 10, filter: $f) { nodes { id } } }', {"f": {"search": "x"}}, 15),
    ('query($f: AccountFilter) { accounts(first: 10, filter: $f) { nodes { id } } }', {"f": {}}, 10),
    ('query($t: String) { accounts(first: 10, filter: {search: $t}) { nodes { id } } }', {"t": "x"}, 15),
    ("{ __typename }", None, 1),
    ("{ __schema { types { name fields { name } } } }", None, 100),
    ('{ __type(name: "Query") { name } }', None, 5),
    ("subscription { accountChanged { account { id } } }", None, 1),
    ("subscription { accountChanged { account { children(first: 5) { nodes { id } } } } }", None, 6),
])  # fmt: skip  # a table
def test_an_estimate_is_the_objects_that_may_be_answered_and_what_is_worked_out(
    query: str, given: Mapping[str, Any] | None, points: int
) -> None:
    assert estimated(query, given) == points


def test_a_change_of_many_things_is_estimated_by_their_number_given_as_a_literal_or_a_variable() -> None:
    item, key = '{account: "acc_1", expectedVersion: 1}', 'idempotencyKey: "a key of mine"'
    selection = "{ results { account { id } } userErrors { code } }"
    literal = f"input: {{items: [{item}, {item}, {item}], {key}}}"
    assert estimated(f"mutation {{ accountAdminHoldBulk({literal}) {selection} }}") == 3 * 10 + 3 * 1

    query = f"mutation($input: AccountAdminHoldBulkInput!) {{ accountAdminHoldBulk(input: $input) {selection} }}"
    value = {"items": [{"account": "acc_1", "expectedVersion": 1}] * 5, "idempotencyKey": "a key of mine"}
    assert estimated(query, {"input": value}) == 5 * 10 + 5 * 1

    given = f"input: {{items: $items, {key}}}"
    query = f"mutation($items: [AccountAdminHoldItem!]!) {{ accountAdminHoldBulk({given}) {selection} }}"
    assert estimated(query, {"items": value["items"]}) == 5 * 10 + 5 * 1


def test_an_estimate_that_no_variable_changes_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    query = "{ accounts(first: 9) { nodes { name } } }"
    assert estimated(query) == 9
    monkeypatch.setattr("schema.limits.cost.Priced.estimate", None)  # would fail if it were called
    assert estimated(query) == 9


def test_estimators_that_were_made_first_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schema.execution.documents.MAX_PLANS", 2)
    query = " ".join(f"query Q{at} {{ accounts(first: {at}) {{ nodes {{ id }} }} }}" for at in range(1, 5))
    for at in range(1, 5):
        assert estimated(query, None, f"Q{at}") == at
    assert list(read(query).estimators) == [("Q3",), ("Q4",)]


def test_what_is_too_large_to_be_estimated_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selections, "MAX_SELECTIONS", 10)
    toy = new_executor()
    document = toy.document("{ item { id name boss { id name boss { id name boss { id name } } } } }")
    (operation,) = document.operations.values()
    (error,) = toy.estimator(document, operation, values_of())  # type: ignore[misc]  # a list of errors
    assert isinstance(error, GraphQLError)
    assert error.extensions == {"code": "LIMIT_EXCEEDED"}


async def test_an_operation_that_may_cost_too_much_is_refused_with_its_estimate() -> None:
    query = "query($n: Int) { accounts(first: 50) { nodes { users(first: $n) { nodes { id } } } } }"
    document = await Reading().read(query, LimitSettings().bounds())
    (operation,) = document.operations.values()

    assert (await prepared(READING, document, operation, {"n": 19}, LimitSettings().bounds())).estimate == 1000
    with pytest.raises(Refusal) as refused:
        await prepared(READING, document, operation, {"n": 20}, LimitSettings().bounds())
    assert refused.value.errors[0]["extensions"] == {
        "code": "LIMIT_EXCEEDED",
        "limit": "cost",
        "value": 1050,
        "maximum": 1000,
    }
    trusted = await prepared(READING, document, operation, {"n": 20}, LimitSettings().bounds(is_trusted=True))
    assert trusted.estimate == 1050


# What we ship


def shipped() -> list[Any]:
    """The operations that GraphiQL offers and that the documents show."""
    found = {path.name: path.read_text() for path in sorted((ROOT / "web/src/examples").glob("*.graphql"))}
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for at, text in enumerate(re.findall(r"```graphql\n(.*?)```", path.read_text(), re.DOTALL), 1):
            found[f"{path.name} {at}"] = text
    return [pytest.param(text, id=name) for name, text in found.items()]


@pytest.mark.parametrize("text", shipped())
async def test_every_operation_that_we_ship_is_within_the_bounds_of_any_caller(text: str) -> None:
    bounds = LimitSettings().bounds()
    document = await Reading().read(text, bounds)
    for operation in document.operations.values():
        estimating = Estimating(GRAPH, WEIGHTS, document.fragments, values_of())
        assert estimating.estimator(operation).estimate({}) <= bounds.cost


# Counted


class Wide(Weights):
    """The same weights, but lists whose length nobody gives are thought to be long."""

    @cached_property
    def fields(self) -> Mapping[tuple[str, str], Declared]:
        """See above."""
        return {
            place: replace(each, size=replace(each.size, assumed=1_000))
            if each.size and not each.size.slicing
            else each
            for place, each in super().fields.items()
        }


async def _costs(
    store: Store, caller: Caller, query: str, given: Mapping[str, Any]
) -> tuple[int | None, int, int, bool]:
    """What a plan's answer has cost, what graphql-core's has, the estimate, and whether all went well."""
    document = read(query)
    (operation,) = document.operations.values()
    values = executor.coerced(operation, given)
    if isinstance(values, list):
        return None, 0, 0, True
    estimator = Estimating(GRAPH, Wide(GRAPH), document.fragments, values).estimator(operation)
    async with store.reader(caller.scope()) as reader:
        core = await executor.execute_by_core(document, None, given, Context(caller, reader, CURSOR_KEY, TODAY))
        try:
            plan = await executor.execute(document, None, dict(given), Context(caller, reader, CURSOR_KEY, TODAY))
        except NotCoveredError:
            return None, estimator.spent(core.data, values.coerced), estimator.estimate(values.coerced), True
    spent = estimator.spent(core.data, values.coerced)
    return plan.cost, spent, estimator.estimate(values.coerced), not core.errors


def _check(query: str, costs: tuple[int | None, int, int, bool]) -> None:
    plan, core, estimate, is_well = costs
    assert core <= estimate, query
    if is_well and plan is not None:
        assert 1 <= plan <= core, query


@settings(QUIET, max_examples=150)
@given(document=documents(GRAPH, _arguments), login=st.sampled_from(LOGINS))
async def test_a_plan_costs_no_more_than_graphql_core_and_that_no_more_than_the_estimate(
    seeded_store: Store,
    caller: Callable[[str], Awaitable[Caller]],
    document: tuple[str, dict[str, Any]],
    login: str,
) -> None:
    _check(document[0], await _costs(seeded_store, await caller(login), *document))


@pytest.mark.deep
@settings(QUIET, max_examples=3000)
@given(document=documents(GRAPH, _arguments, budget=120), login=st.sampled_from(LOGINS))
async def test_thousands_of_documents_cost_no_more_than_their_estimate(
    seeded_store: Store,
    caller: Callable[[str], Awaitable[Caller]],
    document: tuple[str, dict[str, Any]],
    login: str,
) -> None:
    _check(document[0], await _costs(seeded_store, await caller(login), *document))


async def test_an_answer_costs_the_objects_that_it_has_an_object_in_several_places_once(
    seeded_store: Store, caller: Callable[[str], Awaitable[Caller]]
) -> None:
    query = "{ accounts(first: 10) { totalCount nodes { parent { id } } } }"
    plan, core, estimate, _ = await _costs(seeded_store, await caller("admin@reseller.example"), query, {})

    assert estimate == 25
    assert plan is not None
    assert plan < core <= estimate  # ten accounts have few parents between them


async def test_what_finds_nothing_costs_little_whatever_it_might_have_found(
    seeded_store: Store, caller: Callable[[str], Awaitable[Caller]]
) -> None:
    query = '{ node(id: "acc_999999") { ... on Account { users(first: 100) { nodes { id } } } } }'
    plan, core, estimate, _ = await _costs(seeded_store, await caller("admin@reseller.example"), query, {})
    assert (plan, core, estimate) == (1, 1, 101)


async def test_a_search_costs_what_it_takes_in_the_answer_too(
    seeded_store: Store, caller: Callable[[str], Awaitable[Caller]]
) -> None:
    admin = await caller("admin@reseller.example")
    query = "query($t: String!) { accounts(first: 1, filter: {search: $t}) { nodes { id } } }"
    plan, core, estimate, _ = await _costs(seeded_store, admin, query, {"t": "zzzzqqq"})
    assert (plan, core, estimate) == (5, 5, 6)
