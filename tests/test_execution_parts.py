"""What could be told in parts: by graphql-core in parts, or left out of the document for whoever wants the whole."""

from types import SimpleNamespace as Value
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    InitialIncrementalExecutionResult,
    SubsequentIncrementalExecutionResult,
    parse,
    print_ast,
)
from graphql.execution.values import VariableValues

from schema.execution.parts import Part, in_parts, whole
from schema.execution.planner import Planner
from schema.limits.bounds import LIMIT_EXCEEDED
from schema.limits.shape import shapes
from tests.toy_schema import new_executor
from tests.toy_sources import ToyContext, World

WORLD = World(
    probe=Value(text="a"),
    items={1: {"id": 1, "name": "one", "rank": 1, "boss": 1, "pal": None, "worth": 1}},
)


async def parts(query: str, schema: Any = None) -> list[Part]:
    """The parts of an answer."""
    found = in_parts(schema or new_executor().schema, parse(query), ToyContext(WORLD), {}, hide_suggestions=True)
    return [part async for part in found]


async def test_what_is_deferred_comes_later() -> None:
    first, last = await parts("{ item { id ... @defer { name } } }")

    assert isinstance(first, InitialIncrementalExecutionResult)
    assert first.data == {"item": {"id": "itm_1"}}
    assert isinstance(last, SubsequentIncrementalExecutionResult)
    assert [each.data for each in last.incremental or ()] == [{"name": "one"}]  # type: ignore[union-attr]  # a deferred one
    assert not last.has_next


@pytest.mark.parametrize("query", ["{ item { id } }", "{ item { id ... @defer(if: false) { name } } }"])
async def test_where_nothing_is_deferred_there_is_one_answer(query: str) -> None:
    (only,) = await parts(query)
    assert isinstance(only, ExecutionResult)
    assert only.data


async def test_an_answer_that_is_there_at_once_is_one_too() -> None:
    schema = GraphQLSchema(GraphQLObjectType("Query", {"a": GraphQLField(GraphQLString, resolve=lambda *_: "b")}))
    (only,) = await parts("{ a }", schema)
    assert only.data == {"a": "b"}  # type: ignore[union-attr]  # a whole answer


def test_a_document_for_the_whole_has_all_other_directives() -> None:
    query = "query($a: Boolean!) { item { id @skip(if: $a) ... @defer { staff @stream(initialCount: 1) { id } } } }"
    found = print_ast(whole(parse(query)))
    assert "defer" not in found
    assert "stream" not in found
    assert "@skip(if: $a)" in found
    ((_, shape),) = shapes(parse(found))
    assert not shape.has_parts


async def test_a_document_is_made_whole_unless_parts_are_wanted() -> None:
    executor = new_executor()
    query = "{ item { id ... @defer { name } } }"
    node = parse(query)
    document = executor.document("{ item { id } }")
    ((operation, shape),) = shapes(node)
    document.operations, document.shapes = {None: operation}, {None: shape}  # the toy schema knows no @defer

    assert "defer" not in print_ast(executor.alone(document, operation))
    assert "defer" in print_ast(executor.alone(document, operation, in_parts=True))
    answer = await executor.execute_by_core(document, None, None, ToyContext(WORLD))
    assert answer.data == {"item": {"id": "itm_1", "name": "one"}}
    assert isinstance(executor.alone(document, operation), DocumentNode)


# Costs


async def test_an_answer_costs_its_objects_and_an_estimator_is_made_once() -> None:
    executor = new_executor()
    document = executor.document("{ item { id boss { name boss { id } } } }")
    (operation,) = document.operations.values()
    values = executor.coerced(operation, {})
    assert not isinstance(values, list)
    estimator = executor.estimator(document, operation, values)
    assert not isinstance(estimator, list)

    assert estimator.estimate({}) >= 3
    assert executor.estimator(document, operation, values) is estimator
    assert (await executor.run(document, operation, values, ToyContext(WORLD))).cost >= 2


