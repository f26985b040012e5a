"""The row types by name, for fields that refer to each other in circles."""

from typing import TYPE_CHECKING, Annotated

import strawberry

if TYPE_CHECKING:
    from schema.account import Account, VendorCard
    from schema.order import Order
    from schema.price import Price
    from schema.product import Marketplace, Plan, Product
    from schema.subscription import Subscription
    from schema.summary import Summary
    from schema.user import User

AccountRef = Annotated["Account", strawberry.lazy("schema.account")]
VendorCardRef = Annotated["VendorCard", strawberry.lazy("schema.account")]
UserRef = Annotated["User", strawberry.lazy("schema.user")]
SubscriptionRef = Annotated["Subscription", strawberry.lazy("schema.subscription")]
OrderRef = Annotated["Order", strawberry.lazy("schema.order")]
ProductRef = Annotated["Product", strawberry.lazy("schema.product")]
PlanRef = Annotated["Plan", strawberry.lazy("schema.product")]
MarketplaceRef = Annotated["Marketplace", strawberry.lazy("schema.product")]
PriceRef = Annotated["Price", strawberry.lazy("schema.price")]
SummaryRef = Annotated["Summary", strawberry.lazy("schema.summary")]
