"""Who may change which row of the hand-made hierarchy, said without any SQL, and what the store lets them change."""

import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlmodel import SQLModel

from models import path as paths
from models.policy.writes import WRITES
from models.scope import Reach, Scope
from models.statement import Statement
from models.store import Store, StoreError
from models.writer import TakenError, Writer
from tests.hierarchy import PARENT, SELLERS, Record, World, ancestors, keys, lies_in, path_of

TABLES = SQLModel.metadata.tables
CATALOGUE = (
    "exchange_rate",
    "manufacturer",
    "marketplace",
    "plan",
    "plan_period",
    "plan_switch",
    "product",
    "product_dependency",
    "product_term",
)

MARKS: dict[str, tuple[str, Any]] = {
    "account": ("city", "marked"),
    "account_contact": ("first_name", "marked"),
    "app_user": ("first_name", "marked"),
    "balance": ("net_days", 77),
    "exchange_rate": ("rate", "777"),
    "manufacturer": ("name", "marked"),
    "marketplace": ("name", "marked"),
    "order_line": ("resulting_quantity", 777),
    "orders": ("po_number", "marked"),
    "plan": ("name", "marked"),
    "plan_period": ("is_trial", True),
    "plan_switch": ("kind", "DOWNGRADE"),
    "price": ("valid_until", date(2099, 1, 1)),
    "product": ("name", "marked"),
    "subscription": ("name", "marked"),
    "subscription_item": ("vendor_subscription_id", "marked"),
    "subscription_lot": ("remaining", 0),
    "vendor_card": ("name", "marked"),
}
"""A column of each table that may be changed, and a value that no row has."""


def _marking(table: str) -> tuple[Statement, Statement]:
    """Mark all rows, without a condition and without reading any; and the keys of those that are marked."""
    column, value = MARKS[table]
    marked = select(*TABLES[table].primary_key).where(TABLES[table].c[column] == value)
    return Statement(update(TABLES[table]).values({column: value})), Statement(marked)


MARK = {table: _marking(table) for table in MARKS}
REMOVE = {
    table: (Statement(delete(TABLES[table])), Statement(select(*TABLES[table].primary_key)))
    for table, write in WRITES.items()
    if write.delete
}
ADD = {table: Statement(insert(TABLES[table])) for table in WRITES}


class UndoError(Exception):
    """Nothing went wrong; what was tried is to be undone."""


@asynccontextmanager
async def tried(store: Store, scope: Scope) -> AsyncIterator[Writer]:
    """A writer of which nothing is kept."""
    with suppress(UndoError):
        async with store.writer(scope) as writer:
            yield writer
            raise UndoError


async def succeeds(writer: Writer, statement: Statement, parameters: Record | None = None) -> bool:
    """Whether a writer may do something, which is undone at once."""
    try:
        async with writer.savepoint():
            await writer.write(statement, parameters)
            raise UndoError
    except UndoError:
        return True
    except TakenError:
        raise
    except StoreError:
        return False


@dataclass(frozen=True)
class Sight:
    """How far a scope reaches, found by walking from account to account."""

    scope: Scope

    @property
    def is_full(self) -> bool:
        return not self.scope.only_user

    @property
    def is_provider(self) -> bool:
        return self.is_full and PARENT[self.scope.account_id] is None

    @property
    def accounts(self) -> list[int]:
        place = self.scope.account_id
        if self.scope.reach is Reach.OWN or not self.is_full:
            return [place]
        if self.scope.reach is Reach.DIRECT:
            return [place, *(account for account, parent in PARENT.items() if parent == place)]
        return [account for account in PARENT if account == place or place in ancestors(account)]

    @property
    def sellers(self) -> list[int]:
        """Whose prices may be made."""
        if not self.scope.prices or not self.is_full:
            return []
        return self.accounts if self.scope.reach is Reach.SUBTREE else [self.scope.account_id]

    def may_touch(self, table: str, record: Record) -> bool:
        """Whether the row may be updated, or deleted where rows are ever deleted."""
        if table in CATALOGUE:
            return self.is_provider
        if table == "price":
            is_manufacturers = record["seller_id"] is None and self.is_provider and self.scope.prices
            return record["seller_id"] in self.sellers or is_manufacturers
        if table == "balance":
            sellers = self.accounts if self.scope.reach is Reach.SUBTREE else [self.scope.account_id]
            return self.is_full and self.scope.finances and record["seller_id"] in sellers
        if table in ("orders", "order_line"):
            return self.is_full and lies_in(record["path"], self.scope)
        is_own = table == "app_user" and record["id"] == self.scope.only_user
        return paths.account_id(record["path"]) in self.accounts and (self.is_full or is_own)

    def may_add(self, table: str, record: Record) -> bool:
        """Whether the row may be inserted, provided that it contradicts no other."""
        if not WRITES[table].insert:
            return False
        if table == "account":
            vendor = record["parent_id"]
            reaches = self.scope.reach is Reach.SUBTREE or vendor == self.scope.account_id
            is_below = vendor in self.accounts and reaches and self.scope.reach is not Reach.OWN
            return self.is_full and is_below and vendor in SELLERS
        if table == "price" and record["seller_id"] is not None:
            is_offered_to_all = record["buyer_id"] is None
            return record["seller_id"] in self.sellers and (is_offered_to_all or record["buyer_id"] in self.accounts)
        if table == "price_sheet":
            return paths.account_id(record["path"]) in self.sellers
        return self.is_full and self.may_touch(table, record)