@pytest.mark.parametrize(("query", "plans"), [
    ("{ item { id } }", 1),
    ("{ plain }", 1),  # that there is none is known then
    ("mutation { touch }", 0),
])  # fmt: skip  # a table
def test_what_is_made_of_an_operation_once_can_be_made_ahead(query: str, plans: int) -> None:
    executor = new_executor()
    document = executor.document(query)
    (operation,) = document.operations.values()
    values = executor.coerced(operation, {})
    assert not isinstance(values, list)
    assert not executor.is_planned(document, operation, values)
    executor.plan_ahead(document, operation, values)
    assert executor.is_planned(document, operation, values)
    assert len(document.plans) == plans


async def test_an_argument_that_costs_something_is_paid_for_each_object_that_it_is_asked_of() -> None:
    executor = new_executor()
    document = executor.document(
        "query($low: Bounds) { item { worth(bounds: $low) boss { worth(bounds: {low: 7}) } } }"
    )
    (operation,) = document.operations.values()
    for given, points in (({"low": {"low": 1}}, 8), ({"low": {"high": 1}}, 8), ({}, 5)):
        values = executor.coerced(operation, given)
        assert not isinstance(values, list)
        assert (await executor.run(document, operation, values, ToyContext(WORLD))).cost == points
        estimator = executor.estimator(document, operation, values)
        assert not isinstance(estimator, list)
        assert estimator.estimate(values.coerced) == points


def test_what_a_wrong_value_decides_about_is_estimated_with_the_rest() -> None:
    executor = new_executor()
    document = executor.document("query($x: Boolean = true) { item { id @skip(if: $x) boss @skip(if: $x) { id } } }")
    (operation,) = document.operations.values()
    values = executor.coerced(operation, {"x": None})
    assert not isinstance(values, list)
    estimator = executor.estimator(document, operation, values)
    assert not isinstance(estimator, list)
    assert estimator.estimate(values.coerced) == 2


async def test_the_number_of_estimators_of_a_document_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schema.execution.documents.MAX_PLANS", 2)
    executor = new_executor()
    document = executor.document(" ".join(f"query Q{at} {{ item {{ id }} }}" for at in range(4)))
    for operation in document.operations.values():
        values = executor.coerced(operation, {})
        assert not isinstance(values, list)
        executor.estimator(document, operation, values)
    assert list(document.estimators) == [("Q2",), ("Q3",)]


def test_what_is_too_large_to_be_looked_at_has_no_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schema.execution.selections.MAX_SELECTIONS", 3)
    executor = new_executor()
    document = executor.document("{ item { id name boss { id name } } }")
    (operation,) = document.operations.values()
    values = executor.coerced(operation, {})
    assert not isinstance(values, list)
    (error,) = executor.estimator(document, operation, values)  # type: ignore[misc]  # a list of errors
    assert isinstance(error, GraphQLError)
    assert error.extensions == {"code": LIMIT_EXCEEDED}


def test_an_executor_tells_how_many_documents_it_keeps_and_a_step_where_it_stands() -> None:
    executor = new_executor()
    document = executor.document("{ item { boss { worth } } }")
    assert executor.document("{ item { id } }")
    assert executor.count == 2
    (operation,) = document.operations.values()
    plan = Planner(executor.schema, {}, VariableValues({}, {}), executor._convert).plan(operation)
    found = [(step.place, group.name) for group in plan.groups for step in group.steps]
    assert [place for place, _name in found] == ["item", "item.boss", "item.boss.worth"]
    assert found[0][1] == "lookup"
    assert all(name for _place, name in found)


def test_a_document_that_was_too_much_to_be_read_says_so() -> None:
    executor = new_executor()
    assert executor.document(f"{{ {'a ' * 15_001} }}").is_too_much
    assert not executor.document("{ nothing }").is_too_much
    assert not executor.document("{ item { id } }").is_too_much
