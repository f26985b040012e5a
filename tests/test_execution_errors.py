"""Errors and operations, as graphql-core's `test_executor.py`, `test_resolve.py`, `test_schema.py` and `test_sync.py`
have them: which errors there are, where, and what is left of the answer.

Not restated: resolvers of one's own, what they are told of the execution, middleware and other execution contexts
(plans call declarations only); documents that validation refuses (unknown fields, fragments in circles, missing
selections); the order in which mutations run (`test_mutations.py`) and live updates, which are graphql-core's.
"""

from types import SimpleNamespace as Value
from typing import Any

import pytest
from graphql import ExecutionResult, GraphQLError, execute, graphql, parse

from tests.toy_schema import by_both, by_core, by_plan, new_executor, probed, schema
from tests.toy_sources import World, market, told

# Where values fail to come


class Raising:
    """A value whose attributes are what they are, except that exceptions are raised."""

    def __init__(self, **values: Any) -> None:
        self._values = values

    def __getattr__(self, name: str) -> Any:
        value = self._values.get(name)
        if name.startswith("__") or name not in self._values:
            raise AttributeError(name)
        if isinstance(value, Exception):
            raise value
        return value


_ERRORS = [
    (ValueError("Error getting it"), "Error getting it"), (GraphQLError("Not yours"), "Not yours"),
    (KeyError("key"), "'key'"), (RuntimeError(), "An unknown error occurred."), (ValueError("ünï\ncode"), "ünï\ncode"),
]  # fmt: skip  # a table


@pytest.mark.parametrize(("error", "message"), _ERRORS)
@pytest.mark.parametrize("value", [Value, Raising])
async def test_an_exception_is_the_error_of_its_field_whether_it_is_raised_or_returned(
    value: Any, error: Exception, message: str
) -> None:
    world = World(probe=value(text="ok", number=error, numbers=error, child=error, children=error))
    data, errors = await by_both(world, "{ probe { text number numbers child { text } children { text } } }")
    assert data["probe"] == {"text": "ok", "number": None, "numbers": None, "child": None, "children": None}
    assert sorted(error["path"] for error in errors) == [
        ["probe", name] for name in ("child", "children", "number", "numbers")
    ]
    assert {error["message"] for error in errors} == {message}


async def test_errors_stand_in_a_list_at_the_items_that_they_belong_to() -> None:
    numbers = [0, ValueError("first"), 2, ValueError("third")]
    data, errors = await probed("numbers", numbers=numbers)
    assert data == {"numbers": [0, None, 2, None]}
    assert errors == [(["probe", "numbers", 1], "first"), (["probe", "numbers", 3], "third")]


async def test_the_extensions_of_an_error_are_kept() -> None:
    error = GraphQLError("No", extensions={"foo": "bar"})
    data, (found,) = await by_both(World(probe=Value(raises=error)), "{ probe { workedOut } }")
    assert data == {"probe": {"workedOut": None}}
    assert found == {
        "message": "No",
        "locations": [{"line": 1, "column": 11}],
        "path": ["probe", "workedOut"],
        "extensions": {"foo": "bar"},
    }


async def test_one_exception_at_several_places_is_an_error_at_each() -> None:
    error = ValueError("the same")
    children = [Value(text=error), Value(text="a"), Value(text=error)]
    data, errors = await probed("children { text b: text }", children=children)
    assert [each["text"] for each in data["children"]] == [None, "a", None]
    assert sorted(path for path, _ in errors) == sorted(
        ["probe", "children", at, name] for at in (0, 2) for name in ("b", "text")
    )


async def test_the_path_of_an_error_names_aliases_and_its_location_is_in_the_document() -> None:
    inner = Value(child_must=Value(child_must=Value(raises=ValueError("Catch me if you can"))))
    query = """
{
  probe {
    aliased: child {
      childMust {
        another: childMust {
          workedOutMust
        }
      }
    }
  }
}"""
    data, errors = await by_both(World(probe=Value(child=inner)), query)
    assert data == {"probe": {"aliased": None}}
    assert errors == [
        {
            "message": "Catch me if you can",
            "locations": [{"line": 7, "column": 11}],
            "path": ["probe", "aliased", "childMust", "another", "workedOutMust"],
        }
    ]


async def test_a_field_that_is_asked_for_at_several_places_has_the_locations_of_all() -> None:
    _, (error,) = await by_both(
        World(probe=Value(raises=ValueError("no"))),
        "{ probe { workedOut ...F } probe { workedOut } } fragment F on Probe { workedOut }",
    )
    assert [each["column"] for each in error["locations"]] == [11, 72, 36]


