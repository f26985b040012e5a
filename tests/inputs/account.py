"""What is tried on accounts."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import bindparam, update

from models.statement import Statement
from resolvers.accounts import ACCOUNT
from tests.hierarchy import World
from tests.inputs.trial import Trial

_SET_STATUS = Statement(
    update(ACCOUNT).where(ACCOUNT.c.id == bindparam("account")).values(status=bindparam("new_status"))
)


def it(_world: World, account_id: int) -> dict[str, Any]:
    """The account and nothing else."""
    return {"account": account_id}


def and_(**more: Any) -> Callable[[World, int], dict[str, Any]]:
    """The account and more."""
    return lambda world, account_id: it(world, account_id) | more


def is_(status: str) -> Callable[[World, int], Sequence[tuple[Statement, dict[str, Any]]]]:
    """The account has that status."""
    return lambda _world, account_id: [(_SET_STATUS, {"account": account_id, "new_status": status})]


_HOLD = Statement(
    update(ACCOUNT)
    .where(ACCOUNT.c.id == bindparam("account"))
    .values(status="CREDIT_HOLD", held_by="PERSON", holder_id=bindparam("holder"))
)


def held_by(holder: int) -> Callable[[World, int], Sequence[tuple[Statement, dict[str, Any]]]]:
    """People of that account hold it."""
    return lambda _world, account_id: [(_HOLD, {"account": account_id, "holder": holder})]


TRIALS = [
    Trial("accountUpdate", and_(name="New")),
    Trial("accountUpdate", and_(external_id="new"), "externalId"),
    Trial("accountUpdate", and_(contacts=[]), "contacts"),
    Trial("accountCreditHold", it),
    Trial("accountCreditHold", it, "when on hold", is_("CREDIT_HOLD")),
    Trial("accountCreditRelease", it, "when on hold", is_("CREDIT_HOLD")),
    Trial("accountCreditRelease", it, "when the provider's people hold it", held_by(1)),
    Trial("accountCreditRelease", it, "when active"),
]
