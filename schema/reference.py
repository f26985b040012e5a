"""The row types by name, for fields that refer to each other in circles."""

from typing import TYPE_CHECKING, Annotated

import strawberry

if TYPE_CHECKING:
    from schema import Query
    from schema.account import Account, VendorCard
    from schema.action import Action
    from schema.change import Change
    from schema.money import Balance, Invoice, LedgerPost, Payment
    from schema.order import Order
    from schema.price import Price
    from schema.product import Marketplace, Plan, Product
    from schema.subscription import Subscription
    from schema.summary import Summary
    from schema.user import User

QueryRef = Annotated["Query", strawberry.lazy("schema")]
ActionRef = Annotated["Action", strawberry.lazy("schema.action")]
ChangeRef = Annotated["Change", strawberry.lazy("schema.change")]
AccountRef = Annotated["Account", strawberry.lazy("schema.account")]
VendorCardRef = Annotated["VendorCard", strawberry.lazy("schema.account")]
UserRef = Annotated["User", strawberry.lazy("schema.user")]
SubscriptionRef = Annotated["Subscription", strawberry.lazy("schema.subscription")]
OrderRef = Annotated["Order", strawberry.lazy("schema.order")]
ProductRef = Annotated["Product", strawberry.lazy("schema.product")]
PlanRef = Annotated["Plan", strawberry.lazy("schema.product")]
MarketplaceRef = Annotated["Marketplace", strawberry.lazy("schema.product")]
PriceRef = Annotated["Price", strawberry.lazy("schema.price")]
BalanceRef = Annotated["Balance", strawberry.lazy("schema.money")]
InvoiceRef = Annotated["Invoice", strawberry.lazy("schema.money")]
LedgerPostRef = Annotated["LedgerPost", strawberry.lazy("schema.money")]
PaymentRef = Annotated["Payment", strawberry.lazy("schema.money")]
SummaryRef = Annotated["Summary", strawberry.lazy("schema.summary")]
