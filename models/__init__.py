"""What exists: tables, the tree, the store that filters, migrations. Knows nothing of callers' roles."""

from models.account import (
    Account,
    AccountContact,
    AccountStatus,
    AccountTerm,
    AccountType,
    ContactType,
    HeldBy,
    VendorCard,
)
from models.account_transfer import AccountTransfer
from models.audit import Audit
from models.clock import Clock
from models.credential import Credential, RefreshToken, SignInFailure, SubjectType
from models.document import (
    ClientLevel,
    Document,
    DocumentAlias,
    DocumentClient,
    DocumentRegistry,
    Endpoint,
    EndpointMethod,
    SafelistLevel,
    UnknownDocument,
)
from models.exchange_rate import ExchangeRate
from models.idempotency import Idempotency
from models.identity import Identity, LinkPurpose, OneTimeLink, SecurityAnswer, SecurityQuestion
from models.issuer import ExternalIdentity, Issuer, UsedSignIn
from models.job import Job, JobKind
from models.mail import Mail, MailStatus, MailTemplate
from models.marketplace import Marketplace
from models.money import (
    Balance,
    Invoice,
    InvoiceItem,
    InvoiceStatus,
    LedgerEntry,
    LedgerPost,
    Payment,
    PaymentKind,
    PaymentTerm,
    PostKind,
    Side,
)
from models.order import (
    Order,
    OrderLine,
    OrderNumber,
    OrderSchedule,
    OrderStatus,
    OrderType,
    OrderWait,
    QuantityKind,
)
from models.order_charge import OrderCharge
from models.outbox import Event, EventKind, Topic
from models.plan import BillingModel, Plan, PlanPeriod, RefundPolicy
from models.plan_switch import PlanSwitch, SwitchKind, SwitchPolicy, SwitchTime
from models.price import Price, PriceModel, PriceType
from models.price_sheet import PriceSheet, PriceSheetKind
from models.product import (
    CotermingRequirement,
    CotermingType,
    Manufacturer,
    Product,
    ProductDependency,
    ProductStatus,
    ProductTerm,
)
from models.provisioned import Provisioned
from models.subscription import Seat, Subscription, SubscriptionCharge, SubscriptionItem, SubscriptionStatus
from models.subscription_history import QuantityReason, SubscriptionHistory
from models.subscription_hold import SubscriptionHold
from models.subscription_lot import SubscriptionLot
from models.usage import FieldUse, SchemaVersion
from models.user import ApiClient, Role, RoleCode, User, UserDenial, UserKind, UserRole, UserStatus, UserTerm

__all__ = [
    "Account",
    "AccountContact",
    "AccountStatus",
    "AccountTerm",
    "AccountTransfer",
    "AccountType",
    "ApiClient",
    "Audit",
    "Balance",
    "BillingModel",
    "ClientLevel",
    "Clock",
    "ContactType",
    "CotermingRequirement",
    "CotermingType",
    "Credential",
    "Document",
    "DocumentAlias",
    "DocumentClient",
    "DocumentRegistry",
    "Endpoint",
    "EndpointMethod",
    "Event",
    "EventKind",
    "ExchangeRate",
    "ExternalIdentity",
    "FieldUse",
    "HeldBy",
    "Idempotency",
    "Identity",
    "Invoice",
    "InvoiceItem",
    "InvoiceStatus",
    "Issuer",
    "Job",
    "JobKind",
    "LedgerEntry",
    "LedgerPost",
    "LinkPurpose",
    "Mail",
    "MailStatus",
    "MailTemplate",
    "Manufacturer",
    "Marketplace",
    "OneTimeLink",
    "Order",
    "OrderCharge",
    "OrderLine",
    "OrderNumber",
    "OrderSchedule",
    "OrderStatus",
    "OrderType",
    "OrderWait",
    "Payment",
    "PaymentKind",
    "PaymentTerm",
    "Plan",
    "PlanPeriod",
    "PlanSwitch",
    "PostKind",
    "Price",
    "PriceModel",
    "PriceSheet",
    "PriceSheetKind",
    "PriceType",
    "Product",
    "ProductDependency",
    "ProductStatus",
    "ProductTerm",
    "Provisioned",
    "QuantityKind",
    "QuantityReason",
    "RefreshToken",
    "RefundPolicy",
    "Role",
    "RoleCode",
    "SafelistLevel",
    "SchemaVersion",
    "Seat",
    "SecurityAnswer",
    "SecurityQuestion",
    "Side",
    "SignInFailure",
    "SubjectType",
    "Subscription",
    "SubscriptionCharge",
    "SubscriptionHistory",
    "SubscriptionHold",
    "SubscriptionItem",
    "SubscriptionLot",
    "SubscriptionStatus",
    "SwitchKind",
    "SwitchPolicy",
    "SwitchTime",
    "Topic",
    "UnknownDocument",
    "UsedSignIn",
    "User",
    "UserDenial",
    "UserKind",
    "UserRole",
    "UserStatus",
    "UserTerm",
    "VendorCard",
]
