"""What each edge of the vendor chain is charged for a subscription's items: as a file says, or from the prices.

An item is charged at the price that is valid on its subscription's first day (or the day it was created): one for
the buyer before one for everybody, one for the buyer's marketplace before one for all, one in the seller's currency
before another, the latest before older ones. A price with tiers gives all units the amount of the tier that the
quantity reaches; but of a TIERED one each unit has the amount of the tier into which it falls, as when it is ordered
(`resolvers/ordering/amounts.py`), and the charge their average. An edge without a price has no charge.
"""

# ruff: noqa: S608  # SQL is put together from names of this package only; values never stand in a text

from models.exchange import files
from models.exchange.check import Check, refuse_repeats, run_checks, unknown, when
from models.exchange.indexes import loading
from models.exchange.job import Job
from models.exchange.subscriptions import NO_SUBSCRIPTION
from models.exchange.target import Field, Target, cells
from models.exchange.users import NO_ACCOUNT

FILES = (files.CHARGES,)
_MOST = 9_000_000_000_000_000
"""Micros that a quantity may cost in one billing period: what is worked out from them stays within 64 bits."""
_MANY = 10_000
"""Items from which on it pays to look at all prices first."""
_TOO_MUCH = "times the price is more than 9,000,000,000 for one billing period"

# A month's share of a billing period, as a fraction: a day counts as 12/365 of a month.
_SHARE = """
    CASE s.billing_period_type WHEN 'DAY' THEN 365 ELSE 1 END AS share,
    s.billing_period_duration * CASE s.billing_period_type WHEN 'YEAR' THEN 12 WHEN 'DAY' THEN 12 ELSE 1 END AS parts"""
_MONTHLY = "(2 * {unit} * {item}.quantity * {item}.share + {item}.parts) / (2 * {item}.parts)"

_CHARGE = Target(
    "subscription_charge",
    "ready_item_charges",
    (
        *(
            Field(column, f"r.{column}", is_fixed=True)
            for column in ("item_id", "subscription_id", "path", "shard_id", "seller_id", "seller_path", "buyer_id")
        ),
        *cells(files.CHARGES, "currency"),
        Field("status", "r.status"),
        Field("unit_micros", "r.unit_amount"),
        Field("monthly_micros", "r.monthly"),
    ),
    is_versioned=False,
)

_READY = """
    SELECT s.*, r.id AS subscription_id, r.path, r.shard_id, v.id AS seller_id,
           CASE WHEN s.seller IS NULL THEN '' ELSE v.path END AS seller_path, b.id AS buyer_id, b.path AS buyer_path,
           b.parent_id AS buyer_vendor_id
    FROM in_charges s LEFT JOIN subscription_ref r ON r.key = s.subscription
    LEFT JOIN account_ref v ON v.key = s.seller LEFT JOIN account_ref b ON b.key = s.buyer"""
_OF_ITEMS = f"""
    SELECT c.*, {_MONTHLY.format(unit="c.unit_amount", item="c")} AS monthly,
           CAST(coalesce(t.id, FRESH_ID()) AS BIGINT) AS id,
           CASE WHEN t.id IS NULL THEN 1 ELSE 0 END AS is_new,
           0 AS changed
    FROM (SELECT r.*, i.id AS item_id, i.quantity, s.status, {_SHARE} FROM ready_charges r
          JOIN subscription s ON s.id = r.subscription_id
          JOIN subscription_item i ON i.subscription_id = r.subscription_id AND i.position = r.position
          WHERE r.unit_amount IS NOT NULL) c
    LEFT JOIN subscription_charge t ON t.item_id = c.item_id AND t.seller_path = c.seller_path"""

_CHECKS = (
    unknown("ready_charges", "subscription", "subscription_id", NO_SUBSCRIPTION),
    unknown("ready_charges", "seller", "seller_id", NO_ACCOUNT),
    unknown("ready_charges", "buyer", "buyer_id", NO_ACCOUNT),
    when(
        "ready_charges",
        "buyer",
        "r.buyer_id IS NOT NULL AND (r.seller IS NULL OR r.seller_id IS NOT NULL)"
        " AND DIFFERS(r.buyer_vendor_id, r.seller_id)",
        "doesn't stand right below the seller",
    ),
    when(
        "ready_charges",
        "buyer",
        "substr(r.path, 1, length(r.buyer_path)) <> r.buyer_path",
        "is neither the subscription's account nor one above it",
    ),
    when(
        "ready_charges",
        "unit_amount",
        "(r.unit_amount IS NULL) <> (r.currency IS NULL)",
        "goes with the currency: both, or neither",
    ),
    when(
        "ready_charges",
        "position",
        "r.subscription_id IS NOT NULL AND r.position > 0 AND NOT EXISTS (SELECT 1 FROM ready_subscription_items i"
        " WHERE i.subscription_id = r.subscription_id AND i.position = r.position) AND NOT EXISTS"
        " (SELECT 1 FROM subscription_item i WHERE i.subscription_id = r.subscription_id AND i.position = r.position)",
        "is no item of the subscription",
    ),
)

