"""Prices: one row is one edge from seller to buyer, product, plan, period and first day; amounts may change."""

# ruff: noqa: S608  # SQL is put together from names of this package only; values never stand in a text

from models.exchange import files
from models.exchange.check import Check, refuse_repeats, run_checks, unknown, when
from models.exchange.indexes import loading
from models.exchange.job import Job
from models.exchange.target import Field, Target, cells
from models.exchange.users import NO_ACCOUNT

FILES = (files.PRICES,)
NO_PRODUCT = "is no product of this manufacturer that exists or is imported"
NO_PLAN = "is no plan that exists or is imported"

_KEY = (
    "seller", "buyer", "manufacturer_code", "mpn", "plan", "marketplace", "period_type", "period_duration", "type",
    "currency", "valid_from",
)  # fmt: skip
_FIXED = ("shard_id", "seller_id", "seller_path", "buyer_id", "product_id", "plan_id", "marketplace_id", "type")
_PRICE = Target(
    "price",
    "ready_prices",
    (
        *(Field(column, f"r.{'price_type' if column == 'type' else column}", is_fixed=True) for column in _FIXED),
        *(Field(column, f"r.{column}", is_fixed=True) for column in ("period_type", "period_duration", "currency")),
        Field("valid_from", "DAY(r.valid_from)", is_fixed=True),
        Field("model", "r.price_model", said_by="model"),
        Field("amount_micros", "r.amount"),
        *cells(files.PRICES, "tiers", "valid_until"),
        Field("created_at", "NOW()", is_fixed=True),
        Field("updated_at", "NOW()", is_fixed=True),
    ),
)

# The plus signs keep SQLite from searching by columns that are mostly null: it takes all values for equally frequent.
_STORED = """
    SELECT min(t.id) FROM price t WHERE t.product_id = n.product_id AND t.seller_path = n.seller_path
    AND +t.plan_id = n.plan_id AND SAME(+t.buyer_id, n.buyer_id) AND SAME(+t.marketplace_id, n.marketplace_id)
    AND t.period_type = n.period_type AND t.period_duration = n.period_duration AND t.type = n.price_type
    AND t.currency = n.currency AND t.valid_from = DAY(n.valid_from)
    AND (t.valid_until IS NULL OR t.valid_until > t.valid_from)"""
_READY = f"""
    SELECT e.*, CAST(coalesce(e.stored_id, FRESH_ID()) AS BIGINT) AS id,
           CASE WHEN e.stored_id IS NULL THEN 1 ELSE 0 END AS is_new, 0 AS changed
    FROM (SELECT n.*, ({_STORED}) AS stored_id FROM (
      SELECT s.*, v.id AS seller_id, v.type AS seller_type, b.id AS buyer_id, b.parent_id AS buyer_vendor_id,
             CASE WHEN s.seller IS NULL THEN '' ELSE v.path END AS seller_path,
             CASE WHEN s.seller IS NULL THEN (SELECT min(o.id) FROM account_ref o WHERE o.type = 'PROVIDER')
                  ELSE v.shard_id END AS shard_id,
             p.id AS product_id, l.id AS plan_id, m.id AS marketplace_id, coalesce(s.type, 'RECURRING') AS price_type,
             coalesce(s.model, CASE WHEN s.tiers IS NULL THEN 'FLAT' ELSE 'VOLUME_SUBSCRIPTION' END) AS price_model
      FROM in_prices s LEFT JOIN account_ref v ON v.key = s.seller LEFT JOIN account_ref b ON b.key = s.buyer
      LEFT JOIN product_ref p ON p.manufacturer_code = s.manufacturer_code AND p.mpn = s.mpn
      LEFT JOIN plan_ref l ON l.code = s.plan LEFT JOIN marketplace_ref m ON m.code = s.marketplace
      ORDER BY s.place) n) e"""

_CHECKS = (
    unknown("ready_prices", "seller", "seller_id", NO_ACCOUNT),
    when("ready_prices", "seller", "r.seller_type = 'CUSTOMER'", "is a customer, which sells nothing"),
    Check(
        "seller",
        "the manufacturer charges the provider, and there is none",
        "SELECT r.place, NULL AS value, NULL AS detail FROM ready_prices r"
        " WHERE r.seller IS NULL AND r.shard_id IS NULL",
    ),
    unknown("ready_prices", "buyer", "buyer_id", NO_ACCOUNT),
    when(
        "ready_prices",
        "buyer",
        "r.buyer_id IS NOT NULL AND (r.seller IS NULL OR r.seller_id IS NOT NULL)"
        " AND DIFFERS(r.buyer_vendor_id, r.seller_id)",
        "doesn't stand right below the seller",
    ),
    unknown("ready_prices", "mpn", "product_id", NO_PRODUCT),
    unknown("ready_prices", "plan", "plan_id", NO_PLAN),
    unknown("ready_prices", "marketplace", "marketplace_id", "is no marketplace that exists or is imported"),
    Check(
        "tiers",
        "are given to a flat price",
        "SELECT r.place, NULL AS value, NULL AS detail FROM ready_prices r"
        " WHERE r.tiers IS NOT NULL AND r.price_model = 'FLAT'",
    ),
    when("ready_prices", "valid_until", "r.valid_until <= r.valid_from", "is not after the first day"),
)


async def resolve(job: Job) -> None:
    """Find out which edges the prices belong to and which of them exist; report what is wrong."""
    await job.stage.run("UPDATE in_prices SET type = 'RECURRING' WHERE type IS NULL AND is_flawed = 0")
    await refuse_repeats(job.stage, job.problems, "in_prices", "valid_from", *_KEY)
    await job.stage.make("ready_prices", _READY)
    await run_checks(job.stage, job.problems, _CHECKS)


async def write(job: Job) -> None:
    """Write prices."""
    await _PRICE.mark(job.stage, job.columns(files.PRICES))
    async with loading(job, "price"):
        await job.write(files.PRICES, _PRICE)
