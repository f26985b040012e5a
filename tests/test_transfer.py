"""Transfers: a whole subtree gets another vendor; what it bought stays where it was sold, and nothing is ever torn."""

import asyncio

import pytest
from sqlmodel import SQLModel

from models import (
    AccountTransfer,
    Balance,
    Event,
    Order,
    Price,
    SubscriptionCharge,
)
from models import path as paths
from models.beyond.moving import STAYING
from models.store import Store
from resolvers.caller import Caller
from resolvers.privileges import Privilege
from tests import people
from tests.asking import ask
from tests.changes import account_row, change, codes, do, logged, new_key, rows_of, traces, try_to, user_at
from tests.hierarchy import World, path_of
from tests.moving import TABLES, TRANSFER, findings, move, places


@pytest.fixture
async def store(own_marked_store: Store) -> Store:
    """The hierarchy, in which no order is under way."""
    await people.change(own_marked_store, "UPDATE orders SET status = 'COMPLETED'")
    return own_marked_store


@pytest.fixture
def provider(marked_world: World) -> Caller:
    """The provider's administrator."""
    return user_at(marked_world, 1)


@pytest.fixture
def caller(marked_world: World) -> Caller:
    """The administrator of reseller 2, above 3, 7 and 8; 4 and 6 lie below 3, and 5 below 4."""
    return user_at(marked_world, 2)


async def test_everything_below_comes_along_and_what_was_sold_stays(store: Store, provider: Caller) -> None:
    before, known = await places(store), await findings(store)
    assert codes(await move(store, provider, 3, 10, reason="Sold")) == []
    after = await places(store)

    old, new = path_of(3), paths.child(path_of(10), 3)
    stays = {"orders", "order_line", "balance"}
    for table, rows in before.items():
        for key, where in rows.items():
            now = after[table][key]
            for column, path in where.items():
                is_sold = table in stays and column == "path" and path == old
                moves = path.startswith(old) and not is_sold and table not in STAYING
                assert now[column] == (path.replace(old, new, 1) if moves else path), (table, key, column)
    row = await account_row(store, 3)
    assert (row.parent_id, row.path, row.shard_id, row.version) == (10, new, 9, 2)
    assert (await account_row(store, 5)).path == f"{new}{path_of(5).removeprefix(old)}"
    assert await findings(store) - known == set()


async def test_every_table_with_a_place_is_one_that_follows_or_is_known_to_stay() -> None:
    placing = {table.name for table in SQLModel.metadata.sorted_tables for c in table.c if c.name.endswith("path")}
    histories = {"account_transfer"}

    assert placing - {table.name for table in TABLES} == histories
    assert placing >= STAYING


async def test_it_has_a_balance_without_credit_with_its_new_vendor_and_keeps_the_old_one(
    store: Store, caller: Caller
) -> None:
    await move(store, caller, 8, 4)

    new, old = sorted(
        (row for row in await rows_of(store, Balance) if row.buyer_id == 8 and row.seller_id in (2, 4)),
        key=lambda row: -row.seller_id,
    )
    assert (new.seller_path, new.path, new.owed_micros, new.credit_limit_micros, new.terms) == (
        path_of(4), paths.child(path_of(4), 8), 0, 0, "PREPAID",
    )  # fmt: skip
    assert (old.seller_path, old.path, old.owed_micros) == (path_of(2), path_of(8), -1)


async def test_old_orders_are_the_old_vendor_s_and_the_account_s_own_and_not_the_new_vendor_s(
    store: Store, caller: Caller, marked_world: World
) -> None:
    async def shown(place: int) -> set[str]:
        answer = await ask(store, user_at(marked_world, place), "{ orders(first: 100) { nodes { number } } }")
        return {number for number in (node["number"] for node in answer.data["orders"]["nodes"]) if "-8-" in number}

    sold_by_2, sold_by_9 = [
        {row.number for row in await rows_of(store, Order) if row.account_id == 8 and row.path == path}
        for path in (path_of(8), paths.child(path_of(9), 8))
    ]
    assert await shown(2) == sold_by_2
    await move(store, caller, 8, 4)

    assert (len(sold_by_2), len(sold_by_9)) == (1, 1)
    assert await shown(2) == sold_by_2
    assert await shown(4) == await shown(3) == set()
    own = '{ account(id: "acc_8") { orders(first: 100) { nodes { number } } } }'
    answer = await ask(store, Caller(paths.child(path_of(4), 8), frozenset(Privilege), 1), own)
    assert {node["number"] for node in answer.data["account"]["orders"]["nodes"]} == sold_by_2 | sold_by_9
    assert (await ask(store, user_at(marked_world, 4), own)).data["account"]["orders"]["nodes"] == []


