"""Variables and arguments, as graphql-core's `test_variables.py` and `test_oneof.py` have them.

What arrives is told by fields that answer with what they are given. Not restated: literals, types and missing arguments
that validation refuses before anything is executed; inputs of which only one may be given, and arguments of fragments,
which no schema and no parser here has.
"""

from typing import Any

import pytest

from schema.execution.documents import MAX_ERRORS
from tests.toy_schema import by_both, by_plan
from tests.toy_sources import World, market

FULL = "Parts(c='baz', a='foo', b=['bar'], d=UNSET)"


async def echoed(field: str, variables: Any = None, declared: str = "") -> Any:
    """What a field of `Echo` answers; the whole answer must be good."""
    data, errors = await by_both(
        World(), f"query{f'({declared})' if declared else ''} {{ echo {{ {field} }} }}", variables
    )
    assert not errors
    (value,) = data["echo"].values()
    return value


async def refused(field: str, variables: Any, declared: str) -> list[str]:
    """Why an operation is not executed, because of its variables."""
    data, errors = await by_both(World(), f"query({declared}) {{ echo {{ {field} }} }}", variables)
    assert data is None
    assert all("path" not in error and error["locations"] == [{"line": 1, "column": 7}] for error in errors)
    return [error["message"] for error in errors]


# Objects


@pytest.mark.parametrize(("literal", "answer"), [
    ('{a: "foo", b: ["bar"], c: "baz"}', FULL), ('{c: "baz", b: "bar", a: "foo"}', FULL),
    ('{a: null, b: null, c: "C", d: null}', "Parts(c='C', a=None, b=None, d=None)"),
    ('{b: ["A", null, "C"], c: "C"}', "Parts(c='C', a=UNSET, b=['A', None, 'C'], d=UNSET)"),
    ('{c: "foo", d: "serialized"}', "Parts(c='foo', a=UNSET, b=UNSET, d='deserialized')"), ("null", "None"),
])  # fmt: skip  # a table
async def test_an_object_is_read_from_a_literal(literal: str, answer: str) -> None:
    assert await echoed(f"parts(given: {literal})") == answer
    assert await echoed("parts(given: $v)", declared=f"$v: Parts = {literal}") == answer


@pytest.mark.parametrize(("value", "answer"), [
    ({"a": "foo", "b": ["bar"], "c": "baz"}, FULL), ({"a": "foo", "b": "bar", "c": "baz"}, FULL),
    ({"c": "x", "b": []}, "Parts(c='x', a=UNSET, b=[], d=UNSET)"), (None, "None"),
    ({"c": "foo", "d": "serialized"}, "Parts(c='foo', a=UNSET, b=UNSET, d='deserialized')"),
])  # fmt: skip  # a table
async def test_an_object_is_read_from_a_variable(value: Any, answer: str) -> None:
    assert await echoed("parts(given: $v)", {"v": value}, "$v: Parts") == answer
    assert await echoed("parts(given: $v)", {"v": value}, '$v: Parts = {c: "default"}') == answer


@pytest.mark.parametrize(("field", "variables", "answer"), [
    ('parts(given: {c: "x", a: $v})', {"v": "y"}, "Parts(c='x', a='y', b=UNSET, d=UNSET)"),
    ('parts(given: {c: "x", a: $v})', {}, "Parts(c='x', a=UNSET, b=UNSET, d=UNSET)"),
    ('parts(given: {c: "x", a: $v})', {"v": None}, "Parts(c='x', a=None, b=UNSET, d=UNSET)"),
    ('parts(given: {c: "x", b: [$v, "z"]})', {"v": "y"}, "Parts(c='x', a=UNSET, b=['y', 'z'], d=UNSET)"),
    ('parts(given: {c: "x", b: [$v, "z"]})', {}, "Parts(c='x', a=UNSET, b=[None, 'z'], d=UNSET)"),
    ('nest(given: {na: {c: "x", a: $v}, nb: "n"})', {"v": "y"},
     "Nest(na=Parts(c='x', a='y', b=UNSET, d=UNSET), nb='n')"),
])  # fmt: skip  # a table
async def test_a_variable_can_stand_within_an_object_or_a_list(field: str, variables: Any, answer: str) -> None:
    assert await echoed(field, variables, "$v: String") == answer


