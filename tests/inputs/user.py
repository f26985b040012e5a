"""What is tried on users, and by users on themselves."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, insert, update

from models import Identity
from models.base import table_of
from models.statement import Statement
from resolvers.users import USER
from tests.changes import user_of
from tests.hierarchy import PARENT, World
from tests.inputs.trial import Trial

_NONE = 10**12
_SET_STATUS = Statement(update(USER).where(USER.c.id == bindparam("user")).values(status=bindparam("new_status")))
_ADD_PERSON = Statement(insert(table_of(Identity)))

Before = Sequence[tuple[Statement, dict[str, Any]]]


def it(world: World, account_id: int) -> dict[str, Any]:
    """The administrator of the account."""
    return {"user": user_of(world, account_id) if account_id in PARENT else _NONE}


def and_(**more: Any) -> Callable[[World, int], dict[str, Any]]:
    """The administrator of the account and more."""
    return lambda world, account_id: it(world, account_id) | more


def last(world: World, account_id: int) -> dict[str, Any]:
    """The last service user of the account, who isn't among those who try."""
    return {"user": max((row["id"] for row in world["app_user"] if row["account_id"] == account_id), default=_NONE)}


def invited(_world: World, account_id: int) -> dict[str, Any]:
    """Somebody who only uses services."""
    person = {"email": "new@example.com", "first_name": "N", "last_name": "N"}
    return {"account": account_id, "kind": "SERVICE_USER", **person}


def accountant(world: World, account_id: int) -> dict[str, Any]:
    """Somebody who sees finances."""
    return invited(world, account_id) | {"kind": "ADMINISTRATOR", "roles": ["ACCOUNTANT"]}


def seat(kind: str) -> Callable[[World, int], dict[str, Any]]:
    """The account's first user of a kind, and the subscription that its first service user uses."""

    def given(world: World, account_id: int) -> dict[str, Any]:
        if account_id not in PARENT:
            return {"user": _NONE, "subscription": _NONE}
        used = next(row for row in world["seat"] if row["user_id"] == user_of(world, account_id, "SERVICE_USER"))
        return {"user": user_of(world, account_id, kind), "subscription": used["subscription_id"]}

    return given


def is_(status: str) -> Callable[[World, int], Before]:
    """The last service user of the account, whom somebody stands behind, has that status."""

    def before(world: World, account_id: int) -> Before:
        user = next((row for row in world["app_user"] if row["id"] == last(world, account_id)["user"]), None)
        if user is None:
            return ()
        person = {"id": user["id"], "login": user["login"], "email": "x@example.com", "last_user_id": None}
        return [
            (_SET_STATUS, {"user": user["id"], "new_status": status}),
            (_ADD_PERSON, person | {"created_at": datetime(2026, 1, 1, tzinfo=UTC)}),
        ]

    return before


_QUESTION = {"question": "FIRST_PET", "answer": "Fido", "password": "not the password"}

TRIALS = [
    Trial("userInvite", invited),
    Trial("userInvite", accountant, "an accountant"),
    Trial("userInvitationSend", last, "when invited", is_("INVITED")),
    Trial("userInvitationSend", it, "when active"),
    Trial("userPasswordReset", it),
    Trial("userUpdate", and_(language="de")),
    Trial("userUpdate", and_(first_name="New"), "the name"),
    Trial("userKindSet", and_(kind="SERVICE_USER")),
    Trial("userRolesSet", and_(roles=["SUPPORT_ENGINEER"])),
    Trial("userPrivilegesDetach", and_(privileges=["prices:view"])),
    Trial("userPrivilegesAttach", and_(privileges=["orders:place"])),
    Trial("userDeactivate", it),
    Trial("userActivate", last, "when deactivated", is_("DEACTIVATED")),
    Trial("userSeatGive", seat("ADMINISTRATOR")),
    Trial("userSeatTake", seat("SERVICE_USER")),
    Trial("userSecurityAnswerCheck", and_(answer="Fido")),
    Trial(
        "userPasswordChange",
        lambda _world, _account: {"old": "not the password", "new": "a new password"},
        "its own, the old one wrong",
        has_place=False,
    ),
    Trial(
        "userSecurityQuestionSet", lambda _world, _account: _QUESTION, "its own, the password wrong", has_place=False
    ),
]
