"""Plan switches in GraphQL."""

import strawberry

from models import SwitchKind, SwitchPolicy, SwitchTime
from models.base import PeriodType
from models.statement import Row
from resolvers import plan_switches, products
from resolvers.privileges import Privilege
from resolvers.subscription_upgrades import Upgrade
from schema.arguments import given, ordering
from schema.connection import connection
from schema.enums import describe
from schema.field import column, computed, of_noun, related
from schema.node import Node, global_id, register, row_ids
from schema.reference import PlanRef, ProductRef
from schema.scalars import Date, DateTime
from schema.values import Money, Period, money

_C = Privilege.CATALOGUE_VIEW

describe(
    SwitchKind,
    "Which way a switch goes, as the provider sees it.",
    UPGRADE="To more.",
    DOWNGRADE="To less.",
    MIGRATION="To something else in place of it.",
)
describe(
    SwitchPolicy,
    "What a switch does to what was paid for the present terms, and to the term.",
    PERIOD_CHANGE="It waits for the end of the term, and returns nothing.",
    PRORATE_STARTING_NEW_SUBSCRIPTION_PERIOD="The unused days are returned, and a new term begins.",
    PRORATE_KEEPING_EXP_DATE="The unused days are returned; the new terms are paid for until the present term's end.",
    PRORATE_REFUND="The unused days are returned, and a new term begins.",
    NO_REFUND="Nothing is returned, and a new term begins.",
    NO_REFUND_WITH_FULL_REFUND_PERIOD=(
        "All is returned as long as it could be given back, later and of what a switch made nothing; a new term begins."
    ),
    PRORATE_REFUND_WITH_FULL_REFUND_PERIOD=(
        "All is returned as long as it could be given back, later and of what a switch made the unused days; a new term"
        " begins."
    ),
)
describe(
    SwitchTime,
    "When a switch takes effect.",
    IMMEDIATELY="As soon as it is worked off, or at the renewal if that is asked for.",
    NEXT_SUBSCRIPTION_PERIOD="When the subscription renews.",
)


@strawberry.type(description="A way to switch subscriptions from some terms to others, as the provider published it.")
class PlanSwitch(Node):
    """A row of the plan switches' table."""

    is_type_of = of_noun("plan_switch")

    id: strawberry.ID = global_id("psw")
    kind: SwitchKind = column("Which way it goes.")
    billing_policy: SwitchPolicy = column("What it does to what was paid and to the term.")
    when_effective: SwitchTime = column("When it takes effect.")
    is_active: bool = column("Whether subscriptions can still be switched so.")
    created_at: DateTime = column("When it was first published.")
    version: int = column("Grows with every change.")
    from_plan: PlanRef | None = related(plan_switches.source_plan, PlanRef, "The plan that is left.", privilege=_C)
    to_plan: PlanRef | None = related(plan_switches.target_plan, PlanRef, "The plan that follows.", privilege=_C)
    from_product: ProductRef | None = related(
        plan_switches.source_product, ProductRef, "The product that is left. Null: products stay.", privilege=_C
    )
    to_product: ProductRef | None = related(
        plan_switches.target_product, ProductRef, "The product that follows; likewise.", privilege=_C
    )

    @computed("The subscription period that is left.", needs=("from_period_type", "from_period_duration"))
    def from_period(row: Row) -> Period:
        return Period(type=row.from_period_type, duration=row.from_period_duration)

    @computed("The subscription period that follows.", needs=("to_period_type", "to_period_duration"))
    def to_period(row: Row) -> Period:
        return Period(type=row.to_period_type, duration=row.to_period_duration)


register("psw", "PlanSwitch", plan_switches.by_id, _C)


@strawberry.input(description="Which plan switches.")
class PlanSwitchFilter:
    """Conditions on plan switches."""

    from_plan: list[strawberry.ID] | None = strawberry.field(default=None, description="From one of these plans.")
    to_plan: list[strawberry.ID] | None = strawberry.field(default=None, description="To one of these plans.")
    kind: list[SwitchKind] | None = strawberry.field(default=None, description="Of one of these kinds.")
    is_active: bool | None = strawberry.field(
        default=None, description="Whether subscriptions can still be switched so."
    )

    def values(self) -> dict[str, object]:
        """As the source takes them."""
        return given(
            from_plan=row_ids("pln")(self.from_plan) if self.from_plan is not None else None,
            to_plan=row_ids("pln")(self.to_plan) if self.to_plan is not None else None,
            kind=self.kind,
            is_active=self.is_active,
        )


@strawberry.type
class PlanSwitchQuery:
    """The plan switches' part of the root."""

    plan_switches = connection(
        plan_switches.in_scope,
        PlanSwitch,
        "The ways in which subscriptions can be switched, between terms that are in view; retired ones included.",
        filter_type=PlanSwitchFilter,
        order_type=ordering("PlanSwitch", CREATED_AT="By age."),
        privilege=_C,
    )


@strawberry.type(description="Something that a subscription can be switched to today.")
class SubscriptionUpgrade:
    """Stands in front of `resolvers.subscription_upgrades.Upgrade`."""

    effective_on: Date | None = strawberry.field(description="The renewal at which it takes effect. Null: at once.")

    switch: PlanSwitch | None = related(
        plan_switches.by_switch_id, PlanSwitch, "How the provider lets it be switched.", privilege=_C
    )
    product: ProductRef | None = related(
        products.by_product_id, ProductRef, "What its product becomes, or keeps to be.", privilege=_C
    )
    plan: PlanRef | None = related(products.plan, PlanRef, "Under which plan.", privilege=_C)

    @computed("For how long it is then bought at a time.", needs=())
    def subscription_period(upgrade: Upgrade) -> Period:
        return Period(type=PeriodType(upgrade.period_type), duration=upgrade.period_duration)

    @computed(
        "What its account then pays its vendor for one unit and billing period, at today's prices.",
        needs=(),
        privilege=Privilege.PRICES_VIEW,
    )
    def unit_price(upgrade: Upgrade) -> Money | None:
        return _money(upgrade.unit_micros, upgrade.currency)

    @computed("The same for all its units.", needs=(), privilege=Privilege.PRICES_VIEW)
    def extended_price(upgrade: Upgrade) -> Money | None:
        return _money(upgrade.extended_micros, upgrade.currency)


def _money(micros: int | None, currency: str | None) -> Money | None:
    return None if micros is None or currency is None else money(micros, currency)
