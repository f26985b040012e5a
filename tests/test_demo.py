import hashlib
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from itertools import zip_longest
from pathlib import Path

import pytest

from models.demo import LOGINS, demo_sources, facts
from models.demo.tree import Tree, TreeTooSmallError
from models.exchange.files import BY_NAME

SIZES = (10, 11, 37, 600)
DIGEST = "9290f9545656f15d3ac2b279f40470b1dc27b4c321494a39b15fa53fda1e982c"
"""Of the 600 accounts of seed 1. It changes with every change of the demo, and for no other reason."""

Cells = Mapping[str, str]


@cache
def table(name: str, accounts: int = 600, seed: int = 1) -> tuple[Cells, ...]:
    columns = BY_NAME[name].names
    return tuple(dict(zip(columns, row, strict=True)) for row in demo_sources(accounts, seed)[name]())


def by(column: str, rows: tuple[Cells, ...]) -> dict[str, Cells]:
    found = {row[column]: row for row in rows}
    assert len(rows) == len(found)
    return found


def digest(accounts: int, seed: int) -> str:
    hashed = hashlib.sha256()
    for name, rows in sorted(demo_sources(accounts, seed).items()):
        for row in rows():
            hashed.update("\x1f".join((name, *row)).encode() + b"\n")
    return hashed.hexdigest()


def below(key: str, accounts: tuple[Cells, ...]) -> set[str]:
    """The keys of the accounts below one; parents stand before their children."""
    found = {key}
    for account in accounts:
        if account["vendor"] in found:
            found.add(account["key"])
    return found - {key}


def test_a_seed_gives_the_same_rows_everywhere() -> None:
    program = "from tests.test_demo import digest; print(digest(600, 1))"
    checkout = Path(__file__).parents[1]
    environment = os.environ | {"PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo"}
    elsewhere = subprocess.check_output([sys.executable, "-c", program], env=environment, cwd=checkout, text=True)

    assert digest(600, 1) == DIGEST
    assert elsewhere.strip() == DIGEST


def test_another_seed_and_another_size_give_other_trees() -> None:
    assert len({digest(50, 1), digest(50, 2), digest(51, 1)}) == 3


def test_files_can_be_read_side_by_side_and_again() -> None:
    sources = demo_sources(60, 3)
    apart = {name: list(rows()) for name, rows in sources.items()}
    together: dict[str, list[Sequence[str]]] = defaultdict(list)
    for rows in zip_longest(*(source() for source in sources.values())):
        for name, row in zip(sources, rows, strict=True):
            together[name] += [row] * (row is not None)

    assert together == apart


def test_rows_are_made_while_they_are_read() -> None:
    assert all(isinstance(rows(), Iterator) for rows in demo_sources(10, 1).values())


@pytest.mark.parametrize("accounts", SIZES)
def test_every_cell_is_what_the_contract_says(accounts: int) -> None:
    for name in demo_sources(accounts, 5):
        for row in table(name, accounts, 5):
            for column in BY_NAME[name].columns:
                if row[column.name]:
                    column.kind.read(row[column.name])
                else:
                    assert not column.required, (name, column.name, row)


@pytest.mark.parametrize("accounts", SIZES)
def test_the_accounts_are_one_tree_of_the_size_that_was_asked_for(accounts: int) -> None:
    rows = table("accounts.csv", accounts)
    known = by("key", rows)
    external_ids = [(row["vendor"], row["external_id"]) for row in rows if row["external_id"]]

    assert len(known) == accounts
    assert [row["key"] for row in rows if not row["vendor"]] == [rows[0]["key"]]
    assert rows[0]["type"] == "PROVIDER"
    assert {row["type"] for row in rows[1:]} == {"RESELLER", "CUSTOMER"}
    assert all(known[row["vendor"]]["type"] != "CUSTOMER" for row in rows[1:])
    assert all(row["created_at"] > known[row["vendor"]]["created_at"] for row in rows[1:])
    assert len(set(external_ids)) == len(external_ids)


def test_no_two_accounts_share_a_name_even_in_a_large_tree() -> None:
    names = [row["name"] for row in table("accounts.csv", 20_000)]

    assert len(set(names)) == len(names)


