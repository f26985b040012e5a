"""Checks of a live database: what is derived must follow from what it is derived from.

Each check is a statement that finds the rows that are wrong. They read everything, so they take a while on a large
database, and run in one snapshot.
"""

from collections.abc import Callable
from dataclasses import dataclass

from models.currency import DEFAULT_SMALLEST, OTHER_SMALLEST
from models.policy.present import unlike_the_rules
from models.policy.rules import RULES
from models.store import Store, Unfiltered

_OWNED = (
    "account_contact",
    "api_client",
    "app_user",
    "seat",
    "subscription",
    "subscription_history",
    "subscription_hold",
    "subscription_item",
    "subscription_lot",
    "user_denial",
    "user_role",
)

_SOLD = ("order_line", "orders")
"""Tables whose rows stay where they were sold, when the account that bought them gets another vendor."""

_SMALLEST = (
    "CASE currency "
    + " ".join(f"WHEN '{currency}' THEN {micros}" for currency, micros in OTHER_SMALLEST.items())
    + f" ELSE {DEFAULT_SMALLEST} END"
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
    "users whose login is no person's": (
        "SELECT u.id FROM app_user u WHERE NOT EXISTS (SELECT 1 FROM identity i WHERE i.login = u.login)"
    ),
    "users with another security question than the person's": (
        "SELECT u.id FROM app_user u JOIN identity i ON i.login = u.login"
        " JOIN security_answer s ON s.identity_id = i.id WHERE u.security_question <> s.question"
    ),
    "subscriptions whose first item differs from them": (
        "SELECT s.id FROM subscription s LEFT JOIN subscription_item i ON i.subscription_id = s.id AND i.position = 0"
        " WHERE i.id IS NULL OR i.product_id <> s.product_id OR i.quantity <> s.quantity"
    ),
    "subscriptions with a wrong renewal key": (
        "SELECT id FROM subscription WHERE renewal_key <> coalesce(renewal_date, '9999-12-31')"
        # PostgreSQL's driver writes the last of all days as infinity, and reads that as the same day
        " AND NOT (renewal_date IS NULL AND renewal_key > '9999-12-31')"
    ),
    "items that are not the sum of their lots": (
        "SELECT i.id FROM subscription_item i JOIN subscription s ON s.id = i.subscription_id"
        " JOIN subscription_lot l ON l.item_id = i.id WHERE s.status IN ('ACTIVE', 'HOLD')"
        " GROUP BY i.id, i.quantity HAVING sum(l.remaining) > i.quantity"
    ),
    "items of another quantity than their history ends with": (
        "SELECT i.id FROM subscription_item i JOIN subscription s ON s.id = i.subscription_id"
        " JOIN subscription_history h ON h.item_id = i.id WHERE s.status IN ('ACTIVE', 'HOLD')"
        " AND NOT EXISTS (SELECT 1 FROM subscription_history l WHERE l.item_id = i.id"
        " AND (l.at > h.at OR l.at = h.at AND l.id > h.id)) AND h.quantity_after <> i.quantity"
    ),
    "charges with another status than their subscription": (
        "SELECT c.id FROM subscription_charge c JOIN subscription s ON s.id = c.subscription_id"
        " WHERE c.status <> s.status"
    ),
    "charges on an edge that is not above the subscription's account": (
        "SELECT id FROM subscription_charge WHERE substr(path, 1, length(seller_path)) <> seller_path"
        " AND status IN ('PENDING', 'ACTIVE', 'HOLD')"
    ),
    "prices whose seller's path is not its account's": (
        "SELECT p.id FROM price p JOIN account a ON a.id = p.seller_id WHERE a.path <> p.seller_path"
    ),
    "accounts that have no balance with their vendor": (
        "SELECT a.id FROM account a WHERE NOT EXISTS (SELECT 1 FROM balance b WHERE b.buyer_id = a.id"
        " AND (b.seller_id = a.parent_id OR b.seller_id IS NULL AND a.parent_id IS NULL))"
    ),
    "balances with a present vendor at another path than their accounts'": (
        "SELECT b.id FROM balance b JOIN account a ON a.id = b.buyer_id JOIN account s ON s.id = b.seller_id"
        " WHERE a.parent_id = s.id AND (b.path <> a.path OR b.seller_path <> s.path OR b.shard_id <> a.shard_id)"
    ),
    "posts whose entries don't sum to zero": (
        "SELECT p.id FROM ledger_post p LEFT JOIN ledger_entry e ON e.post_id = p.id GROUP BY p.id"
        " HAVING count(e.side) <> 2 OR sum(e.micros) <> 0"
    ),
    "posts of another amount than their entries say": (
        "SELECT p.id FROM ledger_post p LEFT JOIN ledger_entry e ON e.post_id = p.id AND e.side = 'RECEIVABLE'"
        " WHERE e.micros IS NULL OR e.micros <> p.micros"
    ),
    "posts of which nobody can pay the last decimals": (
        f"SELECT id FROM ledger_post WHERE micros / ({_SMALLEST}) * ({_SMALLEST}) <> micros"  # a table of our own
    ),
    "balances that are not the sum of their posts": (
        "SELECT b.id FROM balance b LEFT JOIN ledger_post p ON p.balance_id = b.id GROUP BY b.id, b.owed_micros"
        " HAVING b.owed_micros <> coalesce(sum(p.micros), 0)"
    ),
    "posts in another currency, or of another edge, than their balance": (
        "SELECT p.id FROM ledger_post p JOIN balance b ON b.id = p.balance_id WHERE p.currency <> b.currency"
        " OR p.buyer_id <> b.buyer_id OR coalesce(p.seller_id, 0) <> coalesce(b.seller_id, 0)"
    ),
    "payments that are not posted, or otherwise": (
        "SELECT y.id FROM payment y LEFT JOIN ledger_post p ON p.payment_id = y.id AND p.balance_id = y.balance_id"
        " WHERE p.id IS NULL OR p.micros <> -y.micros"
    ),
    "posts of which more was given back than there was": (
        "SELECT p.id FROM ledger_post p JOIN ledger_post r ON r.reverses_id = p.id GROUP BY p.id, p.micros"
        " HAVING abs(sum(r.micros)) > abs(p.micros) OR sum(r.micros) > 0 AND p.micros > 0"
        " OR sum(r.micros) < 0 AND p.micros < 0"
    ),
    "invoices that are not the sum of their items": (
        "SELECT v.id FROM invoice v LEFT JOIN invoice_item i ON i.invoice_id = v.id GROUP BY v.id, v.total_micros"
        " HAVING v.total_micros <> coalesce(sum(i.micros), 0)"
    ),
    "invoice items that are not posts of their balance and period": (
        "SELECT i.id FROM invoice_item i JOIN invoice v ON v.id = i.invoice_id JOIN ledger_post p ON p.id = i.post_id"
        " WHERE p.micros <> i.micros OR p.balance_id <> v.balance_id OR p.kind IN ('PAYMENT', 'CREDIT')"
    ),
    "invoices that are paid otherwise than their status says": (
        "SELECT id FROM invoice WHERE paid_micros < 0 OR paid_micros > total_micros AND total_micros > 0"
        " OR (status = 'PAID') <> (total_micros > 0 AND paid_micros = total_micros)"
        " OR (status = 'CREDITED') <> (total_micros <= 0)"
    ),
    "invoices that were paid with more than was received": (
        "SELECT v.balance_id FROM invoice v GROUP BY v.balance_id HAVING sum(CASE WHEN v.status = 'CREDITED'"
        " THEN v.total_micros ELSE v.paid_micros END) > (SELECT coalesce(-sum(p.micros), 0) FROM ledger_post p"
        " WHERE p.balance_id = v.balance_id AND p.kind IN ('PAYMENT', 'CREDIT'))"
    ),
    "orders of another total than what was charged on their accounts' own edge": (
        "SELECT o.id FROM orders o JOIN order_charge c ON c.order_id = o.id AND c.buyer_id = o.account_id"
        " GROUP BY o.id, o.total_micros HAVING sum(c.charged_micros) <> o.total_micros"
    ),
    "subscriptions for which several orders that were placed here are open": (
        "SELECT o.subscription_id FROM orders o WHERE o.status IN ('SUBMITTED', 'PROCESSING')"
        " AND o.subscription_id IS NOT NULL AND EXISTS (SELECT 1 FROM order_line l WHERE l.order_id = o.id"
        " AND l.previous_quantity IS NOT NULL) GROUP BY o.subscription_id HAVING count(*) > 1"
    ),
    "prices between accounts that are not neighbours": (
        "SELECT p.id FROM price p JOIN account b ON b.id = p.buyer_id WHERE b.parent_id <> p.seller_id"
        " AND NOT EXISTS (SELECT 1 FROM account_transfer t WHERE t.account_id = b.id AND p.valid_until IS NOT NULL)"
    ),
    "a clock that isn't there, or several": "SELECT count(*) FROM clock HAVING count(*) <> 1",
    **{
        f"rows of {table} with another path or shard than their account": (
            f"SELECT o.account_id FROM {table} o JOIN account a ON a.id = o.account_id"  # names of our own tables
            " WHERE o.path <> a.path OR o.shard_id <> a.shard_id"
        )
        for table in _OWNED
    },
    **{
        f"rows of {table} where their account neither is nor was": (
            f"SELECT o.account_id FROM {table} o JOIN account a ON a.id = o.account_id"  # names of our own tables
            " WHERE o.path <> a.path AND (substr(o.path, length(o.path) - 5) <> substr(a.path, length(a.path) - 5)"
            " OR NOT EXISTS (SELECT 1 FROM account_transfer t WHERE t.account_id = a.id)"
            " OR NOT EXISTS (SELECT 1 FROM account v WHERE v.path = substr(o.path, 1, length(o.path) - 6)))"
        )
        for table in _SOLD
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
_FORCED = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    " AND relrowsecurity AND relforcerowsecurity"
)
_GRANTED = (
    "SELECT relname FROM pg_class, unnest(ARRAY['canopy_reader', 'canopy_writer']) role"
    " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')"
    " AND (has_table_privilege(role, pg_class.oid, 'DELETE, TRUNCATE, TRIGGER')"
    " OR has_any_column_privilege(role, pg_class.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))"
    " GROUP BY relname ORDER BY relname"
)


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
        if store.engine == "sqlite":
            findings += await _integrity(db)
    return findings + (await unguarded(store) if store.engine == "postgresql" else [])


async def unguarded(store: Store) -> list[Finding]:
    """What of PostgreSQL's row-level security isn't as this version's rules have it.

    Raises:
        StoreError: the database can't be reached, or its tables are another version's.
    """
    async with store.unfiltered("compare policies, and change nothing", write=True) as db:
        forced = {str(row[0]) for row in await db.sql(_FORCED)}
        found = {
            "tables without forced row-level security": sorted(RULES.keys() - forced),
            "tables without a rule that readers or writers may read or change": [
                str(row[0]) for row in await db.sql(_GRANTED) if row[0] not in RULES
            ],
            "policies that are missing, too many, or not as the rules have them": await unlike_the_rules(db),
        }
    return [Finding(what, len(examples), examples) for what, examples in found.items() if examples]


async def _integrity(db: Unfiltered) -> list[Finding]:
    rows = [str(row[0]) for row in await db.sql("PRAGMA quick_check(5)") if row[0] != "ok"]
    rows += [f"{row[0]} {row[1]}" for row in await db.sql("PRAGMA foreign_key_check")]
    return [Finding("damage to the file", len(rows), rows[:_EXAMPLES])] if rows else []
