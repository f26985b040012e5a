"""Changing the catalogue and prices as some caller."""

from typing import Any

from models.store import Store
from resolvers.caller import Caller
from tests.asking import Answer
from tests.changes import change, new_key

SHOWN = {
    "exchangeRate": "exchangeRate { id rate validFrom version }",
    "manufacturer": "manufacturer { id code name version }",
    "marketplace": "marketplace { id code name countryCode currency version }",
    "plan": (
        "plan { id code isPublished refundPolicy cancellationHours version"
        " subscriptionPeriods { type duration isTrial isActive } }"
    ),
    "planSwitch": (
        "planSwitch { id kind billingPolicy whenEffective isActive version fromPlan { id } toPlan { id }"
        " fromProduct { id } toProduct { id } fromPeriod { type duration } toPeriod { type duration } }"
    ),
    "product": (
        "product { id mpn name status minimumQuantity maximumQuantity version dependsOn { id } manufacturer { id } }"
    ),
    "price": (
        "price { id validFrom validUntil version type model amount { amount currency } isForAllBuyers"
        " isForAllMarketplaces tiers { lowerLimit amount { amount } } }"
    ),
    "priceSheet": "priceSheet { id kind name priceCount }",
}
"""What is shown of what an operation gives, by its noun."""

NOUNS = {"priceMarkup": "priceSheet"}
"""Of operations that give something else than they are called by."""


async def in_dollars(store: Store) -> None:
    """Let everybody in a hand-made hierarchy sell in US dollars, at flat prices."""
    async with store.unfiltered("a test's currency", write=True) as db:
        await db.sql("UPDATE account SET currency = 'USD'")
        await db.sql("UPDATE price SET currency = 'USD', tiers = NULL")


async def ask_for(store: Store, caller: Caller, mutation: str, /, **given: Any) -> Answer:
    """The answer to one mutation; its input's fields are given as in GraphQL, with a new key if none is."""
    single = mutation.removesuffix("Bulk")
    noun = NOUNS.get(single) or max((each for each in SHOWN if single.startswith(each)), key=len)
    part = f"{SHOWN[noun]} currentVersion userErrors {{ path message code }}"
    if mutation.endswith("Bulk"):
        part = f"results {{ index {part} }} userErrors {{ path message code }}"
    title = mutation[0].upper() + mutation[1:]
    document = f"mutation($input: {title}Input!) {{ {mutation}(input: $input) {{ {part} }} }}"
    return await change(store, caller, document, {"input": {"idempotencyKey": new_key(), **given}})


async def trade(store: Store, caller: Caller, mutation: str, /, **given: Any) -> Any:
    """The payload of one mutation."""
    answer = await ask_for(store, caller, mutation, **given)
    assert answer.errors == [], answer.errors
    return answer.data[mutation]


def faults(payload: Any) -> list[tuple[str, list[str]]]:
    """The codes of a payload's errors, and where they are."""
    return [(error["code"], error["path"]) for error in payload["userErrors"]]
