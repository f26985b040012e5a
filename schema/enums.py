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
    HeldBy,
    InvoiceStatus,
    OrderSchedule,
    OrderStatus,
    OrderType,
    OrderWait,
    PaymentKind,
    PaymentTerm,
    PostKind,
    PriceModel,
    PriceSheetKind,
    PriceType,
    ProductStatus,
    QuantityKind,
    RefundPolicy,
    RoleCode,
    SecurityQuestion,
    SubscriptionStatus,
    UserKind,
    UserStatus,
)
from models.base import PeriodType
from models.scope import Reach
from resolvers.errors import UserErrorCode
from resolvers.privileges import ROLE_NAMES

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
    HeldBy,
    "Who put an account on hold, and so may release it.",
    PERSON="People of an account above it: only these, and those above them, release it.",
    RULE="The rule on balances, which also releases it.",
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
describe(
    SecurityQuestion,
    "What a user may be asked before anybody believes that it is them.",
    BIRTH_CITY="In which city were you born?",
    CHILDHOOD_FRIEND="What was your best friend called when you were a child?",
    CHILDHOOD_STREET="In which street did you grow up?",
    FAVOURITE_BOOK="Which book do you like best?",
    FAVOURITE_FILM="Which film do you like best?",
    FAVOURITE_TEACHER="What was your favourite teacher called?",
    FIRST_CAR="What was your first car?",
    FIRST_CONCERT="What was the first concert that you went to?",
    FIRST_EMPLOYER="Whom did you first work for?",
    FIRST_PET="What was your first pet called?",
    FIRST_SCHOOL="What was your first school called?",
    GRANDMOTHERS_NAME="What was your grandmother's first name?",
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
    RefundPolicy,
    "What is given back for what is cancelled within the window that follows each purchase and renewal.",
    PRORATED="What was paid for the days that are left.",
    FULL="Everything, within 30 days, as for perpetual software.",
    NONE="Nothing, and there is no window.",
)
describe(
    PriceSheetKind,
    "How prices that were set at once came about.",
    FILE="From a table of them.",
    MARKUP="From what the seller pays itself.",
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
    MIGRATION="Switches a subscription to another product, plan or period.",
    UNKNOWN="Not known to the platform.",
)
describe(
    OrderWait,
    "What an order waits for before it is worked off.",
    APPROVAL="The vendor's approval.",
    RENEWAL="The day on which its subscription renews.",
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
    PaymentTerm,
    "How an account pays its vendor.",
    NET="Later, against an invoice for each month, as far as its credit limit goes.",
    PREPAID="Before it buys: it has no credit, and an invoice for each day.",
)
describe(
    PostKind,
    "Why what is owed has changed.",
    CHARGE="Something was ordered.",
    RENEWAL="A subscription was renewed.",
    USAGE="A subscription was used.",
    REFUND="A part of a charge was given back.",
    REVERSAL="A charge was undone.",
    PAYMENT="A payment was received.",
    CREDIT="A credit memo was given.",
)
describe(
    PaymentKind,
    "How an amount was settled.",
    PAYMENT="Money was received.",
    CREDIT_MEMO="The vendor lets the account owe less.",
)
describe(
    InvoiceStatus,
    "Whether something is left to pay.",
    OPEN="Not all of it is paid.",
    PAID="It is paid.",
    CREDITED="Nothing was to be paid: it counts towards others.",
)
describe(
    UserErrorCode,
    "Why a change was refused. Of these codes none will change its meaning; there may be more.",
    ABOVE_MAXIMUM="More than may be had of it.",
    ACCOUNT_ON_HOLD="The account can't do this in its present status.",
    ALREADY_DONE="It is so already.",
    AMBIGUOUS_MPN="The MPN stands for several offers: see the error's `candidates`.",
    BELOW_COST="The price is less than what the seller pays itself; only ever a warning.",
    BELOW_MINIMUM="Less than has to be had of it.",
    CONFLICT="The object was changed meanwhile; `currentVersion` tells its version now.",
    COTERMING="The dates don't go together.",
    CREDIT_LIMIT="The balance doesn't allow it.",
    CURRENCY_FIXED="The currency can't change once it is set.",
    CYCLE="An account would come to lie below itself.",
    DEPENDENCY_MISSING="A product takes another that isn't there.",
    DUPLICATE_TARGET="Two items are about the same object.",
    HAS_ACCOUNTS_BELOW="There are accounts below it.",
    HELD_ABOVE="An account above the caller's own holds it; only that account and those above it release it.",
    HOLD_DEMANDED="What it owes demands the hold; the message says what to do about it.",
    IDEMPOTENCY_KEY_REUSED="The key was used with another input.",
    INVALID="The value makes no sense; the message says what would.",
    LAST_ADMINISTRATOR="The account would be left without an administrator.",
    NOT_FOUND="There is no such object, or none visible.",
    NOT_OFFERED="The vendor doesn't offer it.",
    OPEN_CHANGE="Another change of it isn't through yet.",
    OUTDATED="It was worked out for what is different by now: place a new order.",
    OUTSIDE_WINDOW="It is too early or too late for it; the message says when it can be done.",
    OUT_OF_RANGE="The number is too small or too large.",
    OWN_ACCOUNT="It can't be done to one's own account.",
    PERSONAL_DATA="It takes the privilege to see personal data.",
    REQUIRED="Something is needed here.",
    RETIRED="It isn't sold any more.",
    ROLE_NOT_YOURS="Nobody gives a role that grants more than they have.",
    ROLLED_BACK="It was right, and undone because another item was not.",
    TAKEN="Another has the same already.",
    TOO_LONG="The text or list is too long.",
    TOO_MANY_ATTEMPTS="Too many attempts; the message says when to try again.",
    VENDOR_UNAVAILABLE="The vendor can't take orders at present.",
    WRONG_STATE="Its present status doesn't allow it.",
)
