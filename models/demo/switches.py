"""What the demo's provider lets subscriptions be switched to: from plan to plan, whatever they are of."""

from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert  # whose ON CONFLICT is spelled alike on SQLite

from models.base import table_of
from models.demo.days import PRESENT
from models.demo.offers import PLAN_LIST, Plan
from models.identifier import new_id
from models.plan import Plan as StoredPlan
from models.plan_switch import PlanSwitch, SwitchKind, SwitchPolicy, SwitchTime
from models.statement import Statement
from models.store import Store


class _Switch(NamedTuple):
    source: Plan
    target: Plan
    kind: SwitchKind
    policy: SwitchPolicy
    when: SwitchTime = SwitchTime.IMMEDIATELY


_YEARLY, _BY_MONTH, _MONTHLY, _METERED = PLAN_LIST
SWITCHES = (
    _Switch(_MONTHLY, _BY_MONTH, SwitchKind.UPGRADE, SwitchPolicy.PRORATE_REFUND),
    _Switch(_MONTHLY, _YEARLY, SwitchKind.UPGRADE, SwitchPolicy.PRORATE_REFUND),
    _Switch(_BY_MONTH, _YEARLY, SwitchKind.UPGRADE, SwitchPolicy.PRORATE_REFUND_WITH_FULL_REFUND_PERIOD),
    _Switch(_BY_MONTH, _MONTHLY, SwitchKind.DOWNGRADE, SwitchPolicy.PERIOD_CHANGE, SwitchTime.NEXT_SUBSCRIPTION_PERIOD),
)
"""Who commits for longer may do so at once; who wants to commit for less waits for the end of the term."""

_AT = datetime.combine(PRESENT, datetime.min.time(), UTC)
_PLAN, _TABLE = table_of(StoredPlan).c, table_of(PlanSwitch)
_IDS = Statement(select(_PLAN.id, _PLAN.code))
_ADD = Statement(
    insert(_TABLE)
    .values({column.name: bindparam(column.name, type_=column.type) for column in _TABLE.c})
    .on_conflict_do_nothing(index_elements=[_TABLE.c.terms_key])
)


async def add_switches(store: Store) -> None:
    """Publish the switches. Done again it changes nothing.

    Args:
        store: holds the demo tree.
    """
    async with store.unfiltered("demo switches", write=True) as session:
        ids = {row.code: row.id for row in await session.rows(_IDS)}
        for switch in SWITCHES:
            source, target = ids[switch.source.code], ids[switch.target.code]
            sides = f"{source}:1 {switch.source.term.value}:0>{target}:1 {switch.target.term.value}:0"
            row = PlanSwitch(
                id=new_id(),
                terms_key=sides,
                kind=switch.kind,
                from_plan_id=source,
                from_period_type=switch.source.term,
                from_period_duration=1,
                to_plan_id=target,
                to_period_type=switch.target.term,
                to_period_duration=1,
                billing_policy=switch.policy,
                when_effective=switch.when,
                created_at=_AT,
                updated_at=_AT,
            )
            await session.execute(_ADD, row.model_dump())
