"""Settings for tests of other things: no budget runs out, and answers hold nothing but what was asked for."""

from edge.limits.sharing import SharingSettings, TellCost

WIDE = SharingSettings(
    budget=0, account_budget=0, strangers=0, tell_cost=TellCost.HEADER, max_operations=500, account_max_operations=500
)
WIDE_ENVIRONMENT = {
    "CANOPY_BUDGET": "0",
    "CANOPY_ACCOUNT_BUDGET": "0",
    "CANOPY_STRANGERS": "0",
    "CANOPY_TELL_COST": "header",
}
"""The same for processes."""