@pytest.mark.parametrize(("name", "value", "message"), [
    ("odd", "nothing", "Expected `Odd."),
    ("odd", "refused", "This is no odd value."), ("number", "x", "Int cannot represent non-integer value: 'x'"),
    ("number", 2**31, "Int cannot represent non 32-bit signed integer value: 2147483648"),
    ("number", 1.5, "Int cannot represent non-integer value: 1.5"), ("number", "", "Int cannot represent non-integer"),
    ("ratio", "x", "Float cannot represent non numeric value: 'x'"),
    ("ratio", float("nan"), "Float cannot represent non numeric value: nan"),
    ("flag", "yes", "Boolean cannot represent a non boolean value: 'yes'"),
    ("flag", float("nan"), "Boolean cannot represent a non boolean value: nan"),
    ("text", {}, "String cannot represent value: {}"), ("text", [1], "String cannot represent value: [1]"),
    ("ident", 1.5, "ID cannot represent value: 1.5"), ("ident", True, "ID cannot represent value: True"),
    ("color", "BLUE", "Enum 'Color' cannot represent value: 'BLUE'"),
    ("color", [], "Enum 'Color' cannot represent value: []"),
])  # fmt: skip  # a table
async def test_a_value_that_its_type_cannot_write_is_an_error_in_the_types_words(
    name: str, value: Any, message: str
) -> None:
    data, errors = await probed(f"{name} __typename", **{name: value})
    assert data == {name: None, "__typename": "Probe"}
    ((path, found),) = errors
    assert path == ["probe", name]
    assert found.startswith(message)


# Whole answers


async def test_fragments_at_several_places_are_merged_and_fields_keep_their_order() -> None:
    """The document of graphql-core's first test of execution."""
    inner = Value(text="Already Been Done", numbers=[1, None, 3], children=None)
    value = Value(text="Apple", number=1, ratio=1.5, flag=True, child=inner)
    inner.children = [value, None, value]
    query = """query Example($no: Boolean!) {
      probe { text, x: number ...C ratio ... on Probe { flag @skip(if: $no) a: child { text } }
              child { text numbers children { text ...C } } ...D } }
      fragment C on Probe { child { text } number }
      fragment D on Probe { child { numbers deeper: children { number } } }"""
    data, errors = await by_both(World(probe=value), query, {"no": False})
    assert not errors
    each = {"text": "Apple", "child": {"text": "Already Been Done"}, "number": 1}
    assert data["probe"] == {
        "text": "Apple", "x": 1, "number": 1, "ratio": 1.5, "flag": True, "a": {"text": "Already Been Done"},
        "child": {
            "text": "Already Been Done", "numbers": [1, None, 3], "children": [each, None, each],
            "deeper": [{"number": 1}, None, {"number": 1}],
        },
    }  # fmt: skip  # a table
    assert list(data["probe"]) == ["text", "x", "child", "number", "ratio", "flag", "a"]
    assert list(data["probe"]["child"]) == ["text", "numbers", "children", "deeper"]


async def test_what_fails_in_one_place_leaves_all_others_alone() -> None:
    query = (
        '{ item(id: 0) { id } a: item { id } things(ids: ["bad", "itm_2"]) { id } all { totalCount } probe { text } }'
    )
    data, errors = await by_both(market(**{"all.count": {None: ValueError("down")}}), query)
    assert data == {
        "item": None, "a": {"id": "itm_1"}, "things": [None, {"id": "itm_2"}], "all": None, "probe": None
    }  # fmt: skip  # a table
    assert sorted(told(errors), key=str) == [
        (["all", "totalCount"], "down"),
        (["item"], "Zero is no id."),
        (["things", 0], "No type has such ids: bad."),
    ]


# Operations

_SEVERAL = "query Example { first: item { id } } query Other { second: item { id } } mutation M { touch }"


@pytest.mark.parametrize(("query", "name", "key"), [
    ("{ item { id } }", None, "item"), ("query Example { item { id } }", None, "item"),
    ("query Example { item { id } }", "Example", "item"), (_SEVERAL, "Example", "first"), (_SEVERAL, "Other", "second"),
])  # fmt: skip  # a table
async def test_the_operation_that_is_named_is_executed_or_the_only_one(query: str, name: str | None, key: str) -> None:
    assert await by_both(market(), query, name=name) == ({key: {"id": "itm_1"}}, [])


@pytest.mark.parametrize(
    ("query", "name"), [(_SEVERAL, None), (_SEVERAL, "No"), (_SEVERAL, ""), ("{ item { id } }", "")]
)
async def test_an_operation_that_cannot_be_found_is_refused_in_graphql_cores_words(
    query: str, name: str | None
) -> None:
    result = execute(schema._schema, parse(query), operation_name=name)
    assert isinstance(result, ExecutionResult)
    assert result.errors
    data, errors = await by_plan(market(), query, name=name)
    assert data is None
    assert (data, errors) == await by_core(market(), query, name=name)
    code = {"extensions": {"code": "OPERATION_RESOLUTION_FAILURE"}}
    assert errors == [error.formatted | code for error in result.errors]


@pytest.mark.parametrize(
    "query", ["{ item { id }", "{ { item }", "query", "{ nothing }", "fragment F on Item { id }", ""]
)
async def test_a_document_that_cannot_be_executed_is_refused_in_graphql_cores_words(query: str) -> None:
    document = new_executor().document(query)
    result = await graphql(schema._schema, query)
    assert result.data is None
    assert [error.message for error in document.errors] == [error.message for error in result.errors or ()]
    assert [error.locations for error in document.errors] == [error.locations for error in result.errors or ()]
    assert {(error.extensions or {})["code"][:8] for error in document.errors} == {"GRAPHQL_"}
