"""Enumerations of the models under their GraphQL descriptions."""

from enum import EnumMeta, StrEnum
from typing import Any, TypeVar

import strawberry

from models import (
    AccountStatus,
    AccountType,
    BillingModel,
    ContactType,
    CotermingRequirement,
    CotermingType,
    OrderSchedule,
    OrderStatus,
    OrderType,
    PriceModel,
    PriceType,
    ProductStatus,
    QuantityKind,
    RoleCode,
    SubscriptionStatus,
    UserKind,
    UserStatus,
)
from models.base import PeriodType
from models.scope import Reach
from resolvers.privileges import ROLE_NAMES, Action

E = TypeVar("E", bound=EnumMeta)


def describe(enum: E, description: str, **values: str) -> E:
    """Declare an enumeration with a description of itself and of each of its values; none may be missing."""
    declared: Any = strawberry.enum(enum, description=description)
    definition = declared.__strawberry_definition__
    for value in definition.values:
        value.description = values.pop(value.name)
    if values:
        raise TypeError(f"{definition.name} has no {', '.join(values)}")
    return declared  # type: ignore[no-any-return]  # the same class, marked


class Direction(StrEnum):
    """Ascending or descending."""

    ASC = "ASC"
    DESC = "DESC"


describe(
    Direction,
    "The direction of an order.",
    ASC="From small to large, from early to late.",
    DESC="From large to small, from late to early.",
)
describe(
    AccountType,
    "Where an account may stand in the tree.",
    PROVIDER="Owns the platform: the root of the tree.",
    RESELLER="Sells to accounts below it.",
    CUSTOMER="Buys and uses; has nothing below it.",
)
describe(
    AccountStatus,
    "The life of an account.",
    PENDING="Added, not yet verified: no orders, no services.",
    ACTIVE="In use.",
    CREDIT_HOLD="Owes more than it may: no new orders; services keep running.",
    ADMIN_HOLD="Suspended by staff: no orders, services suspended, no sign-in.",
    CANCELLED="Ended.",
    ERROR="Setting up failed; the vendor's support helps.",
)
describe(
    ContactType,
    "What a contact person is asked about.",
    ADMIN="Managing the account.",
    BILLING="Invoices and payments.",
    TECHNICAL="Services and their operation.",
)
describe(
    UserKind,
    "What a user is for.",
    ADMINISTRATOR="Manages the account, as far as its roles allow, and can use its services.",
    SERVICE_USER="Only uses services.",
)
describe(
    UserStatus,
    "Whether a user can sign in.",
    INVITED="Has not yet chosen a password.",
    ACTIVE="Can sign in.",
    DEACTIVATED="Can't sign in any more.",
)
describe(RoleCode, "The predefined roles.", **{code.name: text for code, (_name, text) in ROLE_NAMES.items()})
describe(
    PeriodType,
    "What a period counts.",
    DAY="Days.",
    MONTH="Months.",
    YEAR="Years.",
    STATEMENT_DAY="To the account's statement day.",
    UNKNOWN="Not known to the platform.",
)
describe(
    BillingModel,
    "When a charge is made.",
    CHARGE_BEFORE_BILLING_PERIOD="At the start of each billing period.",
    CHARGE_AFTER_BILLING_PERIOD="At the end of each billing period.",
    CHARGE_BEFORE_SUBSCRIPTION_PERIOD="Once, at the start of the subscription period.",
    CHARGE_EXTERNAL_RATING="When usage rated elsewhere arrives.",
)
describe(
    CotermingRequirement,
    "Whether a product's end date is aligned with another's.",
    MANDATORY="It must be.",
    ALLOWED="It may be.",
    RESTRICTED="It can't be.",
)
describe(
    CotermingType,
    "What an aligned end date is aligned with.",
    SUBSCRIPTION="Another subscription's end.",
    END_OF_MONTH="The end of a calendar month.",
)
describe(
    ProductStatus,
    "Whether a product can be newly ordered.",
    ACTIVE="It can.",
    RETIRED="It can't; running subscriptions go on.",
)
describe(
    PriceType,
    "What is paid for.",
    SETUP="Starting, once.",
    RECURRING="Each billing period.",
    OVERUSE="What is used beyond what was bought.",
)
describe(
    PriceModel,
    "How the amount depends on the quantity.",
    FLAT="It doesn't.",
    TIERED="Each unit is charged at the tier that it falls into.",
    VOLUME_SUBSCRIPTION="All units at the tier of the subscription's quantity.",
    VOLUME_ORDER="All units at the tier of the order's quantity.",
    VOLUME_RESOURCE_AGGREGATED="All units at the tier of the quantity over all subscriptions.",
)
describe(
    SubscriptionStatus,
    "The life of a subscription.",
    PENDING="Being provisioned: not ready for use.",
    ACTIVE="In use.",
    HOLD="Services are disabled; it can be released.",
    TERMINATED="Ended; services are disabled.",
    REMOVED="Services have been deprovisioned.",
    UNKNOWN="Not known to the platform.",
)
describe(
    OrderType,
    "What an order does.",
    SALES="Buys something new.",
    CHANGE="Changes a running subscription.",
    RENEWAL="Renews a subscription for another period.",
    CANCELLATION="Ends a subscription.",
    MIGRATION="Brings in a subscription from elsewhere.",
    UNKNOWN="Not known to the platform.",
)
describe(OrderSchedule, "When an order takes effect, if not at once.", RENEWAL="When its subscription renews.")
describe(
    OrderStatus,
    "The life of an order.",
    SUBMITTED="Placed, not yet worked on.",
    PROCESSING="Being provisioned.",
    COMPLETED="Done.",
    ERROR="Failed; see `errorMessage`.",
    CANCELLED="Withdrawn.",
)
describe(
    QuantityKind,
    "How an order line's quantity is meant.",
    DELTA="The change: added or, if negative, taken away.",
    TARGET="What shall be there afterwards.",
)
describe(
    Reach,
    "How far below its account a caller sees.",
    OWN="The account alone.",
    DIRECT="And the accounts right below it.",
    SUBTREE="And all below those.",
)
describe(
    Action,
    "What can be done at an account.",
    VIEW_CHILDREN="See the accounts below it.",
    VIEW_FINANCES="See what its subscriptions and orders cost and bring.",
    VIEW_ORDERS="See its orders.",
    VIEW_PERSONAL_DATA="See its people's names and addresses.",
    VIEW_PRICES="See what it is charged.",
    VIEW_SUBSCRIPTIONS="See its subscriptions.",
    VIEW_USERS="See its users.",
)
