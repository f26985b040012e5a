"""What is tried on subscriptions."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import bindparam, delete, update

from models import SubscriptionHold
from models.base import table_of
from models.statement import Statement
from resolvers.orders import ORDER
from resolvers.plan_switches import SWITCH
from resolvers.products import DEPENDENCY
from resolvers.subscriptions import ITEM, SUBSCRIPTION
from tests.hierarchy import OFFERED_BY_NOBODY, OFFERED_BY_PROVIDER, World
from tests.inputs.trial import Trial

_HOLD = table_of(SubscriptionHold)
_Before = Callable[[World, int], Sequence[tuple[Statement, dict[str, Any]]]]


def _of_account(statement: Any, **values: Any) -> _Before:
    """A statement about all rows of the account."""
    made = Statement(statement)
    return lambda _world, account_id: [(made, {"account": account_id, **values})]


_CLOSED = _of_account(update(ORDER).where(ORDER.c.account_id == bindparam("account")).values(status="COMPLETED"))
_RENEWING = _of_account(
    update(SUBSCRIPTION)
    .where(SUBSCRIPTION.c.account_id == bindparam("account"))
    .values(renewal_date=bindparam("on", type_=SUBSCRIPTION.c.renewal_date.type), auto_renew=True),
    on=date(2099, 1, 1),
)
_HELD = _of_account(update(SUBSCRIPTION).where(SUBSCRIPTION.c.account_id == bindparam("account")).values(status="HOLD"))
_ADDED = _of_account(
    update(ITEM)
    .where(ITEM.c.account_id == bindparam("account"), ITEM.c.position == 1)
    .values(product_id=OFFERED_BY_NOBODY)
)
_TO_WHAT_ALL_SELL = Statement(
    update(SWITCH).values(
        from_product_id=SWITCH.c.from_plan_id, to_product_id=OFFERED_BY_PROVIDER, to_plan_id=OFFERED_BY_PROVIDER
    )
)
_NO_DEPENDENCIES = Statement(delete(DEPENDENCY))
_FREE = _of_account(delete(_HOLD).where(_HOLD.c.account_id == bindparam("account")))


def _waiting(world: World, account_id: int) -> Sequence[tuple[Statement, dict[str, Any]]]:
    """Its orders are done, and its subscriptions renew some day."""
    return [*_CLOSED(world, account_id), *_RENEWING(world, account_id)]


def _changeable(world: World, account_id: int) -> Sequence[tuple[Statement, dict[str, Any]]]:
    """As well, and no two items are of one product."""
    return [*_waiting(world, account_id), *_ADDED(world, account_id)]


def _switchable(world: World, account_id: int) -> Sequence[tuple[Statement, dict[str, Any]]]:
    """They can be switched to what everybody sells, which needs nothing else."""
    return [*_waiting(world, account_id), (_TO_WHAT_ALL_SELL, {}), (_NO_DEPENDENCIES, {})]


def of(**more: Any) -> Callable[[World, int], dict[str, Any]]:
    """The first subscription of the account, and more."""

    def given(world: World, account_id: int) -> dict[str, Any]:
        found = [row["id"] for row in world["subscription"] if row["account_id"] == account_id]
        return {"subscription": found[0] if found else account_id, **more}

    return given


TRIALS = [
    Trial("subscriptionAttributesSet", of(attributes=[])),
    Trial("subscriptionAutoRenewSet", of(auto_renew=False)),
    Trial("subscriptionCancel", of(scheduled_on="RENEWAL"), "at the renewal", _waiting),
    Trial("subscriptionCancel", of(), "while an order is open"),
    Trial("subscriptionHold", of(), "when it runs", _FREE),
    Trial("subscriptionHold", of(), "when it is held"),
    Trial("subscriptionQuantitySet", of(quantity=1000, scheduled_on="RENEWAL"), "at the renewal", _changeable),
    Trial("subscriptionUpgrade", of(scheduled_on="RENEWAL"), "at the renewal", _switchable),
    Trial("subscriptionUpgrade", of(), "while an order is open"),
    Trial("subscriptionRelease", of(), "when it is held", _HELD),
]