@dataclass(frozen=True)
class Candidate:
    """A new row; one that isn't sound contradicts another, and nobody may add it."""

    record: Record
    is_sound: bool = True


def candidates(world: World, table: str) -> Iterator[Candidate]:
    """A new row of every account, and rows that pretend to belong to another than they lie at."""
    ids = itertools.count(900_000)
    of_table = [record for record in world[table] if table != "vendor_card"]
    if table == "vendor_card":
        yield from _cards(world)
    elif table == "account":
        for vendor in PARENT:
            yield Candidate(_account(of_table[0], vendor, next(ids)))
            yield Candidate(_account(of_table[0], vendor, 0))  # before all others of that vendor
        yield Candidate(_account(of_table[0], 3, next(ids)) | {"parent_id": 2}, is_sound=False)
        yield Candidate(_account(of_table[0], 2, next(ids)) | {"parent_id": 1}, is_sound=False)
    elif table == "price":
        yield from (Candidate(record | {"id": next(ids)}) for record in of_table)
        (of_2,) = [record for record in of_table if record["seller_id"] == 2 and record["buyer_id"] == 7]
        for wrong in ({"seller_id": 3, "buyer_id": None}, {"buyer_id": 6}, {"seller_path": path_of(3)}):
            yield Candidate(of_2 | {"id": next(ids)} | wrong, is_sound=False)
    elif table in CATALOGUE:
        yield Candidate(_fresh(world, table, of_table[0], next(ids)))
    else:
        for record in _last_of_each_account(of_table):
            fresh = _fresh(world, table, record, next(ids))
            yield Candidate(fresh)
            for wrong in _pretences(world, table, fresh):
                unique = _fresh(world, table, fresh, next(ids))
                yield Candidate(unique | wrong, is_sound=False)


def _account(like: Record, vendor: int, new: int) -> Record:
    path = paths.child(path_of(vendor), new)
    own = {"id": new, "parent_id": vendor, "path": path, "type": "CUSTOMER", "external_id": None, "import_key": None}
    return like | own


def _cards(world: World) -> Iterator[Candidate]:
    """Of customers, who have none yet."""
    like = world["vendor_card"][0]
    for account in PARENT.keys() - SELLERS:
        card = like | {"account_id": account, "path": path_of(account)}
        yield Candidate(card)
        yield Candidate(card | {"path": path_of(2)}, is_sound=False)


def _last_of_each_account(records: Iterable[Record]) -> Iterator[Record]:
    """The last record at each place where an account is: where it has a user, that is a service user."""
    places = {path_of(account) for account in PARENT}
    yield from {record["path"]: record for record in records if record["path"] in places}.values()


