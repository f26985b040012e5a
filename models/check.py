"""Checks of a live database: what is derived must follow from what it is derived from.

Each check is a statement that finds the rows that are wrong. They read everything, so they take a while on a large
database, and run in one snapshot.
"""

from collections.abc import Callable
from dataclasses import dataclass

from models.policy import RULES
from models.store import Store, Unfiltered

_OWNED = (
    "account_contact",
    "api_client",
    "app_user",
    "order_line",
    "orders",
    "seat",
    "subscription",
    "subscription_item",
    "user_role",
)

_RULES: dict[str, str] = {
    "a tree without a provider, or with several": (
        "SELECT count(*) FROM account WHERE type = 'PROVIDER' HAVING count(*) > 1"
        " OR (count(*) = 0 AND (SELECT count(*) FROM account) > 0)"
    ),
    "accounts whose path is not their parent's and one segment": (
        "SELECT a.id FROM account a JOIN account p ON p.id = a.parent_id"
        " WHERE substr(a.path, 1, length(a.path) - 6) <> p.path"
    ),
    "accounts below a customer": (
        "SELECT a.id FROM account a JOIN account p ON p.id = a.parent_id WHERE p.type = 'CUSTOMER'"
    ),
    "resellers and providers without a vendor card": (
        "SELECT a.id FROM account a LEFT JOIN vendor_card c ON c.account_id = a.id AND c.path = a.path"
        " WHERE a.type <> 'CUSTOMER' AND c.account_id IS NULL"
    ),
    "accounts in another shard than their level-1 ancestor": (
        "SELECT a.id FROM account a JOIN account l ON l.path = substr(a.path, 1, 12) WHERE a.shard_id <> l.id"
    ),
    "accounts with a name that search can't find": (
        "SELECT a.id FROM account a WHERE a.name_key <> ''"
        " AND NOT EXISTS (SELECT 1 FROM account_term t WHERE t.path = a.path)"
    ),
    "terms of accounts that are not there": (
        "SELECT t.path FROM account_term t WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.path = t.path)"
    ),
    "subscriptions whose first item differs from them": (
        "SELECT s.id FROM subscription s LEFT JOIN subscription_item i ON i.subscription_id = s.id AND i.position = 0"
        " WHERE i.id IS NULL OR i.product_id <> s.product_id OR i.quantity <> s.quantity"
    ),
    "subscriptions with a wrong renewal key": (
        "SELECT id FROM subscription WHERE renewal_key <> coalesce(renewal_date, '9999-12-31')"
    ),
    "charges with another status than their subscription": (
        "SELECT c.id FROM subscription_charge c JOIN subscription s ON s.id = c.subscription_id"
        " WHERE c.status <> s.status"
    ),
    "charges on an edge that is not above the subscription's account": (
        "SELECT id FROM subscription_charge WHERE substr(path, 1, length(seller_path)) <> seller_path"
    ),
    "prices whose seller's path is not its account's": (
        "SELECT p.id FROM price p JOIN account a ON a.id = p.seller_id WHERE a.path <> p.seller_path"
    ),
    "prices between accounts that are not neighbours": (
        "SELECT p.id FROM price p JOIN account b ON b.id = p.buyer_id WHERE b.parent_id <> p.seller_id"
    ),
    **{
        f"rows of {table} with another path or shard than their account": (
            f"SELECT o.account_id FROM {table} o JOIN account a ON a.id = o.account_id"  # names of our own tables
            " WHERE o.path <> a.path OR o.shard_id <> a.shard_id"
        )
        for table in _OWNED
    },
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Args:
        what: the kind of row that should not be there.
        count: how many.
        examples: the ids of some.
    """

    what: str
    count: int
    examples: list[str]


_EXAMPLES = 5


async def check(store: Store, progress: Callable[[str, int, int | None], None] | None = None) -> list[Finding]:
    """Run every check; an empty list is a sound database."""
    findings = []
    async with store.unfiltered("canopy check") as db:
        for done, (what, statement) in enumerate(_RULES.items()):
            if progress:
                progress("checking", done, len(_RULES))
            rows = await db.sql(statement)
            if rows:
                findings.append(Finding(what, len(rows), [str(row[0]) for row in rows[:_EXAMPLES]]))
        if store.engine == "postgresql":
            findings += await _policies(db)
        else:
            findings += await _integrity(db)
    return findings


async def _policies(db: Unfiltered) -> list[Finding]:
    """Tables whose row-level security is off or not what this version's rules say."""
    forced = {
        row[0]
        for row in await db.sql(
            "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity AND relkind = 'r'"
        )
    }
    present = {
        row[0]
        for row in await db.sql("SELECT tablename FROM pg_policies WHERE policyname = 'scope' AND cmd = 'SELECT'")
    }
    open_tables = sorted(table for table in RULES if table not in forced or table not in present)
    return [Finding("tables without forced row-level security", len(open_tables), open_tables)] if open_tables else []


async def _integrity(db: Unfiltered) -> list[Finding]:
    rows = [str(row[0]) for row in await db.sql("PRAGMA quick_check(5)") if row[0] != "ok"]
    rows += [f"{row[0]} {row[1]}" for row in await db.sql("PRAGMA foreign_key_check")]
    return [Finding("damage to the file", len(rows), rows[:_EXAMPLES])] if rows else []
