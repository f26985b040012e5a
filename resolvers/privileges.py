"""Who may do what: one table of privileges and roles, from which both enforcing and answering are done.

A privilege is `resource:action`. A role is a set of privileges; the roles of a user add up, and nothing is granted
by default. Meanings follow the platform's own privileges (domain reference §C.2).
"""

from enum import StrEnum

from models import AccountType, RoleCode


class Privilege(StrEnum):
    """What someone may do. Keep the list alphabetical."""

    ACCOUNTS_ACTIVATE = "accounts:activate"
    ACCOUNTS_ACT_AS = "accounts:act-as"
    ACCOUNTS_CANCEL = "accounts:cancel"
    ACCOUNTS_CREATE = "accounts:create"
    ACCOUNTS_HOLD_ADMIN = "accounts:hold-admin"
    ACCOUNTS_HOLD_CREDIT = "accounts:hold-credit"
    ACCOUNTS_TERMS = "accounts:terms"
    ACCOUNTS_TRANSFER = "accounts:transfer"
    ACCOUNTS_UPDATE = "accounts:update"
    ACCOUNTS_VIEW = "accounts:view"
    CATALOGUE_MANAGE = "catalogue:manage"
    CATALOGUE_VIEW = "catalogue:view"
    CHANGES_VIEW = "changes:view"
    FINANCES_RECORD = "finances:record"
    FINANCES_VIEW = "finances:view"
    ORDERS_APPROVE = "orders:approve"
    ORDERS_CANCEL = "orders:cancel"
    ORDERS_PLACE = "orders:place"
    ORDERS_VIEW = "orders:view"
    ORDERS_WAIVE_CREDIT_CHECK = "orders:waive-credit-check"
    PERSONAL_DATA_VIEW = "personal-data:view"
    PRICES_MANAGE = "prices:manage"
    PRICES_VIEW = "prices:view"
    SECURITY_VERIFY = "security:verify"
    SUBSCRIPTIONS_MANAGE = "subscriptions:manage"
    SUBSCRIPTIONS_VIEW = "subscriptions:view"
    USERS_MANAGE = "users:manage"
    USERS_RESET_PASSWORD = "users:reset-password"  # noqa: S105  # a name
    USERS_VIEW = "users:view"


MEANINGS: dict[Privilege, str] = {
    Privilege.ACCOUNTS_ACTIVATE: "Activate accounts below that wait for it or were cancelled.",
    Privilege.ACCOUNTS_ACT_AS: "Work in accounts below as their administrators do.",
    Privilege.ACCOUNTS_CANCEL: "Cancel accounts below.",
    Privilege.ACCOUNTS_CREATE: "Create accounts below.",
    Privilege.ACCOUNTS_HOLD_ADMIN: "Put accounts below on administrative hold, and release them.",
    Privilege.ACCOUNTS_HOLD_CREDIT: "Put accounts below on credit hold, and release them.",
    Privilege.ACCOUNTS_TERMS: "Change credit limits, terms of payment and classes of accounts below.",
    Privilege.ACCOUNTS_TRANSFER: "Move accounts below to other vendors below.",
    Privilege.ACCOUNTS_UPDATE: "Change what is known of accounts in reach.",
    Privilege.ACCOUNTS_VIEW: "See accounts in reach.",
    Privilege.CATALOGUE_MANAGE: "Change products, plans and marketplaces.",
    Privilege.CATALOGUE_VIEW: "See products, plans and marketplaces.",
    Privilege.CHANGES_VIEW: "See who changed what.",
    Privilege.FINANCES_RECORD: "Record payments and credit memos.",
    Privilege.FINANCES_VIEW: "See what subscriptions and orders cost and bring.",
    Privilege.ORDERS_APPROVE: "Approve orders of accounts below, or reject them.",
    Privilege.ORDERS_CANCEL: "Cancel orders.",
    Privilege.ORDERS_PLACE: "Place orders.",
    Privilege.ORDERS_VIEW: "See orders and their lines.",
    Privilege.ORDERS_WAIVE_CREDIT_CHECK: "Let orders through whatever the buyer owes.",
    Privilege.PERSONAL_DATA_VIEW: "See names and addresses of people unmasked, and change them.",
    Privilege.PRICES_MANAGE: "Change prices for accounts below.",
    Privilege.PRICES_VIEW: "See price lists: one's cost, one's prices, the margin.",
    Privilege.SECURITY_VERIFY: "Check the answers to users' security questions.",
    Privilege.SUBSCRIPTIONS_MANAGE: "Hold, release and renew subscriptions.",
    Privilege.SUBSCRIPTIONS_VIEW: "See subscriptions.",
    Privilege.USERS_MANAGE: "Invite, change and deactivate users.",
    Privilege.USERS_RESET_PASSWORD: "Have users choose new passwords.",
    Privilege.USERS_VIEW: "See the users of accounts in reach.",
}

