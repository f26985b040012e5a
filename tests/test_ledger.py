"""The ledger: a whole chain is charged or nothing is, what is given back is what was taken, and sums are zero."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, func, select, update

from models import Account, AccountStatus, Balance, Job, LedgerEntry, LedgerPost, PaymentTerm, PostKind
from models.base import MICROS, table_of
from models.beyond import chain
from models.beyond.balances import Conditions, open_edge
from models.beyond.chain import Edge
from models.beyond.ledger import MOST_MICROS, Amount, Short, available, charge, period_end, reverse
from models.scope import Scope
from models.statement import Statement
from models.store import Store, StoreError
from models.writer import Writer
from tests.databases import Databases
from tests.hierarchy import World, path_of
from tests.templates import hierarchy_template, opened

ACCOUNT = table_of(Account)
BALANCE, POST, ENTRY = table_of(Balance).c, table_of(LedgerPost).c, table_of(LedgerEntry).c
JOB = table_of(Job).c
_BALANCES = Statement(select(*BALANCE).where(BALANCE.currency == bindparam("currency")).order_by(BALANCE.path))
_POSTS = Statement(select(*POST).where(POST.currency == bindparam("currency")).order_by(POST.id))
_ENTRIES = Statement(
    select(ENTRY.post_id, func.count().label("n"), func.sum(ENTRY.micros).label("micros"))
    .join(table_of(LedgerPost), POST.id == ENTRY.post_id)
    .where(POST.currency == bindparam("currency"))
    .group_by(ENTRY.post_id)
)
_JOBS = Statement(select(JOB.subject_id, JOB.key, JOB.run_at).where(JOB.kind == "CLOSE_PERIOD"))
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
CUSTOMER = 5
"""It buys from 4, which buys from 3, from 2, from the provider."""

_currencies = (f"T{number}" for number in itertools.count())


@pytest.fixture(scope="module")
async def books(databases: Databases, world: World) -> AsyncIterator[Store]:
    """An open store on the hand-made hierarchy. Each test has its own currency, and so its own balances."""
    with databases.copied(hierarchy_template(databases, world)) as url:
        async with opened(url) as store:
            yield store


@pytest.fixture
def currency() -> str:
    """A currency that no other test uses."""
    return next(_currencies)


@asynccontextmanager
async def writing(store: Store, account: int = CUSTOMER) -> AsyncIterator[Writer]:
    """A transaction of an account."""
    async with store.writer(Scope(path_of(account))) as writer:
        yield writer


def edges(currency: str, *accounts: int) -> list[Edge]:
    """The edges down a line of accounts, 0 for the manufacturers."""
    return [
        Edge(seller or None, path_of(seller) if seller else "", buyer, path_of(buyer), currency)
        for seller, buyer in itertools.pairwise(accounts)
    ]


def down_to_customer(currency: str) -> list[Edge]:
    return edges(currency, 0, 1, 2, 3, 4, 5)


def amounts(currency: str, *units: int) -> list[Amount]:
    """So much for each edge of the customer's chain, in whole units of the currency, the manufacturers' first."""
    return [
        Amount(edge, unit * MICROS, currency) for edge, unit in zip(down_to_customer(currency), units, strict=False)
    ]


async def grant(store: Store, currency: str, **limits: int | None) -> None:
    """Open the customer's chain with credit limits in whole units: `e2` that of account 2; none where none is said."""
    async with writing(store, 1) as writer:
        for edge in down_to_customer(currency)[1:]:
            limit = limits.get(f"e{edge.buyer_id}")
            terms = Conditions(PaymentTerm.NET, None if limit is None else limit * MICROS)
            await open_edge(writer, edge.seller_path, edge.buyer_path, currency, terms, at=AT)


