"""Nobody learns of a row out of view: not by any field, id, filter, order, count, cursor or error."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

import pytest
from graphql import GraphQLField
from sqlalchemy import insert
from sqlmodel import SQLModel

from models import demo
from models.policy.rules import RULES
from models.scope import Reach
from models.statement import Statement
from models.store import Store, StoreError, StoreTimeoutError
from resolvers.caller import Caller
from resolvers.privileges import Privilege
from schema.node import NOUNS
from tests.asking import EVERYTHING, Answer, SpyingReader, ask, ask_graphql_core, caller_at
from tests.databases import Databases
from tests.documents import ROOTS, Values, filter_type, filters, is_connection, noun_of, snake, variants
from tests.hierarchy import PARENT, Record, World
from tests.lists import PREFIXES, TABLES
from tests.marked import twins
from tests.scan import ALL_DOCUMENTS, OBJECTS, ROWS, View, answers, as_read, leaks
from tests.templates import opened
from tests.worlds import holding

NOT_THE_MONEY = EVERYTHING - {Privilege.PRICES_VIEW, Privilege.FINANCES_VIEW}
ROOT_LISTS = {name: each for name, each in ROOTS.items() if is_connection(each)}
LOGINS = [login for login in demo.LOGINS if login.endswith(".example")]


def callers_at(world: World, account_id: int) -> Iterator[Caller]:
    """Everybody who can look from an account: each reach, without prices, and as each of its service users."""
    for reach in Reach:
        yield caller_at(account_id, reach)
    yield caller_at(account_id, privileges=NOT_THE_MONEY)
    for user in world["app_user"]:
        if user["account_id"] == account_id and user["kind"] == "SERVICE_USER":
            yield caller_at(account_id, user_id=user["id"], is_service_user=True)


# Whatever is asked


@pytest.mark.parametrize("account_id", PARENT)
async def test_no_answer_shows_anything_of_a_row_out_of_view(
    marked_store: Store, marked_world: World, account_id: int
) -> None:
    for caller in callers_at(marked_world, account_id):
        view = View(marked_world, caller)
        # What a row leads to is the same whatever the reach: all depths for one of them and for the narrowed views.
        is_whole = caller.reach is Reach.SUBTREE and caller.privileges == EVERYTHING
        for name, answer in (await answers(marked_store, view, ALL_DOCUMENTS if is_whole else ROWS)).items():
            assert list(leaks(view, answer)) == [], (name, caller)
            assert set(answer.codes) <= ({"FORBIDDEN"} if caller.privileges != EVERYTHING else set()), name


@pytest.mark.parametrize("login", LOGINS)
async def test_no_answer_to_a_demo_login_shows_anything_of_a_row_out_of_view(
    seeded_store: Store, seeded_world: World, caller: Callable[[str], Awaitable[Caller]], login: str
) -> None:
    view = View(seeded_world, await caller(login))
    shown = 0
    for name, answer in (await answers(seeded_store, view)).items():
        assert list(leaks(view, answer)) == [], name
        assert set(answer.codes) <= {"FORBIDDEN"}, name
        shown += len(answer.bytes)
    assert shown > 10_000
    assert view.secrets or login.endswith("@provider.example")


async def test_both_ways_of_executing_give_the_same_answers(marked_store: Store, marked_world: World) -> None:
    *_, without_money, _, service_user = callers_at(marked_world, 2)
    for caller in (caller_at(2), without_money, service_user):
        view = View(marked_world, caller)
        by_plans = await answers(marked_store, view, OBJECTS | ROWS)
        by_graphql_core = await answers(marked_store, view, OBJECTS | ROWS, ask_graphql_core)
        for name, answer in by_plans.items():
            assert in_any_order(answer) == in_any_order(by_graphql_core[name]), name


def in_any_order(answer: Answer) -> tuple[Any, list[str]]:
    """An answer, its errors sorted: their order is not part of it."""
    return answer.data, sorted(map(str, answer.errors))


# Conditions, orders, cursors


def world_values(world: World) -> Values:
    """Values for conditions out of all rows, be they in view or not."""
    columns = {"country": "country_code", "manufacturer": "code", "service": "service_name"}

    def texts(name: str) -> list[str]:
        column = columns.get(name, "po_number" if name == "purchase_order_number" else name)
        found = {str(row[column]) for rows in world.values() for row in rows if row.get(column)}
        return sorted(found)[:300] or ["leak"]

    def ids(prefix: str) -> list[str]:
        return [f"{prefix}_{row['id']}" for row in world[TABLES[NOUNS[prefix].type_name]]]

    return Values(ids, texts)


def all_at_once(name: str, of: GraphQLField, values: Values) -> tuple[str, dict[str, str]]:
    """A document that asks a list for everything that it can be asked for, and by alias which cursor is taken."""
    parts, cursors = [], {}
    for number, arguments in enumerate(variants(of, values)):
        alias = f"v{number}"
        for cursor in ("after", "before"):
            if f"${cursor}" in arguments:
                cursors[alias] = "endCursor" if cursor == "after" else "startCursor"
        given = arguments.replace("$after", f"${alias}").replace("$before", f"${alias}")
        parts.append(f"{alias}: {name}({given}) {{ nodes {{ __typename id }} pageInfo {{ startCursor endCursor }} }}")
    taken = ", ".join(f"${alias}: String" for alias in cursors)
    return f"query({taken}) {{ {' '.join(parts)} }}", cursors


@pytest.mark.parametrize("account_id", [2, 7])
async def test_no_condition_order_or_cursor_shows_anything_of_a_row_out_of_view(
    marked_store: Store, marked_world: World, account_id: int
) -> None:
    values = world_values(marked_world)
    documents = [all_at_once(name, of, values) for name, of in ROOT_LISTS.items()]
    for caller in callers_at(marked_world, account_id):
        view = View(marked_world, caller)
        for document, cursors in documents:
            given: dict[str, str] = {}
            for _ in range(2):
                answer = await ask(marked_store, caller, document, given)
                assert list(leaks(view, answer)) == [], caller
                assert set(answer.codes) <= {"FORBIDDEN"}, answer.errors
                pages = {alias: page["pageInfo"] for alias, page in answer.data.items() if page}
                given = {alias: pages[alias][end] for alias, end in cursors.items() if alias in pages}


# Not visible is the same as not there


def as_if_nothing(view: View, type_name: str, number: int) -> list[str]:
    """So many global ids of a type that nothing has."""
    return [f"{PREFIXES[type_name]}_{at}" for at in range(10**12, 10**12 + number)]


async def is_as_if_nothing(store: Store, view: View, document: str, hidden: Any, nothing: Any) -> bool:
    """Whether both values of the variables give the same bytes, by as many statements."""
    found, not_found = [await ask(store, view.caller, document, given) for given in (hidden, nothing)]
    return found.bytes == not_found.bytes and found.statements == not_found.statements


@pytest.mark.parametrize("account_id", PARENT)
async def test_an_id_out_of_view_is_answered_like_an_id_of_nothing(
    marked_store: Store, marked_world: World, account_id: int
) -> None:
    one = " ".join(f"{name}: node(id: $id{name}) {{ __typename id }}" for name in PREFIXES)
    taken = ", ".join(f"$id{name}: ID!" for name in PREFIXES)
    documents = (
        f"query({taken}) {{ {one} account(id: $idAccount) {{ id name children {{ totalCount }} }} }}",
        "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }",
    )
    for caller in callers_at(marked_world, account_id):
        view = View(marked_world, caller)
        hidden = {name: view.hidden_ids(name)[-9:] for name in PREFIXES}
        if account_id == 1 and not caller.is_service_user:
            continue  # hardly anything is out of its view
        nothing = {name: as_if_nothing(view, name, len(ids)) for name, ids in hidden.items()}
        ones, manies = (
            [make(ids) for ids in (hidden, nothing)]
            for make in (
                lambda ids: {f"id{name}": (each or ["per_1"])[-1] for name, each in ids.items()},
                lambda ids: {"ids": [text for each in ids.values() for text in each]},
            )
        )
        assert await is_as_if_nothing(marked_store, view, documents[0], *ones), caller
        assert await is_as_if_nothing(marked_store, view, documents[1], *manies), caller


@pytest.mark.parametrize("account_id", [2, 7, 10])
async def test_a_condition_on_ids_or_texts_out_of_view_finds_as_much_as_one_on_nothing(
    marked_store: Store, marked_world: World, account_id: int
) -> None:
    for caller in callers_at(marked_world, account_id):
        view = View(marked_world, caller)
        asked = list(hidden_conditions(view))
        taken = ", ".join(f"$f{at}: {filter_type(ROOT_LISTS[name])}" for at, (name, *_) in enumerate(asked))
        parts = (
            f"f{at}: {name}(filter: $f{at}) {{ totalCount nodes {{ id }} }}" for at, (name, *_) in enumerate(asked)
        )
        hidden = {f"f{at}": {condition: value} for at, (_, condition, value, _) in enumerate(asked)}
        nothing = {f"f{at}": {condition: value} for at, (_, condition, _, value) in enumerate(asked)}

        assert len(asked) > 20
        assert await is_as_if_nothing(marked_store, view, f"query({taken}) {{ {' '.join(parts)} }}", hidden, nothing), (
            caller
        )


def hidden_conditions(view: View) -> Iterator[tuple[str, str, Any, Any]]:
    """List, condition, a value out of view and a value of nothing, of the same form."""
    for name, of in ROOT_LISTS.items():
        for condition, each in filters(of).items():
            kind = str(each.type)
            if "ID" in kind:
                type_name = NOUNS[noun_of(filter_type(of), condition)].type_name
                # Whoever sold an order knows to whom and for what, wherever that is now.
                sold = view.seen["orders"] if name == "orders" else []
                known = {
                    text for order in sold for text in (f"acc_{order['account_id']}", f"sub_{order['subscription_id']}")
                }
                if name in {"balances", "invoices", "payments"}:
                    known |= {f"acc_{balance['buyer_id']}" for balance in view.seen["balance"]}
                hidden = [each for each in view.hidden_ids(type_name) if each not in known]
                nothing = as_if_nothing(view, type_name, len(hidden))
            elif kind == "[String!]":
                hidden = sorted(text for text in view.secrets if snake(condition) in text)
                nothing = [f"nothing {at}" for at in range(len(hidden))]
            else:
                continue
            several = [(hidden, nothing)] if kind.startswith("[") else zip(hidden[:4], nothing[:4], strict=True)
            yield from ((name, condition, *pair) for pair in several)


async def test_an_external_id_out_of_view_names_nothing(marked_store: Store, marked_world: World) -> None:
    document = "query($text: String) { account(externalId: $text) { id } }"
    view = View(marked_world, caller_at(2))
    known = {row["external_id"]: row["id"] for row in marked_world["account"]}
    found = {text: await ask(marked_store, view.caller, document, {"text": text}) for text in [*known, "nothing"]}

    assert {text: answer.data["account"] for text, answer in found.items()} == {
        text: {"id": f"acc_{known[text]}"} if known.get(text) in view.keys["account"] else None for text in found
    }
    assert len({answer.bytes for text, answer in found.items() if known.get(text) not in view.keys["account"]}) == 1


# Rows that come out of view change nothing


async def add(store: Store, rows: Iterator[tuple[str, Record]]) -> int:
    """Insert the rows; returns their number."""
    async with store.unfiltered("a test adds rows out of view", write=True) as db:
        records = list(rows)
        for table, record in records:
            await db.execute(Statement(insert(SQLModel.metadata.tables[table])), record)
        return len(records)


async def test_rows_that_come_out_of_view_change_not_one_byte(own_marked_store: Store, marked_world: World) -> None:
    *_, service_user = callers_at(marked_world, 2)
    callers = [caller_at(2), caller_at(2, Reach.DIRECT), caller_at(2, Reach.OWN), caller_at(7), service_user]
    # Beside all of them another reseller's tree and more of the provider's own; below, what only some can't see.
    beside, below = twins(marked_world, {9, 10, 11, 12}, frozenset({1})), twins(marked_world, {4, 5})
    for rows, unconcerned in ((beside, callers), (below, callers[1:3])):
        views = [View(marked_world, caller) for caller in unconcerned]
        before = [as_read(await answers(own_marked_store, view, OBJECTS | ROWS)) for view in views]
        assert await add(own_marked_store, rows) > 50

        assert [as_read(await answers(own_marked_store, view, OBJECTS | ROWS)) for view in views] == before


async def test_rows_that_come_into_view_are_there(own_marked_store: Store, marked_world: World) -> None:
    view = View(marked_world, caller_at(1))
    before = as_read(await answers(own_marked_store, view))
    await add(own_marked_store, twins(marked_world, {9, 10, 11, 12}, frozenset({1})))
    after = as_read(await answers(own_marked_store, view))

    assert len([name for name in before if before[name] != after[name]]) > len(before) / 3


# Cursors and errors


async def test_a_cursor_of_another_account_is_as_good_as_garbage(marked_store: Store) -> None:
    for name, of in ROOT_LISTS.items():
        document = f"query($after: String) {{ page: {name}(first: 1, after: $after) {{ pageInfo {{ endCursor }} }} }}"
        given = await ask(marked_store, caller_at(2), document)
        cursor = given.data["page"]["pageInfo"]["endCursor"]
        for other in (1, 3, 7, 9):
            answer, garbage = [
                await ask(marked_store, caller_at(other), document, {"after": each}) for each in (cursor, "garbage")
            ]
            assert answer.bytes == garbage.bytes, of
            assert answer.codes == ["INVALID_ARGUMENT"]


@pytest.mark.parametrize("error", [StoreError, RuntimeError, KeyError, ValueError])
@pytest.mark.parametrize("way", [ask, ask_graphql_core])
async def test_no_error_tells_what_stands_in_a_row(
    marked_store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Any, way: Any
) -> None:
    async def fail(*_: Any) -> Any:
        raise error('duplicate key value violates (name)=("LEAK-9-account-9-name")')

    monkeypatch.setattr(SpyingReader, "rows", fail)
    for document in ("{ accounts { nodes { name } totalCount } }", "{ viewer { user { name } account { name } } }"):
        answer = await way(marked_store, caller_at(2), document)

        assert set(answer.codes) == {"INTERNAL"}
        assert b"LEAK" not in answer.bytes
        assert answer.errors[0]["extensions"]["requestId"] in caplog.text
    assert "LEAK-9-account-9-name" in caplog.text


async def test_a_row_that_cannot_be_shown_is_an_error_without_its_words(
    hierarchy: Store, caplog: pytest.LogCaptureFixture
) -> None:
    # The attributes of the unmarked hierarchy are no JSON.
    for way in (ask, ask_graphql_core):
        answer = await way(hierarchy, caller_at(2), "{ accounts(first: 1) { nodes { id attributes { name } } } }")

        assert answer.codes == ["INTERNAL"]
        assert answer.errors[0]["path"] == ["accounts", "nodes", 0, "attributes"]
        assert b"LEAK" not in answer.bytes


async def test_a_timeout_says_what_helps(marked_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> Any:
        raise StoreTimeoutError("a statement took longer than 5 s")

    monkeypatch.setattr(SpyingReader, "rows", fail)
    answer = await ask(marked_store, caller_at(2), "{ accounts { nodes { name } } }")

    assert (answer.codes, answer.data) == (["UNAVAILABLE"], {"accounts": None})
    assert "Ask for less" in answer.errors[0]["message"]


# The tests above can fail

UNNOTICED = {
    "account_term", "exchange_rate", "order_line", "plan_period", "product_dependency", "product_term", "role", "seat",
    "subscription_hold", "subscription_item", "subscription_lot", "user_denial", "user_role", "user_term",
    "vendor_card",
}  # fmt: skip
"""Tables to which answers come only through rows of others, whose rule holds; roles and rates are everybody's."""


@pytest.mark.parametrize("table", sorted(RULES.keys() - UNNOTICED))
async def test_a_filter_that_is_taken_away_is_noticed(
    sqlite_databases: Databases, marked_world: World, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    *_, service_user = callers_at(marked_world, 7)
    async with holding(sqlite_databases, "marked", marked_world) as sound:
        monkeypatch.setitem(RULES, table, "+rowid >= 0")
        async with opened(sound.url) as store:  # new connections make new views
            assert await is_noticed(store, marked_world, [caller_at(7), service_user])


async def is_noticed(store: Store, world: World, callers: Iterable[Caller]) -> bool:
    """Whether any answer to a caller shows anything that it must not."""
    for caller in callers:
        view = View(world, caller)
        for name, document in reversed(ALL_DOCUMENTS.items()):
            for answer in (await answers(store, view, {name: document})).values():
                if any(leaks(view, answer)):
                    return True
    return False