_P = Privilege
_USE = {_P.ACCOUNTS_VIEW, _P.CATALOGUE_VIEW, _P.SUBSCRIPTIONS_VIEW}
_OF_VENDORS = {
    _P.ACCOUNTS_ACTIVATE,
    _P.ACCOUNTS_ACT_AS,
    _P.ACCOUNTS_CANCEL,
    _P.ACCOUNTS_CREATE,
    _P.ACCOUNTS_HOLD_ADMIN,
    _P.ACCOUNTS_HOLD_CREDIT,
    _P.ACCOUNTS_TERMS,
    _P.ACCOUNTS_TRANSFER,
    _P.FINANCES_RECORD,
    _P.ORDERS_APPROVE,
    _P.ORDERS_WAIVE_CREDIT_CHECK,
    _P.PRICES_MANAGE,
    _P.SECURITY_VERIFY,
}
"""What only those can use who have accounts below."""
_ALL = set(Privilege)
_SALES = {_P.ORDERS_VIEW, _P.PERSONAL_DATA_VIEW, _P.PRICES_VIEW, _P.USERS_VIEW}
_ACCOUNTANT = {_P.CHANGES_VIEW, _P.FINANCES_VIEW, _P.ORDERS_VIEW, _P.PRICES_VIEW}
_SUPPORT = {_P.CHANGES_VIEW, _P.ORDERS_VIEW, _P.USERS_VIEW}

ROLES: dict[RoleCode, frozenset[Privilege]] = {
    RoleCode.PROVIDER_FULL_ACCESS: frozenset(_ALL),
    RoleCode.RESELLER_FULL_ACCESS: frozenset(_ALL - {_P.CATALOGUE_MANAGE}),
    RoleCode.CUSTOMER_FULL_ACCESS: frozenset(_ALL - {_P.CATALOGUE_MANAGE} - _OF_VENDORS),
    RoleCode.SALES_MANAGER: frozenset(
        _USE
        | _SALES
        | {_P.ACCOUNTS_ACT_AS, _P.ACCOUNTS_CREATE, _P.ACCOUNTS_UPDATE, _P.PRICES_MANAGE}
        | {_P.ORDERS_CANCEL, _P.ORDERS_PLACE, _P.SUBSCRIPTIONS_MANAGE}
    ),
    RoleCode.ACCOUNTANT: frozenset(
        _USE
        | _ACCOUNTANT
        | {_P.ACCOUNTS_HOLD_CREDIT, _P.ACCOUNTS_TERMS, _P.ORDERS_WAIVE_CREDIT_CHECK}
        | {_P.FINANCES_RECORD}
    ),
    RoleCode.SUPPORT_ENGINEER: frozenset(
        _USE
        | _SUPPORT
        | {_P.ACCOUNTS_ACT_AS, _P.ORDERS_CANCEL, _P.SECURITY_VERIFY, _P.SUBSCRIPTIONS_MANAGE}
        | {_P.USERS_RESET_PASSWORD}
    ),
    RoleCode.LIMITED_ADMINISTRATOR: frozenset(
        _USE | {_P.PERSONAL_DATA_VIEW, _P.USERS_MANAGE, _P.USERS_RESET_PASSWORD, _P.USERS_VIEW}
    ),
    RoleCode.SERVICE_USER: frozenset(_USE),
}

ROLE_NAMES: dict[RoleCode, tuple[str, str]] = {
    RoleCode.PROVIDER_FULL_ACCESS: ("Full access (provider)", "Everything, over the whole platform."),
    RoleCode.RESELLER_FULL_ACCESS: ("Full access (reseller)", "Everything, for the reseller and all below it."),
    RoleCode.CUSTOMER_FULL_ACCESS: ("Full access (customer)", "Everything, for the customer's own account."),
    RoleCode.SALES_MANAGER: ("Sales manager", "Accounts, users, orders and prices; no finances."),
    RoleCode.ACCOUNTANT: ("Accountant", "Orders, prices and finances; personal data is masked."),
    RoleCode.SUPPORT_ENGINEER: (
        "Support engineer",
        "Accounts, users, services and orders; no money, personal data masked.",
    ),
    RoleCode.LIMITED_ADMINISTRATOR: ("Limited administrator", "Manages and uses services; no orders, no finances."),
    RoleCode.SERVICE_USER: ("Service user", "The own profile and the own services."),
}
"""Name and description of each role, as the `role` table holds them."""

OF_ACCOUNT_TYPE: dict[RoleCode, frozenset[AccountType]] = {
    RoleCode.PROVIDER_FULL_ACCESS: frozenset({AccountType.PROVIDER}),
    RoleCode.RESELLER_FULL_ACCESS: frozenset({AccountType.RESELLER}),
    RoleCode.CUSTOMER_FULL_ACCESS: frozenset({AccountType.CUSTOMER}),
}
"""Roles that only users of some types of account can hold; the others fit anywhere."""


VIEWS: dict[str, Privilege] = {
    "VIEW_CHILDREN": Privilege.ACCOUNTS_VIEW,
    "VIEW_FINANCES": Privilege.FINANCES_VIEW,
    "VIEW_ORDERS": Privilege.ORDERS_VIEW,
    "VIEW_PERSONAL_DATA": Privilege.PERSONAL_DATA_VIEW,
    "VIEW_PRICES": Privilege.PRICES_VIEW,
    "VIEW_SUBSCRIPTIONS": Privilege.SUBSCRIPTIONS_VIEW,
    "VIEW_USERS": Privilege.USERS_VIEW,
}
"""What can be seen at an account. What can be done there is declared where it is done: see `resolvers/actions.py`."""
