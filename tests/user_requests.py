"""Asking for changes of users, as a user of the accounts of `tests/people.py`."""

from typing import Any

import orjson
from sqlalchemy import select

from models import Audit, SubjectType
from models.base import table_of
from models.statement import Row, Statement
from models.store import Store
from resolvers.caller import Caller
from resolvers.changing import changing
from resolvers.identity import caller_of
from resolvers.keys import KeyRing
from resolvers.passwords import Passwords
from resolvers.run import Business
from resolvers.sign_in import SignInSettings
from resolvers.throttle import Throttle, ThrottleSettings
from resolvers.tokens import AccessTokens, Claims, Subject
from schema.errors import public
from tests.asking import CURSOR_KEY, TODAY, by_graphql_core
from tests.people import CHEAP, Clock

KEYS = KeyRing([b"k" * 32])
_FIELDS = "user { id login name email status kind roles { code } deniedPrivileges version } currentVersion"
_ERRORS = "userErrors { path message code }"


def make_settings(clock: Clock) -> SignInSettings:
    """What signing in works with, quick and by a clock that the test moves."""
    throttle = Throttle(ThrottleSettings(), KEYS.source_key(), clock.sleep)
    return SignInSettings(AccessTokens(KEYS), Passwords(CHEAP), throttle, clock=clock)


async def caller(store: Store, user_id: int, account_id: int) -> Caller:
    """The caller that a user is at this moment."""
    return await caller_of(store, Claims(Subject(SubjectType.USER, user_id), account_id, "x", 0))


class Requests:
    """Sends mutations, each under a key of its own, and counts them."""

    def __init__(self, store: Store, **business: Any) -> None:
        self.store = store
        self.business = business
        self._number = 0

    async def __call__(self, who: Caller, name: str, /, more: str = "", key: str = "", **given: Any) -> Any:
        """The payload of one mutation; its input's fields are given as in GraphQL."""
        self._number += 1
        title = name[0].upper() + name[1:]
        shown = f"results {{ index {_FIELDS} {more} {_ERRORS} }} {_ERRORS}" if name.endswith("Bulk") else ""
        selection = shown or f"{_FIELDS} {more} {_ERRORS}"
        document = f"mutation($input: {title}Input!) {{ {name}(input: $input) {{ {selection} }} }}"
        given = {"idempotencyKey": key or f"key number {self._number}", **given}
        async with changing(Business(self.store, **self.business), who, CURSOR_KEY, TODAY) as context:
            answer = await by_graphql_core(document, {"input": given}, context)
        found = [public(error).formatted for error in answer.errors]
        refused = [error["extensions"]["code"] for error in found if error.get("path") == [name]]
        if refused:
            return refused[0]
        others = [error for error in found if error["extensions"]["code"] != "FORBIDDEN"]
        assert others == [], others
        assert answer.data is not None
        return answer.data[name]


def codes(payload: Any) -> list[tuple[str, str]]:
    """Each error's code, and where."""
    return [(error["code"], ".".join(error["path"])) for error in payload["userErrors"]]


async def logged(store: Store, operation: str) -> list[Row]:
    """The rows that an operation has left in the change log, the youngest last."""
    audit = table_of(Audit)
    statement = Statement(select(*audit.c).where(audit.c.operation == operation).order_by(audit.c.id))
    async with store.unfiltered("a test looks") as db:
        return await db.rows(statement)


def told(row: Row) -> tuple[Any, Any]:
    """Before and after."""
    return orjson.loads(row.before), orjson.loads(row.after)
