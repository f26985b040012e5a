"""The counts of summaries against a Python oracle, at the root and for many accounts at once (money: test_money)."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest

from models.store import Store
from resolvers.caller import Caller
from tests.asking import TODAY, ask, caller_at
from tests.hierarchy import Record, World
from tests.lists import Seen, seen_by
from tests.market import PROVIDER, RESELLER, SUBRESELLER

DAYS = 400
FIELDS = f"""summary {{
  accounts {{ type status count }}
  users {{ kind count }}
  subscriptions {{ status count seats }}
  subscriptionsByProduct(first: 100) {{ product {{ id }} count seats }}
  productCount
  subscriptionsByManufacturer {{ code count seats }}
  renewals(days: {DAYS}) {{ count seats }}
}}"""


def at(world: World, account_id: int) -> Caller:
    path = next(account["path"] for account in world["account"] if account["id"] == account_id)
    return caller_at(account_id, path=path)


def counted(rows: Iterable[Record], *columns: str) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(str(row[column]) for column in columns) for row in rows)


def with_seats(rows: Iterable[Record], key: Callable[[Record], Any]) -> dict[Any, tuple[int, int]]:
    """By key how many subscriptions there are and the sum of their quantities."""
    groups: dict[Any, tuple[int, int]] = {}
    for row in rows:
        count, seats = groups.get(key(row), (0, 0))
        groups[key(row)] = count + 1, seats + row["quantity"]
    return groups


def right(world: World, seen: Seen, path: str) -> dict[str, Any]:
    """What the summary of a subtree must tell."""
    accounts, users, subscriptions = (
        [row for row in seen[table] if row["path"].startswith(path)]
        for table in ("account", "app_user", "subscription")
    )
    active = [row for row in subscriptions if row["status"] == "ACTIVE"]
    codes = {row["id"]: row["code"] for row in world["manufacturer"]}
    makers = {row["id"]: codes[row["manufacturer_id"]] for row in world["product"]}
    renewing = [
        row for row in active
        if row["auto_renew"] and row["renewal_date"] and TODAY <= row["renewal_date"] <= TODAY + timedelta(days=DAYS)
    ]  # fmt: skip
    return {
        "accounts": counted(accounts, "type", "status"),
        "users": counted(users, "kind"),
        "subscriptions": with_seats(subscriptions, lambda row: str(row["status"])),
        "subscriptionsByProduct": with_seats(active, lambda row: f"prd_{row['product_id']}"),
        "productCount": len({row["product_id"] for row in active}),
        "subscriptionsByManufacturer": with_seats(active, lambda row: makers[row["product_id"]]),
        "renewals": (len(renewing), sum(row["quantity"] for row in renewing)),
    }


def told(summary: dict[str, Any]) -> dict[str, Any]:
    """The answer in the oracle's form."""

    def sums(name: str, key: Callable[[dict[str, Any]], Any]) -> dict[Any, tuple[int, int]]:
        return {key(group): (group["count"], group["seats"]) for group in summary[name]}

    return {
        "accounts": {(group["type"], group["status"]): group["count"] for group in summary["accounts"]},
        "users": {(group["kind"],): group["count"] for group in summary["users"]},
        "subscriptions": sums("subscriptions", lambda group: group["status"]),
        "subscriptionsByProduct": sums("subscriptionsByProduct", lambda group: group["product"]["id"]),
        "productCount": summary["productCount"],
        "subscriptionsByManufacturer": sums("subscriptionsByManufacturer", lambda group: group["code"]),
        "renewals": (summary["renewals"]["count"], summary["renewals"]["seats"]),
    }


@pytest.mark.parametrize("place", [PROVIDER, RESELLER, SUBRESELLER])
async def test_a_summary_counts_what_the_oracle_counts(market_store: Store, market_world: World, place: int) -> None:
    caller = at(market_world, place)
    seen = seen_by(market_world, caller.scope())
    paths = {f"acc_{row['id']}": row["path"] for row in seen["account"][:40]}
    text = f"query($ids: [ID!]!) {{ {FIELDS} nodes(ids: $ids) {{ id ... on Account {{ {FIELDS} }} }} }}"
    answer = await ask(market_store, caller, text, {"ids": list(paths)})

    assert answer.errors == []
    assert told(answer.data["summary"]) == right(market_world, seen, caller.path)
    for node in answer.data["nodes"]:
        assert told(node["summary"]) == right(market_world, seen, paths[node["id"]]), node["id"]
    assert answer.data["summary"]["renewals"]["count"] > 0
    seats = [group["seats"] for group in answer.data["summary"]["subscriptionsByProduct"]]
    assert seats == sorted(seats, reverse=True)
