"""What exists: tables, the tree, the store that filters, migrations. Knows nothing of callers' roles."""

from models.account import Account, AccountContact, AccountStatus, AccountTerm, AccountType, ContactType, VendorCard
from models.credential import Credential, RefreshToken, SignInFailure, SubjectType
from models.marketplace import Marketplace
from models.order import Order, OrderLine, OrderSchedule, OrderStatus, OrderType, QuantityKind
from models.plan import BillingModel, Plan, PlanPeriod
from models.price import Price, PriceModel, PriceType
from models.product import (
    CotermingRequirement,
    CotermingType,
    Manufacturer,
    Product,
    ProductDependency,
    ProductStatus,
    ProductTerm,
)
from models.subscription import Seat, Subscription, SubscriptionCharge, SubscriptionItem, SubscriptionStatus
from models.user import ApiClient, Role, RoleCode, User, UserKind, UserRole, UserStatus, UserTerm

__all__ = [
    "Account",
    "AccountContact",
    "AccountStatus",
    "AccountTerm",
    "AccountType",
    "ApiClient",
    "BillingModel",
    "ContactType",
    "CotermingRequirement",
    "CotermingType",
    "Credential",
    "Manufacturer",
    "Marketplace",
    "Order",
    "OrderLine",
    "OrderSchedule",
    "OrderStatus",
    "OrderType",
    "Plan",
    "PlanPeriod",
    "Price",
    "PriceModel",
    "PriceType",
    "Product",
    "ProductDependency",
    "ProductStatus",
    "ProductTerm",
    "QuantityKind",
    "RefreshToken",
    "Role",
    "RoleCode",
    "Seat",
    "SignInFailure",
    "SubjectType",
    "Subscription",
    "SubscriptionCharge",
    "SubscriptionItem",
    "SubscriptionStatus",
    "User",
    "UserKind",
    "UserRole",
    "UserStatus",
    "UserTerm",
    "VendorCard",
]
