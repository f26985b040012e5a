"""What each list holds, in which order, and what its conditions mean: said in Python, without any SQL."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

import pytest

from models.path import contains
from models.scope import Scope
from models.text import fold, terms
from schema.node import NOUNS
from tests import hierarchy
from tests.hierarchy import Record, World

Seen = dict[str, list[Record]]
"""The rows that a scope shows, by table."""

TABLES = {noun.type_name: noun.source.name.partition(".")[0] for noun in NOUNS.values()}
"""The table behind each type that has global ids."""

NOUN_OF = {"account": "ACCOUNT", "app_user": "USER"}
"""What the change log calls the rows of the tables of which the worlds' changes tell."""

PREFIXES = {noun.type_name: noun.prefix for noun in NOUNS.values()}


_seen: dict[tuple[int, Scope], tuple[World, Seen]] = {}


def seen_by(world: World, scope: Scope) -> Seen:
    """What the oracle of the hand-made hierarchy says of another tree; worked out once for each tree and scope."""
    known = _seen.get((id(world), scope))
    if known is None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(hierarchy, "PARENT", {account["id"]: account["parent_id"] for account in world["account"]})
            known = _seen[id(world), scope] = (world, hierarchy.visible(world, scope))  # kept, so its id stays its own
    return known[1]


def global_id(type_name: str, record: Record) -> str:
    """The id of a row as callers know it."""
    return f"{PREFIXES[type_name]}_{record['id']}"


def row_id(text: str) -> int:
    """The row behind a global id."""
    return int(text.partition("_")[2])


Rows = list[Record]
List = Callable[[Seen, Record, Rows], Rows]
"""Which of the rows are in the list of a parent."""


def _of_account(_seen: Seen, account: Record, rows: Rows) -> Rows:
    return [record for record in rows if record["account_id"] == account["id"]]


def _by(column: str) -> List:
    return lambda _seen, account, rows: [record for record in rows if record[column] == account["id"]]


def _history(_seen: Seen, subscription: Record, rows: Rows) -> Rows:
    return [record for record in rows if record["subscription_id"] == subscription["id"]]


def _items(_seen: Seen, invoice: Record, rows: Rows) -> Rows:
    return [record for record in rows if record["invoice_id"] == invoice["id"]]


def _children(_seen: Seen, account: Record, rows: Rows) -> Rows:
    return [record for record in rows if record["parent_id"] == account["id"]]


def _descendants(_seen: Seen, account: Record, rows: Rows) -> Rows:
    return [record for record in rows if record["id"] != account["id"] and contains(account["path"], record["path"])]


def _charged_to(_seen: Seen, account: Record, rows: Rows) -> Rows:
    of_vendor = [price for price in rows if account["parent_id"] and price["seller_id"] == account["parent_id"]]
    return [price for price in of_vendor if price["buyer_id"] in (None, account["id"])]


def _used_by(seen: Seen, user: Record, rows: Rows) -> Rows:
    used = {seat["subscription_id"] for seat in seen["seat"] if seat["user_id"] == user["id"]}
    return [record for record in rows if record["id"] in used]


def _at(_seen: Seen, account: Record, rows: Rows) -> Rows:
    return [record for record in rows if record["path"] == account["path"]]


LISTS: dict[tuple[str, str], List] = {
    ("Account", "changes"): _at,
    ("Account", "children"): _children,
    ("Account", "descendants"): _descendants,
    ("Account", "invoicesIssued"): _by("seller_id"),
    ("Account", "invoicesReceived"): _by("buyer_id"),
    ("Account", "ledger"): _by("buyer_id"),
    ("Account", "orders"): _of_account,
    ("Account", "payments"): _by("buyer_id"),
    ("Account", "prices"): _charged_to,
    ("Account", "subscriptions"): _of_account,
    ("Account", "users"): _of_account,
    ("Invoice", "items"): _items,
    ("Subscription", "history"): _history,
    ("User", "subscriptions"): _used_by,
}
"""By the type and the field; lists at the root hold whatever is seen."""


def rows_of(seen: Seen, type_name: str, field: str, parent: Record | None, node_type: str) -> Rows:
    """The rows of a list, in no order."""
    rows = seen[TABLES[node_type]]
    if parent is None and node_type == "Order":
        # What the caller's own account bought of a former vendor is in its own list alone.
        own = min((account["path"] for account in seen["account"]), key=len)
        return [record for record in rows if record["path"].startswith(own)]
    return rows if parent is None else LISTS[type_name, field](seen, parent, rows)


# Orders

SORTED_BY = {
    "AMOUNT": "amount_micros",
    "AT": "at",
    "CREATED_AT": "created_at",
    "MPN": "mpn",
    "NAME": "name_key",
    "NUMBER": "number",
    "RENEWAL_DATE": "renewal_key",
}


