"""What is tried on orders."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, delete, update

from models import BillingModel
from models.base import now
from models.statement import Statement
from resolvers.orders import ORDER
from resolvers.products import DEPENDENCY, PLAN
from tests.hierarchy import OFFERED_BY_PROVIDER, World
from tests.inputs.account import and_
from tests.inputs.trial import Trial

_SET_STATUS = Statement(
    update(ORDER)
    .where(ORDER.c.id == bindparam("order"))
    .values(
        status=bindparam("new_status"),
        waiting_for=bindparam("new_wait"),
        stoppable_until=bindparam("new_until", type_=ORDER.c.stoppable_until.type),
        term_from=bindparam("today", type_=ORDER.c.term_from.type),
        term_until=bindparam("today", type_=ORDER.c.term_until.type),
    )
)
_SOME_DAY = datetime(2099, 1, 1, tzinfo=UTC)
_LINE = {"product": OFFERED_BY_PROVIDER, "quantity": 1}


_NO_DEPENDENCIES = Statement(delete(DEPENDENCY))
_BILLED_LATER = Statement(update(PLAN).values(billing_model=BillingModel.CHARGE_AFTER_BILLING_PERIOD.value))


def _goods(_world: World, _account_id: int) -> Sequence[tuple[Statement, dict[str, Any]]]:
    """What is sold needs nothing else, and takes no credit."""
    return [(_NO_DEPENDENCIES, {}), (_BILLED_LATER, {})]


def its(**more: Any) -> Callable[[World, int], dict[str, Any]]:
    """The account's last order, which its present vendor sold it, and more; that of nobody if there is none."""
    return lambda world, account_id: {"order": _order(world, account_id)} | more


def _order(world: World, account_id: int) -> int:
    found = [row["id"] for row in world["orders"] if row["account_id"] == account_id]
    return int(found[0]) if found else 0


def is_(
    status: str, wait: str | None = None, *, is_stoppable: bool = False
) -> Callable[[World, int], Sequence[tuple[Statement, dict[str, Any]]]]:
    """That order, for a term from today, has that status."""
    given: dict[str, Any] = {"new_status": status, "new_wait": wait, "new_until": _SOME_DAY if is_stoppable else None}
    given |= {"today": now().date()}
    return lambda world, account_id: [(_SET_STATUS, {"order": _order(world, account_id)} | given)]


TRIALS = [
    Trial("orderPlace", and_(lines=[_LINE]), before=_goods, expected_version=None),
    Trial(
        "orderPlace",
        and_(lines=[_LINE], waives_credit_check=True),
        "waiving the credit check",
        _goods,
        expected_version=None,
    ),
    Trial("orderEstimate", and_(lines=[_LINE]), before=_goods, expected_version=None),
    Trial("orderValidate", and_(lines=[_LINE]), before=_goods, expected_version=None),
    Trial("orderUpdate", its(purchase_order_number="PO-1")),
    Trial("orderCancel", its(), "when submitted", is_("SUBMITTED")),
    Trial("orderCancel", its(), "when it is being processed and can't be stopped", is_("PROCESSING")),
    Trial("orderCancel", its(), "when it is being processed and can be stopped", is_("PROCESSING", is_stoppable=True)),
    Trial("orderCancel", its(), "when completed", is_("COMPLETED")),
    Trial("orderResubmit", its(), "when in error", is_("ERROR")),
    Trial("orderApprove", its(), "when it waits for that", is_("SUBMITTED", "APPROVAL")),
    Trial("orderReject", its(), "when it waits for that", is_("SUBMITTED", "APPROVAL")),
]
