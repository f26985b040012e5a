"""Subscriptions, their products, and who has a seat."""

# ruff: noqa: S608  # SQL is put together from names of this package only; values never stand in a text

from models.exchange import files
from models.exchange.check import Check, refuse_repeats, run_checks, unknown, when
from models.exchange.indexes import loading
from models.exchange.job import Job
from models.exchange.prices import NO_PLAN, NO_PRODUCT
from models.exchange.stage import Stage
from models.exchange.target import DATES, Field, Target, cells
from models.exchange.users import NO_ACCOUNT, OWNER

FILES = (files.SUBSCRIPTIONS, files.SUBSCRIPTION_ITEMS)
NO_SUBSCRIPTION = "is no subscription that exists or is imported"

_SUBSCRIPTION = Target(
    "subscription",
    "ready_subscriptions",
    (
        *OWNER,
        Field("import_key", "r.key", is_fixed=True),
        Field("name", "r.name", default="r.product_name", said_by="name"),
        Field("name_key", "r.name_key", default="r.product_name_key", said_by="name"),
        Field("renewal_key", "coalesce(DAY(r.renewal_date), DAY('9999-12-31'))", said_by="renewal_date"),
        *(
            Field(column, f"r.{column}")
            for column in (
                *("product_id", "plan_id", "quantity", "period_type", "period_duration"),
                *("billing_model", "billing_period_type", "billing_period_duration"),
            )
        ),
        *cells(files.SUBSCRIPTIONS, "start_date", "renewal_date", "expiration_date", "vendor_subscription_id"),
        *cells(files.SUBSCRIPTIONS, "attributes", status="'ACTIVE'", auto_renew="true"),
        *DATES,
    ),
)
_ITEM = Target(
    "subscription_item",
    "ready_subscription_items",
    (
        *OWNER,
        Field("subscription_id", "r.subscription_id", is_fixed=True),
        Field("position", "r.position", is_fixed=True),
        Field("product_id", "r.product_id"),
        *cells(files.SUBSCRIPTION_ITEMS, "quantity", "vendor_subscription_id"),
    ),
    is_versioned=False,
)

_READY = """
    SELECT e.*, CAST(coalesce(e.old_id, FRESH_ID()) AS BIGINT) AS id,
           CASE WHEN e.old_id IS NULL THEN 1 ELSE 0 END AS is_new, 0 AS changed
    FROM (
      SELECT s.*, a.id AS account_id, a.path, a.shard_id, p.id AS product_id, p.name AS product_name,
             p.name_key AS product_name_key, l.id AS plan_id, l.billing_model, l.billing_period_type,
             l.billing_period_duration, coalesce(t.id, u.id) AS old_id,
             coalesce(t.account_id, u.account_id) AS old_account_id,
             CASE WHEN coalesce(t.product_id, u.product_id) = p.id AND coalesce(t.plan_id, u.plan_id) = l.id
                   AND coalesce(t.period_type, u.period_type) = s.period_type
                   AND coalesce(t.period_duration, u.period_duration) = s.period_duration
                   AND coalesce(t.billing_period_type, u.billing_period_type) = l.billing_period_type
                   AND coalesce(t.billing_period_duration, u.billing_period_duration) = l.billing_period_duration
                  THEN 0 ELSE 1 END AS is_priced
      FROM in_subscriptions s LEFT JOIN account_ref a ON a.key = s.account
      LEFT JOIN product_ref p ON p.manufacturer_code = s.manufacturer_code AND p.mpn = s.mpn
      LEFT JOIN plan_ref l ON l.code = s.plan LEFT JOIN subscription t ON t.import_key = s.key
      LEFT JOIN subscription u ON u.id = STORED_ID(s.key) AND u.import_key IS NULL AND 'canopy:' || u.id = s.key
      ORDER BY s.place) e"""
_NAMED = """
    SELECT n.subscription AS key FROM (
      SELECT subscription FROM in_subscription_items UNION SELECT subscription FROM in_charges
      UNION SELECT subscription FROM in_orders) n
    LEFT JOIN ready_subscriptions r ON r.key = n.subscription WHERE n.subscription IS NOT NULL AND r.key IS NULL"""
_REF = """
    SELECT key, id, account_id, path, shard_id FROM ready_subscriptions
    UNION ALL SELECT n.key, t.id, t.account_id, t.path, t.shard_id
    FROM named_subscription n JOIN subscription t ON t.import_key = n.key
    UNION ALL SELECT n.key, t.id, t.account_id, t.path, t.shard_id
    FROM named_subscription n JOIN subscription t ON t.id = STORED_ID(n.key)
    WHERE t.import_key IS NULL AND 'canopy:' || t.id = n.key
      AND NOT EXISTS (SELECT 1 FROM subscription k WHERE k.import_key = n.key)"""
_ITEMS = """
    SELECT s.*, r.id AS subscription_id, r.account_id, r.path, r.shard_id, p.id AS product_id,
           CAST(coalesce(t.id, FRESH_ID()) AS BIGINT) AS id,
           CASE WHEN t.id IS NULL THEN 1 ELSE 0 END AS is_new,
           0 AS changed, CASE WHEN t.product_id = p.id THEN 0 ELSE 1 END AS is_priced
    FROM in_subscription_items s LEFT JOIN subscription_ref r ON r.key = s.subscription
    LEFT JOIN product_ref p ON p.manufacturer_code = s.manufacturer_code AND p.mpn = s.mpn
    LEFT JOIN subscription_item t ON t.subscription_id = r.id AND t.position = s.position ORDER BY s.place"""
