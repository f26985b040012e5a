"""Invoices: each period's charges once, what was received pays for the oldest first, and both sides see the same."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, select

from models import Invoice, InvoiceItem, Payment, PaymentKind, PaymentTerm, PostKind, RoleCode
from models.base import MICROS, table_of
from models.beyond import invoices, payments
from models.beyond.balances import Conditions, open_edge, seen
from models.beyond.chain import Edge
from models.beyond.ledger import Amount, charge, reverse
from models.identifier import new_id
from models.scope import Reach, Scope
from models.statement import Row, Statement
from models.store import Store
from models.writer import Writer
from tests.asking import ask
from tests.changes import user_at
from tests.databases import Databases
from tests.hierarchy import World, path_of
from tests.money import AT, Office, balance_of, do, invoices_of, net, opened_books, owe

_ITEM = table_of(InvoiceItem).c
_INVOICE = table_of(Invoice).c
_ALL_INVOICES = Statement(
    select(*_INVOICE).where(_INVOICE.balance_id == bindparam("of_balance")).order_by(_INVOICE.period_to)
)
_ITEMS = Statement(select(*_ITEM).order_by(_ITEM.invoice_id, _ITEM.position))


@pytest.fixture(scope="module")
async def shared_books(databases: Databases, world: World) -> AsyncIterator[Store]:
    """A store in which every test has a buyer of its own."""
    prepaid = Conditions(PaymentTerm.PREPAID, 0, 10)
    async with opened_books(databases, world, of_12=prepaid, of_6=net(None, days=14)) as store:
        yield store


@pytest.fixture
def office(shared_books: Store, monkeypatch: pytest.MonkeyPatch) -> Office:
    """The worker."""
    return Office(shared_books, monkeypatch)


@pytest.fixture
def books(shared_books: Store) -> Store:
    return shared_books


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def close(store: Store, buyer: int, day: str) -> None:
    """Close a period of the buyer's balance."""
    balance = await balance_of(store, buyer)
    async with store.writer(Scope(path_of(1))) as writer:
        await invoices.close(writer, balance.id, date.fromisoformat(day), at=at(day))


async def items_of(store: Store, invoice: Row) -> Sequence[Row]:
    async with store.unfiltered("a test reads items") as db:
        return [row for row in await db.rows(_ITEMS) if row.invoice_id == invoice.id]


async def pay(store: Store, world: World, by: int, buyer: int, units: int) -> None:
    payload = await do(store, user_at(world, by), "paymentRecord", account=f"acc_{buyer}", amount=str(units))
    assert payload["userErrors"] == []


