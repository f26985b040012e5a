"""Changing plans, and the periods for which they can be subscribed."""

from typing import Any

from sqlalchemy import bindparam, insert, select
from sqlalchemy import update as updating

from models import BillingModel, Plan, PlanPeriod, RefundPolicy
from models.base import table_of
from models.identifier import new_id
from models.statement import Row, Statement
from models.text import fold
from resolvers import catalogue
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.inputs import Input, Text200, Text500, said
from resolvers.operation import Target, operation
from resolvers.privileges import Privilege
from resolvers.products import PLAN
from resolvers.trade_inputs import Code, Hours, PeriodInput, PlanId

_MOST_PERIODS = 20
_PERIOD = table_of(PlanPeriod)
_IS_IT = [_PERIOD.c[name] == bindparam(f"of_{name}") for name in ("plan_id", "type", "duration")]
_FIND = Statement(select(_PERIOD.c.is_trial, _PERIOD.c.is_active).where(*_IS_IT), is_lookup=True)
_ADD = Statement(insert(_PERIOD).values({column.name: bindparam(f"new_{column.name}") for column in _PERIOD.c}))
_CHANGE = Statement(
    updating(_PERIOD).where(*_IS_IT).values(is_trial=bindparam("new_is_trial"), is_active=bindparam("new_is_active"))
)


class PlanPeriodInput(PeriodInput):
    """A length of time for which a plan can be subscribed."""

    is_trial: bool = said("Whether it is for trying out.", False)


class PlanCreate(Input):
    """A new plan."""

    code: Code = said("Its short name, unique for good, as `p1y-monthly`.")
    name: Text200 = said("Its name.")
    short_description: Text200 | None = said("A line about it.", None)
    long_description: Text500 | None = said("More about it.", None)
    is_published: bool = said("Whether it can be newly ordered.", True)
    billing_period: PeriodInput = said("How often it is billed; fixed from then on.")
    billing_model: BillingModel = said("When it is charged; fixed from then on.")
    refund_policy: RefundPolicy = said(
        "What is given back for what is cancelled soon after it was bought.", RefundPolicy.PRORATED
    )
    cancellation_hours: Hours = said("How soon that must be, in hours, where the refund is prorated.", 168)
    subscription_periods: list[PlanPeriodInput] = said(
        "For how long it can be subscribed, 1 to 20 periods.", most=_MOST_PERIODS
    )


class PlanUpdate(Input):
    """What is to be known of a plan from now on. What is left out stays as it is."""

    plan: PlanId = said("The plan.")
    name: Text200 = said("Its name.", None)
    short_description: Text200 | None = said("A line about it. Null removes it.", None)
    long_description: Text500 | None = said("More about it. Null removes it.", None)
    is_published: bool = said("Whether it can be newly ordered; what runs goes on either way.", None)
    refund_policy: RefundPolicy = said(
        "What is given back for what is cancelled soon after it was bought; holds for what is bought from now on.", None
    )
    cancellation_hours: Hours = said("How soon that must be, in hours, where the refund is prorated.", None)


class PlanRetire(Input):
    """Which plan to retire."""

    plan: PlanId = said("The plan.")


class PlanPeriodAdd(Input):
    """A further period of a plan."""

    plan: PlanId = said("The plan.")
    period: PlanPeriodInput = said("For how long it can be subscribed.")


class PlanPeriodRetire(Input):
    """Which period of a plan to retire."""

    plan: PlanId = said("The plan.")
    period: PeriodInput = said("One of its subscription periods.")


@operation(
    privilege=Privilege.CATALOGUE_MANAGE, gives="plan", taken={"plan_code_key": "code"},
    codes=(UserErrorCode.REQUIRED, UserErrorCode.OUT_OF_RANGE, UserErrorCode.TOO_LONG),
)  # fmt: skip
async def create(act: Act, given: PlanCreate) -> None:
    """Add a plan: terms under which products can then be offered. For the provider's own staff."""
    catalogue.require_provider(act)
    _check_periods(act, given.subscription_periods)
    row_id = new_id()
    row = Plan(
        id=row_id, name_key=fold(given.name), billing_period_type=given.billing_period.type,
        billing_period_duration=given.billing_period.duration, created_at=act.now, updated_at=act.now,
        **given.model_dump(exclude={"billing_period", "subscription_periods"}),
    )  # fmt: skip
    await act.add(row)
    act.gives(plan=row_id)
    for period in given.subscription_periods:
        await _write(act, _ADD, row, period, is_trial=period.is_trial, is_active=True)


