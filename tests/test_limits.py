"""Limits of what a document may be: counted in linear time, before the work that they save is done."""

import asyncio
import threading
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from graphql import GraphQLError, OperationType, get_introspection_query, parse, validate
from graphql.language import Lexer, Source, TokenKind
from hypothesis import given
from hypothesis import strategies as st

from edge.documents.reading import Reading, points
from edge.exposure.masking import Refusal
from edge.limits.settings import LimitSettings
from edge.preparing import prepared
from schema import executor, schema
from schema.execution import documents
from schema.execution.rules import RULES, rules_for
from schema.limits.bounds import Bounds, exceeded, too_long
from schema.limits.scan import _START, _TOKEN, scan
from schema.limits.shape import MOST, Shape, shapes
from tests.databases import Databases
from tests.hierarchy import World
from tests.test_documents import ALLOWED, FAMILIES, PETS, REFUSED, calls, cases, grown, tokens
from tests.transports import MULTIPART, RESPONSE, gateway

MANY = 10**6
READING = Reading()
SCHEMA = schema._schema

# Scanning

WORDS = [
    "{", "}", "(", ")", "[", "]", "!", "$", "&", ":", "=", "@", "|", "...", "a", "_b1", "query", "0", "-12", "1.5e-3",
    '""', '"a\\"b{"', '"\\u00e9 }"', '""""""', '"""a "" \\""" { b\n"""', '"""\\\\"""', "# { comment\n", "#\r", ",", " ",
    "\n", "\t", "\ufeff", "é", "#\n",
]  # fmt: skip  # a table
LOOSE = st.text(alphabet='"\\#{}[]() \n.-1aé\ufeff', max_size=60)


def lexed(text: str) -> tuple[int, int, bool]:
    """What graphql-core makes of a text: tokens, the deepest bracket, and whether it is made of tokens at all."""
    lexer, count, depth, deepest = Lexer(Source(text)), 0, 0, 0
    try:
        while (kind := lexer.advance().kind) is not TokenKind.EOF:
            count += 1
            depth += (kind.value in "{[(") - (kind.value in "}])")
            deepest = max(depth, deepest)
    except GraphQLError:
        return count, deepest, False
    return count, deepest, True


@given(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join) | LOOSE)
def test_tokens_and_brackets_are_counted_as_the_lexer_finds_them(text: str) -> None:
    count, deepest, is_whole = lexed(text)
    found = scan(text, MANY)

    assert found.tokens >= count
    assert found.deepest >= deepest
    if is_whole:
        assert (found.tokens, found.deepest) == (count, deepest)


@given(LOOSE)
def test_every_character_is_looked_at_once_whatever_stands_there(text: str) -> None:
    start = _START.match(text)
    at = start.end() if start else 0
    for token in _TOKEN.finditer(text, at):
        assert token.start() == at
        at = token.end()
    assert at == len(text)


def test_scanning_stops_one_token_after_the_bound() -> None:
    assert scan("{" * 100_000, 50).tokens == 51
    assert scan("{" * 100_000, 50).deepest == 51


def test_too_many_tokens_and_too_many_brackets_are_refused_with_their_numbers() -> None:
    (error,) = too_long(scan("a " * 2001, 2000), Bounds())
    assert error.extensions == {"code": "LIMIT_EXCEEDED", "limit": "tokens", "value": 2001, "maximum": 2000}
    (error,) = too_long(scan("{a" * 101, 2000), Bounds())
    assert error.extensions == {"code": "LIMIT_EXCEEDED", "limit": "nesting", "value": 101, "maximum": 100}
    assert not too_long(scan("{a" * 100, 2000), Bounds())


# Shapes


def shape(query: str) -> Shape:
    """The shape of a document's one operation."""
    ((_, found),) = shapes(parse(query))
    return found


