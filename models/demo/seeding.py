"""Filling an empty database with a demo tree."""

from collections.abc import Callable, Sequence

from sqlalchemy import bindparam, or_, select

from models.account import Account
from models.base import table_of
from models.demo.credentials import add_credentials
from models.demo.history import add_history
from models.demo.open_orders import add_work
from models.demo.sources import demo_sources
from models.demo.switches import add_switches
from models.demo.tree import key_prefix
from models.exchange.load import import_rows
from models.exchange.report import ImportReport, Progress
from models.statement import Statement
from models.store import Store

_key = table_of(Account).c.import_key
_STRANGER = Statement(
    select(table_of(Account).c.id)
    .where(or_(_key.is_(None), _key < bindparam("first"), _key >= bindparam("after")))
    .limit(1)
)


class AlreadyPopulatedError(Exception):
    """The database holds accounts that don't belong to the demo tree that was asked for."""


async def seed(
    store: Store,
    accounts: int = 600,
    seed: int = 1,
    *,
    hash_secret: Callable[[str], str],
    reseller_privileges: Sequence[str],
    progress: Progress | None = None,
) -> ImportReport:
    """Load a demo tree, and give its accounts a past, its open orders to the worker, and its logins their passwords.

    Done again with the same numbers, it changes nothing.

    The roles must have been named before (`models.roles.name_roles`).

    Args:
        store: a migrated database, empty or holding this very tree.
        accounts: how many, the provider included.
        seed: which of the trees of that size.
        hash_secret: as for `add_credentials`.
        reseller_privileges: as for `add_credentials`.
        progress: told how the import goes.

    Raises:
        AlreadyPopulatedError: the database holds other accounts; nothing was changed.
        TreeTooSmallError: too few accounts for the demo logins.
    """
    sources = demo_sources(accounts, seed)
    await _check_is_ours(store, accounts, seed)
    report = await import_rows(store, sources, progress=progress)
    await add_switches(store)
    await add_history(store, accounts, seed)
    await add_work(store)
    await add_credentials(store, hash_secret, reseller_privileges)
    return report


async def _check_is_ours(store: Store, accounts: int, seed: int) -> None:
    prefix = key_prefix(accounts, seed)
    async with store.unfiltered("is the database free for the demo") as session:
        # The keys of a tree differ in digits after the colon with which the prefix ends; ';' comes next after '9'.
        strangers = await session.rows(_STRANGER, {"first": prefix, "after": prefix + ";"})
    if strangers:
        raise AlreadyPopulatedError(
            f"the database already holds accounts that are not those of the demo tree with {accounts} accounts and"
            f" seed {seed}; seed an empty database"
        )
