"""Plans: what is fetched together and when, what is kept and for how long, and what a hostile document comes to."""

from types import SimpleNamespace as Value
from typing import Any

import pytest
from graphql import GraphQLError, OperationDefinitionNode, parse
from graphql.execution.values import VariableValues, get_variable_values

from resolvers.privileges import Privilege
from schema.execution import documents, planner
from schema.execution.documents import Answer, Executor
from schema.execution.plan import NotCoveredError, Plan, TooLargeError
from schema.execution.planner import Planner
from schema.limits.bounds import WIDEST
from tests.toy_schema import by_both, new_executor, schema
from tests.toy_sources import ToyContext, World, told

ITEMS: dict[int, dict[str, Any]] = {
    1: {"id": 1, "name": "one", "rank": 1, "boss": 2, "pal": 2, "worth": 10},
    2: {"id": 2, "name": "two", "rank": 2, "boss": 1, "pal": 1, "worth": 20},
}
WORLD = World(probe=Value(text="a", child=None, boss=2), items=ITEMS, others={1: {"id": 1, "label": "other"}})


async def asked(executor: Executor, query: str, name: str | None = None, variables: Any = None) -> Answer:
    """The answer to a document that is valid."""
    document = executor.document(query)
    assert not document.errors, document.errors
    return await executor.execute(document, name, variables, ToyContext(WORLD))


async def fetches(
    query: str, variables: Any = None, privileges: frozenset[Privilege] = frozenset(Privilege)
) -> list[tuple[str, list[Any], Any]]:
    """What a plan fetches: source, keys and request."""
    context, executor = ToyContext(WORLD, privileges), new_executor()
    answer = await executor.execute(executor.document(query), None, variables, context)
    assert not answer.errors or not privileges, answer.errors
    return context.fetches


def plan_of(query: str) -> tuple[Plan, int]:
    """The plan of a document, and how many fields and fragments were looked at to make it."""
    node = parse(query)
    fragments = {each.name.value: each for each in node.definitions if each.kind == "fragment_definition"}  # type: ignore[attr-defined]  # fragments have names
    (operation,) = (each for each in node.definitions if isinstance(each, OperationDefinitionNode))
    made = Planner(schema._schema, fragments, _no_variables(), new_executor()._convert)  # type: ignore[arg-type]  # as above
    return made.plan(operation), made.selections.visited


def _no_variables() -> VariableValues:
    found = get_variable_values(schema._schema, (), {})
    assert isinstance(found, VariableValues)
    return found


# Fetches


async def test_equal_steps_at_different_depths_are_one_fetch() -> None:
    found = await fetches("{ a: item { boss { id } } b: item { pal { boss { name } } } }")
    assert [(source, columns) for source, _, columns in found if source == "boss"] == [("boss", ("id", "name"))]


async def test_equal_steps_ask_for_each_key_once() -> None:
    found = await fetches('{ things(ids: ["itm_1", "itm_1", "itm_2"]) { ... on Item { worth a: worth boss { id } } } }')
    assert [(source, keys) for source, keys, _ in found] == [("items", [1, 2]), ("worth", [1, 2]), ("boss", [2, 1])]


async def test_steps_of_one_kind_below_each_other_are_a_fetch_each() -> None:
    found = await fetches("{ item { boss { boss { boss { id } } } } }")
    assert [(source, keys) for source, keys, _ in found] == [("items with boss", [1]), ("boss", [1]), ("boss", [2])]


async def test_two_kinds_that_wait_for_each_other_come_to_an_end() -> None:
    found = await fetches("{ item { boss { pal { id } } pal { boss { name } } } }")
    assert [source for source, _, _ in found] == ["items with boss with pal", "pal", "boss"]


async def test_a_fetch_asks_for_the_columns_of_all_its_steps_and_for_no_others() -> None:
    found = await fetches("{ a: item { id boss { name } } b: item(id: 2) { shout boss { rank __typename } } }")
    assert [columns for source, _, columns in found if source == "items"] == [("boss", "id"), ("boss", "name")]
    assert [columns for source, _, columns in found if source == "boss"] == [("name", "rank")]


async def test_fields_that_make_their_requests_differently_are_not_fetched_together() -> None:
    found = await fetches("{ item { worth worthMust report { text } } }")
    assert [request for source, _, request in found if source == "worth"] == [(1, None), "other", None]
    data, _ = await by_both(WORLD, "{ item { worth worthMust report { text } } }")
    assert data["item"] == {"worth": 10, "worthMust": 10, "report": {"text": "10"}}


