"""What executing means, place by place: each answer is written down here, and plans and graphql-core both give it.

What graphql-core's own tests of execution hold is restated in `test_execution_lists.py`, `..._nonnull.py`,
`..._abstract.py`, `..._directives.py`, `..._variables.py` and `..._errors.py`. Here are leaves, rows, sources, fields.
"""

from types import SimpleNamespace as Value
from typing import Any

import pytest

from resolvers.privileges import Privilege
from tests.toy_schema import Color, by_both, probed
from tests.toy_sources import World, market, no_null, told

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


@pytest.mark.parametrize("privileges", [frozenset(Privilege), frozenset[Privilege]()])
@pytest.mark.parametrize("arguments", ["", "(first: -1)", "(first: 1)"])
@pytest.mark.parametrize("asked", [
    "nodes @skip(if: true) { id }", "nodes { id } b: nodes { name }", "a: __typename nodes { id }",
])  # fmt: skip  # a table
async def test_a_page_of_which_nothing_is_asked_for_or_the_rows_twice_is_refused_as_any_other(
    privileges: frozenset[Privilege], arguments: str, asked: str
) -> None:
    query = f'{{ things(ids: ["itm_1", "itm_2"]) {{ id ... on Item {{ under{arguments} {{ {asked} }} }} }} }}'
    refused = arguments == "(first: -1)" or not privileges
    data, errors = await by_both(market(), query, privileges=privileges)
    assert [each["under"] is None for each in data["things"]] == [refused, refused]
    assert len(errors) == 2 * refused
    data, _ = await by_both(market(pages={2: ValueError("not this one")}), query, privileges=privileges)
    assert [each["under"] is None for each in data["things"]] == [refused, True]


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