@pytest.mark.parametrize(("value", "messages"), [
    ({"a": "foo", "b": "bar", "c": None},
     ["at .c: Expected value of non-null type 'String!' not to be None."]),
    ("foo bar", ["Expected value of type 'Parts' to be an object, found: 'foo bar'."]),
    ({"a": "foo", "b": "bar"}, ["Expected value of type 'Parts' to include required field 'c'"]),
    ({"c": "baz", "extra": "dog"}, ["Expected value of type 'Parts' not to include unknown field 'extra'"]),
    ({"c": 1}, ["at .c: String cannot represent a non string value: 1"]),
    ({"c": "x", "b": ["x", 1, 2]}, ["at .b[1]: String cannot", "at .b[2]: String cannot"]),
    ({"c": "x", "d": "SerializedValue"}, ["at .d: That is not what is wanted."]),
])  # fmt: skip  # a table
async def test_a_wrong_object_stops_the_operation_and_says_where_it_is_wrong(value: Any, messages: list[str]) -> None:
    found = await refused("parts(given: $v)", {"v": value}, "$v: Parts")
    assert len(found) == len(messages)
    for message, expected in zip(found, messages, strict=True):
        assert message.startswith(
            f"Variable '$v' has invalid value{' ' if expected.startswith('at') else ': '}{expected}"
        )


async def test_each_of_several_things_that_are_wrong_is_told() -> None:
    first, second = await refused("nest(given: $v)", {"v": {"na": {"a": "foo"}}}, "$v: Nest")
    assert "at .na: Expected value of type 'Parts' to include required field 'c'" in first
    assert "Expected value of type 'Nest' to include required field 'nb'" in second


async def test_what_a_scalar_says_of_a_wrong_value_keeps_its_extensions() -> None:
    query = "query($v: Parts) { echo { parts(given: $v) } }"
    _, (error,) = await by_both(World(), query, {"v": {"c": "x", "d": "other"}})
    assert error["extensions"] == {"code": "PICKY"}


# Enumerations


async def test_values_of_enumerations_can_be_anything() -> None:
    fields = (
        "a: size(given: NONE) b: size(given: NO) c: size(given: CUSTOM) d: sizeMust(given: NONE) e: size(given: null)"
    )
    data, errors = await by_both(World(), f"query($v: Size) {{ echo {{ {fields} f: size(given: $v) }} }}", {"v": "NO"})
    assert data["echo"] == {
        "a": "<Size.NONE: None>", "b": "<Size.NO: False>", "c": "<Size.CUSTOM: 'custom value'>",
        "d": "<Size.NONE: None>", "e": "None", "f": "<Size.NO: False>",
    }  # fmt: skip  # a table
    assert not errors


@pytest.mark.parametrize("value", ["OTHER", "custom value", 1, False])
async def test_what_is_no_value_of_an_enumeration_stops_the_operation(value: Any) -> None:
    (message,) = await refused("size(given: $v)", {"v": value}, "$v: Size")
    assert message.startswith("Variable '$v' has invalid value: ")


# Scalars that can be null, and that can't


@pytest.mark.parametrize(("field", "declared", "variables", "answer"), [
    ("text", "", {}, None), ('text(given: "a")', "", {}, "'a'"), ("text(given: null)", "", {}, "None"),
    ("text(given: $v)", "$v: String", {}, None), ("text(given: $v)", "$v: String", {"v": None}, "None"),
    ("text(given: $v)", "$v: String", {"v": "a"}, "'a'"),
    ("text(given: $v)", "$v: String = null", {}, "None"),
    ("text(given: $v)", '$v: String = "default"', {}, "'default'"),
    ("text(given: $v)", '$v: String = "default"', {"v": "given"}, "'given'"),
    ("text(given: $v)", '$v: String = "default"', {"v": None}, "None"),
    ("text(given: $v)", '$v: String! = "default"', {}, "'default'"),
    ("textMust(given: $v)", '$v: String = "default"', {}, "'default'"),
    ("textMust(given: $v)", "$v: String!", {"v": "a"}, "'a'"), ('textMust(given: "a")', "", {}, "'a'"),
    ("textOr", "", {}, "'Hello World'"), ("textOr(given: $v)", "$v: String", {}, "'Hello World'"),
    ("textOr(given: $v)", "$v: String", {"v": None}, "None"), ("textOr(given: null)", "", {}, "None"),
    ("textMustOr", "", {}, "'Hello World'"), ("textMustOr(given: $v)", "$v: String", {}, "'Hello World'"),
    ("textMustOr(given: $v)", "$v: String", {"v": "a"}, "'a'"),
])  # fmt: skip  # a table
async def test_what_is_left_out_is_not_null_and_defaults_stand_for_it(
    field: str, declared: str, variables: Any, answer: str | None
) -> None:
    assert await echoed(field, variables, declared) == answer


@pytest.mark.parametrize(("variables", "message"), [
    ({}, "Variable '$v' has invalid value: Expected a value of non-null type 'String!' to be provided."),
    ({"v": None}, "Variable '$v' has invalid value: Expected value of non-null type 'String!' not to be None."),
    ({"v": [1, 2, 3]}, "Variable '$v' has invalid value: String cannot represent a non string value: [1, 2, 3]"),
])  # fmt: skip  # a table
async def test_a_variable_that_must_be_there_and_is_not_stops_the_operation(variables: Any, message: str) -> None:
    assert await refused("textMust(given: $v)", variables, "$v: String!") == [message]