_NOT_GIVEN = "NOT EXISTS (SELECT 1 FROM charged_subscription c WHERE c.id = s.id)"
_TERMS = f"""
    i.id AS item_id, i.subscription_id, i.path, i.shard_id, i.account_id, i.product_id, i.quantity, s.plan_id,
    s.period_type, s.period_duration, s.status, coalesce(s.start_date, DAY_OF(s.created_at)) AS day, {_SHARE}"""
_TO_PRICE = f"""
    SELECT r.place, {_TERMS} FROM ready_subscriptions r JOIN subscription s ON s.id = r.id
    JOIN subscription_item i ON i.subscription_id = s.id
    WHERE r.is_priced = 1 AND {_NOT_GIVEN}
    UNION ALL
    SELECT r.place, {_TERMS} FROM ready_subscription_items r JOIN subscription_item i ON i.id = r.id
    JOIN subscription s ON s.id = i.subscription_id
    WHERE r.is_priced = 1 AND {_NOT_GIVEN}
      AND NOT EXISTS (SELECT 1 FROM ready_subscriptions o WHERE o.id = s.id AND o.is_priced = 1)"""


# Each edge above an account that has something to price, from its own up to the manufacturer's.
_CHAIN = """
    WITH RECURSIVE edge AS (
      SELECT p.account_id, b.id AS buyer_id, b.marketplace_id AS marketplace_id, v.id AS seller_id,
             v.parent_id AS above_id, v.marketplace_id AS seller_marketplace_id, v.currency AS seller_currency,
             length(b.path) - 6 AS seller_length
      FROM (SELECT DISTINCT account_id FROM to_price) p JOIN account b ON b.id = p.account_id
      LEFT JOIN account v ON v.id = b.parent_id
      UNION ALL
      SELECT e.account_id, e.seller_id, e.seller_marketplace_id, v.id, v.parent_id, v.marketplace_id, v.currency,
             e.seller_length - 6
      FROM edge e LEFT JOIN account v ON v.id = e.above_id WHERE e.seller_id IS NOT NULL)
    SELECT account_id, buyer_id, marketplace_id, seller_id, CAST(coalesce(seller_id, 0) AS BIGINT) AS seller,
           seller_currency, seller_length
    FROM edge"""
# What a seller asks of everybody, everywhere, at one price: nearly all there is, and quick to look up.
_PLAIN = f"""
    SELECT CAST(coalesce(seller_id, 0) AS BIGINT) AS seller, product_id, plan_id, period_type, period_duration,
           CAST(min(id) AS BIGINT) AS price_id
    FROM price WHERE type = 'RECURRING' AND (SELECT count(*) FROM to_price) > {_MANY}
    GROUP BY seller_id, product_id, plan_id, period_type, period_duration
    HAVING count(*) = 1 AND count(buyer_id) = 0 AND count(marketplace_id) = 0"""


def _best(seller: str) -> str:
    """The best of several prices; SQLite can't sort by what comes from outside, so that is a column first."""
    return f"""
    SELECT q.id FROM (
      SELECT p.*, p.currency <> coalesce(c.seller_currency, p.currency) AS is_foreign FROM price p
      WHERE {seller} AND p.product_id = t.product_id AND p.plan_id = t.plan_id
        AND p.period_type = t.period_type AND p.period_duration = t.period_duration AND p.type = 'RECURRING'
        AND p.valid_from <= t.day AND (p.valid_until IS NULL OR p.valid_until > t.day)
        AND (+p.buyer_id IS NULL OR +p.buyer_id = c.buyer_id)
        AND (+p.marketplace_id IS NULL OR +p.marketplace_id = c.marketplace_id)) q
    ORDER BY q.buyer_id IS NULL, q.marketplace_id IS NULL, q.is_foreign, q.valid_from DESC, q.currency, q.amount_micros
    LIMIT 1"""