def test_resellers_are_nested_to_six_levels_and_most_accounts_have_few_siblings() -> None:
    tree = Tree(20_000, 1)
    children = Counter(tree.vendors)
    fan_out = sorted(children[reseller] for reseller in range(1, tree.resellers + 1))

    assert max(tree.levels) == 6
    assert max(Tree(600, 1).levels) == 6
    assert 0.03 <= tree.resellers / tree.accounts <= 0.031
    assert fan_out[len(fan_out) // 2] < 25
    assert fan_out[-1] > 500


def test_the_numbers_are_those_of_a_real_marketplace() -> None:
    accounts, users, subscriptions, orders = (
        table(name, 5000) for name in ("accounts.csv", "users.csv", "subscriptions.csv", "orders.csv")
    )
    lines = table("order_lines.csv", 5000)
    by_account = Counter(row["account"] for row in subscriptions)

    assert 1.35 < len(users) / len(accounts) < 1.45
    assert 0.13 < share(users, "kind", "SERVICE_USER") < 0.17
    assert 1.85 < len(subscriptions) / len(accounts) < 2.15
    assert max(by_account.values()) == 40
    assert 0.88 < share(accounts, "status", "ACTIVE") < 0.92
    assert 0.88 < share(subscriptions, "status", "ACTIVE") < 0.92
    assert 1.15 < len(orders) / len(subscriptions) < 1.25
    assert {row["type"] for row in orders} == {"SALES", "CHANGE", "RENEWAL", "CANCELLATION"}
    assert {row["status"] for row in orders} == {"SUBMITTED", "PROCESSING", "COMPLETED", "ERROR", "CANCELLED"}
    assert 0.02 < share(lines, "quantity_kind", "TARGET") < 0.1
    assert table("subscription_items.csv", 5000)


def share(rows: tuple[Cells, ...], column: str, value: str) -> float:
    return sum(row[column] == value for row in rows) / len(rows)


@cache
def price_lists(accounts: int) -> dict[tuple[str, str], dict[tuple[str, str], Decimal]]:
    """What is charged now for one unit, by seller and buyer (empty: all right below), by product and plan."""
    found: dict[tuple[str, str], dict[tuple[str, str], Decimal]] = defaultdict(dict)
    for row in table("prices.csv", accounts):
        if row["type"] == "RECURRING" and not row["valid_until"]:
            offer = (row["mpn"], row["plan"])
            assert offer not in found[row["seller"], row["buyer"]]
            found[row["seller"], row["buyer"]][offer] = Decimal(row["amount"])
    return found


def charged(buyer: Cells, accounts: int) -> dict[tuple[str, str], Decimal]:
    lists = price_lists(accounts)
    return lists.get((buyer["vendor"], ""), {}) | lists.get((buyer["vendor"], buyer["key"]), {})


@pytest.mark.parametrize("accounts", SIZES)
def test_nobody_offers_what_its_vendor_does_not_nor_sells_below_cost(accounts: int) -> None:
    known = by("key", table("accounts.csv", accounts))
    for (seller, _), prices in price_lists(accounts).items():
        costs = charged(known[seller], accounts) if seller else {}
        assert not seller or all(price >= costs[offer] for offer, price in prices.items())


def test_a_price_for_one_buyer_is_below_what_the_others_pay() -> None:
    lists = price_lists(600)
    edges = ((seller, prices) for (seller, buyer), prices in lists.items() if buyer)
    special = [(seller, offer, price) for seller, prices in edges for offer, price in prices.items()]

    assert len(special) > 20
    assert all(price <= lists[seller, ""][offer] for seller, offer, price in special)


@pytest.mark.parametrize("accounts", SIZES)
def test_what_is_subscribed_is_offered_by_the_vendor_under_that_plan(accounts: int) -> None:
    known = by("key", table("accounts.csv", accounts))
    subscriptions = by("key", table("subscriptions.csv", accounts))
    for row in subscriptions.values():
        assert (row["mpn"], row["plan"]) in charged(known[row["account"]], accounts)
    for item in table("subscription_items.csv", accounts):
        subscription = subscriptions[item["subscription"]]
        assert (item["mpn"], subscription["plan"]) in charged(known[subscription["account"]], accounts)


def test_what_is_only_listed_is_offered_to_nobody() -> None:
    offered = {row["mpn"] for row in table("prices.csv")}

    assert {licence.string_id for licence in facts.LICENCES}.isdisjoint(offered)
    assert {product.mpn for product in facts.PRODUCTS} == offered


def test_seats_belong_to_service_users_of_the_same_account() -> None:
    users = by("login", table("users.csv"))
    occupied = (row for row in table("subscriptions.csv") if row["users"])
    seats = [(row["account"], login) for row in occupied for login in row["users"].split("|")]

    assert len(seats) > 100
    assert all(users[login]["account"] == account for account, login in seats)
    assert all(users[login]["kind"] == "SERVICE_USER" for _, login in seats)


def test_orders_add_up_to_what_is_subscribed() -> None:
    orders = by("number", table("orders.csv"))
    totals: dict[str, Decimal] = defaultdict(Decimal)
    quantities: dict[str, int] = defaultdict(int)
    for line in table("order_lines.csv"):
        assert Decimal(line["unit_amount"]) * int(line["quantity"]) == Decimal(line["extended_amount"])
        totals[line["order"]] += Decimal(line["extended_amount"])
        if line["position"] == "0" and line["quantity_kind"] == "DELTA":
            quantities[orders[line["order"]]["subscription"]] += int(line["quantity"])

    assert totals == {number: Decimal(row["total"]) for number, row in orders.items()}
    for row in table("subscriptions.csv"):
        cancelled = quantities[row["key"]] == 0 and row["status"] in ("TERMINATED", "REMOVED")
        assert cancelled or quantities[row["key"]] == int(row["quantity"])


def test_nothing_happens_before_its_account_is_there_or_after_the_present() -> None:
    accounts = by("key", table("accounts.csv"))
    for name in ("users.csv", "subscriptions.csv", "orders.csv"):
        for row in table(name):
            moments = [row["created_at"], row["updated_at"], row.get("provisioned_at") or row["created_at"]]
            assert accounts[row["account"]]["created_at"] <= row["created_at"] == min(moments)
            assert max(moments) <= "2026-11-01T00:00:00.000Z"


def test_running_subscriptions_end_after_the_present_and_others_before() -> None:
    for row in table("subscriptions.csv"):
        running = row["status"] in ("ACTIVE", "HOLD")
        assert (row["expiration_date"] == "") == (row["status"] == "PENDING")
        assert row["status"] == "PENDING" or (row["expiration_date"] >= "2026-11-01") == running
        assert not row["renewal_date"] or row["renewal_date"] == row["expiration_date"]


@pytest.mark.parametrize("accounts", SIZES)
def test_the_demo_logins_are_there_whatever_the_size(accounts: int) -> None:
    rows = table("accounts.csv", accounts)
    known, users = by("key", rows), by("login", table("users.csv", accounts))
    of = {login: users[login]["account"] for login in LOGINS}
    reseller, subreseller = of["admin@reseller.example"], of["admin@subreseller.example"]
    customer = of["admin@customer.example"]
    own = [row for row in table("subscriptions.csv", accounts) if row["account"] == customer]
    beside = [row["key"] for row in rows if row["vendor"] == rows[0]["key"] and row["type"] == "RESELLER"]

    assert known[of["admin@provider.example"]]["type"] == "PROVIDER"
    assert known[customer]["vendor"] == subreseller
    assert known[subreseller]["vendor"] == reseller
    assert users["limited@customer.example"]["roles"] == "LIMITED_ADMINISTRATOR"
    assert users["accountant@reseller.example"]["roles"] == "ACCOUNTANT"
    assert users["support@provider.example"]["roles"] == "SUPPORT_ENGINEER"
    assert users["user@customer.example"]["kind"] == "SERVICE_USER"
    assert 3 == sum("user@customer.example" in row["users"].split("|") for row in own) < len(own)
    assert [row for row in table("orders.csv", accounts) if row["account"] == customer]
    assert any(below(key, rows) for key in beside if key != reseller)


def test_the_demo_reseller_has_a_branch_worth_looking_at() -> None:
    rows = table("accounts.csv")
    reseller = rows[1]["key"]
    children = [row["key"] for row in rows if row["vendor"] == reseller]

    assert 400 < len(below(reseller, rows)) < 500
    assert len(below(table("accounts.csv", 5000)[1]["key"], table("accounts.csv", 5000))) == 500
    assert len(children) >= 20
    assert sum(sum(row["vendor"] == child for row in rows) >= 20 for child in children) >= 5


def test_a_tree_without_room_for_the_demo_logins_is_refused() -> None:
    with pytest.raises(TreeTooSmallError, match="at least 10 accounts, not 9"):
        demo_sources(9, 1)
    with pytest.raises(ValueError, match="0 or more, not -1"):
        demo_sources(10, -1)


def test_the_facts_are_few_and_real() -> None:
    files = list(Path(facts.__file__).parent.glob("*.csv"))
    nce = [product for product in facts.PRODUCTS if product.manufacturer_code == "microsoft"]

    assert sum(file.stat().st_size for file in files) < 100_000
    assert len(nce) == 65
    assert next(product for product in nce if product.mpn == "CFQ7TTC0LCHC:0002").prices["annual-yearly"] == 26_400
    assert {company.country_code for company in facts.COMPANIES} <= {market.country_code for market in facts.MARKETS}
