"""Publishing and retiring the ways in which subscriptions can be switched to other terms."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Text, bindparam, select

from models import PlanPeriod, PlanSwitch, SwitchKind, SwitchPolicy, SwitchTime
from models.base import table_of
from models.identifier import new_id
from models.statement import Row, Statement, any_of
from resolvers import catalogue
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.inputs import Input, said
from resolvers.operation import Target, operation
from resolvers.plan_switches import SWITCH, PlanSwitchId
from resolvers.privileges import Privilege
from resolvers.products import PLAN, PRODUCT
from resolvers.trade_inputs import PeriodInput, PlanId, ProductId

_PERIOD = table_of(PlanPeriod).c
_PERIODS = Statement(
    select(_PERIOD.plan_id, _PERIOD.type, _PERIOD.duration).where(any_of(_PERIOD.plan_id, "plans")), is_lookup=True
)
_KNOWN = Statement(
    select(*SWITCH.c).where(SWITCH.c.terms_key == bindparam("key", type_=Text)).with_for_update(),
    SWITCH.name,
    is_lookup=True,
)


class PlanSwitchSideInput(Input):
    """Terms from which, or to which, subscriptions are switched."""

    plan: PlanId = said("The plan.")
    subscription_period: PeriodInput = said("One of its subscription periods.")
    product: ProductId | None = said(
        "The product, on both sides or on none. Left out: a subscription keeps its products.", None
    )

    @property
    def text(self) -> str:
        """What tells them from others."""
        return f"{self.plan}:{self.subscription_period.text}:{self.product or 0}"


class PlanSwitchPublish(Input):
    """A way to switch subscriptions."""

    source: PlanSwitchSideInput = said("From which terms.")
    target: PlanSwitchSideInput = said("To which terms: a product of the same manufacturer.")
    kind: SwitchKind = said("Which way it goes.", SwitchKind.UPGRADE)
    billing_policy: SwitchPolicy = said(
        "What it does to what was paid and to the term.", SwitchPolicy.PRORATE_STARTING_NEW_SUBSCRIPTION_PERIOD
    )
    when_effective: SwitchTime = said("When it takes effect.", SwitchTime.IMMEDIATELY)


class PlanSwitchRetire(Input):
    """Which way to switch subscriptions to retire."""

    plan_switch: PlanSwitchId = said("The switch.")


@operation(
    privilege=Privilege.CATALOGUE_MANAGE,
    gives="plan_switch",
    taken={"plan_switch_terms": "source"},
    codes=(UserErrorCode.ALREADY_DONE, UserErrorCode.NOT_FOUND, UserErrorCode.OUT_OF_RANGE, UserErrorCode.REQUIRED),
)
async def publish(act: Act, given: PlanSwitchPublish) -> None:
    """Let subscriptions be switched from some terms to others, as far as both are offered to whoever has them.

    What was retired is published again by the same. For the provider's own staff.
    """
    catalogue.require_provider(act)
    await _check(act, given)
    key = f"{given.source.text}>{given.target.text}"
    how = {
        "kind": given.kind.value,
        "billing_policy": given.billing_policy.value,
        "when_effective": given.when_effective.value,
    }
    known = await act.rows(_KNOWN, {"key": key})
    if not known:
        await _add(act, given, key)
        return
    act.gives(plan_switch=known[0].id)
    if known[0].is_active:
        message = "It can be switched so already. Retire that first if it shall be otherwise."
        act.refuse(UserErrorCode.ALREADY_DONE, message, "source")
    await act.change(SWITCH, known[0], is_active=True, **how)


async def _add(act: Act, given: PlanSwitchPublish, key: str) -> None:
    sides = {"from": given.source, "to": given.target}
    columns: dict[str, Any] = {}
    for side, terms in sides.items():
        columns |= {
            f"{side}_plan_id": terms.plan,
            f"{side}_product_id": terms.product,
            f"{side}_period_type": terms.subscription_period.type,
            f"{side}_period_duration": terms.subscription_period.duration,
        }
    row_id = new_id()
    row = PlanSwitch(
        id=row_id, terms_key=key, created_at=act.now, updated_at=act.now, **columns,
        **given.model_dump(include={"kind", "billing_policy", "when_effective"}),
    )  # fmt: skip
    await act.add(row)
    act.gives(plan_switch=row_id)


async def _check(act: Act, given: PlanSwitchPublish) -> None:
    sides: Mapping[str, PlanSwitchSideInput] = {"source": given.source, "target": given.target}
    makers = [await _check_side(act, name, terms) for name, terms in sides.items()]
    if (given.source.product is None) is not (given.target.product is None):
        lacking = "target" if given.target.product is None else "source"
        act.fault(UserErrorCode.REQUIRED, "Name a product on both sides, or on none.", lacking, "product")
    elif given.source.text == given.target.text:
        act.fault(UserErrorCode.INVALID, "It changes nothing.", "target")
    elif None not in makers and makers[0] != makers[1]:
        act.fault(UserErrorCode.INVALID, "The products are of different manufacturers.", "target", "product")
    act.check()


async def _check_side(act: Act, side: str, terms: PlanSwitchSideInput) -> int | None:
    """Note what is wrong with one side; gives the product's manufacturer."""
    plan = await catalogue.find(act, PLAN, terms.plan)
    if plan is None:
        act.fault(UserErrorCode.NOT_FOUND, "There is no such plan.", side, "plan")
    else:
        periods = await act.rows(_PERIODS, {"plans": [terms.plan]})
        asked = (terms.subscription_period.type.value, terms.subscription_period.duration)
        if asked not in {(str(row.type), row.duration) for row in periods}:
            message = "The plan has no such period. Add it to the plan first."
            act.fault(UserErrorCode.INVALID, message, side, "subscription_period")
    product = await catalogue.find(act, PRODUCT, terms.product) if terms.product is not None else None
    if terms.product is not None and product is None:
        act.fault(UserErrorCode.NOT_FOUND, "There is no such product.", side, "product")
    return None if product is None else int(product.manufacturer_id)


@operation(
    privilege=Privilege.CATALOGUE_MANAGE,
    gives="plan_switch",
    target=Target(SWITCH, by="plan_switch"),
    codes=(UserErrorCode.ALREADY_DONE,),
)
async def retire(act: Act, _given: PlanSwitchRetire) -> None:
    """Let no subscription be switched so any more; orders that wait for a renewal are worked off.

    For the provider's own staff.
    """
    catalogue.require_provider(act)
    _refuse_retired(act, act.target)
    await act.change(SWITCH, act.target, is_active=False)


def _refuse_retired(act: Act, switch: Row) -> None:
    if not switch.is_active:
        act.refuse(UserErrorCode.ALREADY_DONE, "The switch is retired already.", "plan_switch")
