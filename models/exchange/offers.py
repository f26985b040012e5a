"""What price sheets offer, as rows of the contract: products, plans and prices, worked out from staged sheets."""

# ruff: noqa: S608  # SQL is put together from names of this package only; values never stand in a text

from collections.abc import Callable
from pathlib import Path

from models.exchange import files
from models.exchange.check import Check, run_checks
from models.exchange.files import File
from models.exchange.job import Job
from models.exchange.problems import Source
from models.exchange.sheet import COLUMNS, NAMED_AFTER, Sheet
from models.exchange.stage import Stage
from models.exchange.table import Table

_KEY = "manufacturer_code, mpn, plan, market, currency, valid_from"
_PRODUCT_COLUMNS = ("mpn", "manufacturer_code", "name", "description", "service_name", "segment", "unit", "name_key")
_PLAN_COLUMNS = ("billing_period_type", "billing_period_duration", "billing_model", "periods")
_GIVES: dict[File, frozenset[str]] = {
    files.PRODUCTS: frozenset(_PRODUCT_COLUMNS),
    files.PLANS: frozenset({"code", "name", *_PLAN_COLUMNS}),
    files.PRICES: frozenset(files.PRICES.names) - {"marketplace_id"},
}

_MARKETS = """
    SELECT s.market, s.wanted, count(m.code) AS known, min(m.code) AS code FROM (
      SELECT DISTINCT market, wanted FROM in_sheets WHERE market IS NOT NULL) s
    LEFT JOIN (SELECT code, country_code FROM in_marketplaces UNION SELECT code, country_code FROM marketplace) m
      ON m.country_code = s.market AND (s.wanted IS NULL OR m.code = s.wanted)
    GROUP BY s.market, s.wanted"""
_LEFT_OUT = """
    EXISTS (SELECT 1 FROM sheet_market m WHERE m.market = in_sheets.market AND m.wanted IS NOT NULL AND m.known = 0)"""
_CHECKS = (
    Check(
        "marketplace",
        "is the country of no marketplace that exists or is imported",
        "SELECT s.place, s.market AS value, NULL AS detail FROM in_sheets s JOIN sheet_market m ON m.market = s.market"
        " WHERE m.known = 0 AND m.wanted IS NULL",
    ),
    Check(
        "marketplace",
        "is the country of several marketplaces; name the one that is meant",
        "SELECT s.place, s.market AS value, NULL AS detail FROM in_sheets s JOIN sheet_market m ON m.market = s.market"
        " WHERE m.known > 1",
    ),
    Check(
        "amount",
        "differs from what {} says of the same product, plan, market, tier and day",
        f"SELECT place, NULL AS value, first_place AS detail FROM (SELECT *, first_value(place) OVER w AS first_place,"
        " first_value(cost) OVER w AS first_cost, first_value(retail) OVER w AS first_retail FROM in_sheets"
        f" WHERE is_flawed = 0 WINDOW w AS (PARTITION BY {_KEY}, lower_limit ORDER BY place)) r"
        " WHERE DIFFERS(cost, first_cost) OR DIFFERS(retail, first_retail)",
    ),
)
_WANTED_IN_VAIN = Check(
    "marketplace",
    "is the marketplace that was asked for, and the sheet has no price for its country",
    "SELECT min(place) AS place, min(wanted) AS value, NULL AS detail FROM in_sheets"
    " HAVING count(wanted) > 0 AND NOT EXISTS (SELECT 1 FROM sheet_market m WHERE m.known > 0)",
)
_NO_PROVIDER = Check(
    "",
    "an ERP price is what the provider charges, and there is no provider",
    "SELECT min(place) AS place, NULL AS value, NULL AS detail FROM in_sheets WHERE retail IS NOT NULL"
    " HAVING count(*) > 0",
)

_PRODUCTS = f"""
    INSERT INTO in_products (place, is_flawed, manufacturer_name, {", ".join(_PRODUCT_COLUMNS)})
    SELECT s.place, 0,
           CASE WHEN EXISTS (SELECT 1 FROM in_products o WHERE o.manufacturer_code = s.manufacturer_code)
                  OR EXISTS (SELECT 1 FROM manufacturer o WHERE o.code = s.manufacturer_code)
                THEN NULL ELSE f.publisher END,
           {", ".join(f"s.{name}" for name in _PRODUCT_COLUMNS)}
    FROM in_sheets s
    JOIN (SELECT min(place) AS place FROM in_sheets WHERE is_flawed = 0 GROUP BY manufacturer_code, mpn) g
      ON g.place = s.place
    JOIN (SELECT manufacturer_code, max(publisher) AS publisher FROM in_sheets GROUP BY manufacturer_code) f
      ON f.manufacturer_code = s.manufacturer_code
    WHERE NOT EXISTS (SELECT 1 FROM in_products o
                      WHERE o.manufacturer_code = s.manufacturer_code AND o.mpn = s.mpn)"""
