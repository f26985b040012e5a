"""Who may do what: one table of privileges, roles and actions, from which both enforcing and answering are done.

A privilege is `resource:action`. A role is a set of privileges; the roles of a user add up, and nothing is granted
by default. Meanings follow the platform's own privileges (domain reference §C.2).
"""

from enum import StrEnum

from models import AccountType, RoleCode


class Privilege(StrEnum):
    """What someone may do. Keep the list alphabetical."""

    ACCOUNTS_VIEW = "accounts:view"
    CATALOGUE_VIEW = "catalogue:view"
    FINANCES_VIEW = "finances:view"
    ORDERS_VIEW = "orders:view"
    PERSONAL_DATA_VIEW = "personal-data:view"
    PRICES_VIEW = "prices:view"
    SUBSCRIPTIONS_VIEW = "subscriptions:view"
    USERS_VIEW = "users:view"


MEANINGS: dict[Privilege, str] = {
    Privilege.ACCOUNTS_VIEW: "See accounts in reach.",
    Privilege.CATALOGUE_VIEW: "See products, plans and marketplaces.",
    Privilege.FINANCES_VIEW: "See what subscriptions and orders cost and bring.",
    Privilege.ORDERS_VIEW: "See orders and their lines.",
    Privilege.PERSONAL_DATA_VIEW: "See names and addresses of people unmasked.",
    Privilege.PRICES_VIEW: "See price lists: one's cost, one's prices, the margin.",
    Privilege.SUBSCRIPTIONS_VIEW: "See subscriptions.",
    Privilege.USERS_VIEW: "See the users of accounts in reach.",
}

_P = Privilege
_USE = {_P.ACCOUNTS_VIEW, _P.CATALOGUE_VIEW, _P.SUBSCRIPTIONS_VIEW}
_ALL = set(Privilege)

ROLES: dict[RoleCode, frozenset[Privilege]] = {
    RoleCode.PROVIDER_FULL_ACCESS: frozenset(_ALL),
    RoleCode.RESELLER_FULL_ACCESS: frozenset(_ALL),
    RoleCode.CUSTOMER_FULL_ACCESS: frozenset(_ALL),
    RoleCode.SALES_MANAGER: frozenset(_USE | {_P.ORDERS_VIEW, _P.PERSONAL_DATA_VIEW, _P.PRICES_VIEW, _P.USERS_VIEW}),
    RoleCode.ACCOUNTANT: frozenset(_USE | {_P.FINANCES_VIEW, _P.ORDERS_VIEW, _P.PRICES_VIEW}),
    RoleCode.SUPPORT_ENGINEER: frozenset(_USE | {_P.ORDERS_VIEW, _P.USERS_VIEW}),
    RoleCode.LIMITED_ADMINISTRATOR: frozenset(_USE | {_P.PERSONAL_DATA_VIEW, _P.USERS_VIEW}),
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


class Action(StrEnum):
    """What can be done at an account, as `allowedActions` tells it."""

    VIEW_CHILDREN = "VIEW_CHILDREN"
    VIEW_FINANCES = "VIEW_FINANCES"
    VIEW_ORDERS = "VIEW_ORDERS"
    VIEW_PERSONAL_DATA = "VIEW_PERSONAL_DATA"
    VIEW_PRICES = "VIEW_PRICES"
    VIEW_SUBSCRIPTIONS = "VIEW_SUBSCRIPTIONS"
    VIEW_USERS = "VIEW_USERS"


ACTIONS: dict[Action, Privilege] = {
    Action.VIEW_CHILDREN: Privilege.ACCOUNTS_VIEW,
    Action.VIEW_FINANCES: Privilege.FINANCES_VIEW,
    Action.VIEW_ORDERS: Privilege.ORDERS_VIEW,
    Action.VIEW_PERSONAL_DATA: Privilege.PERSONAL_DATA_VIEW,
    Action.VIEW_PRICES: Privilege.PRICES_VIEW,
    Action.VIEW_SUBSCRIPTIONS: Privilege.SUBSCRIPTIONS_VIEW,
    Action.VIEW_USERS: Privilege.USERS_VIEW,
}


def allowed_actions(privileges: frozenset[Privilege], of_type: AccountType) -> list[Action]:
    """What holders of the privileges may do at an account of that type; customers have nothing below them."""
    return [
        action
        for action, privilege in ACTIONS.items()
        if privilege in privileges and not (action is Action.VIEW_CHILDREN and of_type is AccountType.CUSTOMER)
    ]
