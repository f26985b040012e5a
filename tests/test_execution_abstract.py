"""Interfaces and unions, as graphql-core's `test_abstract.py` and `test_union_interface.py` have them.

Not restated: ways to find out the type of a value (`is_type_of`, `resolve_type`, its `__typename`) and how they fail.
A plan knows the type from the reference that a lookup gives; of other fields of an interface or a union it says that it
doesn't cover them (`tests/test_execution_plans.py`). Introspection is graphql-core's.
"""

from typing import Any

import pytest

from tests.toy_schema import by_both
from tests.toy_sources import market, no_null, told

ITEM: dict[str, Any] = {"__typename": "Item", "id": "itm_1", "name": "one"}
OTHER: dict[str, Any] = {"__typename": "Other", "id": "oth_1", "label": "other"}


@pytest.mark.parametrize("body", [
    "__typename ... on Item { id name } ... on Other { id label }",
    "__typename id ... on Item { name } ... on Other { label }",
    "__typename ...Common ...ItemName ...OtherLabel",
    "...Common ... { ...ItemName ... on Other { ... on Thing { ... on Other { label } } } }",
    "... on Thing { ... on Thing { __typename id } } ...ItemName ...OtherLabel ...Common",
])  # fmt: skip  # a table
async def test_a_list_of_an_interface_answers_by_the_type_of_each(body: str) -> None:
    fragments = {
        "Common": "fragment Common on Thing { __typename id }",
        "ItemName": "fragment ItemName on Item { name }",
        "OtherLabel": "fragment OtherLabel on Other { label }",
    }
    used = " ".join(text for name, text in fragments.items() if f"...{name}" in body)
    data, errors = await by_both(market(), f'{{ things(ids: ["itm_1", "oth_1"]) {{ {body} }} }} {used}')
    assert data == {"things": [ITEM, OTHER]}
    assert not errors


@pytest.mark.parametrize(("reference", "answer"), [("itm_1", ITEM), ("oth_1", OTHER)])
@pytest.mark.parametrize("body", [
    "__typename ... on Item { id name } ... on Other { id label }",
    "...Whole",
    "... on Thing { __typename id } ...Whole",
    "__typename ... on Thing { id ... on Item { name } } ... on Other { label }",
])  # fmt: skip  # a table
async def test_a_union_answers_by_the_type_of_its_member(reference: str, answer: Any, body: str) -> None:
    whole = " fragment Whole on Either { __typename ... on Item { id name } ... on Other { id label } }"
    query = f'{{ either(id: "{reference}") {{ {body} }} }}' + (whole if "...Whole" in body else "")
    assert await by_both(market(), query) == ({"either": answer}, [])


async def test_fields_of_one_name_answer_as_the_type_of_the_object_says() -> None:
    query = '{ things(ids: ["itm_1", "oth_1"]) { ... on Item { text: name } ... on Other { text: label } } }'
    assert await by_both(market(), query) == ({"things": [{"text": "one"}, {"text": "other"}]}, [])


async def test_what_no_fragment_applies_to_is_an_empty_object() -> None:
    query = '{ things(ids: ["itm_1", "oth_1"]) { ... on Other { label } } either(id: "itm_1") { ... on Other { id } } }'
    assert await by_both(market(), query) == ({"things": [{}, {"label": "other"}], "either": {}}, [])


async def test_what_two_fragments_select_of_an_object_is_merged() -> None:
    query = """{ things(ids: ["itm_2"]) { ... on Thing { ...Boss } ... on Item { boss { id name } pal { id } } } }
               fragment Boss on Item { boss { rank id boss { id } } pal { name } }"""
    data, errors = await by_both(market(), query)
    assert data["things"] == [
        {"boss": {"rank": 1, "id": "itm_1", "boss": None, "name": "one"}, "pal": {"name": "one", "id": "itm_1"}}
    ]
    assert list(data["things"][0]["boss"]) == ["rank", "id", "boss", "name"]
    assert not errors


async def test_an_error_in_an_object_of_an_interface_has_its_whole_path() -> None:
    query = (
        '{ a: things(ids: ["oth_1", "itm_3"]) { ... on Item { b: boss { c: pal { d: boss { rank } } } e: shout } } }'
    )
    data, errors = await by_both(market(), query)
    assert data == {"a": [{}, None]}
    assert [path for path, _ in told(errors)] == [["a", 1, "e"]]


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
