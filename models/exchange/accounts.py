"""Accounts: who is whose vendor, in whatever order the rows come, and where that puts each of them in the tree."""

# ruff: noqa: S608  # SQL is put together from names of this package only; values never stand in a text

from models import path as paths
from models.exchange import files
from models.exchange.check import Check, refuse_repeats, run_checks, unknown, when
from models.exchange.indexes import loading
from models.exchange.job import Job
from models.exchange.stage import Stage
from models.exchange.target import DATES, Field, Target, cells
from models.money import DEFAULT_CURRENCY

FILES = (files.ACCOUNTS,)
MAX_LEVELS = 100
"""Levels below the provider; a path must fit into an index."""

_CARD_COLUMNS = ("support_email", "support_phone", "support_url", "logo_url", "brand_color")

_PLACE = (
    Field("shard_id", "r.shard_id", is_fixed=True),
    Field("parent_id", "r.parent_id", is_fixed=True),
    Field("path", "r.path", is_fixed=True),
)
_ACCOUNT = Target(
    "account",
    "ready_accounts",
    (
        *_PLACE,
        Field("import_key", "r.key", is_fixed=True),
        Field("name_key", "r.name_key", said_by="name"),
        Field("marketplace_id", "r.marketplace_id", said_by="marketplace"),
        Field("currency", "r.currency", is_kept=True, said_by="currency"),
        Field("size_class", "0", is_fixed=True),
        *cells(files.ACCOUNTS, "type", "name", "external_id", "tax_registration_id", "customer_class"),
        *cells(files.ACCOUNTS, "taxation_provider_name", "street_address", "address_extension", "postal_code"),
        *cells(files.ACCOUNTS, "city", "state", "country_code", "attributes", status="'ACTIVE'", language="'en'"),
        *DATES,
    ),
)
_CARD = Target(
    "vendor_card",
    "ready_cards",
    (
        Field("path", "r.path", is_fixed=True),
        Field("shard_id", "r.shard_id", is_fixed=True),
        Field("name", "r.brand_name", default="r.name", said_by="brand_name"),
        *cells(files.ACCOUNTS, *_CARD_COLUMNS),
    ),
    is_versioned=False,
    key="account_id",
)

