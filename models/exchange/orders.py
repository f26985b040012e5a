"""Orders and their lines."""

from models.exchange import files
from models.exchange.check import Check, refuse_repeats, run_checks, unknown, when
from models.exchange.indexes import loading
from models.exchange.job import Job
from models.exchange.prices import NO_PLAN, NO_PRODUCT
from models.exchange.subscriptions import NO_SUBSCRIPTION
from models.exchange.target import DATES, Field, Target, cells
from models.exchange.users import NO_ACCOUNT, OWNER

FILES = (files.ORDERS, files.ORDER_LINES)

_ORDER = Target(
    "orders",
    "ready_orders",
    (
        *OWNER,
        Field("number", "r.number", is_fixed=True),
        Field("total_micros", "r.total"),
        Field("subscription_id", "r.subscription_id", said_by="subscription"),
        *cells(files.ORDERS, "status_code", "po_number", "provisioned_at", "currency", "scheduled_on"),
        *cells(files.ORDERS, "error_message", "attributes"),
        *cells(files.ORDERS, type="'SALES'", status="'SUBMITTED'", credit_check="true"),
        *DATES,
    ),
)
_LINE = Target(
    "order_line",
    "ready_order_lines",
    (
        *OWNER,
        Field("order_id", "r.order_id", is_fixed=True),
        Field("position", "r.position", is_fixed=True),
        Field("product_id", "r.product_id"),
        Field("plan_id", "r.plan_id"),
        Field("name", "r.name", default="r.product_name", said_by="name"),
        Field("unit_micros", "r.unit_amount"),
        Field("extended_micros", "r.extended_amount"),
        *cells(files.ORDER_LINES, "mpn", "period_type", "period_duration", "quantity", "resulting_quantity"),
        *cells(files.ORDER_LINES, "effective_on", "currency", "exchange_rate", quantity_kind="'DELTA'"),
    ),
    is_versioned=False,
)

_READY = """
    SELECT s.*, a.id AS account_id, a.path, a.shard_id, r.id AS subscription_id,
           r.account_id AS subscription_account_id, t.account_id AS old_account_id,
           CAST(coalesce(t.id, FRESH_ID()) AS BIGINT) AS id,
           CASE WHEN t.id IS NULL THEN 1 ELSE 0 END AS is_new,
           0 AS changed
    FROM in_orders s LEFT JOIN account_ref a ON a.key = s.account
    LEFT JOIN subscription_ref r ON r.key = s.subscription LEFT JOIN orders t ON t.number = s.number ORDER BY s.place"""
_READY_LINES = """
    SELECT n.*, CAST(coalesce(t.id, FRESH_ID()) AS BIGINT) AS id,
           CASE WHEN t.id IS NULL THEN 1 ELSE 0 END AS is_new, 0 AS changed
    FROM (
      SELECT s.*, coalesce(f.id, d.id) AS order_id, coalesce(f.account_id, d.account_id) AS account_id,
             coalesce(f.path, d.path) AS path, coalesce(f.shard_id, d.shard_id) AS shard_id,
             p.id AS product_id, p.name AS product_name, l.id AS plan_id
      FROM in_order_lines s LEFT JOIN ready_orders f ON f.number = s."order" LEFT JOIN orders d ON d.number = s."order"
      LEFT JOIN product_ref p ON p.manufacturer_code = s.manufacturer_code AND p.mpn = s.mpn
      LEFT JOIN plan_ref l ON l.code = s.plan ORDER BY s.place) n
    LEFT JOIN order_line t ON t.order_id = n.order_id AND t.position = n.position"""

_CHECKS = (
    unknown("ready_orders", "account", "account_id", NO_ACCOUNT),
    unknown("ready_orders", "subscription", "subscription_id", NO_SUBSCRIPTION),
    when(
        "ready_orders",
        "subscription",
        "r.subscription_account_id <> r.account_id",
        "is a subscription of another account",
    ),
    Check(
        "account",
        "is not the order's account, which is {}; an order can't move",
        "SELECT r.place, r.account AS value, ACCOUNT_KEY(a) AS detail FROM ready_orders r"
        " JOIN account a ON a.id = r.old_account_id WHERE r.account_id <> r.old_account_id",
    ),
    unknown("ready_order_lines", "order", "order_id", "is no order that exists or is imported"),
    unknown("ready_order_lines", "mpn", "product_id", NO_PRODUCT),
    unknown("ready_order_lines", "plan", "plan_id", NO_PLAN),
)


async def resolve(job: Job) -> None:
    """Find out whose the orders are and which of them exist; report what is wrong."""
    await refuse_repeats(job.stage, job.problems, "in_orders", "number")
    await job.stage.make("ready_orders", _READY, "number")
    await refuse_repeats(job.stage, job.problems, "in_order_lines", "position", "order", "position")
    await job.stage.make("ready_order_lines", _READY_LINES)
    await run_checks(job.stage, job.problems, _CHECKS)


async def write(job: Job) -> None:
    """Write orders and their lines."""
    await _ORDER.mark(job.stage, job.columns(files.ORDERS))
    async with loading(job, "orders"):
        await job.write(files.ORDERS, _ORDER)
    await _LINE.mark(job.stage, job.columns(files.ORDER_LINES))
    async with loading(job, "order_line"):
        await job.write(files.ORDER_LINES, _LINE)