async def test_a_page_that_is_only_counted_is_not_fetched() -> None:
    assert [source for source, _, _ in await fetches("{ item { under { totalCount } } }")] == ["items", "pages.count"]
    assert [source for source, _, _ in await fetches("{ item { under { nodes { id } } } }")] == ["items", "pages"]


async def test_nothing_is_fetched_for_nobody() -> None:
    found = await fetches("{ item(id: 9) { boss { boss { id } } under { nodes { pal { id } } totalCount } worth } }")
    assert [source for source, _, _ in found] == ["items with boss"]


# Rows that come along


@pytest.mark.parametrize(
    ("query", "sources"),
    [
        ("{ item { name } }", ["items, all"]),
        ("{ item { boss { name } pal { rank } } }", ["items with boss with pal, all"]),
        ("{ item { a: boss { name } b: boss { rank } chief { id } } }", ["items with boss, all"]),
        ("{ item { boss { name } worth } }", ["items with boss", "worth"]),
        ("{ item(id: 9) { boss { name } } }", ["items with boss, all"]),
        ('{ thing(id: "itm_1") { ... on Item { boss { id } } ... on Other { id } } }', ["items with boss, all"]),
        ('{ thing(id: "oth_1") { ... on Item { boss { id } } ... on Other { id } } }', ["others"]),
        ("{ a: item { boss { id } } b: item { pal { id } } }", ["items with boss", "items with pal"]),
        ("{ probe { boss { name } } }", ["boss, all"]),
        ('{ things(ids: ["itm_1", "itm_2"]) { id } }', ["items, all"]),
        ("{ probe { text } }", []),
    ],
)
async def test_a_lookup_of_one_object_brings_along_the_rows_that_belong_to_it(query: str, sources: list[str]) -> None:
    assert [source for source, _, _ in await fetches(query)] == sources
    await by_both(WORLD, query)


@pytest.mark.parametrize(
    ("query", "sources"),
    [
        ('{ things(ids: ["itm_1"]) { ... on Item { boss { name } } } }', ["items", "boss"]),
        ('{ thing(id: "old_1") { ... on Item { boss { name } } } }', ["items", "boss"]),
        ("{ item { staff { name } } }", ["items", "staff"]),
        ("{ item { boss { name } under { nodes { boss { name } } } } }", ["items", "pages", "boss"]),
        ("{ item { a: boss { name } pal { b: boss { name } } } }", ["items with pal", "boss"]),
        ('{ things(ids: ["itm_1", "oth_1"]) { id } }', ["items", "others"]),
        ('{ things(ids: ["itm_1", "old_1"]) { id } }', ["items", "items"]),
    ],
    ids=[
        "of a list",
        "by a source that can't",
        "a list",
        "asked below too",
        "below as well",
        "two types",
        "two sources",
    ],
)
async def test_what_belongs_to_others_too_or_to_a_list_is_fetched_by_itself(query: str, sources: list[str]) -> None:
    assert [source.removesuffix(", all") for source, _, _ in await fetches(query)] == sources
    assert not any(source.endswith(", all") for source, _, _ in await fetches(query))
    await by_both(WORLD, query)


async def test_a_row_that_the_caller_may_not_have_does_not_come_along() -> None:
    none: frozenset[Privilege] = frozenset()
    assert [source for source, _, _ in await fetches("{ item { chief { id } } }", None, none)] == ["items, all"]
    both = "{ item { boss { id } chief { id } } }"
    assert [source for source, _, _ in await fetches(both, None, none)] == ["items with boss, all"]
    data, errors = await by_both(WORLD, both, privileges=none)
    assert data == {"item": {"boss": {"id": "itm_2"}, "chief": None}}
    assert [error["path"] for error in errors] == [["item", "chief"]]


@pytest.mark.parametrize("failing", [{None: ValueError("down")}, {2: ValueError("down")}])
async def test_a_row_that_fails_to_come_along_is_the_failure_of_its_field(failing: dict[Any, Exception]) -> None:
    data, errors = await by_both(
        World(items=ITEMS, failing={"boss": failing}), "{ item { name boss { name } pal { name } } }"
    )
    assert data == {"item": {"name": "one", "boss": None, "pal": {"name": "two"}}}
    assert told(errors) == [(["item", "boss"], "down")]