_ANY_OF_CARD = ", ".join(f"r.{name}" for name in ("brand_name", *_CARD_COLUMNS))
_IN_FILE = "EXISTS (SELECT 1 FROM in_accounts f WHERE f.key = r.vendor)"
_CHECKS = (
    when("ready_accounts", "vendor", "r.type = 'PROVIDER' AND r.vendor IS NOT NULL", "stands above the provider"),
    Check(
        "type",
        "is there already: {}; a platform has one provider",
        "SELECT r.place, r.type AS value, (SELECT min(o.key) FROM account_ref o WHERE o.type = 'PROVIDER'"
        " AND (o.is_new < r.is_new OR o.id < r.id)) AS detail FROM ready_accounts r WHERE r.type = 'PROVIDER'"
        " AND r.vendor IS NULL AND EXISTS (SELECT 1 FROM account_ref o WHERE o.type = 'PROVIDER'"
        " AND (o.is_new < r.is_new OR o.is_new = r.is_new AND o.id < r.id))",
    ),
    Check(
        "type",
        "is not what the account is in the database: {}; only a customer can become something else, a reseller",
        "SELECT r.place, r.type AS value, r.old_type AS detail FROM ready_accounts r WHERE r.is_new = 0"
        " AND r.type <> r.old_type AND NOT (r.type = 'RESELLER' AND r.old_type = 'CUSTOMER')",
    ),
    when(
        "ready_accounts",
        "vendor",
        f"r.vendor IS NOT NULL AND r.vendor_id IS NULL AND NOT {_IN_FILE}",
        "is no account that exists or is imported",
    ),
    when("ready_accounts", "vendor", "r.vendor_type = 'CUSTOMER'", "is a customer, which can't have accounts below it"),
    Check(
        "vendor",
        "is not the account's vendor, which is {}; an account changes its vendor by a transfer, not by an import",
        "SELECT r.place, r.vendor AS value, coalesce(ACCOUNT_KEY(p), 'no one') AS detail FROM ready_accounts r"
        " LEFT JOIN account p ON p.id = r.parent_id"
        " WHERE r.is_new = 0 AND r.vendor_id IS NOT NULL AND DIFFERS(r.vendor_id, r.parent_id)",
    ),
    unknown("ready_accounts", "marketplace", "marketplace_id", "is no marketplace that exists or is imported"),
    when(
        "ready_accounts",
        "currency",
        "r.type = 'CUSTOMER' AND r.currency IS NOT NULL",
        "is given to a customer; only the provider and resellers sell in a currency",
    ),
    Check(
        "currency",
        "is not the account's currency, which is {} and can't change",
        "SELECT r.place, r.currency AS value, t.currency AS detail FROM ready_accounts r JOIN account t ON t.id = r.id"
        " WHERE r.currency <> t.currency",
    ),
    when(
        "ready_accounts",
        "brand_name",
        f"r.type = 'CUSTOMER' AND coalesce({_ANY_OF_CARD}) IS NOT NULL",
        "must be empty, like the card's other columns: a customer has no vendor card",
    ),
    Check(
        "external_id",
        "is the external id of another account of this vendor, on {}",
        "SELECT place, external_id AS value, first_place AS detail FROM (SELECT place, external_id,"
        " min(place) OVER (PARTITION BY vendor_id, external_id) AS first_place FROM ready_accounts"
        " WHERE external_id IS NOT NULL AND vendor_id IS NOT NULL) r WHERE place > first_place",
    ),
    Check(
        "external_id",
        "is the external id of another account of this vendor, {}",
        "SELECT r.place, r.external_id AS value, ACCOUNT_KEY(t) AS detail FROM ready_accounts r"
        " JOIN account t ON t.parent_id = r.vendor_id AND t.external_id = r.external_id"
        " WHERE t.id <> r.id AND NOT EXISTS (SELECT 1 FROM ready_accounts o WHERE o.id = t.id)",
    ),
)
_HAS_NO_VENDOR = when(
    "ready_accounts",
    "vendor",
    "r.type <> 'PROVIDER' AND r.vendor IS NULL",
    "is required: only the provider has no vendor",
)
_NEW_HAS_NO_VENDOR = when(
    "ready_accounts",
    "vendor",
    "r.type <> 'PROVIDER' AND r.vendor IS NULL AND (r.is_new = 1 OR r.id IS NULL)",
    "is required: only the provider has no vendor",
)
_OUT_OF_PLACE = (
    when(
        "ready_accounts",
        "vendor",
        "r.id IS NULL AND r.vendor_id IS NOT NULL",
        f"is {MAX_LEVELS} levels below the provider, and none can be deeper",
    ),
    when(
        "ready_accounts",
        "vendor",
        f"r.id IS NULL AND r.vendor_id IS NULL AND {_IN_FILE}"
        " AND NOT EXISTS (SELECT 1 FROM too_deep d WHERE d.key = r.key)",
        "leads nowhere: the vendors from here up run in a circle",
    ),
)

_NAMED = """
    SELECT key FROM (
      SELECT key FROM in_accounts UNION SELECT vendor FROM in_accounts UNION SELECT account FROM in_contacts
      UNION SELECT account FROM in_users UNION SELECT seller FROM in_prices UNION SELECT buyer FROM in_prices
      UNION SELECT account FROM in_subscriptions UNION SELECT seller FROM in_charges UNION SELECT buyer FROM in_charges
      UNION SELECT account FROM in_orders UNION SELECT ACCOUNT_KEY(a) FROM account a WHERE a.type = 'PROVIDER') n
    WHERE key IS NOT NULL"""
