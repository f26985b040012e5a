"""Accounts in GraphQL: the recursive tree, contacts, and the vendor's card."""

import strawberry

from models import AccountStatus, AccountType, ContactType, HeldBy
from models import path as paths
from models.statement import Row
from resolvers import accounts, changes, money, orders, prices, products, subscriptions, users
from resolvers.actions import NEEDS, allowed_actions
from resolvers.context import Context
from resolvers.privileges import Privilege
from schema.arguments import given, instants, ordering
from schema.change import CHANGES
from schema.connection import connection
from schema.field import column, computed, of_noun, personal, related
from schema.money import INVOICES, LEDGER, PAYMENTS
from schema.node import Node, global_id, register, row_ids
from schema.order import ORDERS
from schema.price import PRICES
from schema.reference import (
    AccountRef,
    ActionRef,
    BalanceRef,
    ChangeRef,
    InvoiceRef,
    LedgerPostRef,
    MarketplaceRef,
    OrderRef,
    PaymentRef,
    PriceRef,
    SubscriptionRef,
    SummaryRef,
    UserRef,
)
from schema.scalars import Currency, DateTime
from schema.subscription import SUBSCRIPTIONS
from schema.user import USERS
from schema.values import Attribute, DateTimeRange, attributes


@strawberry.input(description="Which accounts.")
class AccountFilter:
    """Conditions on accounts."""

    search: str | None = strawberry.field(
        default=None,
        description="Every word begins a word of the name, whatever its case and accents. Of more than five words the"
        " five longest count.",
    )
    email: list[str] | None = strawberry.field(
        default=None,
        description="A contact person has one of these addresses. Takes the privilege `personal-data:view`.",
    )
    external_id: list[str] | None = strawberry.field(default=None, description="One of these external ids.")
    type: list[AccountType] | None = strawberry.field(default=None, description="One of these types.")
    status: list[AccountStatus] | None = strawberry.field(default=None, description="One of these statuses.")
    created: DateTimeRange | None = strawberry.field(default=None, description="Created in this range.")
    below: strawberry.ID | None = strawberry.field(
        default=None, description="Below this account, at any depth; itself not included."
    )

    def values(self) -> dict[str, object]:
        """As the source takes them."""
        return given(
            search=self.search,
            email=self.email,
            external_id=self.external_id,
            type=self.type,
            status=self.status,
            below=below(self.below),
        ) | instants("created", self.created)


def below(account: strawberry.ID | None) -> int | None:
    """The row id of a `below` argument."""
    return row_ids("acc")([account])[0] if account is not None else None


AccountOrder = ordering("Account", NAME="By name, case and accents aside.", CREATED_AT="By age.")

ACCOUNTS = {"filter_type": AccountFilter, "order_type": AccountOrder, "privilege": Privilege.ACCOUNTS_VIEW}


@strawberry.type(description="What an account sees of the account that supplies it.")
class VendorCard:
    """A row of the cards' table; no way leads from it into the vendor's account."""

    name: str = column("The brand that the vendor shows.")
    support_email: str | None = column("Where to write for help.")
    support_phone: str | None = column("Where to call for help, in international form.")
    support_url: str | None = column("Where to read for help.")
    logo_url: str | None = column("The brand's picture.")
    brand_color: str | None = column("The brand's colour, as in CSS.")


@strawberry.type(description="A person to ask about an account. Personal data is masked without `personal-data:view`.")
class Contact:
    """A row of the contacts' table."""

    type: ContactType = column("What to ask about.")

    @personal("The given name.", needs=("first_name",))
    def first_name(row: Row) -> str:
        return row.first_name  # type: ignore[no-any-return]  # text

    @personal("The family name.", needs=("last_name",))
    def last_name(row: Row) -> str:
        return row.last_name  # type: ignore[no-any-return]  # text

    @personal("The e-mail address.", needs=("email",))
    def email(row: Row) -> str:
        return row.email  # type: ignore[no-any-return]  # text

    @personal("The telephone number in international form.", needs=("phone_number",))
    def phone_number(row: Row) -> str | None:
        return row.phone_number  # type: ignore[no-any-return]  # text or null


@strawberry.type(description="A postal address.")
class Address:
    """Part of an account's row."""

    street_address: str | None = strawberry.field(description="Street and number.")
    extension: str | None = strawberry.field(description="A second line.")
    postal_code: str | None = strawberry.field(description="As written in the country.")
    city: str | None = strawberry.field(description="Town or city.")
    state: str | None = strawberry.field(description="State or province, where addresses have one.")
    country_code: str | None = strawberry.field(description="ISO 3166-1 alpha-2.")


_ADDRESS = ("street_address", "address_extension", "postal_code", "city", "state", "country_code")