async def test_a_lookup_that_fails_leaves_nothing_to_come_along() -> None:
    world = World(items=ITEMS, failing={"items": {1: ValueError("down")}})
    data, errors = await by_both(world, "{ item { boss { name } } }")
    assert (data, told(errors)) == ({"item": None}, [(["item"], "down")])


# What a plan holds


async def test_one_plan_serves_all_callers_and_all_values_of_variables() -> None:
    executor = new_executor()
    query = "query($n: Int!) { item(id: $n) { name under { totalCount } } }"
    answers = []
    for number, privileges in ((1, frozenset(Privilege)), (2, frozenset[Privilege]()), (1, frozenset[Privilege]())):
        context = ToyContext(WORLD, privileges)
        answers.append((await executor.execute(executor.document(query), None, {"n": number}, context)).data)
    assert answers == [
        {"item": {"name": "one", "under": {"totalCount": 1}}},
        {"item": {"name": "two", "under": None}},
        {"item": {"name": "one", "under": None}},
    ]
    assert len(executor.document(query).plans) == 1


async def test_each_operation_and_each_choice_of_its_directives_has_a_plan() -> None:
    executor = new_executor()
    query = (
        """query A($x: Boolean!) { item { id name @skip(if: $x) } } query B($x: [ID!]!) { things(ids: $x) { id } }"""
    )
    seen = [(await asked(executor, query, "A", {"x": value})).data for value in (True, False, True)]
    seen.append((await asked(executor, query, "B", {"x": ["itm_1"]})).data)
    whole = {"item": {"id": "itm_1", "name": "one"}}
    assert seen == [{"item": {"id": "itm_1"}}, whole, {"item": {"id": "itm_1"}}, {"things": [{"id": "itm_1"}]}]
    assert len(executor.document(query).plans) == 3


async def test_plans_and_documents_that_were_not_used_for_longest_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(documents, "MAX_DOCUMENTS", 2)
    monkeypatch.setattr(documents, "MAX_PLANS", 2)
    executor = new_executor()
    first = executor.document("{ item { id } }")
    second = executor.document("{ item { name } }")
    assert executor.document("{ item { id } }") is first
    assert executor.keep("{ item { id } }", executor.read("{ item { id } }")) is first, "read twice at once, kept once"
    executor.document("{ item { rank } }")
    assert executor.document("{ item { id } }") is first
    assert executor.document("{ item { name } }") is not second
    query = "query A { item { id } } query B { item { id } } query C { item { id } }"
    for name in ("A", "B", "A", "C"):
        await asked(executor, query, name)
    assert list(executor.document(query).plans) == [("A",), ("C",)]


async def test_large_documents_are_forgotten_earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_TEXT", 50)
    executor = new_executor()
    first = executor.document("{ item { id } }" + " " * 30)
    executor.document("{ item { name } }")
    assert executor.document("{ item { id } }" + " " * 30) is not first
    large = executor.document("{ item { id } }" + " " * 90)
    assert executor.document("{ item { id } }" + " " * 90) is large


def test_no_document_is_forgotten_for_one_that_is_less_worth_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAX_DOCUMENTS", "MAX_BAD_DOCUMENTS"):
        monkeypatch.setattr(documents, name, 2)
    executor = new_executor()
    trusted = executor.keep("{ item { id } }", executor.read("{ item { id } }"), is_trusted=True)
    other = executor.document("{ item { name } }")
    for number in range(5):
        assert executor.document(f"{{ nothing{number} }}").errors
    assert executor.known("{ item { name } }") is other
    for number in range(5):
        executor.document(f"{{ item {{ a{number}: id }} }}")

    assert executor.known("{ item { id } }") is trusted
    assert executor.known("{ item { name } }") is None
    assert executor.count == 1 + 2 + 2


def test_a_document_that_becomes_trusted_is_kept_among_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_DOCUMENTS", 2)
    executor = new_executor()
    document = executor.document("{ item { id } }")
    assert executor.known("{ item { id } }", is_trusted=True) is document
    for number in range(5):
        executor.document(f"{{ item {{ a{number}: id }} }}")

    assert executor.known("{ item { id } }") is document


# What plans leave to graphql-core


