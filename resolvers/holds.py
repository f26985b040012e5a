"""Holds that people put on accounts: whose they are to lift."""

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
    above = paths.ancestor_ids(account.path)
    holders = (getattr(account, column) for column in _LIFTED.get(event, ()))
    return all(above.index(holder) >= paths.depth(caller_path) for holder in holders if holder in above)