async def test_arguments_that_were_not_given_are_not_there() -> None:
    assert await echoed("several(a: true, c: 0)") == "['True', None, '0']"
    assert await echoed("several(c: $v, a: false)", {}, "$v: Int") == "['False', None, None]"


# Lists

_LISTS = [("texts", "[String]"), ("textsMust", "[String]!"), ("textsOf", "[String!]"), ("textsMustOf", "[String!]!")]


@pytest.mark.parametrize(("field", "declared"), _LISTS)
@pytest.mark.parametrize("value", [None, ["A"], "A", [], ["A", None, "B"], ["A", 1]])
async def test_a_list_is_refused_for_the_nulls_that_its_type_does_not_allow(
    field: str, declared: str, value: Any
) -> None:
    wrong = {
        "must": declared.endswith("!") and value is None,
        "of": "!]" in declared and isinstance(value, list) and None in value,
        "type": isinstance(value, list) and 1 in value,
    }
    given = f"{field}(given: $v)"
    if not any(wrong.values()):
        expected = [value] if value == "A" else value
        assert await echoed(given, {"v": value}, f"$v: {declared}") == repr(expected)
        return
    (message,) = await refused(given, {"v": value}, f"$v: {declared}")
    assert message == "Variable '$v' has invalid value" + {
        "must": f": Expected value of non-null type '{declared}' not to be None.",
        "of": " at [1]: Expected value of non-null type 'String!' not to be None.",
        "type": " at [1]: String cannot represent a non string value: 1",
    }[next(each for each, is_so in wrong.items() if is_so)]  # fmt: skip


async def test_no_more_than_some_of_the_things_that_are_wrong_are_told() -> None:
    query = "query($v: [String!]) { echo { textsOf(given: $v) } }"
    _, errors = await by_plan(World(), query, {"v": [0] * (MAX_ERRORS + 3)})
    assert [each["message"] for each in errors[:-1]] == [
        f"Variable '$v' has invalid value at [{at}]: String cannot represent a non string value: 0"
        for at in range(MAX_ERRORS)
    ]
    assert errors[-1]["message"].startswith("Too many errors processing variables")


# On fields of rows


@pytest.mark.parametrize(("argument", "variables", "answer"), [
    ("", {}, 10), ("(scale: 2)", {}, 20), ("(scale: $n)", {"n": 3}, 30), ("(scale: $n)", {}, 10),
    ("(bounds: {})", {}, 10), ("(bounds: {low: 5})", {}, 15), ("(bounds: {low: $n})", {"n": 7}, 17),
    ("(bounds: null)", {}, 10),
])  # fmt: skip  # a table
async def test_arguments_are_literals_variables_or_defaults(argument: str, variables: Any, answer: int) -> None:
    query = f"{'query($n: Int)' if '$n' in argument else ''} {{ item {{ worth{argument} }} }}".replace(
        "$n: Int)", "$n: Int = 1)"
    )
    data, errors = await by_both(market(), query, variables)
    assert (data["item"]["worth"], errors) == (answer, [])


@pytest.mark.parametrize("argument", ["scale: 13", "bounds: {low: 13}"])
async def test_arguments_that_make_no_sense_are_the_error_of_their_field(argument: str) -> None:
    data, errors = await by_both(market(), f"{{ item {{ id worth({argument}) b: worth }} }}")
    assert data["item"] == {"id": "itm_1", "worth": None, "b": 10}
    assert [error["path"] for error in errors] == [["item", "worth"]]


async def test_a_null_for_an_argument_that_must_be_there_is_the_error_of_its_field() -> None:
    query = "query($n: Int = 1) { item { id worth(scale: $n) } }"
    data, errors = await by_both(market(), query, {"n": None})
    assert data["item"] == {"id": "itm_1", "worth": None}
    assert [error["path"] for error in errors] == [["item", "worth"]]


@pytest.mark.parametrize("variables", [{}, {"ids": None}, {"ids": ["a", None]}, {"ids": {"a": 1}}])
async def test_a_variable_that_is_wrong_stops_the_operation(variables: Any) -> None:
    query = "query($ids: [ID!]!) { things(ids: $ids) { id } }"
    data, errors = await by_both(market(), query, variables)
    assert data is None
    assert all("path" not in error for error in errors)


async def test_one_value_stands_for_a_list_of_one() -> None:
    data, _ = await by_both(market(), 'query($ids: [ID!]!) { things(ids: $ids) { id } b: things(ids: "itm_2") { id } }',
                            {"ids": "itm_1"})  # fmt: skip
    assert data == {"things": [{"id": "itm_1"}], "b": [{"id": "itm_2"}]}
