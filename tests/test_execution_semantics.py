"""What executing means, place by place: each answer is written down here, and plans and graphql-core both give it.

The behaviours are those that graphql-core's own tests of execution hold (lists, nulls, abstract types, directives,
variables, errors), restated on the toy schema.
"""

from types import SimpleNamespace as Value
from typing import Any

import pytest

from tests.toy_schema import Color, by_both
from tests.toy_sources import World

ITEMS: dict[int, dict[str, Any]] = {
    1: {"id": 1, "name": "one", "rank": 1, "boss": None, "pal": 2, "worth": 10},
    2: {"id": 2, "name": "two", "rank": 2, "boss": 1, "pal": 1, "worth": None},
    3: {"id": 3, "name": None, "rank": None, "boss": 1, "pal": 9, "worth": 30},
}
OTHERS = {1: {"id": 1, "label": "other"}}


def market(**failing: Any) -> World:
    """A world of rows, in which sources fail."""
    return World(items=ITEMS, others=OTHERS, failing=failing)


async def probed(selection: str, **values: Any) -> tuple[Any, list[tuple[list[Any], str]]]:
    """What a probe with these values answers: its data, and where which errors are."""
    data, errors = await by_both(World(probe=Value(**values)), f"{{ probe {{ {selection} }} }}")
    return data["probe"], told(errors)


def told(errors: list[Any]) -> list[tuple[list[Any], str]]:
    """Path and message of each error."""
    return [(error["path"], error["message"]) for error in errors]


def no_null(of: str) -> str:
    """What is said where a null can't be."""
    return f"Cannot return null for non-nullable field {of}."


# Lists

_LISTS = [
    ("numbers", [1, 2], [1, 2], 0),
    ("numbers", (1, 2), [1, 2], 0),
    ("numbers", [1, None], [1, None], 0),
    ("numbers", None, None, 0),
    ("numbers", [1, "x"], [1, None], 1),
    ("numbers", [1, ValueError("bad")], [1, None], 1),
    ("numbers", "text", None, 1),
    ("numbers", 5, None, 1),
    ("numbersOf", [1, 2], [1, 2], 0),
    ("numbersOf", [1, None], None, 1),
    ("numbersOf", None, None, 0),
    ("numbersOf", [1, "x"], None, 1),
    ("matrix", [[1, None], None, [2]], [[1, None], None, [2]], 0),
    ("matrix", [[1], 5], [[1], None], 1),
]


@pytest.mark.parametrize(("name", "value", "answer", "errors"), _LISTS)
async def test_a_list_keeps_what_it_can(name: str, value: Any, answer: Any, errors: int) -> None:
    attribute = "numbers_of" if name == "numbersOf" else name
    data, found = await probed(f"text {name}", text="beside", **{attribute: value})
    assert data == {"text": "beside", name: answer}
    assert len(found) == errors


@pytest.mark.parametrize(("name", "value"), [
    ("numbers_must", None), ("numbers_must", ValueError("bad")), ("numbers_must_of", None),
    ("numbers_must_of", [1, None]), ("numbers_must_of", [1, "x"]), ("matrix_must", [[1], [None]]),
    ("matrix_must", [[1], None]), ("matrix_must", [[1], ValueError("bad")]),
])  # fmt: skip  # a table
async def test_a_list_that_must_be_there_takes_its_parent_away(name: str, value: Any) -> None:
    first, *others = name.split("_")
    data, found = await probed(f"text {first + ''.join(map(str.title, others))}", text="beside", **{name: value})
    assert data is None
    assert len(found) == 1


async def test_a_list_of_objects_loses_only_the_objects_in_which_something_is_wrong() -> None:
    children = [Value(text_must="a"), Value(text_must=None), None, ValueError("no child")]
    data, found = await probed("children { textMust }", children=children)
    assert data == {"children": [{"textMust": "a"}, None, None, None]}
    assert sorted(found, key=str) == [
        (["probe", "children", 1, "textMust"], no_null("Probe.textMust")),
        (["probe", "children", 3], "no child"),
    ]


async def test_a_list_of_objects_that_must_be_there_goes_with_the_first_that_is_missing() -> None:
    data, found = await probed("childrenOf { textMust }", children_of=[Value(text_must="a"), Value(text_must=None)])
    assert data == {"childrenOf": None}
    assert found == [(["probe", "childrenOf", 1, "textMust"], no_null("Probe.textMust"))]