@pytest.mark.parametrize(("query", "reason"), [
    ("{ __schema { queryType { name } } }", "introspection"),
    ('{ __type(name: "Item") { name } }', "introspection"),
    ("mutation { touch }", "mutation"),
    ("{ plain }", "the resolver of plain"),
    ("{ someThing { id } }", "a field of the abstract type Thing"),
    ("{ withArgument(number: 2) }", "the arguments of withArgument"),
    ("{ noConnection { text } }", "Probe.text"),
    ("query($x: Boolean = true) { item { id @skip(if: $x) } }", "a directive's argument is null"),
])  # fmt: skip  # a table
async def test_what_no_plan_covers_is_left_to_graphql_core_with_the_reason(query: str, reason: str) -> None:
    executor = new_executor()
    for _ in range(2):  # the second time the reason is remembered
        with pytest.raises(NotCoveredError, match=f"^{reason}$"):
            await asked(executor, query, variables={"x": None} if "$x" in query else None)


def test_what_could_be_told_later_is_planned_with_the_rest() -> None:
    deferred, _ = plan_of("{ item { ... @defer { id } } }")
    plain, _ = plan_of("{ item { ... { id } } }")
    assert [entry.key for entry in deferred.root.entries] == [entry.key for entry in plain.root.entries]
    assert len(deferred.groups) == len(plain.groups)


# Operations


@pytest.mark.parametrize(("query", "name", "message"), [
    ("query A { item { id } } query B { item { id } }", None, "Must provide operation name"),
    ("query A { item { id } }", "B", "Unknown operation named 'B'."),
    ("query A($n: Int!) { item(id: $n) { id } }", None, "Variable '\\$n' has invalid value"),
])  # fmt: skip  # a table
async def test_an_operation_that_cannot_run_is_a_request_error(query: str, name: str | None, message: str) -> None:
    answer = await asked(new_executor(), query, name)
    assert answer.is_request_error
    assert answer.data is None
    with pytest.raises(GraphQLError, match=message):
        raise answer.errors[0]


def test_a_document_that_is_no_graphql_has_errors() -> None:
    executor = new_executor()
    assert executor.document("{ item { id }").errors[0].message.startswith("Syntax Error")
    assert executor.document("{ item { nothing } }").errors[0].message.startswith("Cannot query field 'nothing'")
    assert executor.document("fragment F on Item { id }").errors
    assert "\ud800" not in executor.document("{ item { id } } # \ud800").operations


# Hostile documents


async def test_an_answer_that_repeats_few_rows_a_million_times_is_refused_where_it_grows() -> None:
    world = World(items={at: {"id": at, "name": "x", "boss": 1, "pal": 1} for at in range(1, 101)})
    answer = await by_plan_of(
        world, "{ item { name staffOrNone { boss { staffOrNone { boss { staffOrNone { id } } } } } } }"
    )
    data, errors = answer
    assert data["item"]["name"] == "x"
    assert len(data["item"]["staffOrNone"][99]["boss"]["staffOrNone"]) == 100
    assert data["item"]["staffOrNone"][0]["boss"]["staffOrNone"][0] == {"boss": {"staffOrNone": None}}
    assert {error["message"] for error in errors} == {"The answer would hold more than 500,000 objects. Ask for less."}
    page = "under(first: 100) {{ nodes {{ boss {{ {} }} }} }}"
    _, errors = await by_plan_of(world, f"{{ item {{ {page.format(page.format(page.format('id')))} }} }}")
    assert errors[0]["message"].startswith("The answer would hold more")


def doubling(levels: int) -> str:
    """A small document that asks for two to the power of `levels` objects."""
    chain = " ".join(
        f"fragment F{at} on Item {{ a: boss {{ ...F{at + 1} }} b: pal {{ ...F{at + 1} }} }}" for at in range(levels)
    )
    return f"{{ item {{ ...F0 }} }} {chain} fragment F{levels} on Item {{ id }}"


def test_a_document_that_doubles_itself_is_refused_after_bounded_work() -> None:
    query = doubling(14)
    assert len(query) < 1200
    (error,) = new_executor().document(query).errors
    assert error.message == "Its fragments opened, the operation selects 81,918 fields; at most 20,000 are taken."
    with pytest.raises(TooLargeError, match="asks for more than 20,000 fields"):
        plan_of(query)


async def test_a_chain_of_fragments_that_goes_too_deep_is_refused() -> None:
    chain = " ".join(f"fragment F{at} on Item {{ boss {{ ...F{at + 1} }} }}" for at in range(60))
    answer = await asked(new_executor(), f"{{ item {{ ...F0 }} }} {chain} fragment F60 on Item {{ id }}")
    assert answer.is_request_error
    assert answer.errors[0].message == "The operation goes more than 50 levels deep."


