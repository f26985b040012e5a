"""What callers are told of the schema: what they can use, off the event loop, once for all who ask the same."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from graphql import build_client_schema, get_introspection_query, print_schema

import edge.exposure.introspection as kept
from edge.exposure.introspection import Introspection
from edge.exposure.settings import ExposureSettings
from resolvers.privileges import Privilege
from schema import schema
from schema.introspection import tell
from schema.visibility import visible
from tests.databases import Databases
from tests.hierarchy import World
from tests.transports import Gateway, code, gateway

GRAPH = schema._schema
EVERYTHING = frozenset(Privilege)
WHOLE = get_introspection_query()
NAMES = "{ __schema { types { name } } }"


@pytest.fixture(scope="module")
async def served(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    async with gateway(sqlite_databases, world, tmp_path_factory.mktemp("introspection")) as made:
        yield made


@pytest.fixture
def fresh(served: Gateway, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """A gateway that has told nobody anything yet."""
    monkeypatch.setattr(served.served.service, "introspection", Introspection(is_on=True))
    return served


async def data(served: Gateway, query: str, **variables: Any) -> Any:
    """What is answered, without errors."""
    answer = (await served.ask(query, variables=variables)).json()
    assert "errors" not in answer, answer
    return answer["data"]


# What can be used


def test_whoever_may_do_everything_sees_everything() -> None:
    seen = visible(GRAPH, EVERYTHING)
    assert seen.types == set(GRAPH.type_map)


@pytest.mark.parametrize("privilege", sorted(Privilege))
def test_a_privilege_that_is_not_held_hides_what_takes_it_and_nothing_that_does_not(privilege: Privilege) -> None:
    seen, whole = visible(GRAPH, EVERYTHING - {privilege}), visible(GRAPH, EVERYTHING)
    hidden = whole.fields - seen.fields
    for owner, name in hidden:
        field = GRAPH.type_map[owner].fields[name]  # type: ignore[attr-defined]  # it has fields
        takes_it = f"`{privilege.value}`" in (field.description or "")
        assert takes_it or owner not in seen.types, f"{owner}.{name}"
    for owner, name in seen.fields:
        field = GRAPH.type_map[owner].fields[name]  # type: ignore[attr-defined]  # as above
        assert f"Takes the privilege `{privilege.value}`." not in (field.description or ""), f"{owner}.{name}"


def test_without_any_privilege_the_way_to_oneself_is_left() -> None:
    seen = visible(GRAPH, frozenset())
    assert {("Query", "viewer"), ("Query", "node"), ("Viewer", "user")} <= seen.fields
    assert ("Query", "accounts") not in seen.fields
    assert {"Viewer", "User", "String", "__Schema"} <= seen.types
    assert not {"AccountConnection", "Invoice", "Price"} & seen.types


# Answers


async def test_the_standard_question_is_answered_with_a_schema_that_tools_can_use(served: Gateway) -> None:
    told = print_schema(build_client_schema(await data(served, WHOLE)))
    assert "type Query {" in told
    assert "type Account implements Node {" in told


async def test_a_caller_is_told_of_what_it_can_use(fresh: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = await data(fresh, WHOLE)
    service = fresh.served.service
    behind = service.callers.behind

    async def limited(*arguments: Any, **named: Any) -> Any:
        caller = await behind(*arguments, **named)
        return replace(caller, privileges=frozenset({Privilege.SUBSCRIPTIONS_VIEW}))

    monkeypatch.setattr(service.callers, "behind", limited)
    some = await data(fresh, WHOLE)
    names = {each["name"] for each in some["__schema"]["types"]}
    (root,) = [each for each in some["__schema"]["types"] if each["name"] == "Query"]
    fields = {each["name"] for each in root["fields"]}

    assert {"viewer", "subscriptions", "node"} <= fields
    assert not {"accounts", "users", "orders", "prices"} & fields
    assert "Subscription" in names
    assert not {"Price", "Invoice", "OrderConnection"} & names
    assert len(names) < len(whole["__schema"]["types"]) / 2
    assert build_client_schema(some)  # whole in itself: nothing leads to what is hidden
    assert await data(fresh, '{ __type(name: "Price") { name } }') == {"__type": None}
    assert await data(fresh, '{ __type(name: "User") { name } }') == {"__type": {"name": "User"}}
    assert (await data(fresh, "{ __schema { mutationType { name } } }"))["__schema"]["mutationType"] is None


async def test_what_else_is_asked_for_is_answered_beside_it_in_the_order_that_was_asked_for(served: Gateway) -> None:
    query = """
        query Q($name: String!, $no: Boolean = false) {
            viewer { ...V } ... { first: __type(name: $name) { name } } b: viewer { reach } __typename
            __schema @include(if: $no) { types { name } } ...R
        }
        fragment V on Viewer { reach }
        fragment R on Query { second: __type(name: "Money") { ...T } }
        fragment T on __Type { kind }
    """
    found = await data(served, query, name="Account")

    assert list(found) == ["viewer", "first", "b", "__typename", "second"]
    assert found["first"] == {"name": "Account"}
    assert found["second"] == {"kind": "OBJECT"}
    assert found["viewer"] == found["b"]


async def test_what_goes_wrong_beside_it_is_told_with_it(served: Gateway) -> None:
    query = (
        '{ __type(name: "Money") { name } node(id: "acc_1") { ... on Account { children(first: -1) { totalCount } } } }'
    )
    answer = (await served.ask(query)).json()
    assert answer["data"]["__type"] == {"name": "Money"}


async def test_a_wrong_variable_is_told_as_for_any_operation(served: Gateway) -> None:
    answer = await served.ask("query($name: String!) { __type(name: $name) { name } }", variables={"name": 1})
    assert code(answer) == "BAD_USER_INPUT"


@pytest.mark.parametrize("query", [
    "mutation { accountUpdate(input: {account: \"acc_1\", expectedVersion: 1, idempotencyKey: \"12345678\"})"
    " { query { __schema { types { name } } } } }",
])  # fmt: skip  # a table
async def test_beside_a_change_nothing_is_told_of_the_schema(served: Gateway, query: str) -> None:
    answer = await served.ask(query)
    assert code(answer) == "GRAPHQL_VALIDATION_FAILED"
    assert "query, at its root" in answer.json()["errors"][0]["message"]


async def test_where_introspection_is_off_nobody_is_told_but_of_type_names(
    sqlite_databases: Databases, world: World, tmp_path: Path
) -> None:
    async with gateway(sqlite_databases, world, tmp_path, exposure=ExposureSettings(introspection=False)) as served:
        for query in (WHOLE, "{ viewer { reach } ...F } fragment F on Query { __schema { types { name } } }"):
            assert code(await served.ask(query)) == "GRAPHQL_VALIDATION_FAILED"
        assert await data(served, "{ __typename }") == {"__typename": "Query"}


async def test_a_stranger_is_told_nothing(served: Gateway) -> None:
    answer = await served.http.post("/graphql", json={"query": WHOLE}, headers={"authorization": ""})
    assert answer.status_code == 401
    assert answer.json().keys() == {"errors"}


# How it is made


async def test_it_is_made_in_a_thread_once_for_all_who_ask_the_same(
    fresh: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    by: list[int] = []

    def noted(*arguments: Any) -> Any:
        by.append(threading.get_ident())
        return tell(*arguments)

    monkeypatch.setattr(kept, "tell", noted)
    first, *others = await asyncio.gather(*(data(fresh, NAMES) for _ in range(5)))

    assert all(each == first for each in others)
    assert len(by) == 1
    assert by[0] != threading.get_ident()
    await data(fresh, '{ __type(name: "User") { name } }')
    query = "query($name: String!) { __type(name: $name) { name } }"
    for name in ("User", "Account", "User"):
        assert (await data(fresh, query, name=name))["__type"]["name"] == name
    assert len(by) == 4


async def test_few_answers_are_kept_those_that_were_not_asked_for_longest_are_forgotten(
    fresh: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "_KEPT", 2)
    for name in ("A", "B", "A", "C"):
        await data(fresh, f'{{ __type(name: "{name}") {{ name }} }}')
    introspection = fresh.served.service.introspection
    assert len(introspection._kept) == 2


async def test_a_question_about_the_schema_takes_no_reader_of_the_database(
    fresh: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh.served.service.store, "reader", None)  # would fail if it were called
    assert (await data(fresh, NAMES))["__schema"]["types"]


# Suggestions


async def test_what_else_could_have_been_meant_is_kept_back_but_for_the_demo(
    sqlite_databases: Databases, world: World, tmp_path: Path
) -> None:
    async with gateway(sqlite_databases, world, tmp_path) as served:
        for at, query in enumerate(("{ viewr { reach } }", "{ viewer { reech } }")):
            (error,) = (await served.ask(query)).json()["errors"]
            assert "Did you mean" not in error["message"], at
    (tmp_path / "demo").mkdir()
    async with gateway(sqlite_databases, world, tmp_path / "demo", demo=True) as served:
        (error,) = (await served.ask("{ viewwr { reach } }")).json()["errors"]
        assert "Did you mean 'viewer'?" in error["message"]
