"""Accounts: finding them, walking up and down from them, and the cards by which vendors are known."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from models import Account, AccountContact, AccountTerm, VendorCard
from models import path as paths
from models.base import table_of
from models.statement import Row, Statement, any_of
from resolvers.listing import Filter, Listing, Sort, at_least, before, instant, one_of, storable, through, words
from resolvers.privileges import Privilege
from resolvers.source import Source, one, pages_below, pages_by, pages_of_scope, several
from resolvers.statements import rows_by_key

if TYPE_CHECKING:
    from resolvers.context import Context

ACCOUNT = table_of(Account)
CONTACT = table_of(AccountContact)
TERM = table_of(AccountTerm)
CARD = table_of(VendorCard)

_PATH = Statement(select(ACCOUNT.c.path).where(any_of(ACCOUNT.c.id, "ids")), is_lookup=True)


async def _below(context: "Context", account_id: int) -> tuple[str, Any]:
    """The range strictly below an account; nothing when the account is not visible."""
    rows = await context.rows(_PATH, {"ids": [account_id]})
    if not rows:
        return "range", None
    return "range", (rows[0].path + paths.AFTER_SELF, rows[0].path + paths.AFTER_SUBTREE)


BELOW = Filter(condition=lambda c, _name, _n: c["path"] > "", parameters=lambda _name, _value: {}, prepare=_below)
"""Only what belongs to accounts below the given one: the page's range, made smaller."""

ACCOUNTS = Listing(
    table=ACCOUNT,
    sorts={"NAME": Sort("name_key"), "CREATED_AT": Sort("created_at", instant)},
    default=("NAME", False),
    filters={
        "below": BELOW,
        "created_from": at_least("created_at"),
        "created_until": before("created_at"),
        "email": through(
            CONTACT, "account_id", "email_key", privilege=Privilege.PERSONAL_DATA_VIEW, folded=True, is_selective=True
        ),
        "external_id": one_of("external_id", is_selective=True),
        "search": words(TERM, "path", own="path"),
        "status": one_of("status"),
        "type": one_of("type"),
    },
)

in_scope = pages_of_scope(ACCOUNTS)
children = pages_by(ACCOUNTS, "parent_id")
descendants = pages_below("account.below", ACCOUNTS)

by_id = one(ACCOUNT, "id")
by_account_id = one(ACCOUNT, "account_id")
acting_as = one(ACCOUNT, "acting_as_id")
parent = one(ACCOUNT, "parent_id")
buyer = one(ACCOUNT, "buyer_id")
holder = one(ACCOUNT, "holder_id")
contacts = several(CONTACT, "account_id", order=("position",))


async def _ancestors(context: "Context", keys: Sequence[str], columns: tuple[str, ...]) -> list[list[Row]]:
    """From each path the accounts above it, topmost first; those above the caller are not visible and left out."""
    ids = sorted({above for path in keys for above in paths.ancestor_ids(path)})
    found = dict(zip(ids, await by_id.fetch(context, ids, columns), strict=True))
    above = ([found[each] for each in paths.ancestor_ids(path)] for path in keys)
    return [[row for row in rows if row is not None] for rows in above]


ancestors = Source("account.ancestors", ("path",), _ancestors, by_id.leading, ACCOUNT.name)

vendor = one(CARD, "parent_id", "account_id")
seller = one(CARD, "seller_id", "account_id")


async def _by_external_id(
    context: "Context", external_ids: Sequence[str], columns: tuple[str, ...]
) -> list[Row | None]:
    """The account with each external id; where several vendors use the same one, the one nearest to the caller."""
    statement = rows_by_key(ACCOUNT, "external_id", ("path", *columns), ("id",))
    found: dict[str, Row] = {}
    for row in await context.tuples(statement, {"keys": storable(external_ids)}):
        nearest = found.get(row[0])
        if nearest is None or len(row[1]) < len(nearest[1]):
            found[row[0]] = row
    return [found.get(external_id) for external_id in external_ids]


by_external_id = Source("account.external_id", ("external_id",), _by_external_id, ("external_id", "path"), ACCOUNT.name)

_STANDINGS = Statement(
    select(
        *(ACCOUNT.c[name] for name in ("id", "path", "status", "type", "holder_id", "holder_before_id")),
    ).where(any_of(ACCOUNT.c.id, "ids")),
    is_lookup=True,
)


async def _standings(context: "Context", ids: Sequence[int], _request: None) -> list[Row | None]:
    found = {row.id: row for row in await context.rows(_STANDINGS, {"ids": list(ids)})}
    return [found.get(account_id) for account_id in ids]


standing_of = Source("account.standing", ("account_id",), _standings)
"""What decides which actions there are at an account."""
