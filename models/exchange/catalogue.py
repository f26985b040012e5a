"""Marketplaces, plans, manufacturers and products: what others refer to by code."""

# ruff: noqa: S608  # SQL is put together from names of this package only; values never stand in a text

import orjson

from models.exchange import files
from models.exchange.check import Check, refuse_repeats, run_checks, when
from models.exchange.indexes import loading
from models.exchange.job import Job
from models.exchange.stage import Stage
from models.exchange.target import Field, Target, cells
from models.text import terms

FILES = (files.MARKETPLACES, files.PLANS, files.PRODUCTS)
_BATCH = 5_000
_BORN = (Field("created_at", "NOW()", is_fixed=True), Field("updated_at", "NOW()", is_fixed=True))

_MARKETPLACE = Target(
    "marketplace",
    "ready_marketplaces",
    (
        Field("code", "r.code", is_fixed=True),
        Field("name_key", "r.name_key", said_by="name"),
        *cells(files.MARKETPLACES, "name", "country_code", "currency"),
    ),
)
_PLAN = Target(
    "plan",
    "ready_plans",
    (
        Field("code", "r.code", is_fixed=True),
        Field("name_key", "r.name_key", said_by="name"),
        *cells(files.PLANS, "name", "billing_period_type", "billing_period_duration", "billing_model"),
        *cells(files.PLANS, "short_description", "long_description", is_published="true"),
        *_BORN,
    ),
)
_MANUFACTURER = Target(
    "manufacturer",
    "ready_manufacturers",
    (Field("code", "r.code", is_fixed=True), Field("name", "r.name", default="r.code")),
)
_PRODUCT = Target(
    "product",
    "ready_products",
    (
        Field("mpn", "r.mpn", is_fixed=True),
        Field("manufacturer_id", "r.manufacturer_id", is_fixed=True),
        Field("name_key", "r.name_key", said_by="name"),
        *cells(files.PRODUCTS, "name", "description", "service_name", "segment", "unit", "maximum_quantity"),
        *cells(files.PRODUCTS, "coterming_type", minimum_quantity="1", coterming_requirement="'ALLOWED'"),
        *cells(files.PRODUCTS, status="'ACTIVE'", created_at="NOW()"),
        Field("updated_at", "INSTANT(r.created_at)", default="NOW()", is_fixed=True),
    ),
)

_CHECKS = (
    Check(
        "manufacturer_name",
        "is not what another row calls this manufacturer: {}",
        "SELECT p.place, p.manufacturer_name AS value, m.name AS detail FROM in_products p"
        " JOIN ready_manufacturers m ON m.code = p.manufacturer_code WHERE p.manufacturer_name <> m.name",
    ),
    when(
        "ready_products",
        "maximum_quantity",
        "r.maximum_quantity < coalesce(r.minimum_quantity, 1)",
        "is less than the minimum quantity",
    ),
    Check(
        "depends_on",
        "is no product that exists or is imported",
        "SELECT d.place, d.code || '/' || d.mpn AS value, NULL AS detail FROM ready_dependencies d"
        " WHERE d.depends_on_id IS NULL",
    ),
    Check(
        "depends_on",
        "is the product itself",
        "SELECT d.place, d.code || '/' || d.mpn AS value, NULL AS detail FROM ready_dependencies d"
        " WHERE d.depends_on_id = d.product_id",
    ),
)

_NEW = (
    "CAST(coalesce({0}.id, NEXT_ID({1})) AS BIGINT) AS id,"
    " CASE WHEN {0}.id IS NULL THEN 1 ELSE 0 END AS is_new, 0 AS changed"
)

_PERIODS_STORED = """
    SELECT '["' || JOINED(p.v, '","') || '"]' FROM (
      SELECT CASE WHEN is_trial THEN '1' ELSE '0' END || CASE WHEN is_active THEN '1' ELSE '0' END
             || substr(CAST(10000 + duration AS TEXT), 2) || type AS v
      FROM plan_period WHERE plan_id = r.id ORDER BY v) p"""
_DEPENDENCIES_STORED = """
    SELECT '["' || JOINED(p.v, '","') || '"]' FROM (
      SELECT m.code || '/' || o.mpn AS v FROM product_dependency d
      JOIN product o ON o.id = d.depends_on_id JOIN manufacturer m ON m.id = o.manufacturer_id
      WHERE d.product_id = r.id ORDER BY v) p"""


async def resolve(job: Job) -> None:
    """Find out which rows exist and what refers to what; report what is wrong."""
    for table, *key in (("marketplaces", "code"), ("plans", "code"), ("products", "mpn", "manufacturer_code")):
        await refuse_repeats(job.stage, job.problems, f"in_{table}", key[0], *key)
    await _resolve_places_and_plans(job.stage)
    await _resolve_products(job.stage)
    await run_checks(job.stage, job.problems, _CHECKS)


async def _resolve_places_and_plans(stage: Stage) -> None:
    for noun in ("marketplace", "plan"):
        await stage.make(
            f"ready_{noun}s",
            f"SELECT s.*, {_NEW.format('t', noun)} FROM in_{noun}s s LEFT JOIN {noun} t ON t.code = s.code"
            " ORDER BY s.place",
        )
    for noun, columns in (
        ("marketplace", "code, id, country_code"),
        ("plan", "code, id, billing_period_type, billing_period_duration, billing_model"),
    ):
        await stage.make(
            f"{noun}_ref",
            f"SELECT {columns} FROM ready_{noun}s UNION ALL SELECT {columns} FROM {noun} t"
            f" WHERE NOT EXISTS (SELECT 1 FROM ready_{noun}s r WHERE r.code = t.code)",
            "code",
        )


