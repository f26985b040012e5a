"""Holds that people put on accounts and subscriptions: whose they are to lift."""

from models import path as paths
from models.life.account import AccountEvent
from models.statement import Row

NEEDS = ("path", "holder_id", "holder_before_id")
"""The columns of an account that decide."""

_LIFTED = {
    AccountEvent.CREDIT_RELEASE: ("holder_id",),
    AccountEvent.ADMIN_RELEASE: ("holder_id",),
    AccountEvent.REACTIVATE: ("holder_id", "holder_before_id"),
}
"""Which holds an event lifts: a cancellation keeps what an account was held by, so that it is no way around it."""


def may_lift(caller_path: str, account: Row, event: AccountEvent) -> bool:
    """Whether people of an account above may lift what the event lifts: they hold it, or stand above who does.

    A holder that isn't above the account any more holds nobody: whoever moved the account stands above the holder.
    """
    columns = _LIFTED.get(event, ())
    return all(_is_above(caller_path, account.path, getattr(account, column)) for column in columns)


def may_release(caller_path: str, subscription: Row) -> bool:
    """Likewise for a subscription: whether the account that holds it is the caller's, or below that."""
    return _is_above(caller_path, subscription.path, subscription.holder_id)


def _is_above(caller_path: str, path: str, holder_id: int | None) -> bool:
    above = [*paths.ancestor_ids(path), paths.account_id(path)]
    return holder_id not in above or above.index(holder_id) >= paths.depth(caller_path)
