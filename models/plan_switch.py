"""Plan switches: from which terms to which the provider lets subscriptions be switched, and what that does."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from models.base import BigId, Bytewise, Dated, PeriodType, one_of


class SwitchKind(StrEnum):
    """Which way a switch goes, as the provider sees it."""

    UPGRADE = "UPGRADE"
    DOWNGRADE = "DOWNGRADE"
    MIGRATION = "MIGRATION"


class SwitchPolicy(StrEnum):
    """What a switch does to what was paid and to the term (Simple API 1.15, `planSwitches.billingPolicy`)."""

    PERIOD_CHANGE = "PERIOD_CHANGE"
    PRORATE_STARTING_NEW_SUBSCRIPTION_PERIOD = "PRORATE_STARTING_NEW_SUBSCRIPTION_PERIOD"
    PRORATE_KEEPING_EXP_DATE = "PRORATE_KEEPING_EXP_DATE"
    PRORATE_REFUND = "PRORATE_REFUND"
    NO_REFUND = "NO_REFUND"
    NO_REFUND_WITH_FULL_REFUND_PERIOD = "NO_REFUND_WITH_FULL_REFUND_PERIOD"
    PRORATE_REFUND_WITH_FULL_REFUND_PERIOD = "PRORATE_REFUND_WITH_FULL_REFUND_PERIOD"


class SwitchTime(StrEnum):
    """When a switch takes effect (Simple API 1.15, `planSwitches.whenEffective`).

    Its third value, in the middle of a term with the next billing period, isn't offered: whoever wants that switches
    at once, and gets back what is unused.
    """

    IMMEDIATELY = "IMMEDIATELY"
    NEXT_SUBSCRIPTION_PERIOD = "NEXT_SUBSCRIPTION_PERIOD"


class PlanSwitch(Dated, table=True):
    """One way to switch a subscription: to another plan or period, to another product, or to several of these."""

    __tablename__ = "plan_switch"
    __table_args__ = (
        one_of("kind", SwitchKind),
        one_of("from_period_type", PeriodType),
        one_of("to_period_type", PeriodType),
        one_of("billing_policy", SwitchPolicy),
        one_of("when_effective", SwitchTime),
        CheckConstraint("(from_product_id IS NULL) = (to_product_id IS NULL)", name="both_products_or_none"),
        Index("plan_switch_terms", "terms_key", unique=True),
        Index("plan_switch_from", "from_plan_id", "id"),
        Index("plan_switch_created", "created_at", "id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    terms_key: str = Field(sa_type=Bytewise)
    """From what to what, in one text: each way to switch is published once."""
    kind: SwitchKind = Field(sa_type=Bytewise)
    from_plan_id: int = Field(foreign_key="plan.id", sa_type=BigId)
    from_period_type: PeriodType = Field(sa_type=Bytewise)
    from_period_duration: int
    from_product_id: int | None = Field(default=None, foreign_key="product.id", sa_type=BigId)
    """Null: the subscription keeps its products."""
    to_plan_id: int = Field(foreign_key="plan.id", sa_type=BigId)
    to_period_type: PeriodType = Field(sa_type=Bytewise)
    to_period_duration: int
    to_product_id: int | None = Field(default=None, foreign_key="product.id", sa_type=BigId)
    billing_policy: SwitchPolicy = Field(sa_type=Bytewise)
    when_effective: SwitchTime = Field(sa_type=Bytewise)
    is_active: bool = True