async def test_an_invoice_holds_the_charges_of_its_period_and_no_others(books: Store) -> None:
    await owe(books, 7, 10, "7:a", at=at("2026-11-02T08:00"))
    await owe(books, 7, 20, "7:b", at=at("2026-11-30T23:59:59.999"))
    await owe(books, 7, 30, "7:c", at=at("2026-12-01T00:00"))
    await close(books, 7, "2026-12-01")
    (invoice,) = await invoices_of(books, 7)

    assert (invoice.total_micros, invoice.status, invoice.number) == (30 * MICROS, "OPEN", "IN7-1")
    assert [str(day) for day in (invoice.period_from, invoice.period_to, invoice.due_on)] == [
        "2026-11-02",
        "2026-12-01",
        "2026-12-31",
    ]
    assert [(item.micros, item.text) for item in await items_of(books, invoice)] == [
        (10 * MICROS, "Seats"),
        (20 * MICROS, "Seats"),
    ]
    await close(books, 7, "2027-01-01")
    assert [row.total_micros // MICROS for row in await invoices_of(books, 7)] == [30, 30]


async def test_a_period_closed_again_or_twice_at_once_is_closed_once(books: Store) -> None:
    await owe(books, 8, 10, "8:a")
    await asyncio.gather(*(close(books, 8, "2026-12-01") for _ in range(4)))
    await close(books, 8, "2026-12-01")

    assert [row.total_micros for row in await invoices_of(books, 8)] == [10 * MICROS]


async def test_a_period_without_charges_has_no_invoice(books: Store) -> None:
    await close(books, 13, "2026-12-01")

    assert list(await invoices_of(books, 13)) == []


async def test_payments_pay_for_the_oldest_invoices_first(books: Store, world: World) -> None:
    for month, units in (("11", 100), ("12", 50)):
        await owe(books, 6, units, f"6:{month}", at=at(f"2026-{month}-05T00:00"))
    await close(books, 6, "2026-12-01")
    await close(books, 6, "2027-01-01")

    async def paid() -> list[tuple[int, str]]:
        return [(row.paid_micros // MICROS, row.status) for row in await invoices_of(books, 6)]

    assert await paid() == [(0, "OPEN"), (0, "OPEN")]
    await pay(books, world, 3, 6, 40)
    assert await paid() == [(40, "OPEN"), (0, "OPEN")]
    await pay(books, world, 3, 6, 70)
    assert await paid() == [(100, "PAID"), (10, "OPEN")]
    await pay(books, world, 3, 6, 60)
    assert await paid() == [(100, "PAID"), (50, "PAID")]
    # What was paid too much is there for the next one.
    await owe(books, 6, 30, "6:01", at=at("2027-01-05T00:00"))
    await close(books, 6, "2027-02-01")
    assert (await paid())[2:] == [(20, "OPEN")]


async def test_what_is_given_back_counts_towards_what_is_open(books: Store) -> None:
    await owe(books, 11, 100, "11:a", at=at("2026-11-05T00:00"))
    await owe(books, 11, 50, "11:b", at=at("2026-11-06T00:00"))
    await close(books, 11, "2026-12-01")
    async with books.writer(Scope(path_of(11))) as writer:
        await reverse(writer, key_of="11:b", key="11:back", kind=PostKind.REFUND, at=at("2026-12-05T00:00"))
    await close(books, 11, "2027-01-01")

    assert [
        (row.total_micros // MICROS, row.paid_micros // MICROS, row.status) for row in await invoices_of(books, 11)
    ] == [
        (150, 50, "OPEN"),
        (-50, 0, "CREDITED"),
    ]


async def test_the_worker_closes_months_for_those_who_pay_later_and_days_for_those_who_prepay(
    books: Store, office: Office
) -> None:
    await office.work("2027-05-31")
    await owe(books, 5, 10, "5:a", at=at("2027-06-03T10:00"))
    await owe(books, 12, 10, "12:a", at=at("2027-06-03T10:00"))

    assert await office.work("2027-06-03") == []
    assert "2027-06-04" in await office.work("2027-06-04")
    assert [str(row.period_to) for row in await invoices_of(books, 12)] == ["2027-06-04"]
    assert list(await invoices_of(books, 5)) == []
    assert "2027-07-01" in await office.work("2027-07-01")
    assert [str(row.period_to) for row in await invoices_of(books, 5)] == ["2027-07-01"]


async def test_months_that_were_slept_through_are_closed_one_by_one(books: Store, office: Office) -> None:
    for month in (8, 9, 10):
        await owe(books, 3, month, f"3:{month}", at=at(f"2027-{month:02}-15T00:00"))
    await office.work("2028-01-05")

    assert [(str(row.period_to), row.total_micros // MICROS) for row in await invoices_of(books, 3)] == [
        ("2027-09-01", 8),
        ("2027-10-01", 9),
        ("2027-11-01", 10),
    ]


SEEN = """{ accounts(first: 50) { nodes { id
  invoicesReceived { nodes { number } } invoicesIssued { nodes { number } } } } }"""


async def test_the_seller_sees_what_it_issued_the_buyer_what_it_received_and_nobody_else_either(
    books: Store, world: World
) -> None:
    await owe(books, 10, 10, "10:a")
    await owe(books, 9, 10, "9:a")
    for buyer in (9, 10):
        await close(books, buyer, "2026-12-01")

    async def seen(by: int, kind: str) -> dict[str, list[str]]:
        answer = await ask(books, user_at(world, by), SEEN)
        nodes = answer.data["accounts"]["nodes"]
        found = {node["id"]: {each["number"] for each in node[kind]["nodes"]} & {"IN9-1", "IN10-1"} for node in nodes}
        return {account: sorted(numbers) for account, numbers in found.items() if numbers}

    assert await seen(10, "invoicesReceived") == {"acc_10": ["IN10-1"]}
    assert await seen(9, "invoicesReceived") == {"acc_9": ["IN9-1"], "acc_10": ["IN10-1"]}
    assert await seen(9, "invoicesIssued") == {"acc_9": ["IN10-1"]}
    assert await seen(2, "invoicesReceived") == {}
    assert await seen(10, "invoicesIssued") == {}


ACCOUNT_4 = """{ node(id: "acc_4") { ... on Account {
  balance { owed { amount } available { amount } }
  invoicesReceived { nodes {
    total { amount currency } paid { amount } vendor { name } buyer { id }
    items { nodes { position text amount { amount } } }
  } }
  ledger { totalCount nodes { kind amount { amount } } }
} } }"""


async def test_an_invoice_is_shown_with_its_items_and_the_balance_with_what_is_left(books: Store, world: World) -> None:
    await owe(books, 4, 10, "4:a", at=at("2026-11-05T00:00"))
    await owe(books, 4, 5, "4:b", at=at("2026-11-06T00:00"))
    await close(books, 4, "2026-12-01")
    answer: Any = await ask(books, user_at(world, 4), ACCOUNT_4)
    account = answer.data["node"]

    assert account["balance"] == {"owed": {"amount": "15.00"}, "available": None}
    assert account["invoicesReceived"]["nodes"] == [
        {
            "total": {"amount": "15.00", "currency": "EUR"},
            "paid": {"amount": "0.00"},
            "vendor": {"name": "LEAK-3-name"},
            "buyer": {"id": "acc_4"},
            "items": {
                "nodes": [
                    {"position": 0, "text": "Seats", "amount": {"amount": "10.00"}},
                    {"position": 1, "text": "Seats", "amount": {"amount": "5.00"}},
                ]
            },
        }
    ]
    assert account["ledger"]["totalCount"] == 2
    assert [node["amount"]["amount"] for node in account["ledger"]["nodes"]] == ["5.00", "10.00"]


def test_days_are_told_alike_on_both_engines() -> None:
    moment = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)

    assert invoices._day(moment) == invoices._day("2026-11-30T23:30:00.000Z") == date(2026, 11, 30)
    assert invoices._day(moment + timedelta(hours=1)) == date(2026, 12, 1)


BALANCES = "{ accounts(first: 50) { nodes { id balance { terms vendor { name } buyer { id } } } } }"


@pytest.mark.parametrize(
    ("by", "reach", "seen"),
    [
        (1, Reach.SUBTREE, {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}),
        (2, Reach.SUBTREE, {2, 3, 4, 5, 6, 7, 8}),
        (2, Reach.DIRECT, {2, 3, 7, 8}),
        (2, Reach.OWN, {2}),
        (7, Reach.OWN, {7}),
        (10, Reach.SUBTREE, {10, 11}),
    ],
)
async def test_balances_are_seen_from_ones_own_downwards_and_never_what_the_vendor_owes(
    books: Store, world: World, by: int, reach: Reach, seen: set[int]
) -> None:
    answer = await ask(books, replace(user_at(world, by), reach=reach), BALANCES)
    found = {node["id"]: node["balance"] for node in answer.data["accounts"]["nodes"] if node["balance"]}

    assert answer.errors == []
    assert found.keys() == {f"acc_{account}" for account in seen}
    assert all(balance["buyer"]["id"] == account for account, balance in found.items())
    assert all(balance["vendor"] for balance in found.values())


async def test_without_the_privilege_there_is_no_money_to_be_seen(books: Store, world: World) -> None:
    caller = user_at(world, 7, RoleCode.LIMITED_ADMINISTRATOR)
    fields = (
        "balance { id } balances { id } ledger { totalCount } payments { totalCount } invoicesIssued { totalCount }"
    )
    answer = await ask(books, caller, f'{{ node(id: "acc_7") {{ ... on Account {{ {fields} }} }} }}')

    assert [error["extensions"]["code"] for error in answer.errors] == ["FORBIDDEN"] * 5
    assert set(answer.data["node"].values()) == {None}


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["charge", "charge", "give back", "pay", "close"]), st.integers(1, 500)), max_size=14
)
_currencies = (f"H{number}" for number in itertools.count())


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
async def test_whatever_happens_invoices_are_the_ledger_and_what_was_received_pays_the_oldest(
    books: Store, actions: list[tuple[str, int]]
) -> None:
    currency = next(_currencies)
    edge = Edge(4, path_of(4), 5, path_of(5), currency)
    received, totals, pending = 0, [], 0
    async with books.writer(Scope(path_of(4))) as writer:
        await open_edge(writer, path_of(4), path_of(5), currency, net(None), at=AT)
        async with writer.beyond("a test looks for a balance") as db:
            balance = await seen(db, edge, currency)
        assert balance is not None
        for day, (action, micros) in enumerate(actions):
            now = AT + timedelta(days=day)
            if action in {"charge", "give back"}:
                more = micros if action == "charge" else -micros
                due = [Amount(edge, more, currency)]
                await charge(writer, due, key=f"{currency}:{day}", kind=PostKind.CHARGE, is_checked=False, at=now)
                pending += more
            elif action == "pay":
                await pay_to(writer, balance, micros, now)
                received += micros
            else:
                on = (now + timedelta(days=1)).date()
                issued = await invoices.close(writer, balance.id, on, at=now)
                totals += [pending] if issued else []
                pending = 0 if issued else pending
        async with writer.beyond("a test looks at what came of it") as db:
            found = await db.rows(_ALL_INVOICES, {"of_balance": balance.id})
            after = await seen(db, edge, currency)

    assert [row.total_micros for row in found] == totals
    assert after is not None
    assert after.owed_micros == sum(totals) + pending - received
    left = received - sum(total for total in totals if total < 0)
    for row in found:
        paid = max(0, min(row.total_micros, left))
        left -= paid
        assert row.paid_micros == paid
        assert row.status == ("CREDITED" if row.total_micros <= 0 else "PAID" if paid == row.total_micros else "OPEN")


async def pay_to(writer: Writer, balance: Row, micros: int, now: datetime) -> None:
    payment = Payment(
        id=new_id(),
        balance_id=balance.id,
        seller_id=balance.seller_id,
        buyer_id=balance.buyer_id,
        kind=PaymentKind.PAYMENT,
        currency=balance.currency,
        micros=micros,
        received_on=now.date(),
        created_at=now,
        updated_at=now,
    )
    await payments.pay(writer, payment, at=now)