_FRESH: dict[str, Callable[[World, Record, int], Record]] = {
    "account_term": lambda world, record, new: {"term": f"new-{new}"},
    "app_user": lambda world, record, new: {"login": f"new-{new}"},
    "exchange_rate": lambda world, record, new: {"from_currency": f"new-{new}"},
    "manufacturer": lambda world, record, new: {"code": f"new-{new}"},
    "marketplace": lambda world, record, new: {"code": f"new-{new}"},
    "order_line": lambda world, record, new: {"position": 9},
    "orders": lambda world, record, new: {"number": f"new-{new}"},
    "plan": lambda world, record, new: {"code": f"new-{new}"},
    "plan_period": lambda world, record, new: {"duration": 99},
    "plan_switch": lambda world, record, new: {"terms_key": f"new-{new}"},
    "product": lambda world, record, new: {"mpn": f"new-{new}"},
    "product_dependency": lambda world, record, new: {"depends_on_id": 2},
    "product_term": lambda world, record, new: {"term": f"new-{new}"},
    # The administrator, whose id is the account's lowest, has no seat.
    "seat": lambda world, record, new: {"user_id": _users(world, record["path"])[0]},
    "subscription": lambda world, record, new: {"import_key": f"new-{new}"},
    "subscription_hold": lambda world, record, new: {"reason": "ACCOUNT"},
    "subscription_item": lambda world, record, new: {"position": 9},
    "user_denial": lambda world, record, new: {"privilege": f"new:{new}"},
    "user_role": lambda world, record, new: {"role_code": "SUPPORT_ENGINEER"},
    "user_term": lambda world, record, new: {"term": f"new-{new}"},
}
"""What makes a copy of a row one more row."""


def _fresh(world: World, table: str, record: Record, new: int) -> Record:
    own: Record = {"id": new} if "id" in record else {}
    return record | own | (_FRESH[table](world, record, new) if table in _FRESH else {})


def _users(world: World, path: str) -> list[int]:
    return sorted(user["id"] for user in world["app_user"] if user["path"] == path)


REFERENCES = {
    "order_line": {"order_id": "orders"},
    "seat": {"subscription_id": "subscription", "user_id": "app_user"},
    "subscription_history": {"subscription_id": "subscription"},
    "subscription_hold": {"subscription_id": "subscription"},
    "subscription_item": {"subscription_id": "subscription"},
    "subscription_lot": {"subscription_id": "subscription"},
    "user_denial": {"user_id": "app_user"},
    "user_role": {"user_id": "app_user"},
    "user_term": {"user_id": "app_user"},
}
"""What a row belongs to besides its account."""


def _pretences(world: World, table: str, record: Record) -> Iterator[Record]:
    """Changes by which a row of account 7 would belong to others, who are in or out of its vendor's scope."""
    if table == "price_sheet" and record["path"] == path_of(3):  # customers have none
        yield from ({"account_id": other} for other in (4, 10))
    if record["path"] != path_of(7):
        return
    for other in (8, 12):
        if "account_id" in record:
            yield {"account_id": other}
        for column, of in REFERENCES.get(table, {}).items():
            yield {column: next(each["id"] for each in world[of] if each["path"] == path_of(other))}


async def update_differences(
    store: Store, world: World, scopes: Iterable[Scope], tables: Iterable[str] = MARK
) -> AsyncGenerator[str]:
    """Where the rows that a writer changes are not those that the oracle says, in words."""
    for scope in scopes:
        async with tried(store, scope) as writer:
            for table in tables:
                mark, marked = MARK[table]
                await writer.write(mark)
                async with writer.beyond("a test looks at what was changed") as db:
                    changed = {tuple(row) for row in await db.rows(marked)}
                right = keys(table, [record for record in world[table] if Sight(scope).may_touch(table, record)])
                if changed != right:
                    yield f"{table} through {scope}: too many {changed - right}, too few {right - changed}"


async def delete_differences(
    store: Store, world: World, scopes: Iterable[Scope], tables: Iterable[str] = REMOVE
) -> AsyncGenerator[str]:
    """Where the rows that a writer removes are not those that the oracle says, in words."""
    for scope in scopes:
        async with tried(store, scope) as writer:
            for table in tables:
                remove, left = REMOVE[table]
                await writer.write(remove)
                async with writer.beyond("a test looks at what is left") as db:
                    remaining = {tuple(row) for row in await db.rows(left)}
                right = keys(table, [record for record in world[table] if not Sight(scope).may_touch(table, record)])
                if remaining != right:
                    yield f"{table} through {scope}: too many left {remaining - right}, too few {right - remaining}"


async def insert_differences(
    store: Store, world: World, scopes: Iterable[Scope], tables: Iterable[str] = ADD
) -> AsyncGenerator[str]:
    """Where a writer may add a row that the oracle forbids, or the other way round, in words."""
    new_rows = {table: list(candidates(world, table)) for table in tables}
    for scope in scopes:
        async with tried(store, scope) as writer:
            for table, rows in new_rows.items():
                for row in rows:
                    right = row.is_sound and Sight(scope).may_add(table, row.record)
                    if await succeeds(writer, ADD[table], row.record) != right:
                        yield f"{table} through {scope}: {'refused' if right else 'added'} {row.record}"