async def test_services_go_on_at_the_new_vendors_prices(store: Store, caller: Caller) -> None:
    await move(store, caller, 8, 4)

    charges = [row for row in await rows_of(store, SubscriptionCharge) if row.path.endswith(path_of(8)[-6:])]
    edges = {(row.seller_id, row.buyer_id): (row.unit_micros, row.monthly_micros) for row in charges}
    assert edges == {
        (None, 1): (1, 8),
        (1, 2): (1_000_000, 8_000_000),
        (2, 3): (2_000_000, 16_000_000),
        (3, 4): (3_000_000, 24_000_000),
        (4, 8): (4_000_000, 32_000_000),
    }
    assert {row.path for row in charges} == {paths.child(path_of(4), 8)}


async def test_prices_of_the_old_vendor_for_it_alone_end(store: Store, caller: Caller) -> None:
    await move(store, caller, 8, 4)

    (price,) = [row for row in await rows_of(store, Price) if row.buyer_id == 8]
    assert (price.seller_id, price.valid_until is not None) == (2, True)


async def test_it_is_told_at_both_places_and_announced(store: Store, caller: Caller) -> None:
    before = await traces(store)
    names = {each: (await account_row(store, each)).name for each in (2, 4)}
    await move(store, caller, 8, 4, reason="Sold")

    assert await logged(store, before) == [
        ("account", 8, {"vendor": (names[2], None), "reason": (None, "Sold")}),
        ("account", 8, {"vendor": (None, names[4]), "reason": (None, "Sold")}),
    ]
    (event,) = await rows_of(store, Event)
    to_path = paths.child(path_of(4), 8)
    assert (event.kind, event.object_id, event.path, event.former_path) == ("MOVED", 8, to_path, path_of(8))
    (noted,) = await rows_of(store, AccountTransfer)
    assert (noted.account_id, noted.from_path, noted.to_path) == (8, path_of(8), to_path)


async def test_it_comes_back_to_its_old_orders_and_its_old_balance(store: Store, caller: Caller) -> None:
    await people.change(store, "UPDATE account SET currency = 'USD'")
    await people.change(store, "UPDATE balance SET currency = 'USD', shard_id = 2")
    known = await findings(store)
    await move(store, caller, 8, 4)
    assert codes(await move(store, caller, 8, 2)) == []

    assert (await account_row(store, 8)).path == path_of(8)
    assert len([row for row in await rows_of(store, Balance) if row.buyer_id == 8 and row.seller_id == 2]) == 1
    assert await findings(store) - known == set()


# Refusals


@pytest.mark.parametrize(
    ("account", "vendor", "code", "at"),
    [
        (3, 3, "CYCLE", "vendor"),
        (3, 4, "CYCLE", "vendor"),
        (8, 2, "ALREADY_DONE", "vendor"),
        (8, 7, "INVALID", "vendor"),
        (2, 3, "OWN_ACCOUNT", "account"),
        (7, 4, "NOT_OFFERED", "vendor"),
        (8, 3, "NOT_OFFERED", "vendor"),
    ],
)
async def test_what_cannot_be_is_refused_and_leaves_nothing(
    store: Store, caller: Caller, account: int, vendor: int, code: str, at: str
) -> None:
    before, log = await places(store), await traces(store)
    payload = await move(store, caller, account, vendor)
    after = await traces(store)

    assert [(error["path"], error["code"]) for error in payload["userErrors"]] == [([at], code)]
    assert {table: rows for table, rows in (await places(store)).items() if rows != before[table]} == {}
    assert (after.changes, after.events) == (log.changes, log.events)


async def test_a_hidden_vendor_is_refused_like_an_absent_one(store: Store, caller: Caller) -> None:
    hidden = ["acc_9", "acc_10", "acc_1", "acc_999", "acc_0", "usr_8", "nonsense"]
    asked = [await try_to(store, caller, TRANSFER, account="acc_8", vendor=each, expectedVersion=1) for each in hidden]
    others = [await try_to(store, caller, TRANSFER, account=each, vendor="acc_4", expectedVersion=1) for each in hidden]

    for answers in (asked, others):
        assert {answer.bytes for answer in answers} == {answers[0].bytes}
        assert {tuple(map(id, answer.sent)) for answer in answers} == {tuple(map(id, answers[0].sent))}
        assert codes(answers[0].data[TRANSFER]) == ["NOT_FOUND"]


@pytest.mark.parametrize("status", ["CREDIT_HOLD", "ADMIN_HOLD", "PENDING", "CANCELLED", "ERROR"])
async def test_a_vendor_that_is_held_or_under_one_that_is_takes_nobody(
    store: Store, caller: Caller, status: str
) -> None:
    for held in (4, 3):
        await people.change(store, f"UPDATE account SET status = '{status}' WHERE id = {held}")
        refused = codes(await move(store, caller, 8, 4))
        assert refused == (["ACCOUNT_ON_HOLD"] if (held, status) != (3, "PENDING") else [])
        await people.change(store, f"UPDATE account SET status = 'ACTIVE' WHERE id = {held}")


