"""Documents that nobody wrote: a plan answers each as graphql-core does, for whoever asks, on each engine."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import GraphQLError, GraphQLField, parse, validate
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from models.store import Store
from resolvers.caller import Caller
from resolvers.privileges import Privilege
from schema import executor
from schema.execution.documents import MAX_ERRORS
from schema.execution.plan import NotCoveredError
from tests import toy_schema
from tests.asking import ask, ask_graphql_core
from tests.differences import difference
from tests.documents import GRAPH, Values, is_connection, variants
from tests.random_documents import documents, tampered
from tests.toy_sources import World, market

LOGINS = [
    "admin@provider.example",
    "admin@reseller.example",
    "admin@subreseller.example",
    "admin@customer.example",
    "limited@customer.example",
    "user@customer.example",
]
VALUES = Values(
    ids=lambda noun: [f"{noun}_{row_id}" for row_id in (1, 2, 3, 40)],
    texts=lambda name: ["a", "soft"] if name in {"name", "text"} else ["x", "ACTIVE"],
)
_PAGES = ["", "first: 2", "first: $two", "last: 3", "first: 0", "first: -1", "first: 1, last: 1", "after: $none",
          'first: 2, after: "no cursor"', "first: 3, filter: null", "first: 3, filter: {}"]  # fmt: skip  # a list
_IDS = ["acc_1", "acc_2", "acc_7", "acc_300", "usr_1", "usr_9", "sub_1", "sub_40", "ord_2", "prd_1", "acc_99999", "x"]


def _arguments(_owner: str, name: str, of: GraphQLField) -> Sequence[str]:
    """What the marketplace's fields can be given."""
    if is_connection(of):
        named = (each.replace("$after", "$none").replace("$before", "$none") for each in variants(of, VALUES))
        return [*_PAGES, *named]
    if name == "nodes" and of.args:
        return [f'ids: ["{first}", "{second}"]' for first in _IDS for second in _IDS[:4]]
    if name in {"node", "account"} and "id" in of.args:
        return [f'id: "{each}"' for each in _IDS]
    return [""] if not of.args else ["", *(f"{each}: $two" for each in of.args if str(of.args[each].type) == "Int")]


QUIET = settings(suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])
"""Nothing is made smaller, for that takes minutes: a failure tells its document. A store is shared by all documents."""


async def compare(store: Store, caller: Caller, document: tuple[str, dict[str, Any]]) -> None:
    """Ask both executors."""
    assert not executor.document(document[0]).errors, "what is made up is valid"
    plan, core = await ask(store, caller, *document), await ask_graphql_core(store, caller, *document)
    found = difference((plan.data, plan.errors), (core.data, core.errors))
    assert not found, f"{document}\n{found}"


@settings(QUIET, max_examples=150)
@given(document=documents(GRAPH, _arguments), login=st.sampled_from(LOGINS))
async def test_a_document_made_up_at_random_is_answered_alike_by_both_executors(
    seeded_store: Store,
    caller: Callable[[str], Awaitable[Caller]],
    document: tuple[str, dict[str, Any]],
    login: str,
) -> None:
    await compare(seeded_store, await caller(login), document)


@pytest.mark.deep
@settings(QUIET, max_examples=3000)
@given(document=documents(GRAPH, _arguments, budget=120), login=st.sampled_from(LOGINS))
async def test_thousands_of_documents_are_answered_alike(
    seeded_store: Store,
    caller: Callable[[str], Awaitable[Caller]],
    document: tuple[str, dict[str, Any]],
    login: str,
) -> None:
    await compare(seeded_store, await caller(login), document)


# The toy schema, where everything can go wrong

_LEAVES: dict[str, list[Any]] = {
    "text": ["a", "", None, 1, True, 1.5, object, KeyError("text")],
    "number": [0, -7, None, 2**31, True, "9", 1.5, "x", ValueError("number")],
    "flag": [True, False, None, 1, 0, 2, "yes"],
    "ratio": [0.5, 3, None, float("nan"), "1e3", "x"],
    "ident": ["i", 4, None, 1.5],
    "color": [toy_schema.Color.RED, "g", None, "BLUE", []],
    "odd": ["odd", "nothing", "refused", None],
    "raises": ["fine", None, ValueError("raised")],
}