@pytest.mark.parametrize(("query", "expected"), [
    ("{ a }", Shape(1, 0, 1, 0, 1)),
    ("{ a { b { c } } d }", Shape(3, 0, 2, 0, 4)),
    ("{ x: a y: a }", Shape(1, 2, 2, 0, 2)),
    ("{ ... { a } ...F } fragment F on Query { b: c { d } }", Shape(2, 1, 2, 0, 5)),
    ("{ a { ...F } } fragment F on A { b { ...G } } fragment G on B { c }", Shape(3, 0, 1, 0, 5)),
    ("query @x($v: Int @y) @z { a @skip(if: true) ...F @u } fragment F on Q @w { b }", None),
    ("query($v: Int @y) @z { a @skip(if: true) ...F @u } fragment F on Q @w { b }", Shape(1, 0, 2, 5, 3)),
    ("{ ... @defer { a } }", Shape(1, 0, 1, 1, 2, has_parts=True)),
    ("{ a { ...F } } fragment F on A { b @stream }", Shape(2, 0, 1, 1, 3, has_parts=True)),
    ("{ __typename }", Shape(1, 0, 1, 0, 1)),
    ("{ __type(name: \"A\") { fields { name } } a { b } }", Shape(2, 0, 2, 0, 5, has_introspection=True)),
    ("{ ...F } fragment F on Query { __schema { ...G } } fragment G on __Schema { types { name } }",
     Shape(0, 0, 1, 0, 5, has_introspection=True)),
    ("{ a { ...F } } fragment F on A { b ...F }", Shape(2, 0, 1, 0, 4)),
    ("{ a { ...F } } fragment F on A { b ...G } fragment G on A { c ...F }", None),
    ("{ ...Unknown a }", Shape(1, 0, 1, 0, 2)),
])  # fmt: skip  # a table
def test_a_shape_is_what_an_operation_comes_to_with_its_fragments_opened(query: str, expected: Shape | None) -> None:
    if expected is None:
        try:
            assert shape(query).selections < 20  # a ring is cut somewhere
        except GraphQLError:
            return
    else:
        assert shape(query) == expected


def test_the_standard_question_about_the_schema_is_within_all_bounds() -> None:
    query = get_introspection_query()
    found = shape(query)

    assert found.has_introspection
    assert found.depth == 0
    assert not exceeded(found, Bounds(), OperationType.QUERY)
    assert not too_long(scan(query, MANY), Bounds())


def test_counts_stop_where_a_few_fragments_would_ask_for_more_than_there_are_atoms() -> None:
    chain = " ".join(f"fragment F{at} on Q {{ x: a @skip(if: true) ...F{at + 1} ...F{at + 1} }}" for at in range(150))
    found = shape(f"{{ ...F0 }} {chain} fragment F150 on Q {{ a }}")

    assert (found.aliases, found.root_fields, found.directives, found.selections) == (MOST,) * 4
    assert found.depth == 1


def test_every_operation_of_a_document_has_its_shape_two_of_one_name_too() -> None:
    found = shapes(parse("query A { a } query B { a { b } } query A { a b c }"))
    assert [(each.name.value, of.root_fields, of.depth) for each, of in found if each.name] == [
        ("A", 1, 1),
        ("B", 1, 2),
        ("A", 3, 1),
    ]


def opened(selections: Any, fragments: Any, at: int, found: Counter[str]) -> Counter[str]:
    """Counts by opening every fragment wherever it is spread: slow, and plainly right."""
    for each in selections:
        found["selections"] += 1
        found["directives"] += len(each.directives or ())
        if each.kind == "fragment_spread":
            fragment = fragments[each.name.value]
            found["directives"] += len(fragment.directives or ())
            opened(fragment.selection_set.selections, fragments, at, found)
        elif each.kind == "inline_fragment":
            opened(each.selection_set.selections, fragments, at, found)
        else:
            found["aliases"] += each.alias is not None
            found["root_fields"] += at == 0
            found["depth"] = max(found["depth"], at + 1)
            if each.selection_set:
                opened(each.selection_set.selections, fragments, at + 1, found)
    return found


def made_up(random: Random) -> str:
    """A document whose fragments spread those after them."""

    def selection(after: int, depth: int) -> str:
        parts = [one(after, depth) for _ in range(random.randint(1, 3))]
        return f"{{ {' '.join(parts)} }}"

    def one(after: int, depth: int) -> str:
        directive = random.choice(["", "", " @skip(if: true)"])
        if after < 5 and random.random() < 0.4:
            return f"...F{random.randint(after, 4)}{directive}"
        if depth > 2 or random.random() < 0.5:
            return f"{random.choice(['', 'x: '])}a{directive}"
        return f"{random.choice(['...', 'a', 'x: a'])}{directive} {selection(after, depth + 1)}"

    spread = " ".join(f"fragment F{at} on Q {selection(at + 1, 0)}" for at in range(5))
    return f"query {selection(0, 0)} {spread}"


