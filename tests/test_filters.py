"""Conditions: each against a Python oracle, alone and together, at the root and below every parent."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    get_named_type,
    get_nullable_type,
    is_list_type,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import resolvers.scope_pages
import resolvers.source
from models.store import Store
from resolvers.caller import Caller
from tests.asking import ask, caller_at
from tests.candidates import ROOT_LISTS, candidates
from tests.documents import connections, filter_type, filters, node_type, noun_of, orders
from tests.hierarchy import Record, World
from tests.lists import TABLES, Seen, fulfils, global_id, in_order, rows_of, seen_by
from tests.market import NAMES, OTHER_RESELLER, PROVIDER, RESELLER, SUBRESELLER

CONDITIONS = [(name, condition) for name, each in ROOT_LISTS.items() for condition in filters(each)]
INNER_LISTS = [(parent, name) for parent, name, _ in connections() if parent != "Query"]
DEFAULT = {"Balance": ("CREATED_AT", "DESC"), "Change": ("AT", "DESC"), "ExchangeRate": ("CREATED_AT", "DESC"),
           "Invoice": ("CREATED_AT", "DESC"), "InvoiceItem": ("AT", "ASC"), "LedgerPost": ("AT", "DESC"),
           "Order": ("CREATED_AT", "DESC"), "Payment": ("CREATED_AT", "DESC"), "Price": ("CREATED_AT", "DESC"),
           "PlanSwitch": ("CREATED_AT", "DESC"),
           "Subscription": ("CREATED_AT", "DESC"), "SubscriptionHistory": ("AT", "DESC"),
           "User": ("CREATED_AT", "ASC")}  # fmt: skip
"""The order in which rows come where none is asked for; by name where nothing is said here."""


def at(world: World, account_id: int) -> Caller:
    path = next(account["path"] for account in world["account"] if account["id"] == account_id)
    return caller_at(account_id, path=path)


def document(of: GraphQLField, name: str) -> str:
    return (
        f"query($filter: {of.args['filter'].type}) {{ page: {name}(first: 100, filter: $filter)"
        " { nodes { id } totalCount } }"
    )


def right(seen: Seen, type_name: str, rows: list[Record], given: dict[str, Any]) -> list[str]:
    """The ids of the rows that fulfil the conditions, in the order in which they come."""
    chosen = [record for record in rows if fulfils(seen, type_name, record, given)]
    return [global_id(type_name, record) for record in in_order(chosen, *DEFAULT.get(type_name, ("NAME", "ASC")))]


@pytest.mark.parametrize(("name", "condition"), CONDITIONS)
async def test_a_condition_chooses_the_rows_that_the_oracle_chooses(
    market_store: Store, market_world: World, name: str, condition: str
) -> None:
    of = ROOT_LISTS[name]
    type_name = node_type(of).name
    tells_apart = False
    for place in (PROVIDER, OTHER_RESELLER):
        caller = at(market_world, place)
        seen = seen_by(market_world, caller.scope())
        rows = seen[TABLES[type_name]]
        for value in candidates(market_world, type_name, condition, filters(of)[condition]):
            answer = await ask(market_store, caller, document(of, name), {"filter": {condition: value}})
            expected = right(seen, type_name, rows, {condition: value})
            tells_apart |= 0 < len(expected) < len(rows)

            assert answer.errors == [], value
            assert [node["id"] for node in answer.data["page"]["nodes"]] == expected[:100], (value, place)
            assert answer.data["page"]["totalCount"] == len(expected), value
    assert tells_apart


@pytest.mark.parametrize(("parent_type", "name"), INNER_LISTS)
async def test_a_condition_below_a_parent_chooses_among_its_own_rows(
    market_store: Store, market_world: World, parent_type: str, name: str
) -> None:
    caller = at(market_world, PROVIDER)
    seen = seen_by(market_world, caller.scope())
    (of,) = [each for parent, field, each in connections() if (parent, field) == (parent_type, name)]
    type_name = node_type(of).name
    parents = {global_id(parent_type, record): record for record in seen[TABLES[parent_type]][:30]}
    text = (
        f"query($ids: [ID!]!, $filter: {of.args['filter'].type}) {{ nodes(ids: $ids) {{ id ... on {parent_type}"
        f" {{ page: {name}(first: 100, filter: $filter) {{ nodes {{ id }} totalCount }} }} }} }}"
    )
    for condition, each in filters(of).items():
        values = candidates(market_world, type_name, condition, each)
        for value in values[1 :: max(len(values) // 2, 1)]:
            answer = await ask(market_store, caller, text, {"ids": list(parents), "filter": {condition: value}})
            for parent in answer.data["nodes"]:
                rows = rows_of(seen, parent_type, name, parents[parent["id"]], type_name)
                expected = right(seen, type_name, rows, {condition: value})

                assert [node["id"] for node in parent["page"]["nodes"]] == expected, (condition, value, parent["id"])
                assert parent["page"]["totalCount"] == len(expected)


async def pages(store: Store, caller: Caller, name: str, given: dict[str, Any]) -> dict[str, list[list[str]]]:
    """The first pages of a list at the root in each order, two rows each: forwards, and backwards."""
    of = ROOT_LISTS[name]
    ways = {
        f"{side}{order}": f"{name}({size}: 2, {side}: ${side}{order}, filter: $filter, orderBy: {{ field: {order} }})"
        for order in orders(of)
        for size, side in (("first", "after"), ("last", "before"))
    }
    taken = " ".join(f"${way}: String" for way in ways)
    parts = " ".join(
        f"{way}: {page} {{ nodes {{ id }} pageInfo {{ startCursor endCursor }} }}" for way, page in ways.items()
    )
    text = f"query($filter: {of.args['filter'].type} {taken}) {{ {parts} }}"
    found: dict[str, list[list[str]]] = {way: [] for way in ways}
    cursors: dict[str, str] = {}
    for _ in range(4):
        answer = await ask(store, caller, text, {"filter": given, **cursors})
        for way, page in answer.data.items():
            found[way].append([node["id"] for node in page["nodes"]])
            cursors[way] = page["pageInfo"]["endCursor" if way.startswith("after") else "startCursor"]
        if not any(cursors.values()):
            break
    return found


WAYS = {way: cache(resolvers.scope_pages.scope_page.__wrapped__) for way in (3, 2_000)}
"""The statements by how many rows are walked past; kept apart, since the number stands in their text."""


def walk(patch: pytest.MonkeyPatch, way: int) -> None:
    """Walk past so many rows from now on."""
    patch.setattr(resolvers.scope_pages, "_WAY", way)
    patch.setattr(resolvers.source, "scope_page", WAYS[way])


@pytest.mark.parametrize(("name", "condition"), CONDITIONS)
async def test_over_a_wide_scope_the_same_is_found_whether_or_not_walking_a_part_of_the_order_is_enough(
    market_store: Store, market_world: World, monkeypatch: pytest.MonkeyPatch, name: str, condition: str
) -> None:
    narrow = at(market_world, RESELLER)
    wide = replace(narrow, size_class=20)
    values = candidates(market_world, node_type(ROOT_LISTS[name]).name, condition, filters(ROOT_LISTS[name])[condition])
    for value in values[:: max(len(values) // 2, 1)]:
        expected = await pages(market_store, narrow, name, {condition: value})
        for way in WAYS:
            with monkeypatch.context() as patch:
                walk(patch, way)

                assert await pages(market_store, wide, name, {condition: value}) == expected, value


DOWN = ("", "maxDepth: 1,", "maxDepth: 2, filter: { type: [CUSTOMER] },", 'filter: { search: "a" },')


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("arguments", DOWN)
async def test_below_one_account_the_same_is_found_as_below_one_of_several_whether_or_not_the_scope_is_wide(
    market_store: Store, market_world: World, monkeypatch: pytest.MonkeyPatch, arguments: str, way: int
) -> None:
    walk(monkeypatch, way)
    caller = at(market_world, RESELLER)
    for order in ("NAME", "CREATED_AT"):
        fields = f"""id all: descendants({arguments} first: 100) {{ nodes {{ id }} totalCount }}
            last: descendants({arguments} last: 3, orderBy: {{ field: {order} }}) {{ nodes {{ id }} }}"""
        several = await ask(market_store, caller, f"{{ accounts(first: 100) {{ nodes {{ {fields} }} }} }}")
        for size_class in (0, 20):
            alone = await ask(
                market_store, replace(caller, size_class=size_class), f"{{ viewer {{ account {{ {fields} }} }} }}"
            )

            assert alone.data["viewer"]["account"]["all"]["nodes"]
            assert alone.data["viewer"]["account"] in several.data["accounts"]["nodes"]


def combinations(world: World, name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Several conditions at once on a list at the root."""
    of = ROOT_LISTS[name]
    choices = {
        condition: st.sampled_from(candidates(world, node_type(of).name, condition, each))
        for condition, each in filters(of).items()
    }
    return st.fixed_dictionaries({}, optional=choices).filter(lambda chosen: len(chosen) > 1)


