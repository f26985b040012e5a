"""What may be done: what can be seen at an account, and every operation on accounts and on the catalogue.

Made when the schema is, after all modules that declare operations.
"""

from enum import StrEnum
from typing import TYPE_CHECKING

from resolvers.actions import ON_DEBTS, is_of_catalogue
from resolvers.operation import OPERATIONS
from schema.enums import describe

_VIEWS = {
    "VIEW_CHILDREN": "See the accounts below it.",
    "VIEW_FINANCES": "See what its subscriptions and orders cost and bring.",
    "VIEW_ORDERS": "See its orders.",
    "VIEW_PERSONAL_DATA": "See its people's names and addresses.",
    "VIEW_PRICES": "See what it is charged.",
    "VIEW_SUBSCRIPTIONS": "See its subscriptions.",
    "VIEW_USERS": "See its users.",
}
_CHANGES = {
    each.action: f"Do `{each.name}` to it."
    for each in OPERATIONS.values()
    if each.name in ON_DEBTS or (each.target is not None and each.target.table.name == "account")
}
_OF_VIEWER = {
    each.action: f"Do `{each.name}`; told of the viewer alone." for each in OPERATIONS.values() if is_of_catalogue(each)
}
_ALL = _VIEWS | _CHANGES | _OF_VIEWER

if TYPE_CHECKING:
    Action = str
else:
    Action = describe(
        StrEnum("Action", {name: name for name in _ALL}), "What can be done at an account, or by the viewer.", **_ALL
    )