async def test_a_list_in_a_list_of_objects_is_a_list_of_its_own() -> None:
    grid = [[Value(text="a"), None], None, [], (Value(text="b"),)]
    data, found = await probed("grid { text }", grid=grid)
    assert data == {"grid": [[{"text": "a"}, None], None, [], [{"text": "b"}]]}
    assert not found


async def test_a_null_deep_in_lists_that_must_be_there_takes_all_of_them() -> None:
    data, found = await probed("gridMust { text }", grid_must=[[Value(text="a")], [None]])
    assert data is None
    assert found == [(["probe", "gridMust", 1, 0], no_null("Probe.gridMust"))]


async def test_what_is_no_list_is_an_error_where_a_list_should_be() -> None:
    _, found = await probed("children { text } numbers", children=Value(text="one"), numbers=5)
    assert {message for _, message in found} == {
        "Expected Iterable, but did not find one for field 'Probe.children'.",
        "Expected Iterable, but did not find one for field 'Probe.numbers'.",
    }


# Nulls


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


# Leaves


@pytest.mark.parametrize(("name", "value", "answer"), [
    ("text", 1, "1"), ("text", True, "true"), ("text", 1.5, "1.5"), ("number", True, 1), ("number", "9", 9),
    ("number", 2.0, 2), ("flag", 1, True), ("ratio", 3, 3.0), ("ident", 4, "4"), ("color", Color.GREEN, "GREEN"),
    ("odd", "x", {"odd": "x"}),
])  # fmt: skip  # a table
async def test_a_leaf_is_written_as_its_type_writes_it(name: str, value: Any, answer: Any) -> None:
    assert await probed(name, **{name: value}) == ({name: answer}, [])


@pytest.mark.parametrize(("name", "value"), [
    ("text", object()), ("number", 2**31), ("number", 1.5), ("number", "x"), ("flag", "yes"), ("ratio", float("inf")),
    ("color", "BLUE"), ("color", []), ("odd", "refused"), ("odd", "nothing"),
])  # fmt: skip  # a table
async def test_a_leaf_that_its_type_cannot_write_is_null_with_an_error(name: str, value: Any) -> None:
    data, found = await probed(f"{name} __typename", **{name: value})
    assert data == {name: None, "__typename": "Probe"}
    assert [path for path, _ in found] == [["probe", name]]


async def test_a_value_without_the_attribute_is_an_error_of_that_field_alone() -> None:
    data, found = await probed("number text", text="here")
    assert data == {"number": None, "text": "here"}
    assert len(found) == 1


async def test_a_function_that_raises_instead_of_giving_an_object_is_an_error_of_its_field() -> None:
    data, found = await probed("workedChild { text } workedOutMust", raises=ValueError("no"), child=None)
    assert data is None
    assert (["probe", "workedChild"], "no") in found


async def test_a_page_with_wrong_arguments_is_refused_with_its_count() -> None:
    data, errors = await by_both(market(), "{ item { id under(first: -1) { nodes { id } totalCount } } }")
    assert data["item"] == {"id": "itm_1", "under": None}
    assert [error["path"] for error in errors] == [["item", "under"]]


# Rows and sources


async def test_rows_lead_to_rows_and_lists_and_pages_of_rows() -> None:
    data, errors = await by_both(
        market(),
        """{ item(id: 1) {
        id shout pal { id boss { name } } staff { id } staffOrNone { id }
        under(first: 1) { nodes { id } edges { cursor node { name } __typename } totalCount totalCountIsExact
                          pageInfo { hasNextPage hasPreviousPage startCursor endCursor __typename } __typename } } }""",
    )
    assert not errors
    assert data["item"]["pal"] == {"id": "itm_2", "boss": {"name": "one"}}
    assert data["item"]["staff"] == data["item"]["staffOrNone"] == [{"id": "itm_2"}, {"id": "itm_3"}]
    assert data["item"]["under"]["nodes"] == [{"id": "itm_2"}]
    assert data["item"]["under"]["pageInfo"]["hasNextPage"]


async def test_a_list_that_two_rows_share_stands_below_both() -> None:
    query = '{ things(ids: ["itm_1", "itm_1"]) { ... on Item { staff { id } } } }'
    data, _ = await by_both(market(), query)
    assert data["things"] == [{"staff": [{"id": "itm_2"}, {"id": "itm_3"}]}] * 2


