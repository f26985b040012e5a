"""Nulls, as graphql-core's `test_nonnull.py` has them: how far a null goes, and which arguments can be null.

Each way in which a value can fail to come is tried: None, a function or a source that raises, an exception as a value.
Not restated: arguments that validation refuses before anything is executed (a missing one, a null).
"""

from types import SimpleNamespace as Value
from typing import Any

import pytest

from tests.toy_schema import by_both, probed
from tests.toy_sources import World, market, no_null, told


async def test_a_null_goes_up_to_the_nearest_parent_that_may_be_null() -> None:
    inner = Value(text="inner", child_must=Value(child_must=Value(text_must=None)))
    data, found = await probed("text child { text childMust { childMust { textMust } } }", text="outer", child=inner)
    assert data == {"text": "outer", "child": None}
    assert found == [(["probe", "child", "childMust", "childMust", "textMust"], no_null("Probe.textMust"))]


async def test_a_null_with_no_such_parent_takes_the_whole_answer() -> None:
    data, errors = await by_both(World(probe=None), "{ probeMust { text } probe { text } }")
    assert data is None
    assert told(errors) == [(["probeMust"], no_null("Query.probeMust"))]


async def test_an_error_that_is_returned_counts_as_one_that_is_raised() -> None:
    raised = ValueError("this one")
    data, found = await probed("workedOut a: text", raises=raised, text=raised)
    assert data == {"workedOut": None, "a": None}
    assert sorted(found) == [(["probe", "a"], "this one"), (["probe", "workedOut"], "this one")]


async def test_each_of_several_errors_in_one_object_is_told_once() -> None:
    _, errors = await by_both(
        World(probe=Value(text_must=None, number_must=None, child=None)),
        "{ probe { textMust numberMust child { text } } }",
    )
    assert {tuple(error["path"]) for error in errors} == {("probe", "textMust"), ("probe", "numberMust")}


_TREE = """{
  probe { text workedOut child { text workedOut child { text } } }
  other: probe { child { text a: workedOut child { text workedOut } } }
}"""


def tree(text: Any, raises: Any) -> Value:
    """A probe in a probe in a probe."""
    inner = Value(text=text, raises=raises, child=None)
    return Value(text=text, raises=raises, child=Value(text=text, raises=raises, child=inner))


async def test_in_a_tree_of_nullable_fields_only_those_are_null_that_are() -> None:
    data, errors = await by_both(World(probe=tree(None, None)), _TREE)
    leaf = {"text": None, "workedOut": None}
    assert data["probe"] == {**leaf, "child": {**leaf, "child": {"text": None}}}
    assert data["other"] == {"child": {"text": None, "a": None, "child": leaf}}
    assert not errors


async def test_in_a_tree_of_nullable_fields_each_error_is_told_where_it_is() -> None:
    bad = ValueError("bad")
    data, errors = await by_both(World(probe=tree(bad, bad)), _TREE)
    without = await by_both(World(probe=tree(None, None)), _TREE)
    assert data == without[0]
    places = [
        "probe.text", "probe.workedOut", "probe.child.text", "probe.child.workedOut", "probe.child.child.text",
        "other.child.text", "other.child.a", "other.child.child.text", "other.child.child.workedOut",
    ]  # fmt: skip  # a table
    assert sorted(".".join(error["path"]) for error in errors) == sorted(places)
    assert {error["message"] for error in errors} == {"bad"}


_CHAIN = "{ a: probe { child { %s } text } b: probe { childMust { %s } } c: probe { text } }"


@pytest.mark.parametrize(("field", "message"), [
    ("textMust", no_null("Probe.textMust")), ("workedOutMust", "bad"), ("numberMust", "bad"),
])  # fmt: skip  # a table
async def test_a_null_goes_up_a_long_chain_of_fields_that_must_be_there(field: str, message: str) -> None:
    bad = ValueError("bad")
    value = Value(text_must=None, number_must=bad, raises=bad)
    for _ in range(5):
        value = Value(text="text", child_must=value, child=value)
    chain = f"childMust {{ childMust {{ childMust {{ childMust {{ {field} }} }} }} }}"
    data, errors = await by_both(World(probe=value), _CHAIN % (chain, chain))
    assert data == {"a": {"child": None, "text": "text"}, "b": None, "c": {"text": "text"}}
    must = ["childMust"] * 4
    assert sorted(told(errors)) == [
        (["a", "child", *must, field], message),
        (["b", "childMust", *must, field], message),
    ]


@pytest.mark.parametrize(("query", "path", "message"), [
    ("{ probeMust { text } }", ["probeMust"], no_null("Query.probeMust")),
    ("{ item { id } probeMust { text } }", ["probeMust"], no_null("Query.probeMust")),
    ('{ thingsOf(ids: ["itm_9"]) { id } }', ["thingsOf", 0], no_null("Query.thingsOf")),
    ('{ thingsOf(ids: ["bad"]) { id } item { id } }', ["thingsOf", 0], "No type has such ids: bad."),
])  # fmt: skip  # a table
async def test_the_whole_answer_is_null_where_nothing_above_may_be(query: str, path: list[Any], message: str) -> None:
    data, errors = await by_both(market(), query)
    assert data is None
    assert told(errors) == [(path, message)]


@pytest.mark.parametrize("source", ["pal", "worth"])
async def test_a_source_that_fails_where_something_must_be_takes_the_object_away(source: str) -> None:
    field = {"pal": "pal { id }", "worth": "worthMust"}[source]
    data, errors = await by_both(market(**{source: {None: ValueError("down")}}), f"{{ item {{ id {field} }} }}")
    assert data == {"item": None}
    assert told(errors) == [(["item", field.split()[0]], "down")]


async def test_what_a_caller_may_not_have_counts_as_an_error_where_it_must_be() -> None:
    query = "{ probe { text child { text secretMust } } }"
    world = World(probe=Value(text="a", child=Value(text="b")))
    data, errors = await by_both(world, query, privileges=frozenset())
    assert data == {"probe": {"text": "a", "child": None}}
    assert [error["path"] for error in errors] == [["probe", "child", "secretMust"]]


# Arguments

_MUST = "query($v: String%s) { echo { textMust(given: %s) } }"


@pytest.mark.parametrize(("declared", "given", "variables", "answer"), [
    ('! = "x"', '"literal"', {}, "'literal'"), ("!", "$v", {"v": "given"}, "'given'"),
    (' = "default"', "$v", {}, "'default'"), ('! = "default"', "$v", {}, "'default'"),
    (' = "default"', "$v", {"v": "given"}, "'given'"),
])  # fmt: skip  # a table
async def test_an_argument_that_must_be_there_is_a_literal_a_variable_or_its_default(
    declared: str, given: str, variables: Any, answer: str
) -> None:
    query = _MUST % (declared, given) if given == "$v" else f"{{ echo {{ textMust(given: {given}) }} }}"
    assert await by_both(World(), query, variables) == ({"echo": {"textMust": answer}}, [])


async def test_a_null_in_a_variable_is_the_error_of_the_field_whose_argument_must_be_there() -> None:
    data, errors = await by_both(World(), _MUST % (' = "default"', "$v"), {"v": None})
    assert data == {"echo": {"textMust": None}}
    (error,) = errors
    assert error["path"] == ["echo", "textMust"]
    assert error["message"].startswith("Argument 'given' has invalid value: Expected variable '$v'")
    assert error["locations"] == [{"line": 1, "column": 56}]
