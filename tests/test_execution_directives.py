"""`@skip` and `@include`, as graphql-core's `test_directives.py` has them.

Beyond it: both decided by variables, so that one document has several plans. Not restated: `@defer`, `@stream` and
`@experimental_disableErrorPropagation`, which no schema here has.
"""

from dataclasses import replace
from types import SimpleNamespace as Value
from typing import Any

import pytest

from tests.toy_schema import by_both
from tests.toy_sources import market

WORLD = replace(market(), probe=Value(text="a", number=1, child=Value(text="b", number=2)))
_DECIDED = [
    ("@include(if: {true})", True), ("@include(if: {false})", False), ("@skip(if: {false})", True),
    ("@skip(if: {true})", False), ("@include(if: {true}) @skip(if: {false})", True),
    ("@include(if: {true}) @skip(if: {true})", False), ("@include(if: {false}) @skip(if: {false})", False),
    ("@skip(if: {true}) @include(if: {false})", False), ("", True),
]  # fmt: skip  # a table
_PLACES = {
    "a leaf": "{ probe { text number %s } }",
    "a leaf with an alias": "{ probe { text b: number %s } }",
    "a spread": "{ probe { text ...F %s } } fragment F on Probe { number }",
    "an inline fragment": "{ probe { text ... on Probe %s { number } } }",
    "an inline fragment without a type": "{ probe { text ... %s { number } } }",
    "an object": "{ probe { text child %s { number } } }",
    "a field in a fragment": "{ probe { text ...F } } fragment F on Probe { number %s }",
    "a field in an object": "{ probe { text child { text number %s } } }",
    "a row": '{ things(ids: ["itm_2"]) { id ... on Item { boss %s { id } } } }',
    "a root field": "{ probe { text } b: probe %s { number } }",
}


@pytest.mark.parametrize("place", _PLACES)
@pytest.mark.parametrize(("directives", "is_there"), _DECIDED)
async def test_a_directive_decides_whether_a_selection_is_there(place: str, directives: str, is_there: bool) -> None:
    literal = _PLACES[place] % directives.format(true="true", false="false")
    without = await by_both(WORLD, (_PLACES[place] % "@skip(if: true)"))
    whole = await by_both(WORLD, (_PLACES[place] % ""))
    assert whole != without
    assert await by_both(WORLD, literal) == (whole if is_there else without)
    if directives:
        written = directives.format(true="$yes", false="$no")
        used = [name for name in ("yes", "no") if f"${name}" in written]
        taken = ", ".join(f"${name}: Boolean!" for name in used)
        query = f"query({taken}) {_PLACES[place] % written}"
        values = {"yes": True, "no": False}
        assert await by_both(WORLD, query, {name: values[name] for name in used}) == (whole if is_there else without)


@pytest.mark.parametrize(("selection", "keys"), [
    ("...P @include(if: $no) ...P number", ["text", "number"]),
    ("...P @skip(if: $yes) number ...P", ["number", "text"]),
    ("text @skip(if: $yes) text number", ["text", "number"]),
    ("text @skip(if: $yes) number text", ["number", "text"]),
    ("... @include(if: $yes) { text @skip(if: $yes) number } text @include(if: $no)", ["number"]),
])  # fmt: skip  # a table
async def test_what_is_left_out_at_one_place_is_there_if_another_asks_for_it(selection: str, keys: list[str]) -> None:
    used = [name for name in ("yes", "no") if f"${name}" in selection]
    taken = ", ".join(f"${name}: Boolean" + {"yes": "!", "no": " = false"}[name] for name in used)
    query = f"query({taken}) {{ probe {{ {selection} }} }}"
    query += " fragment P on Probe { text }" if "...P" in selection else ""
    data, _ = await by_both(WORLD, query, {"yes": True} if "yes" in used else {})
    assert list(data["probe"]) == keys


async def test_an_object_of_which_everything_is_left_out_is_empty() -> None:
    query = "query($no: Boolean!) { probe { text @include(if: $no) child { ...F @include(if: $no) } } }"
    answer = await by_both(WORLD, f"{query} fragment F on Probe {{ text }}", {"no": False})
    assert answer == ({"probe": {"child": {}}}, [])
    everything: Any = await by_both(WORLD, "{ probe @skip(if: true) { text } }")
    assert everything == ({}, [])


async def test_one_document_answers_differently_as_its_variables_say() -> None:
    query = "query($a: Boolean!, $b: Boolean = true) { probe { text @include(if: $a) number @skip(if: $b) } }"
    keys = {}
    for a in (True, False):
        for b in (True, False, None):
            data, _ = await by_both(WORLD, query, {"a": a} if b is None else {"a": a, "b": b})
            keys[a, b] = list(data["probe"])
    assert keys == {
        (True, True): ["text"], (True, False): ["text", "number"], (True, None): ["text"],
        (False, True): [], (False, False): ["number"], (False, None): [],
    }  # fmt: skip  # a table