async def test_a_page_that_two_rows_share_stands_below_both() -> None:
    query = '{ things(ids: ["itm_1", "itm_1"]) { ... on Item { under { nodes { id } edges { cursor } totalCount } } } }'
    data, errors = await by_both(market(), query)
    assert data["things"][0] == data["things"][1]
    assert not errors
    data, errors = await by_both(market(**{"pages.count": {1: ValueError("no number")}}), query)
    assert data["things"] == [{"under": None}, {"under": None}]
    assert len(errors) == 2


async def test_a_list_without_a_parent_has_pages_too() -> None:
    data, _ = await by_both(market(), "{ all(first: 2) { nodes { id } totalCount pageInfo { hasNextPage } } }")
    assert data["all"] == {
        "nodes": [{"id": "itm_1"}, {"id": "itm_2"}],
        "totalCount": 3,
        "pageInfo": {"hasNextPage": True},
    }


async def test_an_empty_page_has_no_cursors() -> None:
    data, _ = await by_both(
        market(), "{ item(id: 2) { under { edges { cursor } pageInfo { startCursor endCursor } } } }"
    )
    assert data["item"]["under"] == {"edges": [], "pageInfo": {"startCursor": None, "endCursor": None}}


async def test_a_source_that_fails_is_the_error_of_every_field_that_waits_for_it() -> None:
    query = '{ things(ids: ["itm_1", "itm_2", "itm_3"]) { ... on Item { name boss { name } } } }'
    data, errors = await by_both(market(boss={None: ValueError("down")}), query)
    assert data["things"] == [
        {"name": "one", "boss": None},
        {"name": "two", "boss": None},
        {"name": None, "boss": None},
    ]
    assert sorted(told(errors)) == [(["things", 1, "boss"], "down"), (["things", 2, "boss"], "down")]


@pytest.mark.parametrize(("source", "field"), [
    ("staff", "staffOrNone { id }"), ("worth", "worth"), ("worth", "report { text }"),
    ("pages", "under { nodes { id } }"),
    ("pages.count", "under { totalCount }"), ("pages.count", "under { totalCount totalCountIsExact nodes { id } }"),
])  # fmt: skip  # a table
async def test_a_failure_for_one_key_is_no_failure_for_the_others(source: str, field: str) -> None:
    query = f'{{ things(ids: ["itm_1", "itm_2"]) {{ id ... on Item {{ {field} }} }} }}'
    data, errors = await by_both(market(**{source: {2: ValueError("not this one")}}), query)
    first, second = data["things"]
    assert list(second.values()) == ["itm_2", None]
    assert first[field.split()[0]] is not None
    assert {tuple(error["path"][:3]) for error in errors} == {("things", 1, field.split()[0])}


async def test_all_that_stands_below_a_row_that_must_be_there_goes_with_it() -> None:
    data, errors = await by_both(market(), '{ things(ids: ["itm_3", "itm_1"]) { id ... on Item { pal { id } } } }')
    assert data["things"] == [None, {"id": "itm_1", "pal": {"id": "itm_2"}}]
    assert told(errors) == [(["things", 0, "pal"], no_null("Item.pal"))]


async def test_an_error_in_a_row_that_stands_in_several_places_is_told_at_each() -> None:
    data, errors = await by_both(
        market(), '{ things(ids: ["itm_2", "itm_3"]) { ... on Item { boss { staff { rank } } } } }'
    )
    assert [each["boss"] for each in data["things"]] == [None, None]
    assert {tuple(error["path"][:2]) for error in errors} == {("things", 0), ("things", 1)}


async def test_a_row_that_is_wrong_takes_its_page_away_as_far_as_nulls_go() -> None:
    data, errors = await by_both(
        market(), "{ item(id: 1) { under { nodes { rank } edges { node { id rank } cursor } } } }"
    )
    assert data == {"item": {"under": None}}
    assert ["item", "under", "nodes", 1, "rank"] in [error["path"] for error in errors]


async def test_what_a_caller_may_not_have_is_null_and_the_rest_is_there() -> None:
    world = World(probe=Value(text="a", child=Value(text="b")))
    data, errors = await by_both(world, "{ probe { text secret secretChild { text } } }", privileges=frozenset())
    assert data["probe"] == {"text": "a", "secret": None, "secretChild": None}
    assert {tuple(error["path"]) for error in errors} == {("probe", "secret"), ("probe", "secretChild")}
    data, _ = await by_both(market(), "{ item { under { nodes { id } } staffOrNone { id } } }", privileges=frozenset())
    assert data["item"] == {"under": None, "staffOrNone": None}


# Interfaces and unions