_LIMIT = "CAST(substr(t.value, 2, FIND(t.value, ',') - 2) AS BIGINT)"
_MICROS = "CAST(substr(t.value, FIND(t.value, ',') + 1, length(t.value) - FIND(t.value, ',') - 1) AS BIGINT)"
_TIER = f"""
    SELECT {_MICROS} FROM EACH(p.tiers, t) WHERE {_LIMIT} <= e.quantity ORDER BY {_LIMIT} DESC LIMIT 1"""
_GRADUATED = f"""
    SELECT CAST(sum((CASE WHEN w.next_limit <= e.quantity THEN w.next_limit - 1 ELSE e.quantity END
                     - w.lower_limit + 1) * w.micros) AS BIGINT)
    FROM (SELECT o.lower_limit, o.micros, lead(o.lower_limit) OVER (ORDER BY o.lower_limit) AS next_limit
          FROM (SELECT 1 AS lower_limit, p.amount_micros AS micros
                UNION ALL SELECT {_LIMIT}, {_MICROS} FROM EACH(p.tiers, t)) o) w
    WHERE w.lower_limit <= e.quantity"""
"""What all units of an item cost together where each has the price of its own tier."""
# PostgreSQL may try every price with every edge before it looks which one belongs to it, if it is left the choice.
_PRICED = f"""
    WITH chosen AS MATERIALIZED_BY_POSTGRESQL() (
          SELECT t.*, c.buyer_id, c.seller_id, c.seller_length,
                 CASE WHEN o.price_id IS NOT NULL THEN o.price_id
                      WHEN c.seller_id IS NULL THEN ({_best("p.seller_id IS NULL")})
                      ELSE ({_best("p.seller_id = c.seller_id")}) END AS price_id
          FROM to_price t JOIN chain c ON c.account_id = t.account_id
          LEFT JOIN plain_price o ON o.seller = c.seller AND o.product_id = t.product_id AND o.plan_id = t.plan_id
            AND o.period_type = t.period_type AND o.period_duration = t.period_duration)
    SELECT e.*, p.currency, p.amount_micros,
           CASE WHEN p.tiers IS NULL THEN p.amount_micros ELSE coalesce(({_TIER}), p.amount_micros) END AS reached,
           CASE WHEN p.tiers IS NOT NULL AND p.model = 'TIERED' AND e.quantity > 0 THEN ({_GRADUATED}) END AS graduated
    FROM chosen e JOIN price p ON p.id = e.price_id
    WHERE p.valid_from <= e.day AND (p.valid_until IS NULL OR p.valid_until > e.day)"""
"""Of the edges above the items to price, those with a price."""
_TOUCHED = f"""
    SELECT r.place, i.id AS item_id, i.quantity, s.status, {_SHARE} FROM ready_subscriptions r
    JOIN subscription s ON s.id = r.id JOIN subscription_item i ON i.subscription_id = s.id
    WHERE r.changed = 1 AND r.is_priced = 0 AND {_NOT_GIVEN}
    UNION ALL
    SELECT r.place, i.id, i.quantity, s.status, {_SHARE} FROM ready_subscription_items r
    JOIN subscription_item i ON i.id = r.id JOIN subscription s ON s.id = i.subscription_id
    WHERE r.changed = 1 AND r.is_priced = 0 AND {_NOT_GIVEN}"""
"""Items whose unit price stays as it was while quantity or status may not."""
_MOST_OF_TIERS = (
    "SELECT max(CAST(substr(t.value, FIND(t.value, ',') + 1, length(t.value) - FIND(t.value, ',') - 1) AS BIGINT))"
    " FROM price p, EACH(p.tiers, t)"
)
_EXCESS_OF_CHANGES = (
    Check(
        "quantity",
        _TOO_MUCH,
        "SELECT DISTINCT i.place, i.quantity AS value, NULL AS detail FROM touched_item i"
        " JOIN subscription_charge t ON t.item_id = i.item_id"
        f" WHERE i.quantity > 0 AND t.unit_micros > {_MOST} / i.quantity",
    ),
)
_EXCESS_OF_PRICES = Check(
    "quantity",
    _TOO_MUCH,
    f"SELECT DISTINCT e.place, e.quantity AS value, NULL AS detail FROM ({_PRICED}) e"
    f" WHERE e.quantity > 0 AND CASE WHEN e.amount_micros > e.reached THEN e.amount_micros ELSE e.reached END"
    f" > {_MOST} / e.quantity",
)
_EXCESS_OF_CHARGES = Check(
    "unit_amount",
    "times the quantity is more than 9,000,000,000 for one billing period",
    "SELECT r.place, NULL AS value, NULL AS detail FROM ready_charges r"
    " JOIN subscription_item i ON i.subscription_id = r.subscription_id AND i.position = r.position"
    f" WHERE i.quantity > 0 AND r.unit_amount > {_MOST} / i.quantity",
)


