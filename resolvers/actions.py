"""What a caller may do at an account: answered from the declarations by which it is also enforced."""

from models import AccountStatus, AccountType
from models.life import account as life
from models.life.account import AccountEvent
from models.life.standing import EFFECTS
from models.statement import Row
from resolvers import holds
from resolvers.caller import Caller
from resolvers.operation import OPERATIONS, Operation
from resolvers.privileges import VIEWS, Privilege

NEEDS = (*holds.NEEDS, "status", "type")
"""The columns of an account that decide."""


ON_DEBTS = frozenset({"creditMemoRecord", "paymentRecord"})
"""Operations on accounts that have none for their target: whoever owes may be out of view by now."""

_CATALOGUE = frozenset({"exchange_rate", "manufacturer", "marketplace", "plan", "plan_switch", "price", "product"})


def is_of_catalogue(operation: Operation) -> bool:
    """Whether it makes or changes part of the catalogue, which is nobody's in the tree or the caller's own."""
    return (operation.target.table.name if operation.target else operation.gives) in _CATALOGUE


def actions_of_viewer(caller: Caller) -> list[str]:
    """What the caller may do that is about no account."""
    return sorted(each.action for each in OPERATIONS.values() if is_of_catalogue(each) and caller.may(each.privilege))


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
    if operation.name in ON_DEBTS:
        return account.path != caller.path and caller.may(Privilege.FINANCES_VIEW)
    target = operation.target
    if target is None or target.table.name != "account":
        return False
    if target.below and account.path == caller.path:
        return False
    status, is_customer = AccountStatus(account.status), account.type == AccountType.CUSTOMER
    if target.by == "vendor":
        return not is_customer and not EFFECTS[status].orders
    if target.by == "seller":
        return not is_customer
    if operation.name == "orderPlace":
        return not EFFECTS[status].decreases  # who may not add may still give back
    if operation.name == "userInvite":
        return status is not AccountStatus.CANCELLED
    if operation.event is AccountEvent.PROMOTE and not is_customer:
        return False
    if operation.event is None:
        return True
    return life.can(status, operation.event) and holds.may_lift(caller.path, account, operation.event)
