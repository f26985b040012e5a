"""What a caller may do at an account: answered from the declarations by which it is also enforced."""

from models import AccountStatus, AccountType
from models.life import account as life
from models.life.account import AccountEvent
from models.life.standing import EFFECTS
from models.statement import Row
from resolvers.caller import Caller
from resolvers.operation import OPERATIONS, Operation
from resolvers.privileges import VIEWS

NEEDS = ("path", "status", "type")
"""The columns of an account that decide."""


def allowed_actions(caller: Caller, account: Row) -> list[str]:
    """The actions that the caller may take at an account that it can see, as the account stands now."""
    views = [action for action, privilege in VIEWS.items() if caller.may(privilege) and _has(account, action)]
    changes = [
        each.action for each in OPERATIONS.values() if caller.may(each.privilege) and _fits(each, caller, account)
    ]
    return views + sorted(changes)


def _has(account: Row, view: str) -> bool:
    """Customers have nothing below them."""
    return not (view == "VIEW_CHILDREN" and account.type == AccountType.CUSTOMER)


def _fits(operation: Operation, caller: Caller, account: Row) -> bool:
    target = operation.target
    if target is None or target.table.name != "account":
        return False
    if target.below and account.path == caller.path:
        return False
    status, is_customer = AccountStatus(account.status), account.type == AccountType.CUSTOMER
    if target.by == "vendor":
        return not is_customer and not EFFECTS[status].orders
    if operation.event is AccountEvent.PROMOTE and not is_customer:
        return False
    return operation.event is None or life.can(status, operation.event)