_PLANS = f"""
    INSERT INTO in_plans (place, is_flawed, code, name, name_key, {", ".join(_PLAN_COLUMNS)})
    SELECT s.place, 0, s.plan, s.plan_name, s.plan_name_key, {", ".join(f"s.{name}" for name in _PLAN_COLUMNS)}
    FROM in_sheets s JOIN (SELECT min(place) AS place FROM in_sheets WHERE is_flawed = 0 GROUP BY plan) g
      ON g.place = s.place
    WHERE NOT EXISTS (SELECT 1 FROM in_plans o WHERE o.code = s.plan)"""
# The lowest tier is the price itself; the others are its tiers.
_PRICES = f"""
    INSERT INTO in_prices (place, is_flawed, seller, manufacturer_code, mpn, plan, marketplace, period_type,
                           period_duration, type, model, currency, amount, tiers, valid_from, valid_until)
    SELECT place, 0, {{seller}}, manufacturer_code, mpn, plan, code, period_type, period_duration, price_type,
           CASE WHEN further IS NULL THEN 'FLAT' ELSE 'VOLUME_SUBSCRIPTION' END, currency, {{amount}},
           '[' || further || ']', valid_from, valid_until
    FROM (SELECT s.*, m.code, row_number() OVER (PARTITION BY {_KEY} ORDER BY lower_limit) AS number,
                 JOINED('[' || lower_limit || ',' || {{amount}} || ']', ',') OVER (
                   PARTITION BY {_KEY} ORDER BY lower_limit ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS further
          FROM (SELECT *, row_number() OVER (PARTITION BY {_KEY}, lower_limit ORDER BY place) AS copy
                FROM in_sheets WHERE is_flawed = 0 AND {{amount}} IS NOT NULL) s
          JOIN sheet_market m USING (market) WHERE s.copy = 1) p
    WHERE number = 1"""


async def prepare(stage: Stage) -> None:
    """Make the staged table of sheets."""
    await stage.create("in_sheets", COLUMNS)


async def take_sheet(job: Job, path: Path, marketplace: str | None, told: Callable[[int], None]) -> None:
    """Stage a price sheet.

    Args:
        job: gets its rows and problems.
        path: of the file.
        marketplace: code of the one marketplace that counts; None: each row's country names it.
        told: called with the number of bytes so far.
    """
    table = Table(path, job.problems, Source(path.name, NAMED_AFTER))
    sheet, rows = Sheet(table, job.problems, marketplace), table.rows()
    header = next(rows, None)
    if not sheet.has_header(header) or header is None:
        return
    for batch in table.batches(len(header[1]), rows):
        await job.stage.load("in_sheets", len(COLUMNS), sheet.records(batch))
        told(table.bytes_read)


async def add_catalogue(job: Job) -> None:
    """Turn staged sheets into rows of products and plans."""
    if not await job.stage.rows("SELECT 1 FROM in_sheets LIMIT 1"):
        return
    await job.stage.make("sheet_market", _MARKETS)
    await run_checks(job.stage, job.problems, (_WANTED_IN_VAIN,))
    job.report.left_out = await job.stage.run(f"DELETE FROM in_sheets WHERE {_LEFT_OUT}")
    for file, sql in ((files.PRODUCTS, _PRODUCTS), (files.PLANS, _PLANS)):
        await _add(job, file, sql)


async def add_prices(job: Job) -> None:
    """Turn staged sheets into rows of prices; report what contradicts itself."""
    if not await job.stage.rows("SELECT 1 FROM in_sheets LIMIT 1"):
        return
    await run_checks(job.stage, job.problems, _CHECKS)
    await _add(job, files.PRICES, _PRICES.format(seller="NULL", amount="cost"))
    if await job.stage.rows("SELECT 1 FROM account_ref WHERE type = 'PROVIDER'"):
        seller = "(SELECT min(a.key) FROM account_ref a WHERE a.type = 'PROVIDER')"
        await _add(job, files.PRICES, _PRICES.format(seller=seller, amount="retail"))
    else:
        await run_checks(job.stage, job.problems, (_NO_PROVIDER,))


async def _add(job: Job, file: File, sql: str) -> None:
    """Add rows to a kind that may have a file of its own; only columns that both have say anything."""
    job.tally(file).read += await job.stage.run(sql)
    job.said[file] = job.columns(file) & _GIVES[file] if file in job.said else _GIVES[file]