def _leaf(name: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(_LEAVES[name])


def _list(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A list, often; a tuple, nothing, or something that is no list."""
    lists = st.lists(items, max_size=3)
    return st.one_of(lists, lists, lists.map(tuple), st.sampled_from([None, "text", 5, KeyError("list")]))


def _probe(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    child = st.one_of(children, children, st.sampled_from([None, ValueError("child")]))
    fields = {name: _leaf(name) for name in _LEAVES}
    fields |= {f"{name}_must": _leaf(name) for name in ("text", "number", "flag", "color", "odd")}
    fields |= {name: _list(_leaf("number")) for name in ("numbers", "numbers_must", "numbers_of", "numbers_must_of")}
    fields |= {name: _list(_list(_leaf("number"))) for name in ("matrix", "matrix_must")}
    fields |= dict.fromkeys(("child", "child_must"), child)
    fields |= {name: _list(child) for name in ("children", "children_must", "children_of", "children_must_of")}
    fields |= {name: _list(_list(child)) for name in ("grid", "grid_must")}
    return st.fixed_dictionaries({}, optional=fields).map(lambda given: SimpleNamespace(**given))


PROBES = st.recursive(st.just(SimpleNamespace(text="leaf", text_must="leaf")), _probe, max_leaves=4)
_KEYS = st.sampled_from([None, 1, 2, 3, 9])
ROWS = st.fixed_dictionaries(
    {"name": _leaf("text"), "rank": _leaf("number"), "boss": _KEYS, "pal": _KEYS, "worth": st.sampled_from([None, 3])}
)
_FAILING = st.dictionaries(_KEYS, st.builds(ValueError, st.just("a source fails")), max_size=1)
_SOURCES = ["items", "boss", "pal", "staff", "pages", "pages.count", "worth"]
WORLDS = st.builds(
    World,
    probe=st.one_of(PROBES, st.none()),
    items=st.dictionaries(st.sampled_from([1, 2, 3]), ROWS).map(
        lambda rows: {key: row | {"id": key} for key, row in sorted(rows.items())}
    ),
    others=st.just({1: {"id": 1, "label": "other"}}),
    failing=st.dictionaries(st.sampled_from(_SOURCES), _FAILING, max_size=1),
)  # fmt: skip  # a table
WORLD = replace(market(), probe=SimpleNamespace(text="a", number=1, children=[SimpleNamespace(text="b")]))
_TOY_ARGUMENTS = {
    "thing": ['id: "itm_1"', 'id: "oth_1"', 'id: "itm_9"', 'id: "x"', 'id: "bad"'],
    "either": ['id: "itm_2"', 'id: "oth_1"', "id: 7"],
    "things": ['ids: ["itm_1", "oth_1", "bad", "itm_2", "itm_1", "x"]', "ids: []", 'ids: "itm_3"'],
    "thingsOf": ['ids: ["itm_1", "oth_1"]', 'ids: ["itm_1", "x"]', 'ids: ["bad"]'],
    "item": ["", "id: 2", "id: 0", "id: $two"],
    "under": ["", "first: 1", "first: $two", "first: -1", "last: 1, after: $none", 'filter: {name: $none}'],
    "worth": ["", "scale: 2", "bounds: {low: 2}", "scale: 3, bounds: {high: $two}", "bounds: null",
              "scale: 13", "bounds: {low: 13}"],
    "all": ["", "first: 2"],
}  # fmt: skip  # a table


_GIVEN = {
    "String": ["", "given: null", 'given: "x"'],
    "String!": ['given: "x"', 'given: ""'],
    "Size": ["", "given: NONE", "given: NO", "given: null"],
    "Size!": ["given: CUSTOM"],
    "Parts": ["", 'given: {c: "x", a: $none, b: [$none, "y"]}', 'given: {c: "x", b: "y", d: "serialized"}'],
    "Nest": ["", 'given: {na: {c: "x", d: null}, nb: "y"}'],
    "[String]": ["", "given: null", 'given: ["x", null]', "given: [$none]", 'given: "x"'],
    "[String]!": ['given: ["x", null]', "given: [$none]"],
    "[String!]": ["", "given: null", 'given: ["x"]'],
    "[String!]!": ['given: ["x"]', 'given: "x"', "given: []"],
    "Boolean": ["", "a: $yes", "b: $no, c: $two", "c: 0, a: null"],
}  # fmt: skip  # a table


def _toy_arguments(owner: str, name: str, of: GraphQLField) -> Sequence[str]:
    """What the toy schema's fields can be given."""
    if owner == "Echo" and of.args:
        return _GIVEN[str(next(iter(of.args.values())).type)]
    return _TOY_ARGUMENTS.get(name, [""])


ASKED = given(
    document=documents(toy_schema.schema._schema, _toy_arguments),
    world=WORLDS,
    privileges=st.sampled_from([frozenset(Privilege), frozenset[Privilege](), frozenset({Privilege.ACCOUNTS_VIEW})]),
)


async def ask_toy(document: tuple[str, dict[str, Any]], world: World, privileges: frozenset[Privilege]) -> None:
    """Ask both executors."""
    with suppress(NotCoveredError):  # some fields of the toy schema are there for that
        await toy_schema.by_both(world, *document, privileges=privileges)


@settings(QUIET, max_examples=150)
@ASKED
async def test_whatever_sources_and_functions_do_the_answer_is_graphql_cores(
    document: tuple[str, dict[str, Any]], world: World, privileges: frozenset[Privilege]
) -> None:
    await ask_toy(document, world, privileges)


@pytest.mark.deep
@settings(QUIET, max_examples=3000)
@ASKED
async def test_whatever_they_do_thousands_of_answers_are_graphql_cores(
    document: tuple[str, dict[str, Any]], world: World, privileges: frozenset[Privilege]
) -> None:
    await ask_toy(document, world, privileges)


@settings(QUIET, max_examples=300)
@given(
    document=documents(toy_schema.schema._schema, _toy_arguments, budget=15),
    seed=st.integers(0, 2**32),
)
async def test_a_document_that_was_tampered_with_is_refused_or_answered_as_by_graphql_core(
    document: tuple[str, dict[str, Any]], seed: int
) -> None:
    query = tampered(Random(seed), document[0])
    try:
        errors = validate(toy_schema.schema._schema, parse(query))
    except GraphQLError as error:
        errors = [error]
    found = toy_schema.executor.document(query).errors
    assert bool(found) == bool(errors), query
    if len(errors) <= MAX_ERRORS:
        assert sorted(map(str, found)) == sorted(map(str, errors)), query
    if not errors:
        with suppress(NotCoveredError):
            await toy_schema.by_both(WORLD, query, document[1])