def sort_key(order: str, record: Record) -> tuple[Any, int]:
    """Where a row stands in the order: texts by their bytes, ties by id."""
    value = record[SORTED_BY[order]]
    return value.encode() if isinstance(value, str) else value, record["id"]


def in_order(rows: Iterable[Record], order: str, direction: str) -> Rows:
    """The rows sorted, ties broken by id in the same direction."""
    return sorted(rows, key=lambda record: sort_key(order, record), reverse=direction == "DESC")


# Conditions

Condition = Callable[[Seen, Record, Any], bool]
"""Whether a row fulfils a condition, of which the value is as in a GraphQL variable."""


def _one_of(column: str) -> Condition:
    return lambda _seen, record, values: record[column] in values


def _id_in(column: str) -> Condition:
    return lambda _seen, record, ids: record[column] in {row_id(text) for text in ids}


def _is_seen_account(column: str) -> Condition:
    def holds(seen: Seen, record: Record, ids: list[str]) -> bool:
        return record[column] in {row_id(text) for text in ids} & {account["id"] for account in seen["account"]}

    return holds


def _begins_words(texts: Callable[[Seen, Record], list[str]]) -> Condition:
    def holds(seen: Seen, record: Record, text: str) -> bool:
        words = terms(*texts(seen, record))
        asked = sorted(terms(text), key=len, reverse=True)[:5]  # of more than five the five longest count
        return all(any(word.startswith(start) for word in words) for start in asked)

    return holds


def _below(seen: Seen, record: Record, account: str) -> bool:
    place = next((each["path"] for each in seen["account"] if each["id"] == row_id(account)), None)
    return place is not None and contains(place, record["path"]) and record["path"] != place


def _in_range(column: str) -> Condition:
    def holds(_seen: Seen, record: Record, given: dict[str, str | None]) -> bool:
        bounds = (datetime.fromisoformat(each) if each else None for each in (given.get("from"), given.get("until")))
        start, end = bounds
        return (start is None or record[column] >= start) and (end is None or record[column] < end)

    return holds


_created = _in_range("created_at")


def _between(column: str) -> Condition:
    def holds(_seen: Seen, record: Record, given: dict[str, str | None]) -> bool:
        start, end = given.get("from"), given.get("to")
        day = record[column]
        if day is None:
            return not start and not end
        text = day.isoformat() if isinstance(day, date) else day
        return (not start or text >= start) and (not end or text <= end)

    return holds


def _through(table: str, key: str, column: str, *, own: str = "id", folded: bool = False) -> Condition:
    def holds(seen: Seen, record: Record, values: list[str]) -> bool:
        wanted = {fold(value) for value in values} if folded else set(values)
        return any(other[key] == record[own] and other[column] in wanted for other in seen[table])

    return holds


def _is_valid(_seen: Seen, price: Record, day: str) -> bool:
    on, until = date.fromisoformat(day), price["valid_until"]
    return bool(price["valid_from"] <= on and (until is None or until > on))


def _at_seen_account(seen: Seen, change: Record, ids: list[str]) -> bool:
    wanted = {row_id(text) for text in ids}
    return change["path"] in {account["path"] for account in seen["account"] if account["id"] in wanted}


def _by_seen_user(seen: Seen, change: Record, ids: list[str]) -> bool:
    return change["actor_user_id"] in {row_id(text) for text in ids} & {user["id"] for user in seen["app_user"]}