async def test_an_object_of_an_interface_answers_for_its_own_type() -> None:
    query = """query($ids: [ID!]!) { things(ids: $ids) { __typename id ...I ... on Other { label } } }
               fragment I on Item { name worth }"""
    data, errors = await by_both(market(), query, {"ids": ["itm_1", "oth_1", "itm_8", "nothing", "itm_1"]})
    item = {"__typename": "Item", "id": "itm_1", "name": "one", "worth": 10}
    assert data["things"] == [item, {"__typename": "Other", "id": "oth_1", "label": "other"}, None, None, item]
    assert not errors


async def test_an_exception_in_the_place_of_a_reference_is_the_error_of_that_item() -> None:
    data, errors = await by_both(market(), '{ things(ids: ["bad", "itm_1"]) { id } }')
    assert data["things"] == [None, {"id": "itm_1"}]
    assert [error["path"] for error in errors] == [["things", 0]]


async def test_a_missing_object_takes_a_list_away_that_can_miss_none() -> None:
    data, errors = await by_both(market(), '{ thingsOf(ids: ["itm_1", "itm_8"]) { id } }')
    assert data is None
    assert told(errors) == [(["thingsOf", 1], no_null("Query.thingsOf"))]


async def test_a_fragment_on_an_interface_applies_to_the_members_of_a_union_that_have_it() -> None:
    data, _ = await by_both(market(), '{ either(id: "oth_1") { ... on Thing { id } ... on Item { name } __typename } }')
    assert data["either"] == {"id": "oth_1", "__typename": "Other"}


@pytest.mark.parametrize("query", ['{ either(id: "bad") { __typename } }', "{ item(id: 0) { id } }"])
async def test_a_lookup_that_fails_is_null_with_its_error(query: str) -> None:
    data, errors = await by_both(market(items={None: ValueError("down")}), query)
    assert list(data.values()) == [None]
    assert len(errors) == 1


async def test_a_source_that_fails_for_a_looked_up_key_fails_the_lookup() -> None:
    data, errors = await by_both(market(items={1: ValueError("down")}), "{ item { id } b: item(id: 2) { id } }")
    assert data == {"item": None, "b": {"id": "itm_2"}}
    assert told(errors) == [(["item"], "down")]


# Directives, variables, arguments

_DIRECTED = "query($yes: Boolean!, $no: Boolean = false) { probe { %s } }"


@pytest.mark.parametrize(("selection", "keys"), [
    ("text @include(if: $yes) number @skip(if: $yes)", ["text"]),
    ("text @include(if: $no) number @skip(if: $no)", ["number"]),
    ("text @include(if: true) @skip(if: true) number", ["number"]),
    ("...P @include(if: $no) number", ["number"]),
    ("...P @include(if: $no) ...P number", ["text", "number"]),
    ("... @skip(if: $yes) { text } number", ["number"]),
    ("... on Probe @include(if: $yes) { text } number", ["text", "number"]),
    ("text @skip(if: $yes) text number", ["text", "number"]),
])  # fmt: skip  # a table
async def test_a_directive_decides_whether_a_field_is_there(selection: str, keys: list[str]) -> None:
    fragment = " fragment P on Probe { text }" if "...P" in selection else ""
    query = _DIRECTED % selection + fragment
    taken = [each for each in ("$yes: Boolean!", "$no: Boolean = false") if each.split(":")[0] in selection]
    query = query.replace("($yes: Boolean!, $no: Boolean = false)", f"({', '.join(taken)})" if taken else "")
    data, _ = await by_both(World(probe=Value(text="a", number=1)), query, {"yes": True} if "$yes" in query else {})
    assert list(data["probe"]) == keys


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


# Fields


async def test_fields_answer_in_the_order_in_which_they_are_first_asked_for() -> None:
    query = (
        "{ item { b: name ...R id b: name pal { id } pal { name } } } fragment R on Item { rank id ... { z: shout } }"
    )
    data, _ = await by_both(market(), query)
    assert list(data["item"]) == ["b", "rank", "id", "z", "pal"]
    assert list(data["item"]["pal"]) == ["id", "name"]


async def test_one_field_with_different_arguments_answers_under_its_aliases() -> None:
    data, _ = await by_both(
        market(), "{ item { a: worth b: worth(scale: 2) c: under { totalCount } d: under(first: 0) { nodes { id } } } }"
    )
    assert data["item"] == {"a": 10, "b": 20, "c": {"totalCount": 2}, "d": {"nodes": []}}