_INSERT_PRICED = f"""
    INSERT INTO subscription_charge (id, item_id, subscription_id, path, shard_id, seller_id, seller_path, buyer_id,
                                     status, currency, unit_micros, monthly_micros)
    SELECT FRESH_ID(), e.item_id, e.subscription_id, e.path, e.shard_id, e.seller_id,
           substr(e.path, 1, e.seller_length), e.buyer_id, e.status, e.currency,
           CASE WHEN e.graduated IS NULL THEN e.reached ELSE (2 * e.graduated + e.quantity) / (2 * e.quantity) END,
           (2 * coalesce(e.graduated, e.reached * e.quantity) * e.share + e.parts) / (2 * e.parts)
    FROM ({_PRICED}) e"""


async def resolve(job: Job) -> None:
    """Find out which edges the charges of the file belong to; report what is wrong."""
    stage = job.stage
    await refuse_repeats(stage, job.problems, "in_charges", "buyer", "subscription", "position", "buyer")
    await stage.make("ready_charges", _READY)
    await stage.make("charged_subscription", "SELECT DISTINCT subscription_id AS id FROM ready_charges", "id")
    await run_checks(stage, job.problems, _CHECKS)


async def write(job: Job) -> None:
    """Write the file's charges; work out the others.

    Raises:
        ImportRefusedError: a quantity costs more than can be counted.
    """
    stage = job.stage
    await stage.make("to_price", _TO_PRICE, "item_id")
    await stage.make("chain", _CHAIN, "account_id")
    await stage.make("plain_price", _PLAIN, "seller, product_id, plan_id, period_type, period_duration, price_id")
    await stage.make("touched_item", _TOUCHED)
    await _refuse_excess(job)
    await stage.run(
        "UPDATE subscription_charge AS t SET status = i.status,"
        f" monthly_micros = {_MONTHLY.format(unit='t.unit_micros', item='i')}"
        " FROM touched_item i WHERE i.item_id = t.item_id"
    )
    async with loading(job, "subscription_charge"):
        await stage.run("DELETE FROM subscription_charge WHERE item_id IN (SELECT item_id FROM to_price)")
        await _write_given(job)
        await stage.run(_INSERT_PRICED)


async def _write_given(job: Job) -> None:
    if not job.is_read(files.CHARGES):
        return
    stage = job.stage
    await stage.make("ready_item_charges", _OF_ITEMS, "id")
    await _CHARGE.mark(stage, job.columns(files.CHARGES))
    job.tally(files.CHARGES).removed = await stage.run(
        "DELETE FROM subscription_charge WHERE subscription_id IN (SELECT id FROM charged_subscription)"
        " AND NOT EXISTS (SELECT 1 FROM ready_item_charges r WHERE r.id = subscription_charge.id)"
    )
    await job.write(files.CHARGES, _CHARGE)


async def _refuse_excess(job: Job) -> None:
    """Most imports are far from the bound, which the largest numbers alone tell."""
    checks = list(_EXCESS_OF_CHANGES)
    if await _most(job, "to_price", "price", "amount_micros", _MOST_OF_TIERS) > _MOST:
        checks.append(_EXCESS_OF_PRICES)
    if await _most(job, "subscription_item", "ready_charges", "unit_amount", "SELECT NULL") > _MOST:
        checks.append(_EXCESS_OF_CHARGES)
    await run_checks(job.stage, job.problems, checks)
    job.problems.raise_if_any()


async def _most(job: Job, quantities: str, amounts: str, column: str, further: str) -> int:
    """The largest quantity times the largest amount."""
    quantity, *most = (
        await job.stage.rows(
            f"SELECT (SELECT max(quantity) FROM {quantities}), (SELECT max({column}) FROM {amounts}), ({further})"
        )
    )[0]
    return (quantity or 0) * max(amount or 0 for amount in most)