CONDITIONS: dict[tuple[str, str], Condition] = {
    ("Account", "below"): _below,
    ("Account", "created"): _created,
    ("Account", "email"): _through("account_contact", "account_id", "email_key", folded=True),
    ("Account", "externalId"): _one_of("external_id"),
    ("Account", "search"): _begins_words(lambda _seen, account: [account["name"]]),
    ("Account", "status"): _one_of("status"),
    ("Account", "type"): _one_of("type"),
    ("Balance", "buyer"): _id_in("buyer_id"),
    ("Balance", "currency"): _one_of("currency"),
    ("Balance", "isFormer"): lambda _seen, balance, value: (balance["buyer_name"] is not None) is value,
    ("Balance", "isOwed"): lambda _seen, balance, value: (balance["owed_micros"] > 0) is value,
    ("Balance", "terms"): _one_of("terms"),
    ("Balance", "vendor"): _is_seen_account("seller_id"),
    ("Change", "account"): _at_seen_account,
    ("Change", "at"): _in_range("at"),
    ("Change", "below"): _below,
    ("Change", "noun"): lambda _seen, change, nouns: NOUN_OF[change["noun"]] in nouns,
    ("Change", "object"): lambda _seen, change, text: (
        (change["noun"], change["object_id"]) == ("account", row_id(text))
    ),
    ("Change", "operation"): _one_of("operation"),
    ("Change", "user"): _by_seen_user,
    ("Invoice", "buyer"): _id_in("buyer_id"),
    ("Invoice", "created"): _created,
    ("Invoice", "dueBefore"): lambda _seen, invoice, day: invoice["due_on"] < date.fromisoformat(day),
    ("Invoice", "number"): _one_of("number"),
    ("Invoice", "status"): _one_of("status"),
    ("Invoice", "vendor"): _is_seen_account("seller_id"),
    ("InvoiceItem", "kind"): _one_of("kind"),
    ("LedgerPost", "at"): _in_range("at"),
    ("LedgerPost", "kind"): _one_of("kind"),
    ("ExchangeRate", "fromCurrency"): _one_of("from_currency"),
    ("ExchangeRate", "toCurrency"): _one_of("to_currency"),
    ("Marketplace", "country"): _one_of("country_code"),
    ("Marketplace", "currency"): _one_of("currency"),
    ("Order", "account"): _id_in("account_id"),
    ("Order", "below"): _below,
    ("Order", "created"): _created,
    ("Order", "number"): _one_of("number"),
    ("Order", "purchaseOrderNumber"): _one_of("po_number"),
    ("Order", "status"): _one_of("status"),
    ("Order", "subscription"): _id_in("subscription_id"),
    ("Order", "type"): _one_of("type"),
    ("Payment", "buyer"): _id_in("buyer_id"),
    ("Payment", "created"): _created,
    ("Payment", "kind"): _one_of("kind"),
    ("Payment", "vendor"): _is_seen_account("seller_id"),
    ("Plan", "billingModel"): _one_of("billing_model"),
    ("Plan", "code"): _one_of("code"),
    ("PlanSwitch", "fromPlan"): _id_in("from_plan_id"),
    ("PlanSwitch", "isActive"): lambda _seen, switch, value: switch["is_active"] is value,
    ("PlanSwitch", "kind"): _one_of("kind"),
    ("PlanSwitch", "toPlan"): _id_in("to_plan_id"),
    ("Price", "buyer"): _is_seen_account("buyer_id"),
    ("Price", "currency"): _one_of("currency"),
    ("Price", "mpn"): _through("product", "id", "mpn", own="product_id"),
    ("Price", "plan"): _id_in("plan_id"),
    ("Price", "product"): _id_in("product_id"),
    ("Price", "seller"): _is_seen_account("seller_id"),
    ("Price", "type"): _one_of("type"),
    ("Price", "validOn"): _is_valid,
    ("Product", "manufacturer"): _through("manufacturer", "id", "code", own="manufacturer_id"),
    ("Product", "mpn"): _one_of("mpn"),
    ("Product", "search"): _begins_words(
        lambda _seen, product: [product["name"], product["mpn"], product["service_name"] or ""]
    ),
    ("Product", "service"): _one_of("service_name"),
    ("Product", "status"): _one_of("status"),
    ("Subscription", "account"): _id_in("account_id"),
    ("Subscription", "autoRenew"): lambda _seen, record, value: record["auto_renew"] is value,
    ("Subscription", "below"): _below,
    ("Subscription", "expires"): _between("expiration_date"),
    ("Subscription", "itemProduct"): lambda seen, record, ids: any(
        item["subscription_id"] == record["id"] and item["product_id"] in {row_id(text) for text in ids}
        for item in seen["subscription_item"]
    ),
    ("Subscription", "mpn"): _through("product", "id", "mpn", own="product_id"),
    ("Subscription", "product"): _id_in("product_id"),
    ("Subscription", "renews"): _between("renewal_date"),
    ("Subscription", "status"): _one_of("status"),
    ("SubscriptionHistory", "at"): _in_range("at"),
    ("SubscriptionHistory", "reason"): _one_of("reason"),
    ("User", "below"): _below,
    ("User", "email"): lambda _seen, user, values: user["email_key"] in {fold(value) for value in values},
    ("User", "kind"): _one_of("kind"),
    ("User", "role"): _through("user_role", "user_id", "role_code"),
    ("User", "search"): _begins_words(lambda _seen, user: [user["first_name"], user["last_name"]]),
    ("User", "status"): _one_of("status"),
    ("User", "subscription"): lambda seen, user, ids: any(
        seat["user_id"] == user["id"] and seat["subscription_id"] in {row_id(text) for text in ids}
        for seat in seen["seat"]
    ),
}
"""By the type of the rows and the condition."""


def fulfils(seen: Seen, node_type: str, record: Record, given: dict[str, Any]) -> bool:
    """Whether a row fulfils all conditions of a `filter`."""
    return all(CONDITIONS[node_type, name](seen, record, value) for name, value in given.items())
