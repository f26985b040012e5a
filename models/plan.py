"""Service plans: the terms under which products are sold."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Dated, PeriodType, one_of


class BillingModel(StrEnum):
    """When a charge is made (Simple API 1.15, `ServicePlan.billingModel`)."""

    CHARGE_BEFORE_BILLING_PERIOD = "CHARGE_BEFORE_BILLING_PERIOD"
    CHARGE_AFTER_BILLING_PERIOD = "CHARGE_AFTER_BILLING_PERIOD"
    CHARGE_BEFORE_SUBSCRIPTION_PERIOD = "CHARGE_BEFORE_SUBSCRIPTION_PERIOD"
    CHARGE_EXTERNAL_RATING = "CHARGE_EXTERNAL_RATING"


class RefundPolicy(StrEnum):
    """What is given back for what is cancelled within the window that follows each purchase and renewal."""

    PRORATED = "PRORATED"
    """What was paid for the days that are left."""
    FULL = "FULL"
    """Everything, within 30 days, as for perpetual software."""
    NONE = "NONE"
    """Nothing, and there is no window."""


class Plan(Dated, table=True):
    """How a product is billed: every billing period, over one of its subscription periods."""

    __tablename__ = "plan"
    __table_args__ = (
        one_of("billing_period_type", PeriodType),
        one_of("billing_model", BillingModel),
        one_of("refund_policy", RefundPolicy),
        CheckConstraint("cancellation_hours >= 0", name="cancellation_hours_not_negative"),
        Index("plan_name", "name_key", "id"),
        Index("plan_created", "created_at", "id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    code: str = Field(unique=True, sa_type=Bytewise)
    name: str
    name_key: str = Field(sa_type=Bytewise)
    short_description: str | None = None
    long_description: str | None = None
    is_published: bool = True
    billing_period_type: PeriodType = Field(sa_type=Bytewise)
    billing_period_duration: int
    billing_model: BillingModel = Field(sa_type=Bytewise)
    refund_policy: RefundPolicy = Field(
        default=RefundPolicy.PRORATED, sa_type=Bytewise, sa_column_kwargs={"server_default": "PRORATED"}
    )
    cancellation_hours: int = Field(default=168, sa_column_kwargs={"server_default": "168"})
    """How long the window is in which what was bought is given back, for PRORATED."""


class PlanPeriod(SQLModel, table=True):
    """A length of time for which a plan can be subscribed."""

    __tablename__ = "plan_period"
    __table_args__ = (one_of("type", PeriodType),)

    plan_id: int = Field(primary_key=True, foreign_key="plan.id", sa_type=BigId)
    type: PeriodType = Field(primary_key=True, sa_type=Bytewise)
    duration: int = Field(primary_key=True)
    is_trial: bool = False
    is_active: bool = True
