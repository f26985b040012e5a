"""Plan switches: the ways in which subscriptions can be switched to other terms."""

from typing import Annotated

from sqlalchemy import BigInteger

from models import PlanSwitch
from models.base import table_of
from resolvers.inputs import Refers
from resolvers.listing import Listing, Sort, equals, instant, one_of
from resolvers.products import PLAN, PRODUCT
from resolvers.source import one, pages_of_scope

PlanSwitchId = Annotated[int, Refers("plan_switch")]

SWITCH = table_of(PlanSwitch)

SWITCHES = Listing(
    table=SWITCH,
    sorts={"CREATED_AT": Sort("created_at", instant)},
    default=("CREATED_AT", True),
    filters={
        "from_plan": one_of("from_plan_id", BigInteger),
        "is_active": equals("is_active"),
        "kind": one_of("kind"),
        "to_plan": one_of("to_plan_id", BigInteger),
    },
    place=None,
)

in_scope = pages_of_scope(SWITCHES)
by_id = one(SWITCH, "id")
by_switch_id = one(SWITCH, "switch_id")
source_plan = one(PLAN, "from_plan_id")
target_plan = one(PLAN, "to_plan_id")
source_product = one(PRODUCT, "from_product_id")
target_product = one(PRODUCT, "to_product_id")