async def _resolve_products(stage: Stage) -> None:
    await stage.make(
        "ready_manufacturers",
        f"SELECT n.code, n.name, {_NEW.format('t', 'manufacturer')} FROM"
        " (SELECT manufacturer_code AS code, max(manufacturer_name) AS name FROM in_products"
        "  WHERE manufacturer_code IS NOT NULL GROUP BY manufacturer_code) n"
        " LEFT JOIN manufacturer t ON t.code = n.code ORDER BY n.code",
    )
    await stage.make(
        "ready_products",
        f"SELECT s.*, m.id AS manufacturer_id, {_NEW.format('t', 'product')} FROM in_products s"
        " LEFT JOIN ready_manufacturers m ON m.code = s.manufacturer_code"
        " LEFT JOIN product t ON t.mpn = s.mpn AND t.manufacturer_id = m.id ORDER BY s.place",
        "id",
    )
    await stage.make(
        "product_ref",
        "SELECT manufacturer_code, mpn, id, name, name_key FROM ready_products"
        " UNION ALL SELECT m.code, p.mpn, p.id, p.name, p.name_key FROM product p"
        " JOIN manufacturer m ON m.id = p.manufacturer_id"
        " WHERE NOT EXISTS (SELECT 1 FROM ready_products r WHERE r.id = p.id)",
        "manufacturer_code, mpn",
    )
    await stage.make(
        "ready_dependencies",
        "SELECT n.place, n.product_id, n.code, n.mpn, p.id AS depends_on_id FROM"
        " (SELECT r.place, r.id AS product_id, substr(d.value, 1, FIND(d.value, '/') - 1) AS code,"
        "  substr(d.value, FIND(d.value, '/') + 1) AS mpn FROM ready_products r, EACH(r.depends_on, d)) n"
        " LEFT JOIN product_ref p ON p.manufacturer_code = n.code AND p.mpn = n.mpn",
    )


async def write(job: Job) -> None:
    """Write the catalogue and what is derived from it."""
    await _MARKETPLACE.mark(job.stage, job.columns(files.MARKETPLACES))
    async with loading(job, "marketplace"):
        await job.write(files.MARKETPLACES, _MARKETPLACE)
    async with loading(job, "plan", "plan_period"):
        await _write_plans(job)
    async with loading(job, "manufacturer", "product", "product_dependency", "product_term"):
        await _MANUFACTURER.mark(job.stage, frozenset())
        await _MANUFACTURER.write(job.stage, frozenset())
        await _write_products(job)


async def _write_plans(job: Job) -> None:
    await _PLAN.mark(job.stage, job.columns(files.PLANS))
    await job.stage.run(
        "UPDATE ready_plans AS r SET changed = 1 WHERE is_new = 0"
        f" AND DIFFERS(r.periods, coalesce(({_PERIODS_STORED}), '[]'))"
    )
    await job.write(files.PLANS, _PLAN)
    await job.stage.run("DELETE FROM plan_period WHERE plan_id IN (SELECT id FROM ready_plans WHERE changed = 1)")
    await job.stage.run(
        "INSERT INTO plan_period (plan_id, type, duration, is_trial, is_active)"
        " SELECT r.id, substr(p.value, 7), CAST(substr(p.value, 3, 4) AS INTEGER),"
        " substr(p.value, 1, 1) = '1', substr(p.value, 2, 1) = '1' FROM ready_plans r, EACH(r.periods, p)"
        " WHERE r.is_new = 1 OR r.changed = 1"
    )


async def _write_products(job: Job) -> None:
    stage, said = job.stage, job.columns(files.PRODUCTS)
    await _PRODUCT.mark(stage, said)
    if "depends_on" in said:
        await stage.run(
            "UPDATE ready_products AS r SET changed = 1 WHERE is_new = 0"
            f" AND DIFFERS(coalesce(r.depends_on, '[]'), coalesce(({_DEPENDENCIES_STORED}), '[]'))"
        )
    await job.write(files.PRODUCTS, _PRODUCT)
    if "depends_on" in said:
        await stage.run(
            "DELETE FROM product_dependency WHERE product_id IN (SELECT id FROM ready_products WHERE changed = 1)"
        )
        await stage.run(
            "INSERT INTO product_dependency (product_id, depends_on_id) SELECT d.product_id, d.depends_on_id"
            " FROM ready_dependencies d JOIN ready_products r ON r.id = d.product_id"
            " WHERE r.is_new = 1 OR r.changed = 1"
        )
    await _write_product_terms(stage)


async def _write_product_terms(stage: Stage) -> None:
    """From the rows as they are now: the file may lack a column that the words come from."""
    after = 0
    while rows := await stage.rows(
        "SELECT p.id, p.name, p.mpn, p.service_name FROM product p JOIN ready_products r ON r.id = p.id"
        f" WHERE (r.is_new = 1 OR r.changed = 1) AND p.id > {after} ORDER BY p.id LIMIT {_BATCH}"
    ):
        found = [(row[0], orjson.dumps(terms(*filter(None, row[1:]))).decode()) for row in rows]
        await stage.load("in_product_terms", 2, found)
        after = rows[-1][0]
    await stage.run("DELETE FROM product_term WHERE product_id IN (SELECT id FROM ready_products WHERE changed = 1)")
    await stage.run(
        "INSERT INTO product_term (product_id, term) SELECT i.id, t.value FROM in_product_terms i, EACH(i.terms, t)"
    )
