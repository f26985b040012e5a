"""Works in which a subscription can be switched from one product and plan to another, and what tests do with that."""

from datetime import date
from typing import Any

from models import Plan, PlanPeriod, PlanSwitch, Price
from models.base import PeriodType
from models.identifier import new_id
from models.statement import Row
from resolvers.caller import Caller
from resolvers.context import Context
from schema import executor
from tests.asking import CURSOR_KEY
from tests.changes import change, new_key, rows_of
from tests.hierarchy import OFFERED_TO_2_ALONE, Record
from tests.ordering import CUSTOMER, euros
from tests.works import Works

TARGET = OFFERED_TO_2_ALONE
"""The product, and the plan, to which the hierarchy's first switch leads from what is sold everywhere."""

ORDER = (
    "order { id number type status waitingFor total { amount } termFrom termUntil allowedActions lines { mpn quantity"
    " delta previousQuantity resultingQuantity effectiveOn plan { id } unitPrice { amount } } }"
)
UPGRADED = f"subscription {{ id status }} {ORDER} userErrors {{ path message code candidates {{ mpn plan {{ id }} }} }}"


async def sell(
    works: Works, *sellers: int, amount: int = 5, product: int = TARGET, plan: int = TARGET, **more: Any
) -> None:
    """Let sellers sell a product to everybody."""
    for seller in sellers:
        template: Record = works.shop.price(seller) | {"buyer_id": None, "product_id": product, "plan_id": plan}
        await works.shop.add(Price, **template | {"id": new_id(), "amount_micros": euros(amount)} | more)


async def let_switch(works: Works, **values: Any) -> int:
    """Change the hierarchy's first switch; its id."""
    row_id = next(row["id"] for row in works.shop.world["plan_switch"] if row["from_plan_id"] == 1)
    if values:
        await works.shop.set(PlanSwitch, row_id, **values)
    return int(row_id)


async def let_switch_back(works: Works, there: int) -> None:
    """Publish the way back beside a switch, on the same conditions."""
    (row,) = [row._asdict() for row in await rows_of(works.store, PlanSwitch) if row.id == there]
    names = [name.removeprefix("from_") for name in row if name.startswith("from_")]
    sides = {f"from_{name}": row[f"to_{name}"] for name in names}
    sides |= {f"to_{name}": row[f"from_{name}"] for name in names}
    dated = {"created_at": works.now, "updated_at": works.now}
    await works.shop.add(PlanSwitch, **row | sides | dated | {"id": new_id(), "terms_key": f"back {there}"})


async def yearly(works: Works, plan: int, **values: Any) -> None:
    """Let a plan be subscribed for years, too."""
    await works.shop.add(PlanPeriod, plan_id=plan, type=PeriodType.YEAR, duration=1)
    if values:
        await works.shop.set(Plan, plan, **values)


async def upgrade(works: Works, subscription: Row, caller: Caller | None = None, /, **given: Any) -> Any:
    """The payload of switching a subscription as it is now."""
    version = (await works.subscription(subscription.id)).version
    given = {"subscription": f"sub_{subscription.id}", "expectedVersion": version, "idempotencyKey": new_key()} | given
    document = f"mutation($input: SubscriptionUpgradeInput!) {{ subscriptionUpgrade(input: $input) {{ {UPGRADED} }} }}"
    caller = caller or works.shop.user(subscription.account_id)
    answer = await change(works.store, caller, document, {"input": given}, clock=lambda: works.now)
    assert answer.errors == [], answer.errors
    return answer.data["subscriptionUpgrade"]


async def seen(works: Works, subscription_id: int, fields: str, caller: Caller | None = None) -> Any:
    """Fields of a subscription as somebody sees them today."""
    document = f'{{ node(id: "sub_{subscription_id}") {{ ... on Subscription {{ {fields} }} }} }}'
    caller = caller or works.shop.user(CUSTOMER)
    async with works.store.reader(caller.scope()) as reader:
        context = Context(caller, reader, CURSOR_KEY, works.now.date())
        answer = await executor.execute(executor.document(document), None, {}, context)
    assert answer.errors == [], answer.errors
    assert answer.data is not None
    return answer.data["node"]


def days(subscription: Any) -> tuple[date, date]:
    """The first day of a subscription's term, and that of the next."""
    return date.fromisoformat(str(subscription.start_date)), date.fromisoformat(str(subscription.renewal_date))