@strawberry.type(description="An organisation or person in the reseller hierarchy.")
class Account(Node):
    """A row of the accounts' table."""

    is_type_of = of_noun("account")

    id: strawberry.ID = global_id("acc")
    name: str = column("The company's or person's name.")
    type: AccountType = column("Where it may stand in the tree.")
    status: AccountStatus = column("Where it stands in its life.")
    external_id: str | None = column("Its id in its vendor's own system; unique among that vendor's accounts.")
    language: str = column("The language of panels, as BCP 47; mails are in English so far.")
    currency: Currency | None = column("In which it sells; null for customers.")
    tax_registration_id: str | None = column("Its tax number.")
    customer_class: str | None = column("The class that decides its terms.")
    created_at: DateTime = column("When it was created.")
    updated_at: DateTime = column("When it was last changed.")
    version: int = column("Grows with every change; for noticing that something else changed it.")
    status_reason: str | None = column("Why it came to its status, as whoever brought it there said.")
    status_since: DateTime | None = column("When it came to its status; null if nobody noted it.")
    requires_approval: bool = column("Whether what it orders waits until its vendor approves.")

    @computed(
        "Who put it on hold, while it is; `statusReason` says why. Null also where nobody noted it.",
        needs=("status", "held_by"),
    )
    def held_by(row: Row) -> HeldBy | None:
        if row.status == AccountStatus.ADMIN_HOLD:
            return HeldBy.PERSON
        return HeldBy(row.held_by) if row.status == AccountStatus.CREDIT_HOLD and row.held_by else None

    holder: AccountRef | None = related(
        accounts.holder,
        AccountRef,
        "Whose people hold it, or did when it was cancelled, as far as that account is in view. The held account itself"
        " asks its vendor.",
        privilege=Privilege.ACCOUNTS_VIEW,
    )

    @computed("Its postal address.", needs=_ADDRESS)
    def address(row: Row) -> Address:
        return Address(**{name.removeprefix("address_"): getattr(row, name) for name in _ADDRESS})

    @computed("Custom attributes, by name.", needs=("attributes",))
    def attributes(row: Row) -> list[Attribute]:
        return attributes(row.attributes)

    @computed("Levels below the caller's own account, which is at 0.", needs=("path",))
    def depth(row: Row, context: Context) -> int:
        return paths.depth(row.path) - paths.depth(context.caller.path)

    @computed("What the caller may do at this account.", needs=NEEDS)
    def allowed_actions(row: Row, context: Context) -> list[ActionRef]:
        return allowed_actions(context.caller, row)

    vendor: VendorCard | None = related(
        accounts.vendor, VendorCard, "Who supplies it: the account above, as a card. Null for the provider."
    )
    marketplace: MarketplaceRef | None = related(
        products.marketplace, MarketplaceRef, "Where it buys.", privilege=Privilege.CATALOGUE_VIEW
    )
    contacts: list[Contact] = related(accounts.contacts, list[Contact], "Whom to ask.", nullable=False)
    parent: AccountRef | None = related(
        accounts.parent,
        AccountRef,
        "The account above. Null for the caller's own account, where its view ends.",
        privilege=Privilege.ACCOUNTS_VIEW,
    )
    ancestors: list[AccountRef] | None = related(
        accounts.ancestors,
        list[AccountRef],
        "The accounts above it, from the caller's own account down to its parent.",
        privilege=Privilege.ACCOUNTS_VIEW,
    )
    children = connection(accounts.children, AccountRef, "The accounts right below it.", **ACCOUNTS)
    descendants = connection(
        accounts.descendants,
        AccountRef,
        "All accounts below it, flat; `depth` tells how far down.",
        **ACCOUNTS,
        has_depth=True,
    )
    users = connection(users.of_account, UserRef, "Its own users.", **USERS)
    subscriptions = connection(subscriptions.of_account, SubscriptionRef, "Its own subscriptions.", **SUBSCRIPTIONS)
    orders = connection(orders.of_account, OrderRef, "Its own orders.", **ORDERS)
    prices = connection(
        prices.of_account,
        PriceRef,
        "What its vendor charges it: prices for it alone, and those for all of the vendor's direct buyers.",
        **PRICES,
    )

    balance: BalanceRef | None = related(
        money.balance,
        BalanceRef,
        "What it owes its vendor. Null for accounts whose money isn't in view.",
        privilege=Privilege.FINANCES_VIEW,
    )
    balances: list[BalanceRef] | None = related(
        money.balances,
        list[BalanceRef],
        "What it owes its vendor, in each currency, and those that it had before.",
        privilege=Privilege.FINANCES_VIEW,
    )
    ledger = connection(money.ledger, LedgerPostRef, "Why what it owes has changed.", **LEDGER)
    invoices_received = connection(
        money.invoices_received, InvoiceRef, "The invoices that its vendors issued to it.", **INVOICES
    )
    invoices_issued = connection(
        money.invoices_issued, InvoiceRef, "The invoices that it issued to accounts right below it.", **INVOICES
    )
    payments = connection(money.payments, PaymentRef, "What it has paid, or was let off.", **PAYMENTS)

    changes = connection(changes.at_account, ChangeRef, "What was changed of it, latest first.", **CHANGES)

    @computed("Counts and sums over it and everything below it.", needs=("path",))
    def summary(row: Row) -> SummaryRef:
        return row  # type: ignore[no-any-return]  # a summary is worked out from the account's path


register("acc", "Account", accounts.by_id, Privilege.ACCOUNTS_VIEW)


@strawberry.type
class AccountQuery:
    """The accounts' part of the root."""

    accounts = connection(accounts.in_scope, Account, "The caller's own account and all below it, flat.", **ACCOUNTS)