@operation(
    privilege=Privilege.CATALOGUE_MANAGE, gives="plan", target=Target(PLAN, by="plan"),
    codes=(UserErrorCode.REQUIRED, UserErrorCode.OUT_OF_RANGE, UserErrorCode.TOO_LONG),
)  # fmt: skip
async def update(act: Act, given: PlanUpdate) -> None:
    """Change what is known of a plan; how it is billed is fixed. For the provider's own staff."""
    catalogue.require_provider(act)
    values = {name: getattr(given, name) for name in given.model_fields_set - {"plan"}}
    if "name" in values:
        values["name_key"] = fold(given.name)
    await act.change(PLAN, act.target, **values)


@operation(
    privilege=Privilege.CATALOGUE_MANAGE, gives="plan", target=Target(PLAN, by="plan"),
    codes=(UserErrorCode.ALREADY_DONE,),
)  # fmt: skip
async def retire(act: Act, _given: PlanRetire) -> None:
    """Sell nothing more under a plan; what runs under it is renewed and billed as before.

    For the provider's own staff.
    """
    catalogue.require_provider(act)
    if not act.target.is_published:
        act.refuse(UserErrorCode.ALREADY_DONE, "The plan is retired already.", "plan")
    await act.change(PLAN, act.target, is_published=False)


@operation(
    privilege=Privilege.CATALOGUE_MANAGE, gives="plan", target=Target(PLAN, by="plan"),
    codes=(UserErrorCode.ALREADY_DONE, UserErrorCode.OUT_OF_RANGE),
)  # fmt: skip
async def period_add(act: Act, given: PlanPeriodAdd) -> None:
    """Let a plan be subscribed for a further period, or again for one that was retired.

    For the provider's own staff.
    """
    catalogue.require_provider(act)
    known = await _period(act, given.period)
    if known is not None and known.is_active:
        act.refuse(UserErrorCode.ALREADY_DONE, "The plan has this period already.", "period")
    statement = _ADD if known is None else _CHANGE
    await _write(act, statement, act.target, given.period, is_trial=given.period.is_trial, is_active=True)
    await act.touch(PLAN, act.target)


@operation(
    privilege=Privilege.CATALOGUE_MANAGE, gives="plan", target=Target(PLAN, by="plan"),
    codes=(UserErrorCode.ALREADY_DONE, UserErrorCode.OUT_OF_RANGE),
)  # fmt: skip
async def period_retire(act: Act, given: PlanPeriodRetire) -> None:
    """Sell nothing more for one of a plan's periods; what runs is renewed as before.

    For the provider's own staff.
    """
    catalogue.require_provider(act)
    known = await _period(act, given.period)
    if known is None:
        act.refuse(UserErrorCode.NOT_FOUND, "The plan has no such period.", "period")
    if not known.is_active:
        act.refuse(UserErrorCode.ALREADY_DONE, "The period is retired already.", "period")
    await _write(act, _CHANGE, act.target, given.period, is_trial=bool(known.is_trial), is_active=False)
    await act.touch(PLAN, act.target)


def _check_periods(act: Act, periods: list[PlanPeriodInput]) -> None:
    if not periods:
        act.refuse(UserErrorCode.REQUIRED, "It takes at least 1 period.", "subscription_periods")
    seen: set[str] = set()
    for index, period in enumerate(periods):
        if period.text in seen:
            message = "Another entry is the same period."
            act.fault(UserErrorCode.INVALID, message, "subscription_periods", str(index))
        seen.add(period.text)
    act.check()


async def _period(act: Act, period: PeriodInput) -> Row | None:
    rows = await act.rows(_FIND, _key(act.target.id, period))
    return rows[0] if rows else None


def _key(plan_id: int, period: PeriodInput) -> dict[str, Any]:
    return {"of_plan_id": plan_id, "of_type": period.type.value, "of_duration": period.duration}


async def _write(act: Act, statement: Statement, plan: Row | Plan, period: PeriodInput, **terms: bool) -> None:
    """Write one period of a plan, and into the change log that the plan has it so."""
    row = {"plan_id": plan.id, "type": period.type.value, "duration": period.duration} | terms
    new = {f"new_{name}": value for name, value in row.items()}
    await act.writer.write(statement, _key(plan.id or 0, period) | new)
    await act.record(PLAN, plan.id or 0, {}, {"period": period.text} | terms)
