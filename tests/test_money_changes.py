"""PaymentTerm, payments and credit memos: what a vendor may say about those below it, and never about itself."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select, update

from models import Account, Audit, RoleCode
from models.base import table_of
from models.beyond.balances import open_edge
from models.path import child
from models.scope import Scope
from models.statement import Statement
from models.store import Store
from resolvers.privileges import ROLES, Privilege
from tests.changes import change, codes, new_key, rows_of, user_at
from tests.databases import Databases
from tests.hierarchy import World, path_of
from tests.money import AT, BALANCE, account_of, balance_of, do, net, opened_books, owe, owed_by, try_to

ACCOUNT = table_of(Account)


@pytest.fixture
async def books(databases: Databases, world: World) -> AsyncIterator[Store]:
    """The hand-made hierarchy in a database of the test's own: everybody sells in euros, to 7 on a limit of 100."""
    async with opened_books(databases, world, of_7=net(100)) as store:
        yield store


@pytest.fixture(scope="module")
async def untouched(databases: Databases, world: World) -> AsyncIterator[Store]:
    """The same for tests in which nothing is done."""
    async with opened_books(databases, world, of_7=net(100)) as store:
        yield store


async def version_of(store: Store, account: int) -> int:
    return int((await account_of(store, account)).version)


async def set_terms(store: Store, world: World, by: int = 2, account: int = 7, **given: Any) -> Any:
    """Set terms with the version that the account has."""
    version = await version_of(store, account)
    return await do(
        store, user_at(world, by), "accountTermsSet", account=f"acc_{account}", expectedVersion=version, **given
    )


async def test_a_vendor_sets_the_terms_of_an_account_below_it(books: Store, world: World) -> None:
    payload = await set_terms(books, world, creditLimit="250.50", netDays=14, customerClass="Gold")

    assert codes(payload) == []
    assert payload["account"]["customerClass"] == "Gold"
    assert payload["account"]["balance"] == {
        "owed": {"amount": "0.00", "currency": "EUR"},
        "creditLimit": {"amount": "250.50"},
        "available": {"amount": "250.50"},
        "terms": "NET",
        "netDays": 14,
    }
    row = await balance_of(books, 7)
    assert (row.credit_limit_micros, row.net_days, row.terms) == (250_500_000, 14, "NET")


async def test_what_is_left_out_stays_and_null_takes_the_limit_away(books: Store, world: World) -> None:
    await set_terms(books, world, netDays=7)
    assert (await balance_of(books, 7)).credit_limit_micros == 100_000_000
    await set_terms(books, world, creditLimit=None)
    row = await balance_of(books, 7)

    assert (row.credit_limit_micros, row.net_days) == (None, 7)


async def test_who_prepays_has_no_credit(books: Store, world: World) -> None:
    assert codes(await set_terms(books, world, terms="PREPAID", creditLimit="1.00")) == ["INVALID"]
    assert codes(await set_terms(books, world, terms="PREPAID")) == []
    row = await balance_of(books, 7)

    assert (row.terms, row.credit_limit_micros) == ("PREPAID", 0)


async def test_terms_count_the_accounts_version_up_and_are_logged_with_old_and_new(books: Store, world: World) -> None:
    before = await version_of(books, 7)
    await set_terms(books, world, creditLimit="200.00")

    assert await version_of(books, 7) == before + 1
    assert [(row["of"], row["before"], row["after"]) for row in await log(books)] == [
        ("balance", '{"credit_limit_micros":100000000}', '{"credit_limit_micros":200000000}')
    ]


async def test_terms_that_are_so_already_change_nothing(books: Store, world: World) -> None:
    before = await version_of(books, 7)
    await set_terms(books, world, creditLimit="100.00", terms="NET")

    assert await version_of(books, 7) == before


async def test_an_account_never_had_with_its_vendor_gets_a_balance_when_terms_are_set(
    books: Store, world: World
) -> None:
    async with books.unfiltered("a test changes a currency", write=True) as db:
        await db.execute(Statement(update(ACCOUNT).where(ACCOUNT.c.id == 2).values(currency="CHF")))
    payload = await set_terms(books, world, terms="NET", creditLimit="5.00")

    assert codes(payload) == []
    assert (await balance_of(books, 7)).credit_limit_micros == 100_000_000
    assert {row.credit_limit_micros for row in await rows_of_balance(books, "CHF")} == {5_000_000}


async def rows_of_balance(store: Store, currency: str) -> list[Any]:
    async with store.unfiltered("a test reads balances") as db:
        return await db.rows(Statement(select(*BALANCE).where(BALANCE.currency == currency)))