@given(st.integers(0, 2**32))
def test_a_shape_is_what_opening_every_fragment_counts(seed: int) -> None:
    query = made_up(Random(seed))
    document = parse(query)
    fragments = {each.name.value: each for each in document.definitions if each.kind == "fragment_definition"}  # type: ignore[attr-defined]  # fragments have names
    counted = opened(document.definitions[0].selection_set.selections, fragments, 0, Counter())  # type: ignore[attr-defined]  # an operation
    found = shape(query)

    assert all(getattr(found, name) == counted[name] for name in ("depth", "aliases", "root_fields", "directives"))
    assert found.selections == counted["selections"]


@pytest.mark.parametrize("family", FAMILIES)
def test_finding_a_shape_takes_as_long_as_the_document_is(family: str) -> None:
    def work(size: int) -> float:
        query = grown(family, size)
        document = parse(query)
        return calls(lambda: shapes(document)) / tokens(query)

    assert work(120) < 1.25 * work(30) + 1
    assert work(120) < 20


# Bounds


def many(one: str, size: int) -> str:
    """A text so many times, numbered."""
    return " ".join(one.replace("#", str(at)) for at in range(size))


DEEP = "viewer { user { account { parent { parent { parent { parent { parent { parent { parent { parent { id } } } } } } } } } } }"  # noqa: E501  # twelve fields below each other
TOO_MUCH = [
    (f"{{ viewer {{ user {{ account {{ {'parent { ' * 9} id {'} ' * 9} }} }} }} }}", "depth", 13, 12),
    (f"{{ viewer {{ user {{ {many('a#: id', 31)} }} }} }}", "aliases", 31, 30),
    (f"{{ {many('viewer { user { id } }', 21)} }}", "rootFields", 21, 20),
    (f"{{ viewer {{ user {{ id {many('@skip(if: false)', 31)} }} }} }}", "directives", 31, 30),
    ("{ viewer { user { ...F0 } } } "
     + " ".join(f"fragment F{at} on User {{ ...F{at + 1} ...F{at + 1} }}" for at in range(12))
     + " fragment F12 on User { id }", "selections", 12289, 5000),
    ("mutation { " + many("a: __typename", 6) + " }", "mutations", 6, 5),
    ("query A { ...F } fragment F on Query { " + many("__typename", 11) + " } query B { ...F ...F }",
     "rootFields", 22, 20),
]  # fmt: skip  # a table


@pytest.mark.parametrize(("query", "limit", "value", "maximum"), TOO_MUCH, ids=[each[1] for each in TOO_MUCH])
async def test_what_is_too_much_is_refused_before_it_is_validated(
    query: str, limit: str, value: int, maximum: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "validate", None)  # would fail if it were called
    with pytest.raises(Refusal) as refused:
        await Reading().read(query, LimitSettings().bounds())
    found = {error["extensions"]["limit"]: error["extensions"] for error in refused.value.errors}
    assert found[limit] == {"code": "LIMIT_EXCEEDED", "limit": limit, "value": value, "maximum": maximum}
    assert f"{maximum:,}" in refused.value.errors[0]["message"]
    assert executor.known(query) is None


async def test_what_is_just_within_the_bounds_is_read() -> None:
    bounds, reading = LimitSettings().bounds(), Reading()
    await reading.read(f"{{ {DEEP} }}", bounds)
    await reading.read(f"{{ viewer {{ user {{ {many('a#: id', 30)} }} }} }}", bounds)
    await reading.read(f"{{ {many('viewer { user { id } }', 20)} }}", bounds)


async def test_a_registered_document_may_have_more_and_is_then_refused_to_those_who_send_it_themselves() -> None:
    query = f"{{ viewer {{ user {{ {many('x#: id', 31)} }} }} }}"
    settings = LimitSettings()
    document = await Reading().read(query, settings.bounds(is_trusted=True))
    (operation,) = document.operations.values()

    assert (await prepared(READING, document, operation, None, settings.bounds(is_trusted=True))).estimate == 1
    with pytest.raises(Refusal) as refused:
        await prepared(READING, document, operation, None, settings.bounds())
    assert refused.value.errors[0]["extensions"]["limit"] == "aliases"


async def test_a_long_list_in_the_variables_is_refused_however_deep_it_lies() -> None:
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    document = await Reading().read(query, LimitSettings().bounds())
    (operation,) = document.operations.values()
    with pytest.raises(Refusal) as refused:
        await prepared(
            READING,
            document,
            operation,
            {"ids": ["a"], "more": {"in": [[0], list(range(1001))]}},
            LimitSettings().bounds(),
        )
    assert refused.value.errors[0]["extensions"] == {
        "code": "LIMIT_EXCEEDED",
        "limit": "listSize",
        "value": 1001,
        "maximum": 1000,
    }