async def test_what_is_under_way_below_keeps_it_where_it_is_but_for_what_waits_for_a_renewal(
    store: Store, provider: Caller
) -> None:
    for status, scheduled, expected in (
        ("SUBMITTED", "NULL", ["OPEN_CHANGE"]),
        ("PROCESSING", "NULL", ["OPEN_CHANGE"]),
        ("SUBMITTED", "'RENEWAL'", []),
    ):
        of_3 = f"account_id = 3 AND path = '{path_of(3)}'"
        await people.change(store, f"UPDATE orders SET status = '{status}', scheduled_on = {scheduled} WHERE {of_3}")
        assert codes(await move(store, provider, 3, 10)) == expected
    waiting = [row.path for row in await rows_of(store, Order) if row.account_id == 3 and row.status == "SUBMITTED"]
    assert set(waiting) == {paths.child(path_of(10), 3)}


async def test_an_external_id_that_the_new_vendor_knows_is_taken(store: Store, caller: Caller) -> None:
    await people.change(store, "UPDATE account SET external_id = 'X' WHERE id IN (5, 8)")
    payload = await move(store, caller, 8, 4)

    assert [(error["path"], error["code"]) for error in payload["userErrors"]] == [(["vendor"], "TAKEN")]
    assert (await account_row(store, 8)).path == path_of(8)


# At the same time


async def test_of_two_that_would_hang_under_each_other_one_is_refused(store: Store, provider: Caller) -> None:
    known = await findings(store)
    done = await asyncio.gather(move(store, provider, 4, 10), move(store, provider, 10, 4))

    assert sorted(map(codes, done)) == [[], ["CYCLE"]]
    assert await findings(store) - known == set()


async def test_opposite_transfers_take_turns_and_none_has_to_begin_again(store: Store, provider: Caller) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def opposite(account: int, vendor: int) -> list[str]:
        document = f"mutation($i: AccountTransferInput!) {{ {TRANSFER}(input: $i) {{ userErrors {{ code }} }} }}"
        version = (await account_row(store, account)).version
        given = {"account": f"acc_{account}", "vendor": f"acc_{vendor}", "expectedVersion": version}
        variables = {"i": given | {"idempotencyKey": new_key()}}
        answer = await change(store, provider, document, variables, sleep=sleep)
        return codes(answer.data[TRANSFER])

    done = await asyncio.gather(opposite(4, 10), opposite(10, 4))

    assert sorted(done) == [[], ["CYCLE"]]
    assert waits == []


async def test_of_two_new_vendors_at_once_one_gets_it(store: Store, provider: Caller) -> None:
    known = await findings(store)
    done = await asyncio.gather(move(store, provider, 8, 4), move(store, provider, 8, 10))

    assert sorted(map(codes, done)) == [[], ["CONFLICT"]]
    assert (await account_row(store, 8)).parent_id in (4, 10)
    assert await findings(store) - known == set()


async def test_who_is_created_below_a_moving_account_moves_along(store: Store, provider: Caller) -> None:
    known = await findings(store)
    news = [do(store, provider, "customerCreate", vendor="acc_4", name=f"New {at}") for at in range(3)]
    moved, *created = await asyncio.gather(move(store, provider, 4, 10), *news)

    assert [codes(each) for each in (moved, *created)] == [[]] * 4
    for each in created:
        row = await account_row(store, int(each["account"]["id"].removeprefix("acc_")))
        assert row.path == paths.child(paths.child(path_of(10), 4), row.id)
    assert await findings(store) - known == set()


async def test_a_subtree_and_a_part_of_it_move_at_once(store: Store, provider: Caller) -> None:
    known = await findings(store)
    done = await asyncio.gather(move(store, provider, 3, 10), move(store, provider, 4, 2), move(store, provider, 8, 4))

    assert list(map(codes, done)) == [[], [], []]
    four = await account_row(store, 4)
    assert four.path == paths.child(path_of(2), 4)
    assert (await account_row(store, 8)).path == paths.child(four.path, 8)
    assert await findings(store) - known == set()


async def test_what_is_changed_below_while_it_moves_is_changed_where_it_comes_to_lie(
    store: Store, provider: Caller
) -> None:
    known = await findings(store)
    contact = {"firstName": "Con", "lastName": "Tact", "email": "con@new.example"}
    below = [
        do(store, provider, "accountUpdate", account="acc_5", expectedVersion=1, contacts=[contact], name="New name"),
        do(store, provider, "accountAdminHold", account="acc_6", expectedVersion=1),
    ]
    done = await asyncio.gather(move(store, provider, 3, 10), *below)

    assert [codes(each) for each in done] == [[], [], []]
    assert (await account_row(store, 6)).status == "ADMIN_HOLD"
    assert await findings(store) - known == set()