_KNOWN = """
    SELECT n.key, a.id, a.parent_id, a.path, a.shard_id, a.type
    FROM named_account n JOIN account a ON a.import_key = n.key
    UNION ALL
    SELECT n.key, a.id, a.parent_id, a.path, a.shard_id, a.type
    FROM named_account n JOIN account a ON a.id = STORED_ID(n.key)
    WHERE a.import_key IS NULL AND ACCOUNT_KEY(a) = n.key"""
_NEW = """
    SELECT n.*, SEGMENT(n.id) AS segment FROM (
      SELECT s.key, s.vendor, s.type, CAST(NEXT_ID(account) AS BIGINT) AS id FROM in_accounts s
      LEFT JOIN known_account k ON k.key = s.key WHERE k.key IS NULL AND s.key IS NOT NULL ORDER BY s.place) n"""
# Rows whose vendor is nowhere are placed too, as if at the top: what is below them is not wrong in itself.
_PLACED = f"""
    WITH RECURSIVE placed AS (
      SELECT n.key, n.id, CAST(NULL AS BIGINT) AS parent_id, n.segment AS path, n.id AS shard_id, n.type
      FROM new_account n LEFT JOIN in_accounts f ON f.key = n.vendor LEFT JOIN known_account k ON k.key = n.vendor
      WHERE f.key IS NULL AND k.key IS NULL
      UNION ALL
      SELECT n.key, n.id, k.id, k.path || n.segment,
             CASE WHEN length(k.path) = {paths.WIDTH} THEN n.id ELSE k.shard_id END, n.type
      FROM new_account n JOIN known_account k ON k.key = n.vendor
      UNION ALL
      SELECT n.key, n.id, p.id, p.path || n.segment,
             CASE WHEN length(p.path) = {paths.WIDTH} THEN n.id ELSE p.shard_id END, n.type
      FROM placed p JOIN new_account n ON n.vendor = p.key WHERE length(p.path) <= {MAX_LEVELS * paths.WIDTH}
    ) SELECT * FROM placed"""
_REF = """
    SELECT k.key, k.id, k.parent_id, k.path, k.shard_id, coalesce(s.type, k.type) AS type, k.type AS old_type,
           0 AS is_new
    FROM known_account k LEFT JOIN in_accounts s ON s.key = k.key
    UNION ALL SELECT key, id, parent_id, path, shard_id, type, NULL, 1 FROM placed_account"""
_READY = """
    SELECT s.*, r.id, r.parent_id, r.path, r.shard_id, r.old_type, r.is_new, 0 AS changed,
           v.id AS vendor_id, v.type AS vendor_type, m.id AS marketplace_id
    FROM in_accounts s LEFT JOIN account_ref r ON r.key = s.key LEFT JOIN account_ref v ON v.key = s.vendor
    LEFT JOIN marketplace_ref m ON m.code = s.marketplace ORDER BY s.place"""
_TOO_DEEP = """
    WITH RECURSIVE below AS (
      SELECT r.key FROM ready_accounts r WHERE r.id IS NULL AND r.vendor_id IS NOT NULL
      UNION SELECT s.key FROM below b JOIN in_accounts s ON s.vendor = b.key
    ) SELECT key FROM below"""
_CARDS = f"""
    SELECT r.id, r.path, r.shard_id, r.name, r.brand_name, {", ".join(f"r.{name}" for name in _CARD_COLUMNS)},
           CASE WHEN c.account_id IS NULL THEN 1 ELSE 0 END AS is_new, 0 AS changed
    FROM ready_accounts r LEFT JOIN vendor_card c ON c.account_id = r.id WHERE r.type <> 'CUSTOMER'"""
_SIZES = f"""
    SELECT a.id, (SELECT count(*) FROM account b
                  WHERE b.path >= a.path AND b.path < a.path || '{paths.AFTER_SUBTREE}') AS accounts
    FROM account a WHERE a.type <> 'CUSTOMER'"""