async def owed(store: Store, currency: str) -> dict[int, int]:
    """What each account owes its vendor, in whole units, and what the ledger says of it: they must be the same."""
    async with store.unfiltered("a test reads balances") as db:
        balances = await db.rows(_BALANCES, {"currency": currency})
        posts = await db.rows(_POSTS, {"currency": currency})
        entries = await db.rows(_ENTRIES, {"currency": currency})
    assert {row.post_id for row in entries} == {row.id for row in posts}
    assert all((row.n, row.micros) == (2, 0) for row in entries)
    for balance in balances:
        assert balance.owed_micros == sum(post.micros for post in posts if post.balance_id == balance.id)
    return {balance.buyer_id: balance.owed_micros // MICROS for balance in balances}


async def place(store: Store, charged: Sequence[Amount], key: str = "order:1", **how: Any) -> Short | None:
    """Charge amounts in a transaction of the customer's."""
    async with writing(store) as writer:
        settings: dict[str, Any] = {"key": key, "kind": PostKind.CHARGE, "at": AT} | how
        return await charge(writer, charged, **settings)


async def test_a_chain_goes_from_the_manufacturers_down_to_the_buyer_in_each_sellers_currency(books: Store) -> None:
    async with books.unfiltered("a test gives currencies", write=True) as db:
        for account, own in ((1, "USD"), (2, "EUR"), (3, None)):
            await db.execute(Statement(update(ACCOUNT).where(ACCOUNT.c.id == account).values(currency=own)))
    async with writing(books, 4) as writer:
        found = await chain.edges(writer, path_of(4))

    assert [(edge.seller_id, edge.buyer_id, edge.currency) for edge in found] == [
        (None, 1, "USD"),
        (1, 2, "USD"),
        (2, 3, "EUR"),
        (3, 4, "USD"),
    ]
    assert [(edge.seller_path, edge.buyer_path) for edge in found][-1] == (path_of(3), path_of(4))


async def test_the_statuses_of_a_chain_begin_with_the_provider_and_stay_until_the_transaction_ends(
    own_hierarchy: Store,
) -> None:
    hold = Statement(update(ACCOUNT).where(ACCOUNT.c.id == 3).values(status="CREDIT_HOLD").returning(ACCOUNT.c.id))

    async def put_on_hold() -> None:
        async with writing(own_hierarchy, 2) as writer:
            await writer.write(hold)

    async with writing(own_hierarchy) as writer:
        before = await chain.statuses(writer, path_of(CUSTOMER))
        holding = asyncio.create_task(put_on_hold())
        await asyncio.sleep(0.05)
        still = await chain.statuses(writer, path_of(CUSTOMER))
    await holding
    async with writing(own_hierarchy) as writer:
        afterwards = await chain.statuses(writer, path_of(CUSTOMER))

    assert before == still == [AccountStatus.ACTIVE] * 5
    assert [status.value for status in afterwards] == ["ACTIVE", "ACTIVE", "CREDIT_HOLD", "ACTIVE", "ACTIVE"]


async def test_a_chain_out_of_scope_is_refused(books: Store, currency: str) -> None:
    (edge,) = edges(currency, 9, 12)
    async with writing(books, 2) as writer:
        with pytest.raises(StoreError):
            await chain.edges(writer, path_of(12))
        with pytest.raises(StoreError):
            await chain.statuses(writer, path_of(12))
        with pytest.raises(StoreError):
            await charge(writer, [Amount(edge, 1, currency)], key="k", kind=PostKind.CHARGE, at=AT)
        with pytest.raises(StoreError):
            await available(writer, edge)
        with pytest.raises(StoreError):
            await open_edge(writer, path_of(9), path_of(12), currency, at=AT)


async def test_every_edge_of_a_chain_is_charged_what_its_seller_asks(books: Store, currency: str) -> None:
    await grant(books, currency)

    assert await place(books, amounts(currency, 10, 12, 13, 14, 15)) is None
    assert await owed(books, currency) == {1: 10, 2: 12, 3: 13, 4: 14, 5: 15}


async def test_a_charge_beyond_the_buyers_limit_charges_nobody(books: Store, currency: str) -> None:
    await grant(books, currency, e5=15)

    assert await place(books, amounts(currency, 1, 1, 1, 1, 16)) is Short.OWN
    assert set((await owed(books, currency)).values()) == {0}
    assert await place(books, amounts(currency, 1, 1, 1, 1, 15)) is None


async def test_a_charge_beyond_a_limit_above_charges_nobody_and_is_told_apart(books: Store, currency: str) -> None:
    await grant(books, currency, e3=10)

    assert await place(books, amounts(currency, 1, 1, 11, 1, 1)) is Short.ABOVE
    assert set((await owed(books, currency)).values()) == {0}


async def test_the_buyers_own_limit_is_told_before_those_above(books: Store, currency: str) -> None:
    await grant(books, currency, e3=1, e5=1)

    assert await place(books, amounts(currency, 2, 2, 2, 2, 2)) is Short.OWN


async def test_a_buyer_whose_vendor_granted_nothing_has_no_credit(books: Store, currency: str) -> None:
    assert await place(books, amounts(currency, 0, 0, 0, 0, 1)) is Short.OWN
    async with writing(books) as writer:
        assert await available(writer, down_to_customer(currency)[-1]) == 0


async def test_what_is_done_regardless_of_credit_is_charged(books: Store, currency: str) -> None:
    await grant(books, currency, e5=1)

    assert await place(books, amounts(currency, 0, 0, 0, 0, 9), is_checked=False) is None
    async with writing(books) as writer:
        assert await available(writer, down_to_customer(currency)[-1]) == -8 * MICROS


@pytest.mark.parametrize(
    ("waived_by", "limits", "result"),
    [
        (3, {"e4": 1, "e5": 1}, None),  # what 3 and those below it sell
        (3, {"e3": 1}, Short.ABOVE),  # what 2 sells is not its to waive
        (4, {"e4": 1}, Short.ABOVE),
        (4, {"e5": 1}, None),
        (1, {"e2": 1, "e3": 1, "e4": 1, "e5": 1}, None),
    ],
)
async def test_whoever_waives_the_check_does_so_for_itself_and_sellers_below(
    books: Store, currency: str, waived_by: int, limits: dict[str, int], result: Short | None
) -> None:
    await grant(books, currency, **limits)

    assert await place(books, amounts(currency, 2, 2, 2, 2, 2), waived_from=path_of(waived_by)) is result


async def test_what_is_charged_twice_under_a_key_is_charged_once(books: Store, currency: str) -> None:
    await grant(books, currency)
    for _ in range(2):
        assert await place(books, amounts(currency, 1, 1, 1, 1, 1)) is None
    assert await place(books, amounts(currency, 1, 1, 1, 1, 1), key="order:2") is None

    assert set((await owed(books, currency)).values()) == {2}


async def test_several_lines_of_an_edge_are_posts_of_their_own_and_checked_together(
    books: Store, currency: str
) -> None:
    await grant(books, currency, e5=10)
    edge = down_to_customer(currency)[-1]
    lines = [
        Amount(edge, 6 * MICROS, currency, "Seats", 3, 2 * MICROS),
        Amount(edge, 5 * MICROS, currency, "Setup"),
    ]

    assert await place(books, lines) is Short.OWN
    assert await place(books, [*lines, Amount(edge, -MICROS, currency, "Discount")]) is None
    async with books.unfiltered("a test reads posts") as db:
        posts = await db.rows(_POSTS, {"currency": currency})
    assert [(post.position, post.text, post.quantity, post.unit_micros) for post in posts] == [
        (0, "Seats", 3, 2 * MICROS),
        (1, "Setup", None, None),
        (2, "Discount", None, None),
    ]


async def test_amounts_that_sums_could_not_hold_are_refused(books: Store, currency: str) -> None:
    await grant(books, currency)
    (edge,) = edges(currency, 4, 5)

    assert await place(books, [Amount(edge, MOST_MICROS, currency)]) is None
    assert await place(books, [Amount(edge, 1, currency)], key="order:2") is Short.OWN
    with pytest.raises(ValueError, match="at once"):
        await place(books, [Amount(edge, -MOST_MICROS - 1, currency)], key="order:3")


async def give_back(store: Store, key: str, share: Fraction = Fraction(1)) -> None:
    async with writing(store) as writer:
        await reverse(writer, key_of="order:1", key=key, share=share, at=AT)


async def test_a_reversal_gives_back_to_every_edge_what_it_was_charged_once(books: Store, currency: str) -> None:
    await grant(books, currency)
    key = f"order:{currency}"
    await place(books, amounts(currency, 10, 12, 13, 14, 15), key=key)
    async with writing(books) as writer:
        for _ in range(2):
            await reverse(writer, key_of=key, key=f"{key}:reversal", at=AT)

    assert set((await owed(books, currency)).values()) == {0}


async def test_a_full_reversal_after_a_part_gives_back_what_is_left(books: Store, currency: str) -> None:
    await grant(books, currency)
    key = f"order:{currency}"
    await place(books, amounts(currency, 10, 10, 10, 10, 10), key=key)
    async with writing(books) as writer:
        for number, share in enumerate((Fraction(1, 2), Fraction(1, 5), Fraction(1))):
            await reverse(writer, key_of=key, key=f"{key}:{number}", share=share, at=AT)
            async with writer.beyond("a test reads balances") as db:
                left = {row.owed_micros // MICROS for row in await db.rows(_BALANCES, {"currency": currency})}
            assert left == {[5, 3, 0][number]}


async def test_what_cost_the_buyer_nothing_is_given_back_to_those_above(books: Store, currency: str) -> None:
    await grant(books, currency)
    key = f"order:{currency}"
    await place(books, amounts(currency, 0, 0, 0, 1, 0), key=key)
    async with writing(books) as writer:
        await reverse(writer, key_of=key, key=f"{key}:reversal", path=path_of(CUSTOMER), at=AT)

    assert set((await owed(books, currency)).values()) == {0}


async def test_only_those_of_the_chain_give_back(books: Store, currency: str) -> None:
    await grant(books, currency)
    key = f"order:{currency}"
    await place(books, amounts(currency, 1, 1, 1, 1, 1), key=key)
    async with writing(books, 9) as writer:
        with pytest.raises(StoreError):
            await reverse(writer, key_of=key, key=f"{key}:reversal", at=AT)


@pytest.mark.parametrize("limits", [{"e5": 10}, {"e3": 10}])
async def test_of_two_charges_that_race_for_the_last_credit_one_wins(
    books: Store, currency: str, limits: dict[str, int]
) -> None:
    await grant(books, currency, **limits)
    results = await asyncio.gather(
        *(place(books, amounts(currency, 10, 10, 10, 10, 10), key=f"order:{number}") for number in range(4))
    )

    assert results.count(None) == 1
    assert set((await owed(books, currency)).values()) == {10}


async def test_charges_of_one_key_that_race_are_one(books: Store, currency: str) -> None:
    await grant(books, currency)
    await asyncio.gather(*(place(books, amounts(currency, 10, 10, 10, 10, 10)) for _ in range(4)))

    assert set((await owed(books, currency)).values()) == {10}


async def test_charges_of_two_branches_that_race_never_block_each_other_for_good(books: Store, currency: str) -> None:
    await grant(books, currency)
    other = [Amount(edge, MICROS, currency) for edge in edges(currency, 0, 1, 2, 3, 6)]

    async def buy(account: int, charged: list[Amount], number: int) -> None:
        async with writing(books, account) as writer:
            await charge(writer, charged, key=f"{account}:{number}", kind=PostKind.CHARGE, is_checked=False, at=AT)

    mine = amounts(currency, 1, 1, 1, 1, 1)
    await asyncio.gather(
        *(buy(5, mine[:: 1 if number % 2 else -1], number) for number in range(6)),
        *(buy(6, other[:: -1 if number % 2 else 1], number) for number in range(6)),
    )

    assert await owed(books, currency) == {1: 12, 2: 12, 3: 12, 4: 6, 5: 6, 6: 6}


async def test_the_first_charge_of_a_period_has_it_closed_when_it_is_over(books: Store, currency: str) -> None:
    await grant(books, currency)
    for number, at in enumerate((AT, AT + timedelta(days=3), AT + timedelta(days=20))):
        await place(books, amounts(currency, 0, 0, 0, 0, 1), key=f"order:{number}", at=at)
    async with books.unfiltered("a test reads jobs") as db:
        (balance,) = [row for row in await db.rows(_BALANCES, {"currency": currency}) if row.owed_micros]
        jobs = [row for row in await db.rows(_JOBS) if row.subject_id == balance.id]

    assert sorted(str(row.run_at)[:10] for row in jobs) == ["2026-12-01", "2027-01-01"]
    assert str(balance.closes_on)[:10] == "2027-01-01"


@pytest.mark.parametrize(
    ("terms", "day", "end"),
    [
        (PaymentTerm.NET, "2026-11-01", "2026-12-01"),
        (PaymentTerm.NET, "2026-11-30", "2026-12-01"),
        (PaymentTerm.NET, "2026-12-31", "2027-01-01"),
        (PaymentTerm.NET, "2026-01-31", "2026-02-01"),
        (PaymentTerm.PREPAID, "2026-02-28", "2026-03-01"),
    ],
)
def test_a_period_is_a_month_or_a_day(terms: PaymentTerm, day: str, end: str) -> None:
    assert period_end(terms, date.fromisoformat(day)) == date.fromisoformat(end)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("charge"), st.lists(st.integers(-(10**9), 10**9), min_size=5, max_size=5)),
        st.tuples(st.just("reverse"), st.integers(0, 7), st.fractions(0, 1, max_denominator=97)),
    ),
    max_size=8,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
