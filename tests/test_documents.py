"""Documents, before anything is answered: which are refused, and how much work it is to find out.

Which fields overlap is graphql-core's to say: its published cases are restated here, and documents made up at random
are added to them. What is beyond it is how the work grows: as the document does, whatever stands in it.
"""

import re
import sys
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from graphql import (
    GraphQLError,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    TypeInfo,
    ValidationContext,
    build_schema,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.values import VariableValues, get_variable_values
from graphql.language import Lexer, Source, TokenKind
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from schema.execution.documents import Document
from schema.execution.overlaps import OverlappingFieldsRule
from schema.execution.plan import NotCoveredError, TooLargeError
from schema.execution.planner import Planner
from schema.execution.rules import RULES
from tests.random_documents import overlapping
from tests.toy_schema import new_executor, schema

TOY = schema._schema
HINT = "Use different aliases on the fields to fetch both if this was intentional."
PETS = build_schema("""
    enum Command { SIT HEEL DOWN }
    interface Pet { name(surname: Boolean): String }
    type Dog implements Pet { name(surname: Boolean): String nickname: String volume: Int knows(command: Command): Boolean
                              at(x: Int, of: [In], in: In): Boolean }
    type Cat implements Pet { name(surname: Boolean): String nickname: String color: Command }
    input In { a: Int b: String in: In }
    interface Box { deep: Box other: String }
    type TextBox implements Box { scalar: String deep: TextBox other: String texts: [TextBox] text: TextBox number: NumberBox }
    type NumberBox implements Box { scalar: Int deep: NumberBox other: String texts: [TextBox] text: TextBox number: NumberBox }
    interface MustBox1 { scalar: String! }
    type Must1 implements Box & MustBox1 { scalar: String! other: String deep: TextBox }
    interface MustBox2 { scalar: String! }
    type Must2 implements Box & MustBox2 { scalar: String! other: String deep: TextBox }
    type Node { id: ID name: String class: String }
    type Edge { node: Node }
    type Connection { edges: [Edge] }
    union Any = Dog | TextBox
    type Query { box: Box connection: Connection dog: Dog pet: Pet any: Any node: Node }
    type Mutation { box: Box }
""")  # noqa: E501  # a table

ALLOWED = """
    fragment F on Dog { name nickname }
    fragment F on Dog { name name }
    fragment F on Dog { knows(command: SIT) knows(command: SIT) }
    fragment F on Dog { name @include(if: true) name @include(if: true) }
    fragment F on Dog { sit: knows(command: SIT) down: knows(command: DOWN) }
    fragment F on Dog { name @include(if: true) name @include(if: false) }
    fragment F on Pet { ... on Dog { name } ... on Cat { name: nickname } }
    fragment F on Pet { ... on Dog { name(surname: true) } ... on Cat { name } }
    { dog { name ...Unknown ...Known } } fragment Known on Dog { name ...Other }
    { box { ... on Box { deep { other } } ... on TextBox { deep { other } } } }
    { box { ... on NumberBox { scalar: other } ... on TextBox { scalar } } }
    { box { ... on MustBox1 { scalar } ... on MustBox2 { scalar } } }
    { a ... { a } }
    { box { ... on Unknown { scalar } ... on MustBox2 { scalar } } }
    { node { class class: class } }
    fragment A on Node { name relatives { name ...A } }
    fragment A on Node { name ...A }
    fragment A on Node { name ...B } fragment B on Node { name ...C } fragment C on Node { name ...A }
    fragment F on Dog { at(x: 1, in: {a: 1, b: "x"}) at(in: {b: "x", a: 1}, x: 1) }
    query Q($x: Int) { dog { at(x: $x, of: [{a: $x}]) at(of: [{a: $x}], x: $x) } }
    { box { ... on TextBox { x: __typename } ... on NumberBox { x: scalar } } }
    { __schema { types { name } } __schema { types { name } } }
    mutation { box { other } box { other } }
    subscription { nothing nothing }
    { unknown { a } unknown { a b } }
    fragment F on String { a: b a: b }
    { box { deep { other } ... on TextBox { deep { ... on Cat { a: name } } } ... on Must1 { deep { ... on Cat { a: name } } } } }
"""  # noqa: E501  # a table
REFUSED = """
    fragment F on Dog { fido: name fido: nickname }
    fragment F on Dog { name: nickname name }
    fragment F on Dog { knows knows(command: HEEL) }
    fragment F on Dog { knows(command: SIT) knows }
    fragment F on Dog { knows(command: SIT) knows(command: HEEL) }
    fragment F on Dog { at(x: 1) at(x: 1, in: null) }
    fragment F on Dog { at(x: 1) at(x: "1") }
    fragment F on Dog { at(of: [{a: 1}]) at(of: {a: 1}) }
    query Q($x: Int, $y: Int) { dog { at(x: $x) at(x: $y) } }
    { ...A ...B } fragment A on Node { x: id } fragment B on Node { x: name }
    { a: node { ...A ...B } b: node { ...B ...A } c: node { ...A ...B x: class } } fragment A on Node { x: id } fragment B on Node { x: name }
    { node { x: id } node { x: name } }
    { node { x: id y: id } node { x: name y: class } }
    { connection { edges { node { x: id } } } connection { edges { node { x: name } } } }
    { connection { edges { node { x: id } node { x: name } } } connection { edges { node { id } } } }
    { connection { ...F } connection { ...F } } fragment F on Connection { edges { node { x: id } node { x: name } } edges { node { id } } }
    { node { ...F } node { ...I } } fragment F on Node { x: id ...G } fragment G on Node { y: id } fragment I on Node { y: name ...J } fragment J on Node { x: name }
    { box { ... on NumberBox { scalar } ... on MustBox1 { scalar } } }
    { box { ... on NumberBox { scalar } ... on TextBox { scalar } } }
    { a: box { ...X } a: box { ...Y } b: box { ... on NumberBox { deep { ...X } } ... on TextBox { deep { ...Y } } } } fragment X on Box { scalar } fragment Y on Box { scalar: other }
    { box { ... on MustBox1 { scalar } ... on TextBox { scalar } } }
    { box { ... on NumberBox { box: texts { scalar } } ... on TextBox { box: text { scalar } } } }
    { box { ... on NumberBox { box: text { scalar } } ... on TextBox { box: texts { scalar } } } }
    { box { ... on NumberBox { box: text { val: scalar val: other } } ... on TextBox { box: text { val: scalar } } } }
    { box { ... on NumberBox { box: text { scalar } } ... on TextBox { box: number { scalar } } } }
    { connection { ...E edges { node { id: name } } } } fragment E on Connection { edges { node { id } } }
    fragment F on Dog { ...F fido: name fido: nickname }
    { dog { name @stream name @stream } }
    { box { deep { a: other } ... on TextBox { deep { a: scalar } } ... on NumberBox { deep { a: other } } } }
    { __schema { a: types { name } } __schema { a: queryType { name } } }
    { any { ... on Dog { x: volume } ... on TextBox { x: scalar } } }
    query A { dog { name } } query B { dog { a: name } dog { a: nickname } }
    { unknown { a: b } unknown { a: c } }
    { any { ... on Dog { x: volume } ... on TextBox { x: deep { other } } } }
"""  # noqa: E501  # a table


def cases(table: str) -> list[str]:
    """The documents of a table, a line each."""
    return [line.strip() for line in table.strip().splitlines()]


def told(rule: Any, query: str) -> list[Any]:
    """The errors that a rule finds."""
    return [error.formatted for error in validate(PETS, parse(query), [rule])]


@pytest.mark.parametrize("query", [*cases(ALLOWED), *cases(REFUSED)])
def test_fields_that_overlap_are_allowed_and_refused_in_graphql_cores_words(query: str) -> None:
    ours = told(OverlappingFieldsRule, query)
    assert ours == told(OverlappingFieldsCanBeMergedRule, query)
    assert bool(ours) == (query in cases(REFUSED))


@settings(max_examples=250, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(st.integers(0, 2**32))
def test_documents_made_up_at_random_are_allowed_and_refused_as_by_graphql_core(seed: int) -> None:
    query = overlapping(Random(seed))
    assert bool(told(OverlappingFieldsRule, query)) == bool(told(OverlappingFieldsCanBeMergedRule, query)), query


@pytest.mark.deep
def test_thousands_of_documents_are_allowed_and_refused_as_by_graphql_core() -> None:
    for seed in range(10_000):
        query = overlapping(Random(seed))
        assert bool(told(OverlappingFieldsRule, query)) == bool(told(OverlappingFieldsCanBeMergedRule, query)), query


# Beyond graphql-core


def many(one: str, size: int) -> str:
    """A text so many times, numbered."""
    return " ".join(one.replace("#", str(at)) for at in range(size))


def read(query: str) -> Document:
    """A document that nobody has read before."""
    return new_executor().document(query)


def test_all_rules_of_the_specification_are_there() -> None:
    assert {*specified_rules} - {*RULES} == {OverlappingFieldsCanBeMergedRule}


def test_a_valid_document_is_allowed_where_graphql_core_gives_up() -> None:
    query = f"{{ {many('item { id name }', 750)} }}"
    assert validate(TOY, parse(query), [OverlappingFieldsCanBeMergedRule])[0].message == "Validation aborted."
    assert not read(query).errors


@pytest.mark.parametrize(("last", "reason"), [
    ("item { x: name }", "'id' and 'name' are different fields"),
    ("item { x: id(no: 1) }", "they have differing arguments"),
    ("item { ... on Other { x: label } }", "they return conflicting types 'ID!' and 'String'"),
])  # fmt: skip  # a table
def test_a_conflict_in_a_large_document_is_told_by_its_name_and_its_two_places(last: str, reason: str) -> None:
    query = f"{{ {many('item { x: id }', 300)} {last} }}"
    (error,) = validate(TOY, parse(query), [OverlappingFieldsRule])
    assert error.message == f"Fields 'x' conflict because {reason}. {HINT}"
    assert [each.column for each in error.locations or ()] == [query.index("x:") + 1, query.rindex("x:") + 1]


def crossing(levels: int) -> str:
    """A document whose fragments meet in two to the power of `levels` ways: each choice of `a` leaves its mark."""
    both = "a: boss {{ ...{0} }} b: boss {{ ...{0} }}"
    marks = [
        f"fragment M{of}x{at} on Item {{ m{of}: id {both.format(f'M{of}x{at - 1}') if at else ''} }}"
        for of in range(1, levels + 1)
        for at in range(of)
    ]
    choices = [
        f"fragment C{at} on Item {{ a: boss {{ ...C{at - 1} ...M{at}x{at - 1} }} b: boss {{ ...C{at - 1} }} }}"
        for at in range(1, levels + 1)
    ]
    return f"{{ item {{ ...C{levels} }} }} fragment C0 on Item {{ id }} {' '.join([*choices, *marks])}"


def test_a_document_whose_fragments_meet_in_too_many_ways_is_refused_after_bounded_work() -> None:
    assert not read(crossing(6)).errors
    for levels in (12, 18):
        document = parse(crossing(levels))
        found: list[GraphQLError] = []
        rule = OverlappingFieldsRule(ValidationContext(TOY, document, TypeInfo(TOY), found.append))
        rule.leave_document(document)
        assert [error.message for error in found] == [
            "The document's fragments meet in too many ways to be checked. Use fewer of them."
        ]
        assert rule.visited < 100_000


# The work of reading

DEEP = "boss { " * 45 + "id" + " }" * 45
INLINE = "... on Item { " * 45 + "id" + " }" * 45
LISTS = "[" * 40 + "1" + "]" * 40
FAMILIES = {
    "objects of one name": "{ <item { id id id }> }",
    "leaves of one name": "{ item { <id id id> } }",
    "arguments of one name": "{ item { <worth(scale: 1, bounds: {low: 1})> } }",
    "aliases": "{ item { <a#: worth(scale: #)> } }",
    "fragments": "{ item { <...F#> } } <fragment F# on Item { id name }>",
    "places of a fragment": "{ <a#: item { ...F x#: id }> } fragment F on Item { <f#: id> }",
    "places of two fragments": """{ <a#: item { ...F ...G x#: id }> }
        fragment F on Item { <f#: id> } fragment G on Item { <g#: id> }""",
    "places of a fragment and another": """{ <a#: item { ...F ...G# }> }
        fragment F on Item { <f#: id> } <fragment G# on Item { x: id }>""",
    "fragments of a fragment": """{ item { <...G#> } } <fragment G# on Item { ...F }>
        fragment F on Item { <id> }""",
    "a chain of fragments": "{ item { ...F0 } } <fragment F# on Item { id ...F+ }> fragment F% on Item { id }",
    "a ring of fragments": "{ item { ...F0 } } <fragment F# on Item { id ...F+ }> fragment F% on Item { ...F0 }",
    "fragments that double": """{ item { ...F0 } } fragment F% on Item { id }
        <fragment F# on Item { a: boss { ...F+ } b: boss { ...F+ } }>""",
    "fields by type": "{ things(ids: []) { <a: id ... on Item { a: id } ... on Other { a: id }> } }",
    "objects by type": "{ things(ids: []) { <... on Item { boss { id } } ... on Other { id }> } }",
    "deep objects of one name": f"{{ <20/item {{ {DEEP} }}> }}",
    "deep objects": f"{{ <20/a#: item {{ {DEEP} }}> }}",
    "deep inline fragments": f"{{ item {{ <20/{INLINE}> }} }}",
    "variables": "query(<$v#: Int = 1>) { item { <a#: worth(scale: $v#)> } }",
    "one variable": "query($v: Int = 1) { item { <a#: worth(scale: $v)> } }",
    "variables of nobody": "query(<$v#: Int>) { item { id } }",
    "variables that are not declared": "{ item { <a#: worth(scale: $v#)> } }",
    "directives": "query($x: Boolean!) { item { <a#: id @include(if: $x)> } }",
    "directives of one field": "{ item { id <@skip(if: false)> } }",
    "operations": "<query Q# { item { id } }>",
    "operations of one name": "<query Q { item { id } }>",
    "operations without a name": "<{ item { id } }>",
    "operations with a fragment each": "<query Q# { item { ...F# } } fragment F# on Item { id }>",
    "operations with fragments": """<query Q# { item { ...F } }> fragment F on Item { <...F#> }
        <fragment F# on Item { id }>""",
    "operations with a large fragment": """<query Q#($v: Int = 1) { item { ...G# ...F } } fragment G# on Item { id }>
        fragment F on Item { worth(scale: $v) <id> }""",
    "fragments of nobody": "{ item { id } } <fragment F# on Item { id }>",
    "fragments of one name": "{ item { ...F } } <fragment F on Item { id }>",
    "unknown fields": "{ item { <unknown#> } }",
    "unknown arguments": "{ item { <a#: worth(scalee: 1)> } }",
    "unknown types": "{ item { <... on Itemm# { id }> } }",
    "unknown fragments": "{ item { <...F#> } }",
    "unknown directives": "{ item { id <@skipp#> } }",
    "unknown inputs": "{ item { worth(bounds: { <loww#: 1> }) } }",
    "unknown types of variables": "query(<$v#: Itemm>) { item { id } }",
    "arguments that repeat": "{ item { worth(<scale: 1>) } }",
    "inputs that repeat": "{ item { worth(bounds: { <low: 1> }) } }",
    "a list": "{ things(ids: [<#>]) { id } }",
    "a wrong list": "{ things(ids: [<{a: 1}>]) { id } }",
    "lists in lists": f"{{ things(ids: [<20/{LISTS}>]) {{ id }} }}",
    "introspection": "{ <a#: __schema { ...F }> } fragment F on __Schema { types { name } }",
    "mutations": "mutation { <touch> }",
}
"""Documents that grow, each in its own way. What stands between angle brackets is there many times: `#` is its number,
`+` the next, `%` the last; `20/` is for what is long."""


def grown(family: str, size: int) -> str:
    """A document of a family."""

    def repeated(found: re.Match[str]) -> str:
        count = size // int(found[1] or 1)
        return " ".join(found[2].replace("#", str(at)).replace("+", str(at + 1)) for at in range(count))

    return re.sub(r"<(?:(\d+)/)?(.*?)>", repeated, FAMILIES[family]).replace("%", str(size))


def tokens(query: str) -> int:
    """How many there are."""
    lexer, count = Lexer(Source(query)), 0
    while lexer.advance().kind is not TokenKind.EOF:
        count += 1
    return count


def calls(function: Callable[[], Any]) -> int:
    """How many functions are called: what work is, on any machine."""
    count = 0

    def called(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


def reading(query: str) -> float:
    """The work of reading a document, for each of its tokens."""
    executor = new_executor()
    return calls(lambda: executor.document(query)) / tokens(query)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_work_of_reading_a_document_grows_as_the_document_does(family: str) -> None:
    work, more_work = reading(grown(family, 30)), reading(grown(family, 120))
    assert more_work < 1.25 * work
    assert more_work < 350


def planning(query: str) -> float:
    """The work of planning a document's operations, for each of its tokens and each field that is looked at."""
    executor, work, visited = new_executor(), 0, tokens(query)
    document = executor.document(query)
    for operation in document.operations.values():
        given = get_variable_values(TOY, operation.variable_definitions or (), {"x": True})
        assert isinstance(given, VariableValues)
        planner = Planner(TOY, document.fragments, given, executor._convert)

        def plan(planner: Planner = planner, operation: OperationDefinitionNode = operation) -> None:
            with suppress(NotCoveredError, TooLargeError):
                planner.plan(operation)

        work += calls(plan)
        visited += planner.selections.visited
    return work / visited


@pytest.mark.parametrize("family", FAMILIES)
def test_the_work_of_planning_grows_as_the_fields_that_are_looked_at(family: str) -> None:
    assert planning(grown(family, 80)) < 1.25 * planning(grown(family, 20)) + 5
