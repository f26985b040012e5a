"""What could be meant where an input isn't clear, in GraphQL."""

import strawberry

from models.base import PeriodType
from resolvers import products
from resolvers.errors import Candidate
from resolvers.privileges import Privilege
from schema.field import column, computed, related
from schema.reference import PlanRef, ProductRef
from schema.values import Period


@strawberry.type(description="What a line of an order can mean: it does once it has these ids and periods.")
class OrderCandidate:
    """Stands in front of `resolvers.errors.Candidate`."""

    mpn: str = column("The manufacturer's part number.")
    manufacturer: str = column("The manufacturer's code.")
    product: ProductRef | None = related(
        products.by_product_id, ProductRef, "The product.", privilege=Privilege.CATALOGUE_VIEW
    )
    plan: PlanRef | None = related(products.plan, PlanRef, "The plan.", privilege=Privilege.CATALOGUE_VIEW)

    @computed("For how long it is bought at a time.", needs=("period_type", "period_duration"))
    def subscription_period(row: Candidate) -> Period:
        return Period(type=PeriodType(row.period_type), duration=row.period_duration)

    @computed("How often it is billed.", needs=("billing_period_type", "billing_period_duration"))
    def billing_period(row: Candidate) -> Period:
        return Period(type=PeriodType(row.billing_period_type), duration=row.billing_period_duration)