async def log(store: Store) -> list[Any]:
    """The change log of operations."""
    rows = (dict(zip(row._fields, row, strict=True)) for row in await rows_of(store, Audit))
    return [row for row in rows if row["operation"][0].islower()]


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"creditLimit": "-1"}, "OUT_OF_RANGE", ["creditLimit"]),
        ({"creditLimit": "ten"}, "INVALID", ["creditLimit"]),
        ({"creditLimit": "1e9"}, "INVALID", ["creditLimit"]),
        ({"netDays": 366}, "OUT_OF_RANGE", ["netDays"]),
        ({"netDays": None}, "REQUIRED", ["netDays"]),
    ],
)
async def test_terms_that_make_no_sense_are_refused(
    untouched: Store, world: World, given: dict[str, Any], code: str, path: list[str]
) -> None:
    (error,) = (await set_terms(untouched, world, **given))["userErrors"]

    assert (error["code"], error["path"]) == (code, path)


@pytest.mark.parametrize(("by", "account", "code"), [(7, 7, "OWN_ACCOUNT"), (2, 2, "OWN_ACCOUNT"), (9, 7, "NOT_FOUND")])
async def test_nobody_sets_their_own_terms_or_those_of_others(
    untouched: Store, world: World, by: int, account: int, code: str
) -> None:
    before = await balance_of(untouched, account)

    assert codes(await set_terms(untouched, world, by, account, creditLimit="9.00")) == [code]
    assert await balance_of(untouched, account) == before


@pytest.mark.parametrize(
    ("mutation", "given"),
    [
        ("accountTermsSet", {"account": "acc_7", "expectedVersion": 1, "netDays": 1}),
        ("paymentRecord", {"account": "acc_7", "amount": "1.00"}),
        ("creditMemoRecord", {"account": "acc_7", "amount": "1.00", "reason": "Sorry."}),
    ],
)
async def test_money_is_changed_by_those_alone_who_may_see_it(
    untouched: Store, world: World, mutation: str, given: dict[str, Any]
) -> None:
    all_but = frozenset(ROLES[RoleCode.RESELLER_FULL_ACCESS])
    for missing in ({Privilege.FINANCES_VIEW}, {Privilege.FINANCES_RECORD, Privilege.ACCOUNTS_TERMS}):
        caller = user_at(world, 2, privileges=all_but - missing)
        answer = await try_to(untouched, caller, mutation, **given)
        assert [error["extensions"]["code"] for error in answer.errors] == ["FORBIDDEN"]
    assert (await balance_of(untouched, 7)).version == 1


async def pay(store: Store, world: World, by: int = 2, account: int = 7, amount: str = "40.00", **given: Any) -> Any:
    return await do(
        store, user_at(world, by), "paymentRecord", account=f"acc_{account}", amount=amount, **given, currency="EUR"
    )


async def test_a_payment_takes_off_what_is_owed_and_is_shown(books: Store, world: World) -> None:
    await owe(books, 7, 100, "order:1")
    payload = await pay(books, world, amount="40.25", reference="Bank 17", receivedOn="2026-11-19")
    payment = payload["payment"]

    assert codes(payload) == []
    assert payment.pop("id").startswith("pay_")
    assert payment == {
        "kind": "PAYMENT",
        "amount": {"amount": "40.25", "currency": "EUR"},
        "receivedOn": "2026-11-19",
        "reference": "Bank 17",
        "reason": None,
        "buyer": {"id": "acc_7"},
    }
    assert await owed_by(books, 7) == 59.75


async def test_more_than_is_owed_is_credit(books: Store, world: World) -> None:
    await pay(books, world, amount="40.00")

    assert await owed_by(books, 7) == -40


async def test_a_credit_memo_takes_off_what_is_owed_too(books: Store, world: World) -> None:
    await owe(books, 7, 100, "order:1")
    given = {"account": "acc_7", "amount": "10.00", "reason": "The service was down.", "currency": "EUR"}
    payload = await do(books, user_at(world, 2), "creditMemoRecord", **given)

    assert payload["payment"]["kind"] == "CREDIT_MEMO"
    assert payload["payment"]["reason"] == "The service was down."
    assert await owed_by(books, 7) == 90


async def test_those_above_the_vendor_record_too_and_nobody_else(books: Store, world: World) -> None:
    assert codes(await pay(books, world, by=1, account=7)) == []
    assert codes(await pay(books, world, by=2, account=5)) == []
    assert codes(await pay(books, world, by=7, account=7)) == ["OWN_ACCOUNT"]
    assert codes(await pay(books, world, by=9, account=7)) == ["NOT_FOUND"]
    assert codes(await pay(books, world, by=3, account=7)) == ["NOT_FOUND"]
    assert codes(await pay(books, world, by=3, account=2)) == ["NOT_FOUND"]
    assert codes(await pay(books, world, by=1, account=1)) == ["OWN_ACCOUNT"]


async def test_a_former_vendor_still_records_what_it_is_paid(books: Store, world: World) -> None:
    """Account 8 hangs below 2, and was once bought by 9: 9 doesn't see it any more, but what it owes."""
    caller = user_at(world, 9)
    async with books.writer(Scope(path_of(9))) as writer:
        await open_edge(writer, path_of(9), child(path_of(9), 8), "EUR", at=AT)
    payload = await do(books, caller, "paymentRecord", account="acc_8", amount="1.00")

    assert codes(payload) == []
    assert payload["payment"]["buyer"] is None
    assert [(row.seller_id, row.owed_micros) for row in await rows_of_balance(books, "EUR") if row.buyer_id == 8] == [
        (2, 0),
        (9, -1_000_000),
    ]