def test_the_defaults_are_those_that_were_decided() -> None:
    settings = LimitSettings()
    assert settings.bounds() == Bounds(
        tokens=2000, depth=12, aliases=30, root_fields=20, mutation_fields=5, directives=30, selections=5000,
        list_size=1000, cost=1000,
    )  # fmt: skip  # a table
    trusted = settings.bounds(is_trusted=True)
    assert (trusted.tokens, trusted.depth, trusted.selections, trusted.cost) == (15_000, 20, 20_000, 5000)
    assert trusted.mutation_fields == 5
    assert (settings.bounds().objects, trusted.objects) == (25_000, 125_000)
    assert min(trusted.aliases, trusted.root_fields, trusted.directives) > 100_000


# Rules


@pytest.mark.parametrize("query", [*cases(ALLOWED), *cases(REFUSED)])
def test_a_document_without_variables_has_no_error_that_the_rules_about_them_would_find(query: str) -> None:
    document = parse(query)
    assert [e.formatted for e in validate(PETS, document, rules_for(query))] == [
        e.formatted for e in validate(PETS, document, RULES)
    ]


def test_the_rules_about_variables_are_there_where_a_variable_is() -> None:
    assert rules_for("query($a: Int) { a }") == RULES
    assert len(rules_for("{ a }")) == len(RULES) - 5


# Reading

LONG = f"{{ viewer {{ user {{ {many('a#: id', 30)} {many('id', 150)} }} }} }}"


async def test_a_long_document_is_read_in_a_thread_once_for_all_who_ask_and_then_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    by: list[int] = []
    read = executor.read

    def noted(*arguments: Any) -> Any:
        by.append(threading.get_ident())
        return read(*arguments)

    monkeypatch.setattr(executor, "read", noted)
    query, reading, bounds = f"query A {LONG}", Reading(), LimitSettings().bounds()
    first, *others = await asyncio.gather(*(reading.read(query, bounds) for _ in range(5)))

    assert len(by) == 1
    assert by[0] != threading.get_ident()
    assert all(each is first for each in others)
    assert await reading.read(query, bounds) is first
    await reading.read("query A { viewer { user { id } } }", bounds)
    assert by[1:] == [threading.get_ident()]