@pytest.mark.parametrize("name", ROOT_LISTS)
async def test_all_conditions_of_a_filter_must_hold(market_store: Store, market_world: World, name: str) -> None:
    of = ROOT_LISTS[name]
    type_name = node_type(of).name
    seen = seen_by(market_world, at(market_world, RESELLER).scope())
    chosen = drawn(combinations(market_world, name), 25)
    for each in chosen:
        answer = await ask(market_store, at(market_world, RESELLER), document(of, name), {"filter": each})
        expected = right(seen, type_name, seen[TABLES[type_name]], each)

        assert [node["id"] for node in answer.data["page"]["nodes"]] == expected[:100], json.dumps(each)
        assert answer.data["page"]["totalCount"] == len(expected), json.dumps(each)


def drawn(strategy: st.SearchStrategy[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """So many examples, the same in each run."""
    examples: list[dict[str, Any]] = []

    @settings(max_examples=number, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(example: dict[str, Any]) -> None:
        examples.append(example)

    collect()
    return examples


# In sentences, where the oracle could share a mistake


async def names(store: Store, world: World, search: str) -> set[str]:
    """The names of the accounts that a search finds."""
    document = "query($search: String) { accounts(first: 100, filter: {search: $search}) { nodes { name } } }"
    answer = await ask(store, at(world, PROVIDER), document, {"search": search})
    return {node["name"] for node in answer.data["accounts"]["nodes"]}


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("acme", {"Acme", "ACME", "Ácme", "Acme Cloud", "cloud acme", "acmeology"}),
        ("ÁCME", {"Acme", "ACME", "Ácme", "Acme Cloud", "cloud acme", "acmeology"}),
        ("clo ac", {"Acme Cloud", "cloud acme"}),
        ("cme", set()),
        ("strasse", {"Straße 7", "STRASSE 7"}),
        ("Zurich bau", {"Zürich Bau", "ZURICH BAU"}),
        ("lodz", {"Łódź Soft"}),
        ("O\u2019Brien", {"O'Brien & Söhne"}),
        ("東京", {"東京クラウド"}),
        ("unal una fri fr un z", {"Ünal 4 Friends"}),
        ("unal una fri frie zz", set()),
    ],
)
async def test_a_search_looks_for_beginnings_of_words_whatever_their_case_and_accents(
    market_store: Store, market_world: World, search: str, found: set[str]
) -> None:
    assert found <= set(NAMES)
    assert await names(market_store, market_world, search) == found


async def count(store: Store, caller: Caller, name: str, condition: str) -> int:
    """How many rows of a list at the root fulfil a condition."""
    answer = await ask(store, caller, f"{{ {name}(filter: {{{condition}}}) {{ totalCount }} }}")
    assert answer.errors == []
    return int(answer.data[name]["totalCount"])


async def test_both_ends_of_a_range_of_days_belong_to_it(market_store: Store, market_world: World) -> None:
    caller = at(market_world, PROVIDER)
    days = [row["renewal_date"].isoformat() for row in market_world["subscription"] if row["renewal_date"]]
    found = await count(market_store, caller, "subscriptions", 'renews: {from: "2026-11-15", to: "2026-12-14"}')

    assert found == sum("2026-11-15" <= day <= "2026-12-14" for day in days)
    assert found > sum("2026-11-15" < day <= "2026-12-14" for day in days)
    assert found > sum("2026-11-15" <= day < "2026-12-14" for day in days)


async def test_the_end_of_a_range_of_instants_does_not_belong_to_it(market_store: Store, market_world: World) -> None:
    caller = at(market_world, PROVIDER)
    first, second = "2026-10-01T12:30:15.250Z", "2026-10-02T12:30:15.250Z"
    made = [row["created_at"].day for row in market_world["account"]]

    assert await count(market_store, caller, "accounts", f'created: {{from: "{first}"}}') == len(made)
    assert await count(market_store, caller, "accounts", f'created: {{until: "{first}"}}') == 0
    between = f'created: {{from: "{first}", until: "{second}"}}'
    assert await count(market_store, caller, "accounts", between) == made.count(1)


async def test_all_that_lies_below_an_account_lies_below_it(market_store: Store, market_world: World) -> None:
    below = [row for row in market_world["account"] if row["path"].startswith("000001000002") and row["id"] != 2]

    caller = at(market_world, PROVIDER)
    assert await count(market_store, caller, "accounts", 'below: "acc_2"') == len(below)


@pytest.mark.parametrize("name", [name for name, each in ROOT_LISTS.items() if "below" in filters(each)])
async def test_below_an_account_out_of_view_there_is_as_little_as_below_none(
    market_store: Store, market_world: World, name: str
) -> None:
    caller = at(market_world, SUBRESELLER)
    document = f"query($id: ID) {{ {name}(filter: {{below: $id}}) {{ nodes {{ id }} totalCount }} }}"
    answers = [await ask(market_store, caller, document, {"id": f"acc_{of}"}) for of in (1, 2, 3, 7, 987654)]

    assert {answer.bytes for answer in answers} == {answers[-1].bytes}
    assert answers[0].data[name] == {"nodes": [], "totalCount": 0}
    assert len({len(answer.sent) for answer in answers}) == 1


IDS = [
    (name, condition)
    for name, condition in CONDITIONS
    if get_named_type(filters(ROOT_LISTS[name])[condition].type).name == "ID"
]
OF_ANY_TYPE = {("changes", "object")}
"""Conditions that take the id of anything."""


NO_IDS = ["", "acc", "acc_0", "acc_-1", "acc_01", "acc_1 ", "mkt_1", f"acc_{2**63}", "1", "é"]


@pytest.mark.parametrize(("name", "condition"), IDS)
async def test_what_can_be_no_id_of_the_right_type_is_refused(
    market_store: Store, market_world: World, name: str, condition: str
) -> None:
    of = ROOT_LISTS[name]
    is_several = is_list_type(get_nullable_type(filters(of)[condition].type))
    caller = at(market_world, RESELLER)
    for text in NO_IDS:
        if (name, condition) in OF_ANY_TYPE and text == "mkt_1":
            continue
        given = {condition: [text] if is_several else text}
        answer = await ask(market_store, caller, document(of, name), {"filter": given})

        assert (answer.codes, answer.data) == (["INVALID_ARGUMENT"], {"page": None}), text
        assert f"{noun_of(filter_type(of), condition)}_123" in answer.errors[0]["message"]


@pytest.mark.parametrize("name", [name for name, each in ROOT_LISTS.items() if "search" in filters(each)])
@pytest.mark.parametrize("text", ["", "  ", "%", "…", "!?", "\u0000"])
async def test_a_search_without_a_letter_or_digit_is_refused(
    market_store: Store, market_world: World, name: str, text: str
) -> None:
    caller = at(market_world, RESELLER)
    answer = await ask(market_store, caller, document(ROOT_LISTS[name], name), {"filter": {"search": text}})

    assert answer.codes == ["INVALID_ARGUMENT"]
    assert answer.errors[0]["message"] == "`search` has no letter or digit to look for."


@pytest.mark.parametrize(
    "text", ["' OR 1=1 --", "%", "_", "\\", "a\u0000b", "\u0000", "😀", "\ud7ff", '"', "x" * 10_000]
)
async def test_no_text_is_more_than_a_text(market_store: Store, market_world: World, text: str) -> None:
    caller = at(market_world, RESELLER)
    for name, condition in CONDITIONS:
        of = filters(ROOT_LISTS[name])[condition]
        if get_named_type(of.type).name == "String" and condition != "search":
            given = {"filter": {condition: [text]}}
            answer = await ask(market_store, caller, document(ROOT_LISTS[name], name), given)

            assert answer.errors == [], (name, condition)
            assert answer.data["page"] == {"nodes": [], "totalCount": 0}, (name, condition)


async def test_the_same_conditions_mean_the_same_through_either_spelling_of_nothing(
    market_store: Store, market_world: World
) -> None:
    caller = at(market_world, RESELLER)
    whole = await ask(market_store, caller, "{ accounts { totalCount } }")
    for nothing in (
        "orderBy: null",
        "filter: null",
        "filter: {}",
        "filter: {status: null}",
        "filter: {created: {from: null}}",
    ):
        answer = await ask(market_store, caller, f"{{ accounts({nothing}) {{ totalCount }} }}")

        assert answer.bytes == whole.bytes, nothing


@pytest.mark.parametrize("currency", ["usd", "US", "EURO", "$", "", "U\u0000D"])
async def test_a_currency_that_is_none_is_refused(market_store: Store, market_world: World, currency: str) -> None:
    document = "query($currency: Currency!) { prices(filter: {currency: [$currency]}) { totalCount } }"
    answer = await ask(market_store, at(market_world, RESELLER), document, {"currency": currency})

    assert (answer.data, answer.codes) == (None, ["BAD_USER_INPUT"])
    assert "Write its three letters: USD" in answer.errors[0]["message"]


@pytest.mark.parametrize("day", ["2026-W05-6", "20260131", "2026-02-30", "31.1.2026", "2026-01-31T00:00:00Z", ""])
async def test_a_day_that_is_none_is_refused(market_store: Store, market_world: World, day: str) -> None:
    caller = at(market_world, RESELLER)
    answer = await ask(market_store, caller, f'{{ prices(filter: {{validOn: "{day}"}}) {{ totalCount }} }}')

    assert answer.data is None
    assert "Write it as 2026-01-31" in answer.errors[0]["message"]


async def test_an_mpn_and_a_product_must_both_fit(market_store: Store, market_world: World) -> None:
    caller = at(market_world, PROVIDER)
    bought = {row["product_id"] for row in market_world["subscription"]}
    one, other = [row for row in market_world["product"] if row["id"] in bought and row["mpn"]][:2]
    assert one["mpn"] != other["mpn"]

    alone = await count(market_store, caller, "subscriptions", f'product: ["{global_id("Product", one)}"]')
    fitting = f'mpn: ["{one["mpn"]}"], product: ["{global_id("Product", one)}"]'
    clashing = f'mpn: ["{other["mpn"]}"], product: ["{global_id("Product", one)}"]'

    assert alone > 0
    assert await count(market_store, caller, "subscriptions", fitting) == alone
    assert await count(market_store, caller, "subscriptions", clashing) == 0