async def test_a_hidden_account_is_refused_as_one_that_is_not_there(untouched: Store, world: World) -> None:
    answers = [
        await do(untouched, user_at(world, 9), "paymentRecord", account=account, amount="1.00")
        for account in ("acc_7", "acc_999", "usr_7", "what")
    ]

    assert [answer["userErrors"] for answer in answers] == [
        [{"path": ["account"], "message": "There is no such account.", "code": "NOT_FOUND"}]
    ] * 4


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"amount": "0"}, "OUT_OF_RANGE", ["amount"]),
        ({"amount": "-5"}, "OUT_OF_RANGE", ["amount"]),
        ({"amount": "0.0000001"}, "INVALID", ["amount"]),
        ({"amount": "10.005"}, "INVALID", ["amount"]),
        ({"receivedOn": "2026-11-21"}, "OUT_OF_RANGE", ["receivedOn"]),
        ({"vendor": "acc_9"}, "NOT_FOUND", ["vendor"]),
        ({"vendor": "acc_999"}, "NOT_FOUND", ["vendor"]),
    ],
)
async def test_payments_that_make_no_sense_are_refused(
    untouched: Store, world: World, given: dict[str, Any], code: str, path: list[str]
) -> None:
    (error,) = (await pay(untouched, world, **given))["userErrors"]

    assert (error["code"], error["path"]) == (code, path)
    assert await owed_by(untouched, 7) == 0


async def test_where_it_owes_in_several_currencies_it_has_to_be_said_which(books: Store, world: World) -> None:
    async with books.writer(Scope(path_of(2))) as writer:
        await open_edge(writer, path_of(2), path_of(7), "CHF", at=AT)
    payload = await do(books, user_at(world, 2), "paymentRecord", account="acc_7", amount="1.00")

    assert payload["userErrors"][0]["code"] == "REQUIRED"
    assert payload["userErrors"][0]["path"] == ["currency"]


async def test_the_same_payment_sent_twice_is_one(books: Store, world: World) -> None:
    key = "a key for a payment"
    first = await pay(books, world, idempotencyKey=key)
    second = await pay(books, world, idempotencyKey=key)

    assert first["payment"]["id"] == second["payment"]["id"]
    assert await owed_by(books, 7) == -40


async def test_payments_at_once_all_count(books: Store, world: World) -> None:
    await asyncio.gather(*(pay(books, world, amount="1.00") for _ in range(6)))

    assert await owed_by(books, 7) == -6


async def test_a_payment_is_in_the_change_log_of_its_buyer(books: Store, world: World) -> None:
    await pay(books, world)
    (logged,) = await log(books)

    assert (logged["of"], logged["path"], logged["operation"]) == ("payment", path_of(7), "paymentRecord")
    assert '"micros":40000000' in logged["after"]


BULK = """mutation($input: PaymentRecordBulkInput!) { paymentRecordBulk(input: $input) {
  results { index payment { amount { amount } } userErrors { path code } } userErrors { code } } }"""


@pytest.mark.parametrize(("is_atomic", "owed"), [(False, -3), (True, 0)])
async def test_many_payments_are_recorded_each_for_itself_or_all_or_none(
    books: Store, world: World, is_atomic: bool, owed: int
) -> None:
    items = [
        {"account": account, "amount": amount} for account, amount in (("acc_7", "1"), ("acc_9", "1"), ("acc_7", "2"))
    ]
    given = {"items": items, "isAtomic": is_atomic, "idempotencyKey": new_key()}
    answer = await change(books, user_at(world, 2), BULK, {"input": given})
    results = answer.data["paymentRecordBulk"]["results"]

    assert results[1]["userErrors"] == [{"path": ["items", "1", "account"], "code": "NOT_FOUND"}]
    assert await owed_by(books, 7) == owed


@pytest.mark.parametrize("amount", ['"12.50"', "12.5", "12.50"])
async def test_an_amount_is_given_as_text_or_as_a_number(books: Store, world: World, amount: str) -> None:
    document = (
        f'mutation {{ paymentRecord(input: {{ idempotencyKey: "{new_key()}", account: "acc_7", amount: {amount} }})'
        " { payment { total: amount { amount } } userErrors { message } } }"
    )
    answer = await change(books, user_at(world, 2), document)

    assert answer.errors == []
    assert answer.data["paymentRecord"] == {"payment": {"total": {"amount": "12.50"}}, "userErrors": []}


async def test_what_is_neither_text_nor_a_number_is_no_amount(books: Store, world: World) -> None:
    document = (
        f'mutation {{ paymentRecord(input: {{ idempotencyKey: "{new_key()}", account: "acc_7", amount: true }})'
        " { userErrors { message } } }"
    )
    answer = await change(books, user_at(world, 2), document)

    assert "is no decimal number" in answer.errors[0]["message"]