async def test_whatever_is_charged_and_given_back_sums_are_right_and_nothing_is_lost(
    books: Store, actions: list[Any]
) -> None:
    currency, mine = next(_currencies), path_of(CUSTOMER)
    charged: dict[int, list[int]] = {}
    async with writing(books) as writer:
        for number, (action, *how) in enumerate(actions):
            if action == "charge":
                due = [Amount(e, micros, currency) for e, micros in zip(down_to_customer(currency), *how, strict=True)]
                key = f"{currency}:{number}"
                await charge(writer, due, key=key, kind=PostKind.CHARGE, is_checked=False, at=AT)
                charged[number] = how[0]
            else:
                of, share = how
                await reverse(
                    writer, key_of=f"{currency}:{of}", key=f"{currency}:b{number}", path=mine, share=share, at=AT
                )
    async with books.unfiltered("a test reads posts") as db:
        posts = await db.rows(_POSTS, {"currency": currency})
    await owed(books, currency)
    for number, units in charged.items():
        of_key = [post for post in posts if post.key == f"{currency}:{number}"]
        for post in of_key:
            back = [each.micros for each in posts if each.reverses_id == post.id]
            assert abs(sum(back)) <= abs(post.micros)
            assert all(micros * post.micros < 0 for micros in back)
        assert sorted(post.micros for post in of_key) == sorted(units for units in units if units)
    # What is left of everything, given back in full, leaves nothing.
    async with writing(books) as writer:
        for number in charged:
            await reverse(writer, key_of=f"{currency}:{number}", key=f"{currency}:all{number}", path=mine, at=AT)
    assert set((await owed(books, currency)).values()) <= {0}