_SEATS = """
    SELECT n.*, coalesce(f.id, u.id) AS user_id,
           CASE WHEN coalesce(f.id, u.id) IS NULL
                THEN coalesce((SELECT min(o.account_id) FROM ready_users o WHERE o.login = n.login),
                              (SELECT min(o.account_id) FROM app_user o WHERE o.login = n.login))
                ELSE n.account_id END AS user_account_id
    FROM (SELECT r.place, r.id AS subscription_id, r.account_id, r.path, r.shard_id, s.value AS login
          FROM ready_subscriptions r, EACH(r.users, s)) n
    LEFT JOIN ready_users f ON f.login = n.login AND f.account_id = n.account_id
    LEFT JOIN app_user u ON u.login = n.login AND u.account_id = n.account_id"""
_SEATS_STORED = """
    SELECT '["' || JOINED(l.login, '","') || '"]' FROM (
      SELECT u.login FROM seat s JOIN app_user u ON u.id = s.user_id WHERE s.subscription_id = r.id
      ORDER BY u.login) l"""

_CHECKS = (
    unknown("ready_subscriptions", "account", "account_id", NO_ACCOUNT),
    unknown("ready_subscriptions", "mpn", "product_id", NO_PRODUCT),
    unknown("ready_subscriptions", "plan", "plan_id", NO_PLAN),
    when("ready_subscriptions", "expiration_date", "r.expiration_date < r.start_date", "is before the start"),
    Check(
        "account",
        "is not the subscription's account, which is {}; a subscription can't move",
        "SELECT r.place, r.account AS value, ACCOUNT_KEY(a) AS detail FROM ready_subscriptions r"
        " JOIN account a ON a.id = r.old_account_id WHERE r.account_id <> r.old_account_id",
    ),
    Check(
        "users",
        "is no user who exists or is imported",
        "SELECT s.place, s.login AS value, NULL AS detail FROM ready_seats s WHERE s.user_account_id IS NULL",
    ),
    Check(
        "users",
        "is a user of another account",
        "SELECT s.place, s.login AS value, NULL AS detail FROM ready_seats s WHERE s.user_account_id <> s.account_id",
    ),
    unknown("ready_subscription_items", "subscription", "subscription_id", NO_SUBSCRIPTION),
    unknown("ready_subscription_items", "mpn", "product_id", NO_PRODUCT),
)


async def resolve(job: Job) -> None:
    """Find out whose the subscriptions are and which of them exist; report what is wrong."""
    stage = job.stage
    await refuse_repeats(stage, job.problems, "in_subscriptions", "key")
    await stage.make("ready_subscriptions", _READY, "key", "id")
    await stage.make("ready_seats", _SEATS)
    await stage.make("named_subscription", _NAMED)
    await stage.make("subscription_ref", _REF, "key")
    await refuse_repeats(stage, job.problems, "in_subscription_items", "position", "subscription", "position")
    await stage.make("ready_subscription_items", _ITEMS, "subscription_id")
    await run_checks(stage, job.problems, _CHECKS)


async def write(job: Job) -> None:
    """Write subscriptions with their products and seats; what they are charged comes after."""
    stage, said = job.stage, job.columns(files.SUBSCRIPTIONS)
    await _SUBSCRIPTION.mark(stage, said)
    if "users" in said:
        await stage.run(
            "UPDATE ready_subscriptions AS r SET changed = 1 WHERE is_new = 0"
            f" AND DIFFERS(coalesce(r.users, '[]'), coalesce(({_SEATS_STORED}), '[]'))"
        )
    async with loading(job, "subscription"):
        await job.write(files.SUBSCRIPTIONS, _SUBSCRIPTION)
    async with loading(job, "subscription_item"):
        await _write_first_items(stage, "vendor_subscription_id" in said)
        await _ITEM.mark(stage, job.columns(files.SUBSCRIPTION_ITEMS))
        await job.write(files.SUBSCRIPTION_ITEMS, _ITEM)
    if "users" in said:
        async with loading(job, "seat"):
            await _write_seats(stage)


async def _write_first_items(stage: Stage, says_vendor_id: bool) -> None:
    """The product that a subscription was bought for is its item 0."""
    also = ", vendor_subscription_id = r.vendor_subscription_id" if says_vendor_id else ""
    await stage.run(
        f"UPDATE subscription_item AS t SET product_id = r.product_id, quantity = r.quantity{also}"
        " FROM ready_subscriptions r WHERE r.id = t.subscription_id AND t.position = 0 AND r.changed = 1"
    )
    await stage.run(
        "INSERT INTO subscription_item (id, subscription_id, position, product_id, quantity, vendor_subscription_id,"
        " account_id, path, shard_id) SELECT FRESH_ID(), r.id, 0, r.product_id, r.quantity, r.vendor_subscription_id,"
        " r.account_id, r.path, r.shard_id FROM ready_subscriptions r WHERE r.is_new = 1 ORDER BY r.id"
    )


async def _write_seats(stage: Stage) -> None:
    await stage.run("DELETE FROM seat WHERE subscription_id IN (SELECT id FROM ready_subscriptions WHERE changed = 1)")
    await stage.run(
        "INSERT INTO seat (subscription_id, user_id, account_id, path, shard_id)"
        " SELECT s.subscription_id, s.user_id, s.account_id, s.path, s.shard_id FROM ready_seats s"
        " JOIN ready_subscriptions r ON r.id = s.subscription_id WHERE r.is_new = 1 OR r.changed = 1"
    )
