"""What is tried on the life of accounts, and on where they are."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import update

from models.statement import Statement
from resolvers.orders import ORDER
from tests.hierarchy import World
from tests.inputs.account import is_, it
from tests.inputs.trial import Trial

_COMPLETE = Statement(update(ORDER).values(status="COMPLETED"))


def _orders_are_done(_world: World, _account_id: int) -> Sequence[tuple[Statement, dict[str, Any]]]:
    return [(_COMPLETE, {})]


def _below(**more: Any) -> Any:
    """A new account below the one at the place."""
    return lambda _world, account_id: {"vendor": account_id, "name": "New"} | more


def _to_4(_world: World, account_id: int) -> dict[str, Any]:
    return {"account": account_id, "vendor": 4}


_ADMINISTRATOR = {"email": "ada@new.example", "first_name": "Ada", "last_name": "Byron"}

TRIALS = [
    Trial("accountActivate", it, "when pending", is_("PENDING")),
    Trial("accountActivate", it),
    Trial("accountAdminHold", it),
    Trial("accountAdminRelease", it, "when on hold", is_("ADMIN_HOLD")),
    Trial("accountAdminRelease", it, "when active"),
    Trial("accountCancel", it),
    Trial("accountCancel", it, "when no order is under way", _orders_are_done),
    Trial("accountReactivate", it, "when cancelled", is_("CANCELLED")),
    Trial("accountReactivate", it, "when active"),
    Trial("accountTransfer", _to_4),
    Trial("accountTransfer", _to_4, "when no order is under way", _orders_are_done),
    Trial("customerCreate", _below(), expected_version=None),
    Trial("customerCreate", _below(marketplace=1), "in a marketplace", expected_version=None),
    Trial("customerCreate", _below(administrator=_ADMINISTRATOR), "with an administrator", expected_version=None),
    Trial("customerPromote", lambda world, account_id: it(world, account_id) | {"currency": "EUR"}),
    Trial("resellerCreate", _below(currency="EUR"), expected_version=None),
]