def test_a_chain_of_fragments_that_validation_gives_up_on_has_an_error() -> None:
    chain = " ".join(f"fragment F{at} on Item {{ ...F{at + 1} }}" for at in range(1500))
    assert new_executor().document(f"{{ item {{ ...F0 }} }} {chain} fragment F1500 on Item {{ id }}").errors


async def test_the_deepest_document_that_is_allowed_is_answered() -> None:
    levels = planner.MAX_DEPTH - 2
    query = "{ item { " + "boss { " * levels + "id" + " }" * levels + " } }"
    data, errors = await by_both(WORLD, query)
    assert not errors
    for _ in range(levels):
        data = next(iter(data.values()))
    assert next(iter(data.values()))["id"] == "itm_1"


@pytest.mark.parametrize("depth", [60, 500, 3000])
async def test_deep_nesting_is_refused_and_breaks_nothing(depth: int) -> None:
    executor = new_executor()
    document = executor.document("{ item { " + "boss { " * depth + "id" + " }" * depth + " } }")
    answer = None if document.errors else await executor.execute(document, None, None, ToyContext(WORLD))
    assert document.errors or (answer is not None and answer.is_request_error)


def test_a_document_with_too_many_tokens_is_refused() -> None:
    (error,) = new_executor().document("{ item { " + "id " * WIDEST.tokens + "} }").errors
    assert "tokens" in error.message


def many(one: str, size: int) -> str:
    """A text so many times, numbered."""
    return " ".join(one.replace("#", str(at)) for at in range(size))


@pytest.mark.parametrize("make", [
    lambda size: f"{{ item {{ {many('a#: boss { id }', size)} }} }}",
    lambda size: f"{{ item {{ {many('id', size)} }} }}",
    lambda size: f"{{ item {{ ...F }} }} fragment F on Item {{ {many('a#: worth(scale: #)', size)} }}",
    lambda size: f"{{ item {{ {many('...F#', size)} }} }} {many('fragment F# on Item { id ...F0 ...F0 }', size)}",
])  # fmt: skip  # a table
def test_the_work_of_planning_grows_as_the_document_does(make: Any) -> None:
    (_, small), (_, large) = plan_of(make(100)), plan_of(make(400))
    assert large <= 4 * small


async def test_a_fragment_that_is_opened_often_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[Any] = []

    def print_ast(node: Any) -> str:
        printed.append(node)
        return ""

    monkeypatch.setattr(planner, "print_ast", print_ast)
    plan_of(
        "{ " + " ".join(f"a{at}: item {{ ...F }}" for at in range(50)) + " } fragment F on Item { worth(scale: 2) }"
    )
    assert len(printed) == 1


async def test_a_source_that_breaks_its_promise_breaks_nothing_else() -> None:
    world = World(items=ITEMS | {3: {"id": 3, "boss": ["no key"]}})
    data, errors = await by_plan_of(world, '{ things(ids: ["itm_3"]) { ... on Item { name boss { id } } } }')
    assert data == {"things": [{"name": None, "boss": None}]}
    assert [error["path"] for error in errors] == [["things", 0, "boss"]]
    world = World(items=ITEMS, failing={"pages": {1: "no page"}})  # type: ignore[dict-item]  # that is the point
    data, errors = await by_plan_of(world, "{ item { name under { nodes { id } } } }")
    assert data == {"item": {"name": "one", "under": None}}
    assert [error["path"] for error in errors] == [["item", "under"]]


async def test_a_cursor_that_cannot_be_written_is_the_error_of_its_field() -> None:
    world = World(items=ITEMS | {1: ITEMS[1] | {"sort_key": object()}})
    data, errors = await by_plan_of(world, "{ item(id: 2) { name under { nodes { id } edges { cursor } } } }")
    assert data == {"item": {"name": "two", "under": None}}
    assert [error["path"] for error in errors] == [["item", "under", "edges", 0, "cursor"]]


async def by_plan_of(world: World, query: str) -> tuple[Any, list[Any]]:
    """As `by_plan`, for what graphql-core answers otherwise."""
    executor = new_executor()
    answer = await executor.execute(executor.document(query), None, None, ToyContext(world))
    return answer.data, [error.formatted for error in answer.errors]