# As the migration did for those that were there before: whoever is imported may go on ordering without a limit.
_OPEN_BALANCES = f"""
    INSERT INTO balance (seller_id, seller_path, buyer_id, path, shard_id, currency, owed_micros, terms, net_days,
                         version, created_at, updated_at)
    SELECT b.parent_id, coalesce(s.path, ''), b.id, b.path, b.shard_id,
           coalesce(s.currency, p.currency, '{DEFAULT_CURRENCY}'), 0, 'NET', 30, 1, b.created_at, b.created_at
    FROM ready_accounts r JOIN account b ON b.id = r.id LEFT JOIN account s ON s.id = b.parent_id
    JOIN account p ON p.type = 'PROVIDER' WHERE r.is_new = 1 ORDER BY b.path"""


async def resolve(job: Job) -> None:
    """Place every account that a file names in the tree; report what can't stand where it would."""
    stage = job.stage
    await refuse_repeats(stage, job.problems, "in_accounts", "key")
    await stage.index("in_accounts", "key")
    # An empty database knows none of them, and looking them all up would take a while.
    is_empty = not await stage.rows("SELECT 1 FROM account LIMIT 1")
    await stage.make("named_account", "SELECT key FROM in_accounts WHERE key IS NULL" if is_empty else _NAMED)
    await stage.make("known_account", _KNOWN, "key")
    await stage.make("new_account", _NEW, "vendor")
    await stage.make("placed_account", _PLACED)
    await stage.make("account_ref", _REF, "key", "id")
    await stage.make("ready_accounts", _READY)
    await run_checks(stage, job.problems, _CHECKS)
    is_told = "vendor" in job.columns(files.ACCOUNTS)
    await run_checks(stage, job.problems, [_HAS_NO_VENDOR if is_told else _NEW_HAS_NO_VENDOR])
    if await stage.rows("SELECT 1 FROM ready_accounts WHERE id IS NULL LIMIT 1"):
        await stage.make("too_deep", _TOO_DEEP, "key")
        await run_checks(stage, job.problems, _OUT_OF_PLACE)


async def write(job: Job) -> None:
    """Write accounts, their vendor cards and the words of their names."""
    stage, said = job.stage, job.columns(files.ACCOUNTS)
    await stage.make("ready_cards", _CARDS)
    await _CARD.mark(stage, said)
    await stage.run(
        "UPDATE ready_accounts SET changed = 1 WHERE is_new = 0"
        " AND id IN (SELECT id FROM ready_cards WHERE changed = 1)"
    )
    await _ACCOUNT.mark(stage, said)
    await _free_external_ids(stage)
    async with loading(job, "account", "vendor_card", "account_term", "balance"):
        await job.write(files.ACCOUNTS, _ACCOUNT)
        await _CARD.write(stage, said)
        await _write_terms(stage)
        await stage.run(_OPEN_BALANCES)
    if job.tally(files.ACCOUNTS).created:
        await _measure(stage)


async def _free_external_ids(stage: Stage) -> None:
    """Two accounts may exchange their external ids, but not one row after the other."""
    await stage.run(
        "UPDATE account AS t SET external_id = NULL FROM ready_accounts r WHERE r.id = t.id AND r.changed = 1"
        " AND r.external_id <> t.external_id"
    )


async def _write_terms(stage: Stage) -> None:
    await stage.run("DELETE FROM account_term WHERE path IN (SELECT path FROM ready_accounts WHERE changed = 1)")
    await stage.run(
        "INSERT INTO account_term (path, term) SELECT r.path, t.value FROM"
        " (SELECT path, terms FROM ready_accounts WHERE is_new = 1 OR changed = 1 ORDER BY path) r, EACH(r.terms, t)"
    )


async def _measure(stage: Stage) -> None:
    """Work out `size_class` of every account with others below it."""
    classes = " ".join(f"WHEN accounts >= {1 << power} THEN {power}" for power in range(30, 0, -1))
    await stage.make("account_size", _SIZES)
    await stage.run(
        f"UPDATE account AS t SET size_class = s.class FROM (SELECT id, CASE {classes} ELSE 0 END AS class"
        " FROM account_size) s WHERE s.id = t.id AND t.size_class <> s.class"
    )