async def test_who_stops_waiting_leaves_the_document_to_those_who_wait() -> None:
    query, reading, bounds = f"query B {LONG}", Reading(), LimitSettings().bounds()
    leaving, staying = (asyncio.create_task(reading.read(query, bounds)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()

    assert not (await staying).errors
    assert leaving.cancelled() or leaving.cancelling()


async def test_reading_costs_by_the_tokens_what_is_known_costs_nothing_and_what_is_wrong_costs_as_much() -> None:
    charged: list[int] = []

    async def charge(cost: int) -> None:
        charged.append(cost)

    reading, bounds = Reading(), LimitSettings().bounds()
    query = "query C { viewer { user { id } } }"
    for _ in range(2):
        await reading.read(query, bounds, charge)
    for _ in range(2):
        with pytest.raises(Refusal):
            await reading.read("query D { nothing }", bounds, charge)
    assert charged == [3, 2]  # ten tokens and five; the second time each is known
    assert points("x" * 5000, scan("x" * 5000, 10)) == 6


async def test_who_has_no_budget_to_have_a_document_read_is_refused_before_it_is() -> None:
    async def charge(_cost: int) -> None:
        raise Refusal([GraphQLError("no")], 429)

    query = "query E { viewer { user { id } } }"
    with pytest.raises(Refusal):
        await Reading().read(query, LimitSettings().bounds(), charge)
    assert executor.known(query) is None


# Planning


async def test_what_is_large_is_planned_in_a_thread_once(monkeypatch: pytest.MonkeyPatch) -> None:
    by: list[int] = []
    ahead = executor.plan_ahead

    def noted(*arguments: Any) -> None:
        by.append(threading.get_ident())
        ahead(*arguments)

    monkeypatch.setattr(executor, "plan_ahead", noted)
    reading, bounds = Reading(), LimitSettings().bounds()
    document = await reading.read(f"query F {{ {many('viewer { reach }', 2)} }}", bounds)
    (operation,) = document.operations.values()
    await prepared(reading, document, operation, None, bounds)
    assert by == []

    fragment = f"fragment F on User {{ {many('id', 300)} }}"
    document = await reading.read(f"query G {{ viewer {{ user {{ ...F ...F }} }} }} {fragment}", bounds)
    (operation,) = document.operations.values()
    charged: list[int] = []

    async def charge(cost: int) -> None:
        charged.append(cost)

    for _ in range(2):
        await prepared(reading, document, operation, None, bounds, charge)
    assert charged == [60]  # 604 selections
    assert len(by) == 1
    assert by[0] != threading.get_ident()
    assert len(document.plans) == 1


async def test_each_other_combination_of_what_skip_and_include_look_at_is_paid_for() -> None:
    """Else whoever sends one document with ever other values has all of them planned for nothing."""
    names = [f"v{at}" for at in range(8)]
    shown = " ".join(f"viewer @include(if: ${name}) {{ user {{ {many('id', 10)} }} }}" for name in names)
    reading, bounds = Reading(), LimitSettings().bounds()
    declared = " ".join(f"${name}: Boolean!" for name in names)
    document = await reading.read(f"query H({declared}) {{ {shown} }}", bounds)
    (operation,) = document.operations.values()
    charged: list[int] = []

    async def charge(cost: int) -> None:
        charged.append(cost)

    for number in (0, 0, *range(1, 100)):
        values = {name: bool(number >> at & 1) for at, name in enumerate(names)}
        await prepared(reading, document, operation, values, bounds, charge)

    assert charged == [9] * 99  # 96 selections


# As clients see it


async def test_clients_are_told_which_limit_it_is_and_by_how_much(
    sqlite_databases: Databases, world: World, tmp_path: Path
) -> None:
    settings = LimitSettings(max_depth=3, max_cost=40)
    async with gateway(sqlite_databases, world, tmp_path, limits=settings) as served:
        deep = await served.ask("{ viewer { account { parent { name } } } }", RESPONSE)
        dear = await served.ask("query($n: Int) { accounts(first: $n) { nodes { id } } }", variables={"n": 41})
        within = await served.ask("query($n: Int) { accounts(first: $n) { nodes { id } } }", variables={"n": 40})

    assert (deep.status_code, dear.status_code) == (400, 200)
    (error,) = deep.json()["errors"]
    assert error["extensions"] == {"code": "LIMIT_EXCEEDED", "limit": "depth", "value": 4, "maximum": 3}
    assert error["message"] == "The operation goes 4 fields deep; at most 3 are taken."
    (error,) = dear.json()["errors"]
    assert error["extensions"] == {"code": "LIMIT_EXCEEDED", "limit": "cost", "value": 41, "maximum": 40}
    assert within.json()["data"]["accounts"]["nodes"]


async def test_how_large_a_page_may_be_and_how_many_errors_are_told_can_be_set(
    sqlite_databases: Databases, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "max_errors", 5)  # and back, for the gateway sets it
    settings = LimitSettings(max_page=3, max_errors=2)
    async with gateway(sqlite_databases, world, tmp_path, limits=settings) as served:
        large = await served.ask("{ accounts(first: 4) { nodes { id } } }")
        usual = await served.ask("{ accounts { nodes { id } } }")
        wrong = await served.ask("{ a b c d }")

    assert large.json()["errors"][0]["message"] == "`first` is 4; it takes 0 to 3."
    assert len(usual.json()["data"]["accounts"]["nodes"]) == 3
    assert len(wrong.json()["errors"]) <= 3  # graphql-core tells that it stops


@pytest.mark.parametrize("accept", [None, MULTIPART], ids=["by a plan", "in parts"])
async def test_an_answer_that_turns_out_to_be_too_large_is_refused_where_it_grows(
    sqlite_databases: Databases, world: World, tmp_path: Path, accept: str | None
) -> None:
    """However few objects it was estimated to have: a list that takes no `first` is as long as it is."""
    query = "{ viewer { reach } accounts(first: 20) { nodes { id ... @defer { name } ancestors { id } } } }"
    async with gateway(sqlite_databases, world, tmp_path, limits=LimitSettings(max_objects=5)) as served:
        refused = await served.ask(query, accept)
        small = await served.ask("{ accounts(first: 3) { nodes { id } } }")

    assert "LIMIT_EXCEEDED" in refused.text
    assert "more than 5 objects" in refused.text
    assert '"reach"' in refused.text
    assert len(small.json()["data"]["accounts"]["nodes"]) == 3
