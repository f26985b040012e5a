"""What is for sale in the demo tree: products under service plans, and their list prices."""

from collections.abc import Iterator
from typing import NamedTuple

from models import BillingModel
from models.base import PeriodType
from models.demo.facts import PLANS, PRODUCTS, Product


class Plan(NamedTuple):
    """A service plan: a term of `months`, billed every `billed`."""

    code: str
    name: str
    description: str
    months: int
    term: PeriodType
    billed: PeriodType
    billing_model: BillingModel = BillingModel.CHARGE_BEFORE_BILLING_PERIOD
    trial: str = ""


class Offer(NamedTuple):
    """A product under a plan; `cents` is its list price for one unit and one billing period."""

    product: Product
    plan: Plan
    cents: int
    is_tiered: bool


_YEAR, _MONTH = PeriodType.YEAR, PeriodType.MONTH
PLAN_LIST = (
    Plan(PLANS[0], "Annual term, billed yearly", "Pay a year at once.", 12, _YEAR, _YEAR),
    Plan(PLANS[1], "Annual term, billed monthly", "Commit for a year, pay by the month.", 12, _YEAR, _MONTH),
    Plan(PLANS[2], "Monthly term", "Leave at the end of any month.", 1, _MONTH, _MONTH, trial="|30 DAY trial"),
    Plan(PLANS[3], "Metered", "Pay for what was used.", 1, _MONTH, _MONTH, BillingModel.CHARGE_AFTER_BILLING_PERIOD),
)

_TIERED_MPN = "EW-BACKUP"
TIERS = ((50, 90), (250, 80))
"""From so many units on, the whole quantity costs this percentage of the price of one."""

OFFERS = tuple(
    Offer(product, plan, product.prices[plan.code], product.mpn == _TIERED_MPN)
    for product in PRODUCTS
    for plan in PLAN_LIST
    if plan.code in product.prices
)
"""Everything for sale, the most popular products first. Elsewhere an offer is its place in this list."""


def plan_rows() -> Iterator[tuple[str, ...]]:
    """The rows of `plans.csv`."""
    for plan in PLAN_LIST:
        periods = f"1 {plan.term.value}{plan.trial}"
        yield (
            plan.code,
            plan.name,
            plan.billed.value,
            "1",
            plan.billing_model.value,
            periods,
            plan.description,
            "",
            "true",
        )


def tier_cents(cents: int, quantity: int) -> int:
    """The price of one unit of a tiered product when so many are taken."""
    percent = next((percent for limit, percent in reversed(TIERS) if quantity >= limit), 100)
    return (cents * percent + 50) // 100


def amount(cents: int) -> str:
    """Cents as a decimal string."""
    sign, (whole, rest) = "-" if cents < 0 else "", divmod(abs(cents), 100)
    return f"{sign}{whole}.{rest:02d}"
