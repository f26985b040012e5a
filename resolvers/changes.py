"""The change log: who changed what, on whose behalf, when; as far as the reader may see the values."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import BigInteger, Text, select

from models import Audit
from models import path as paths
from models.base import table_of
from models.personal import PERSONAL
from models.statement import Row, Statement, any_of
from resolvers.accounts import ACCOUNT, BELOW
from resolvers.caller import Caller
from resolvers.listing import Filter, Listing, Sort, at_least, before, instant, one_of
from resolvers.privileges import Privilege
from resolvers.source import Source, one, pages_matching, pages_of_scope
from resolvers.statements import ByColumn
from resolvers.users import USER

if TYPE_CHECKING:
    from resolvers.context import Context

AUDIT = table_of(Audit)

_PATHS = Statement(select(ACCOUNT.c.path).where(any_of(ACCOUNT.c.id, "ids")), is_lookup=True)
_USERS = Statement(select(USER.c.id).where(any_of(USER.c.id, "ids")), is_lookup=True)


async def _at_accounts(context: "Context", ids: Sequence[int]) -> tuple[str, Any]:
    """Where those of the accounts are that are visible; nothing if none is."""
    rows = await context.rows(_PATHS, {"ids": list(ids)})
    return "path", tuple(row.path for row in rows) or None


async def _by_users(context: "Context", ids: Sequence[int]) -> tuple[str, Any]:
    """Those of the users that are visible: who else has acted is not to be found out by trying."""
    rows = await context.rows(_USERS, {"ids": list(ids)})
    return "actor", tuple(row.id for row in rows) or None


def _prepared(prepare: Any, privilege: Privilege | None = None) -> Filter:
    """A filter that becomes another once something was looked up."""
    return Filter(
        condition=lambda c, _name, _n: c["path"] > "",
        parameters=lambda _name, _value: {},
        privilege=privilege,
        prepare=prepare,
    )


CHANGES = Listing(
    table=AUDIT,
    sorts={"AT": Sort("at", instant)},
    default=("AT", True),
    filters={
        "account": _prepared(_at_accounts),
        "actor": one_of("actor_user_id", BigInteger, is_selective=True),
        "at_from": at_least("at"),
        "at_until": before("at"),
        "below": BELOW,
        "noun": one_of("noun"),
        "object": one_of("object_id", BigInteger, is_selective=True),
        "object_noun": one_of("noun"),
        "operation": one_of("operation"),
        "path": one_of("path", is_selective=True),
        "user": _prepared(_by_users, Privilege.USERS_VIEW),
    },
)


def _account_at(needs: str) -> Source:
    """The account that was at a path, wherever it is now."""
    by_id = one(ACCOUNT, needs)

    async def fetch(context: "Context", keys: Sequence[str], columns: tuple[str, ...]) -> Sequence[Any]:
        return await by_id.fetch(context, [paths.account_id(path) for path in keys], columns)

    return Source(f"account.at.{needs}", (needs,), fetch, by_id.leading, by_id.noun)


in_scope = pages_of_scope(CHANGES)
at_account = pages_matching("audit.by.path", CHANGES, ByColumn("path", Text), "path")
by_id = one(AUDIT, "id")
account = _account_at("path")
acting_as = _account_at("acting_path")
user = one(USER, "actor_user_id")

_OF_PRICES = frozenset({"price", "price_sheet", "subscription_charge"})
_OF_FINANCES = frozenset({"balance", "invoice", "invoice_item", "ledger_post", "payment"})
_TERMS = frozenset({"credit_limit", "net_days", "terms"})
_PLACES = frozenset({"parent_id", "seller_id", "vendor_id", "import_key", "size_class"})
"""What tells how accounts above hang together, or is nobody's business but the system's."""
_MASK = "*****"


def noun_of(change: Row) -> str:
    """The table that a change is about. A row's attribute of that name is the table that the row itself is from."""
    return str(change._asdict()["noun"])


def is_within(caller: Caller, path: str) -> bool:
    """Whether whoever belongs to the account of that path belongs to the caller's own account, or to one below."""
    return bool(path) and paths.contains(caller.path, path)


def actor_name(caller: Caller, change: Row) -> str | None:
    """Who acted, as far as it is the caller's to know: nobody above, and masked without the privilege."""
    if not is_within(caller, change.actor_path):
        return None
    return str(change.actor_name) if caller.may(Privilege.PERSONAL_DATA_VIEW) else _MASK


def differences(caller: Caller, change: Row) -> Iterator[tuple[str, Any, Any]]:
    """What changed, as it is stored: name, old and new value; null for none, and for what the caller may not see."""
    old, new, noun = orjson.loads(change.before), orjson.loads(change.after), noun_of(change)
    for name in sorted(old.keys() | new.keys()):
        if name not in _PLACES and not name.endswith("_path"):
            yield name, _shown(caller, noun, name, old), _shown(caller, noun, name, new)


def _shown(caller: Caller, noun: str, name: str, values: Mapping[str, Any]) -> Any:
    value = values.get(name)
    privilege = _needed(noun, name)
    if value is None or privilege is None or caller.may(privilege):
        return value
    return _MASK if privilege is Privilege.PERSONAL_DATA_VIEW else None


def _needed(noun: str, name: str) -> Privilege | None:
    """The privilege that it takes to see a value."""
    if name in PERSONAL.get(noun, ()):
        return Privilege.PERSONAL_DATA_VIEW
    if noun in _OF_PRICES:
        return Privilege.PRICES_VIEW
    if noun in _OF_FINANCES or name in _TERMS or name.endswith("_micros"):
        return Privilege.FINANCES_VIEW
    return None
