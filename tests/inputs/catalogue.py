"""What is tried on the catalogue, which has no place in the tree."""

from collections.abc import Callable
from typing import Any

from tests.hierarchy import World, build
from tests.inputs.trial import Trial


def just(**values: Any) -> Callable[[World, int], dict[str, Any]]:
    """The same for everybody."""
    return lambda _world, _account_id: values


_PERIODS = [{"type": "YEAR", "duration": 1}]


_TERMS = {"plan": 1, "subscription_period": {"type": "MONTH"}}
_SWITCH = next(row["id"] for row in build()["plan_switch"])


def _trial(operation: str, **values: Any) -> Trial:
    return Trial(operation, just(**values), has_place=False)


TRIALS = [
    _trial("exchangeRateSet", from_currency="EUR", to_currency="USD", rate="1.1"),
    _trial("manufacturerCreate", code="new", name="New"),
    _trial("manufacturerUpdate", manufacturer=1, name="New"),
    _trial("marketplaceCreate", code="new", name="New", country_code="AT", currency="EUR"),
    _trial("marketplaceUpdate", marketplace=1, name="New"),
    _trial(
        "planCreate", code="new", name="New", billing_period={"type": "MONTH"}, subscription_periods=_PERIODS,
        billing_model="CHARGE_BEFORE_BILLING_PERIOD",
    ),
    _trial("planUpdate", plan=1, name="New"),
    _trial("planRetire", plan=1),
    _trial("planPeriodAdd", plan=1, period={"type": "YEAR"}),
    _trial("planPeriodRetire", plan=1, period={"type": "MONTH"}),
    _trial("planSwitchPublish", source=_TERMS, target=_TERMS | {"plan": 3}),
    _trial("planSwitchRetire", plan_switch=_SWITCH),
    _trial("productCreate", mpn="new", manufacturer=1, name="New"),
    _trial("productUpdate", product=1, name="New"),
    _trial("productRetire", product=1),
]  # fmt: skip
