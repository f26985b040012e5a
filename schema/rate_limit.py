"""What is left of the caller's budget, for clients that look before they ask."""

from typing import Any

import strawberry

from resolvers.context import Context
from schema.field import computed
from schema.scalars import DateTime


@strawberry.type(
    description="What the caller may still spend: of its own budget or its account's, whichever has less left."
)
class RateLimit:
    """As GitHub has it."""

    limit: int = strawberry.field(description="Points, when nothing is spent.")
    cost: int = strawberry.field(description="What this operation may cost; what it hasn't is given back at its end.")
    remaining: int = strawberry.field(description="Points that are left, with this operation paid for.")
    reset_at: DateTime = strawberry.field(description="When nothing is spent any more, if nothing more is.")


@strawberry.type
class RateLimitQuery:
    """Its way into the graph."""

    @computed("What the caller may still spend. Null where nothing is bounded.")
    def rate_limit(_root: Any, context: Context) -> RateLimit | None:
        allowance = context.allowance
        if allowance is None:
            return None
        return RateLimit(
            limit=allowance.capacity,
            cost=context.estimate,
            remaining=allowance.available,
            reset_at=DateTime(allowance.full_at),
        )
