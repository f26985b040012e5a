"""Accounts: the tree itself, the people to contact, and the card by which a vendor is known below."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, String, false, text
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Dated, Instant, Owned, covering, one_of

_PROVIDER = text("type = 'PROVIDER'")


class AccountType(StrEnum):
    """Where an account may stand in the tree."""

    PROVIDER = "PROVIDER"
    RESELLER = "RESELLER"
    CUSTOMER = "CUSTOMER"


class AccountStatus(StrEnum):
    """The life of an account (Simple API 1.15, `Account.status`)."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    CREDIT_HOLD = "CREDIT_HOLD"
    ADMIN_HOLD = "ADMIN_HOLD"
    CANCELLED = "CANCELLED"
    ERROR = "ERROR"


class HeldBy(StrEnum):
    """Who put an account on credit hold, and so may release it."""

    PERSON = "PERSON"
    RULE = "RULE"
    """The rule on balances."""


class ContactType(StrEnum):
    """What a contact person is asked about."""

    ADMIN = "ADMIN"
    BILLING = "BILLING"
    TECHNICAL = "TECHNICAL"


class Account(Dated, table=True):
    """An organisation or person in the hierarchy: one provider at the root, resellers, customers as leaves."""

    __tablename__ = "account"
    __table_args__ = (
        one_of("type", AccountType),
        one_of("status", AccountStatus),
        one_of("held_by", HeldBy),
        one_of("held_before", AccountStatus),
        CheckConstraint("(type = 'PROVIDER') = (parent_id IS NULL)", name="only_the_provider_has_no_parent"),
        CheckConstraint("length(path) % 6 = 0 AND length(path) > 0", name="path"),
        Index("account_one_provider", "type", unique=True, postgresql_where=_PROVIDER, sqlite_where=_PROVIDER),
        *covering("account_path", "path", include=("name_key", "created_at", "status", "id"), unique=True),
        Index("account_parent_name", "parent_id", "name_key", "id"),
        Index("account_parent_created", "parent_id", "created_at", "id"),
        Index("account_name", "name_key", "id"),
        Index("account_created", "created_at", "id"),
        Index("account_status_name", "status", "name_key", "id"),
        Index("account_type_name", "type", "name_key", "id"),
        Index("account_parent_external", "parent_id", "external_id", unique=True),
        Index("account_external", "external_id"),
        Index("account_import_key", "import_key", unique=True),
        Index("account_marketplace", "marketplace_id", "path"),
        Index("account_type_path", "type", "path", "status"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    shard_id: int = Field(sa_type=BigId)
    parent_id: int | None = Field(default=None, foreign_key="account.id", sa_type=BigId)
    """The vendor. None for the provider, of which there is one."""
    path: str = Field(sa_type=Bytewise)
    type: AccountType = Field(sa_type=Bytewise)
    status: AccountStatus = Field(default=AccountStatus.ACTIVE, sa_type=Bytewise)
    name: str
    name_key: str = Field(sa_type=Bytewise)
    external_id: str | None = Field(default=None, sa_type=Bytewise)
    """The account's id in its vendor's own system; unique among that vendor's accounts."""
    import_key: str | None = Field(default=None, sa_type=Bytewise)
    """What import files call the account. Null for accounts that no file has named; never shown to callers."""
    marketplace_id: int | None = Field(default=None, foreign_key="marketplace.id", sa_type=BigId)
    currency: str | None = None
    """ISO 4217 code in which a reseller sells; can't change once set. Null for customers."""
    language: str = "en"
    tax_registration_id: str | None = None
    customer_class: str | None = None
    taxation_provider_name: str | None = None
    street_address: str | None = None
    address_extension: str | None = None
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    country_code: str | None = None
    """ISO 3166-1 alpha-2."""
    attributes: str | None = None
    """Custom attributes as a JSON object of strings."""
    requires_approval: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Whether what it orders waits until its vendor approves."""
    held_by: HeldBy | None = Field(default=None, sa_type=String)
    """Who put it on credit hold; null while it isn't, nor was before an administrative hold."""
    held_before: AccountStatus | None = Field(default=None, sa_type=String)
    """Its status when it was put on administrative hold; null while it isn't."""
    holder_id: int | None = Field(default=None, sa_type=BigId)
    """The account whose people hold it: only these and those above them release it. No foreign key, for SQLite adds
    none under a name to a table.

    Null: nobody holds it, the rule does, or nobody noted who. What is cancelled while it is held keeps it.
    """
    holder_before_id: int | None = Field(default=None, sa_type=BigId)
    """Likewise for the credit hold that it was on when it was put on administrative hold."""
    status_reason: str | None = None
    """Why it came to its status, as whoever brought it there said."""
    status_since: datetime | None = Field(default=None, sa_type=Instant)
    """When it came to its status; null for what was there before this was noted."""
    size_class: int = 0
    """log2 of the number of accounts in the subtree, refreshed by a job; chooses between plans, never what is seen."""


class AccountContact(Owned, table=True):
    """A person to write to or call about an account. Personal data."""

    __tablename__ = "account_contact"
    __table_args__ = (
        one_of("type", ContactType),
        Index("account_contact_account", "account_id", "position"),
        Index("account_contact_email", "email_key", "path"),
        Index("account_contact_path", "path"),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    position: int = 0
    type: ContactType = Field(default=ContactType.ADMIN, sa_type=Bytewise)
    first_name: str
    last_name: str
    email: str
    email_key: str = Field(sa_type=Bytewise)
    phone_number: str | None = None


class AccountTerm(SQLModel, table=True):
    """One word of an account's name, folded: the index behind text search. A path names one account."""

    __tablename__ = "account_term"
    __table_args__ = (Index("account_term_term", "term", "path"),)

    path: str = Field(primary_key=True, sa_type=Bytewise)
    term: str = Field(primary_key=True, sa_type=Bytewise)


class VendorCard(SQLModel, table=True):
    """What accounts below see of the account that supplies them: a card, not an account to walk into.

    Every provider and reseller has one. `name` is the brand it shows; it starts as the account's name.
    """

    __tablename__ = "vendor_card"
    __table_args__ = (Index("vendor_card_path", "path"),)

    account_id: int = Field(primary_key=True, foreign_key="account.id", sa_type=BigId)
    path: str = Field(sa_type=Bytewise)
    shard_id: int = Field(sa_type=BigId)
    name: str
    support_email: str | None = None
    support_phone: str | None = None
    support_url: str | None = None
    logo_url: str | None = None
    brand_color: str | None = None
    """As in CSS: '#' and six hexadecimal digits."""
