"""Every row of the database, as the model of the business would say it: what there is, and what has changed."""

from collections.abc import Iterator
from typing import Any

import orjson
from sqlalchemy import select
from sqlmodel import SQLModel

from models import AccountStatus, OrderStatus, SubscriptionStatus
from models.life import account as account_life
from models.life import order as order_life
from models.life import subscription as service_life
from models.statement import Row, Statement
from models.store import Store
from tests.business_model import Business

Rows = dict[str, dict[tuple[Any, ...], Row]]
"""Every row of every table, by its key."""

TABLES = SQLModel.metadata.sorted_tables
_SECOND_HAND = {"size_class"}
"""Columns that tell nothing but how much there is, kept above whatever grows."""
_READ = {
    table.name: Statement(
        select(
            *(c.label("of") if c.name == "noun" else c for c in table.c if c.name not in _SECOND_HAND),
        )
    )
    for table in TABLES
}
OWED = {"balance", "job", "ledger_entry", "ledger_post", "order_charge", "payment"}
"""What orders and payments change of accounts out of reach, above the buyer or the payer: all else stays as it was."""
NOWHERE = {"identity", "order_number"}
"""Of which rows have no place."""
LIVES = {
    "account": (account_life.LIFE, AccountStatus),
    "orders": (order_life.LIFE, OrderStatus),
    "subscription": (service_life.LIFE, SubscriptionStatus),
}


async def look(store: Store) -> Rows:
    """Everything that there is."""
    found: Rows = {}
    async with store.unfiltered("a test looks at everything") as db:
        for table in TABLES:
            names = ["of" if column.name == "noun" else column.name for column in table.primary_key]
            rows = await db.rows(_READ[table.name])
            found[table.name] = {tuple(getattr(row, name) for name in names): row for row in rows}
    return found


def changes(before: Rows, after: Rows) -> Iterator[tuple[str, Row | None, Row | None]]:
    """Table, old and new row of everything that differs."""
    for table, rows in after.items():
        for key in before[table].keys() | rows.keys():
            old, new = before[table].get(key), rows.get(key)
            if old != new:
                yield table, old, new


def place_of(table: str, row: Any, before: Rows, after: Rows) -> str | None:
    """Where a row lies; None: nowhere."""

    def of(other: str, row_id: int) -> str | None:
        known = after[other].get((row_id,)) or before[other][row_id,]
        return place_of(other, known, before, after)

    for column, other in (("balance_id", "balance"), ("post_id", "ledger_post"), ("invoice_id", "invoice")):
        if column in row._fields:
            return of(other, getattr(row, column))
    if "path" in row._fields:
        return str(row.path)
    if "seller_path" in row._fields:
        return str(row.seller_path)
    for column, other in (("buyer_id", "account"), ("account_id", "account"), ("subscription_id", "subscription")):
        if column in row._fields:
            return of(other, getattr(row, column))
    return None


def follow_tables(before: Rows, after: Rows) -> None:
    """Whatever came to another state came there step by step, as the table of its life has them."""
    at: dict[tuple[str, int], str | None] = {}
    for table in LIVES:
        at |= {(table, key[0]): row.status for key, row in before[table].items()}
    logged = [after["audit"][key] for key in sorted(after["audit"].keys() - before["audit"].keys())]
    for row in logged:
        now = orjson.loads(row.after).get("status")
        if row.of in LIVES and now is not None:
            life, status = LIVES[row.of]
            was = at.get((row.of, row.object_id))
            assert life.leads(was and status(was), status(now)), row  # type: ignore[attr-defined]  # a Life
            at[row.of, row.object_id] = now
    for table in LIVES:
        for key, each in after[table].items():
            assert at.get((table, key[0])) == each.status, f"{each} came there otherwise"


def balance(rows: Rows) -> None:
    """Every post sums to zero, and every balance is the sum of its posts."""
    posts = dict.fromkeys((key[0] for key in rows["ledger_post"]), 0)
    for entry in rows["ledger_entry"].values():
        posts[entry.post_id] += entry.micros
    assert not any(posts.values())
    owed = dict.fromkeys((key[0] for key in rows["balance"]), 0)
    for post in rows["ledger_post"].values():
        owed[post.balance_id] += post.micros
    assert owed == {row.id: row.owed_micros for row in rows["balance"].values()}


def stated(rows: Rows) -> dict[str, Any]:
    """What the database says, as the model would."""
    return {
        "accounts": {
            row.id: (row.parent_id, row.type, row.status, row.held_by, row.held_before)
            for row in rows["account"].values()
        },
        "balances": {
            (row.seller_id, row.buyer_id): (row.owed_micros, row.credit_limit_micros, row.terms)
            for row in rows["balance"].values()
        },
        "prices": {
            (row.seller_id, row.buyer_id): row.amount_micros
            for row in rows["price"].values()
            if row.valid_until is None
        },
        "orders": {
            row.id: (row.account_id, row.type, row.status, row.waiting_for, row.subscription_id, row.total_micros)
            for row in rows["orders"].values()
        },
        "services": {
            row.id: (row.account_id, row.status, row.quantity, bool(row.auto_renew))
            for row in rows["subscription"].values()
        },
        "lots": sorted((row.subscription_id, row.remaining) for row in rows["subscription_lot"].values()),
        "people": {row.id: (row.account_id, row.login, row.kind, row.status) for row in rows["app_user"].values()},
        "roles": sorted((row.user_id, row.role_code) for row in rows["user_role"].values()),
        "denied": sorted((row.user_id, row.privilege) for row in rows["user_denial"].values()),
        "holds": sorted((row.subscription_id, row.reason) for row in rows["subscription_hold"].values()),
    }


def modelled(model: Business) -> dict[str, Any]:
    """What the model says."""
    return {
        "accounts": {
            key: (it.parent, it.type, it.status, it.held_by, it.held_before) for key, it in model.accounts.items()
        },
        "balances": {key: (it.owed, it.limit, "NET" if it.is_net else "PREPAID") for key, it in model.terms.items()},
        "prices": model.prices,
        "orders": {
            key: (it.account, it.type, it.status, it.waits, it.subscription, it.total)
            for key, it in model.orders.items()
        },
        "services": {key: (it.account, it.status, it.quantity, it.renews) for key, it in model.services.items()},
        "lots": sorted((key, lot.left) for key, it in model.services.items() for lot in it.lots),
        "people": {key: (it.account, it.login, it.place.kind, it.status) for key, it in model.people.items()},
        "roles": sorted((key, role) for key, it in model.people.items() for role in it.place.roles),
        "denied": sorted((key, name) for key, it in model.people.items() for name in it.place.denied),
        "holds": sorted((key, each) for key, it in model.services.items() for each in it.reasons),
    }
