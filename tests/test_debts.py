"""Debts as sellers and buyers list them, over their whole scope, and of buyers that have another vendor by now."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.check import check
from models.store import Store
from resolvers.actions import allowed_actions
from resolvers.caller import Caller
from resolvers.privileges import Privilege
from tests import people
from tests.asking import ask
from tests.changes import account_row, change, codes, do, new_key, user_at
from tests.databases import Databases
from tests.hierarchy import World
from tests.money import Office, opened_books, owe

BUYER, SELLER, OTHER = 8, 2, 4
"""The buyer lies below the seller, who is above the other reseller too."""


@pytest.fixture
async def books(databases: Databases, world: World) -> AsyncIterator[Store]:
    """Books in which the buyer owes 80 and one month is on paper; nothing is in use below it."""
    async with opened_books(databases, world) as store:
        await people.change(store, "UPDATE orders SET status = 'COMPLETED'")
        await people.change(store, f"UPDATE subscription SET status = 'TERMINATED' WHERE account_id = {BUYER}")
        yield store


async def owing(books: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await owe(books, BUYER, 50, "november")
    await Office(books, monkeypatch).work("2026-12-01")
    await owe(books, BUYER, 30, "december")


async def listed(store: Store, caller: Caller, field: str, condition: str = "") -> Any:
    shown = {
        "balances": "id buyerName owed { amount } buyer { id } vendor { name }",
        "invoices": "number total { amount } buyer { id } vendor { name }",
        "payments": "kind amount { amount } buyer { id }",
    }[field]
    given = f", filter: {{ {condition} }}" if condition else ""
    answer = await ask(store, caller, f"{{ {field}(first: 50{given}) {{ nodes {{ {shown} }} totalCount }} }}")
    assert answer.errors == [], answer.errors
    assert answer.data[field]["totalCount"] == len(answer.data[field]["nodes"])
    return answer.data[field]["nodes"]


async def leave(store: Store, world: World) -> None:
    version = (await account_row(store, BUYER)).version
    given = {"account": f"acc_{BUYER}", "vendor": f"acc_{OTHER}", "expectedVersion": version}
    assert codes(await do(store, user_at(world, SELLER), "accountTransfer", **given)) == []


async def record(store: Store, caller: Caller, mutation: str = "paymentRecord", **given: Any) -> list[str]:
    title = mutation[0].upper() + mutation[1:]
    document = f"mutation($i: {title}Input!) {{ {mutation}(input: $i) {{ userErrors {{ code path }} }} }}"
    answer = await change(store, caller, document, {"i": {"idempotencyKey": new_key(), **given}})
    assert answer.errors == [], answer.errors
    return codes(answer.data[mutation])


async def test_a_seller_lists_what_all_its_buyers_owe_and_a_buyer_what_it_owes(
    books: Store, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await owing(books, monkeypatch)
    owed = await listed(books, user_at(world, SELLER), "balances", "isOwed: true, isFormer: false")
    invoices = await listed(books, user_at(world, SELLER), "invoices", f'buyer: ["acc_{BUYER}"]')

    assert [(row["buyer"], row["owed"]["amount"]) for row in owed] == [({"id": f"acc_{BUYER}"}, "80.00")]
    assert [row["total"]["amount"] for row in invoices] == ["50.00"]
    assert len(await listed(books, user_at(world, SELLER), "invoices", 'dueBefore: "2026-12-31"')) == 0
    assert len(await listed(books, user_at(world, SELLER), "invoices", 'dueBefore: "2027-01-01"')) == 1
    own = await listed(books, user_at(world, BUYER), "invoices")
    assert [row["number"] for row in own] == [row["number"] for row in invoices]
    assert await listed(books, user_at(world, 9), "invoices") == []
    assert await listed(books, user_at(world, OTHER), "balances", f'buyer: ["acc_{BUYER}"]') == []


async def test_who_sees_no_finances_lists_none(books: Store, world: World) -> None:
    powerless = user_at(world, SELLER, privileges=frozenset(set(Privilege) - {Privilege.FINANCES_VIEW}))
    for field in ("balances", "invoices", "payments"):
        answer = await ask(books, powerless, f"{{ {field}(first: 5) {{ nodes {{ id }} }} }}")
        assert answer.codes == ["FORBIDDEN"]


async def test_the_debt_of_a_buyer_that_left_is_its_former_vendor_s_to_list_and_to_settle(
    books: Store, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await owing(books, monkeypatch)
    name = (await account_row(books, BUYER)).name
    await leave(books, world)
    seller = Caller(user_at(world, SELLER).path, frozenset(Privilege), user_at(world, SELLER).user_id)
    (former,) = await listed(books, seller, "balances", "isFormer: true")
    assert (former["buyerName"], former["owed"]["amount"]) == (name, "80.00")

    assert await record(books, seller, balance=former["id"], amount="30") == []
    assert await record(books, seller, "creditMemoRecord", balance=former["id"], amount="50", reason="Gone") == []
    assert await listed(books, seller, "balances", "isFormer: true, isOwed: true") == []
    assert sorted(row["kind"] for row in await listed(books, seller, "payments")) == ["CREDIT_MEMO", "PAYMENT"]
    assert [finding.what for finding in await check(books) if "post" in finding.what] == []


async def test_a_buyer_that_comes_back_has_left_no_more(
    books: Store, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await owing(books, monkeypatch)
    await leave(books, world)
    version = (await account_row(books, BUYER)).version
    given = {"account": f"acc_{BUYER}", "vendor": f"acc_{SELLER}", "expectedVersion": version}
    assert codes(await do(books, user_at(world, SELLER), "accountTransfer", **given)) == []

    (former,) = await listed(books, user_at(world, SELLER), "balances", "isFormer: true")
    assert (former["vendor"]["name"], former["owed"]["amount"]) == ("LEAK-4-name", "0.00")
    (present,) = await listed(books, user_at(world, SELLER), "balances", f'buyer: ["acc_{BUYER}"], isFormer: false')
    assert (present["vendor"]["name"], present["owed"]["amount"]) == ("LEAK-2-name", "80.00")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["REQUIRED"]),
        ({"balance": "bal_999"}, ["NOT_FOUND"]),
        ({"balance": "nonsense"}, ["NOT_FOUND"]),
        ({"balance": "bal_1", "account": "acc_8", "currency": "EUR", "vendor": "acc_2"}, ["INVALID"] * 3),
    ],
)
async def test_a_payment_is_for_one_balance(books: Store, world: World, given: Any, expected: list[str]) -> None:
    assert await record(books, user_at(world, SELLER), amount="1", **given) == expected


async def test_a_balance_out_of_view_is_like_one_that_is_not_there_and_nobody_settles_its_own(
    books: Store, world: World
) -> None:
    seller = await listed(books, user_at(world, SELLER), "balances", f'buyer: ["acc_{BUYER}"]')
    own = await listed(books, user_at(world, OTHER), "balances", f'buyer: ["acc_{OTHER}"]')

    assert await record(books, user_at(world, OTHER), amount="1", balance=seller[0]["id"]) == ["NOT_FOUND"]
    assert await record(books, user_at(world, OTHER), amount="1", balance=own[0]["id"]) == ["OWN_ACCOUNT"]


async def test_recording_is_offered_at_accounts_below_to_those_who_may(books: Store, world: World) -> None:
    offered = {"CREDIT_MEMO_RECORD", "PAYMENT_RECORD"}
    row, own = await account_row(books, BUYER), await account_row(books, SELLER)

    assert set(allowed_actions(user_at(world, SELLER), row)) >= offered
    assert not set(allowed_actions(user_at(world, SELLER), own)) & offered
    for missing in (Privilege.FINANCES_VIEW, Privilege.FINANCES_RECORD):
        powerless = user_at(world, SELLER, privileges=frozenset(set(Privilege) - {missing}))
        assert not set(allowed_actions(powerless, row)) & offered
        assert await refused(books, powerless)


async def refused(store: Store, caller: Caller) -> bool:
    """Whether a payment can't be recorded at all."""
    document = "mutation($i: PaymentRecordInput!) { paymentRecord(input: $i) { userErrors { code } } }"
    given = {"idempotencyKey": new_key(), "account": f"acc_{BUYER}", "amount": "1"}
    return (await change(store, caller, document, {"i": given})).codes == ["FORBIDDEN"]
