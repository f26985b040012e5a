"""Who may see which row: one rule for each table, written once and turned into both engines' filters.

PostgreSQL gets row-level security policies, SQLite temporary views that shadow the tables. The rules are SQL in
which `{lo}` and its like stand for the scope of the reading connection:

    {lo} {hi}       the range of paths of the caller's place and reach
    {span}          the longest path that is in reach
    {seller_span}   the longest path of a seller whose prices are in reach
    {account}       the caller's account
    {vendor}        the account above it; 0 for the provider
    {only_user}     the user to whom the view is narrowed; 0 when it isn't
    {prices}        1 when prices are part of the view
    {is_own}        being one of the services in which that user has a seat
    {catalogue}     1 for the provider's own staff, who see all that is for sale

A rule is a pure filter: the planner must not choose an index by it (storage reference §4.3), so PostgreSQL wraps it
in CASE and SQLite writes `+path`. Sub-queries of a rule go through the rules of the tables they name.
"""

from collections.abc import Callable

SETTINGS = ("lo", "hi", "span", "seller_span", "account", "vendor", "only_user", "prices", "catalogue")
"""What a scope consists of, in the order in which connections are told."""

_TEXTS = {"lo", "hi"}

_WITHIN = "{filter_}path >= {lo} AND {filter_}path < {hi} AND length({filter_}path) <= {span}"
_NOT_NARROWED = "{only_user} = 0"
_SELLER_WITHIN = (
    "{filter_}seller_path >= {lo} AND {filter_}seller_path < {hi} AND length({filter_}seller_path) <= {seller_span}"
)


def _offered(column: str, key: str) -> str:
    """A visible price or subscription names the row; by ranges, for a row offered to nobody must be cheap to refuse."""
    return (
        "{catalogue} = 1"
        f" OR EXISTS (SELECT 1 FROM price p WHERE p.{column} = {key}"
        " AND p.seller_path >= {lo} AND p.seller_path < {hi})"
        f" OR EXISTS (SELECT 1 FROM price p WHERE p.{column} = {key} AND p.seller_id = {{vendor}})"
        f" OR EXISTS (SELECT 1 FROM subscription s WHERE s.{column} = {key} AND s.path >= {{lo}} AND s.path < {{hi}})"
    )


RULES: dict[str, str] = {
    "account": _WITHIN,
    "account_contact": f"{_WITHIN} AND {_NOT_NARROWED}",
    "account_term": _WITHIN,
    "api_client": f"{_WITHIN} AND {_NOT_NARROWED}",
    "app_user": f"{_WITHIN} AND ({_NOT_NARROWED} OR id = {{only_user}})",
    "manufacturer": "{catalogue} = 1 OR EXISTS (SELECT 1 FROM product WHERE product.manufacturer_id = manufacturer.id)",
    "marketplace": (
        "{catalogue} = 1 OR EXISTS (SELECT 1 FROM account a WHERE a.marketplace_id = marketplace.id"
        " AND a.path >= {lo} AND a.path < {hi})"
    ),
    "order_line": f"{_WITHIN} AND {_NOT_NARROWED}",
    "orders": f"{_WITHIN} AND {_NOT_NARROWED}",
    "plan": _offered("plan_id", "plan.id"),
    "plan_period": "EXISTS (SELECT 1 FROM plan WHERE plan.id = plan_period.plan_id)",
    "price": (
        f"{{prices}} = 1 AND ({_SELLER_WITHIN}"
        " OR {filter_}seller_id = {vendor} AND ({filter_}buyer_id = {account} OR buyer_id IS NULL)"
        " OR seller_id IS NULL AND {catalogue} = 1)"
    ),
    "product": _offered("product_id", "product.id"),
    "product_dependency": "EXISTS (SELECT 1 FROM product WHERE product.id = product_dependency.product_id)",
    "product_term": "EXISTS (SELECT 1 FROM product WHERE product.id = product_term.product_id)",
    "role": "{lo} > ''",
    "seat": f"{_WITHIN} AND ({_NOT_NARROWED} OR user_id = {{only_user}})",
    "subscription": f"{_WITHIN} AND ({_NOT_NARROWED} OR subscription.id {{is_own}})",
    "subscription_charge": (
        f"{{prices}} = 1 AND {_WITHIN} AND ({_SELLER_WITHIN}"
        " OR {filter_}seller_id = {vendor} AND {filter_}buyer_id = {account}"
        " OR seller_id IS NULL AND {catalogue} = 1)"
    ),
    "subscription_item": f"{_WITHIN} AND ({_NOT_NARROWED} OR subscription_item.subscription_id {{is_own}})",
    "user_role": f"{_WITHIN} AND ({_NOT_NARROWED} OR user_id = {{only_user}})",
    "user_term": f"{_WITHIN} AND ({_NOT_NARROWED} OR user_id = {{only_user}})",
    "vendor_card": f"{_WITHIN} OR {{filter_}}account_id = {{vendor}}",
}

_TEXT_COLUMN = {"manufacturer": "code", "marketplace": "code", "plan": "code", "product": "mpn", "role": "code"}
"""A column for the tables whose rule names none of their own but the row id."""

_AS_SYSTEM = "(SELECT current_user) = 'canopy_system'"
"""A policy also holds for members of its role, and the login that owns the tables is one: only SET ROLE shall count."""

UNREADABLE = frozenset({"alembic_version", "credential", "refresh_token", "sign_in_failure"})
"""Tables that no scope can read: secrets, and the version of the database."""


# Either way the seats are looked up once for a statement and, as long as nobody is narrowed down, never. PostgreSQL
# would plan a sub-query, and its own policies, with every statement; a function it doesn't look into.
_POSTGRESQL = {"filter_": "", "is_own": "= ANY ((SELECT own_services())::bigint[])"}
_SQLITE = {
    "filter_": "+",
    "is_own": "IN (SELECT seat.subscription_id FROM seat WHERE seat.user_id = scope_only_user())",
}


def _render(rule: str, setting: Callable[[str], str], words: dict[str, str]) -> str:
    return rule.format_map({name: setting(name) for name in SETTINGS} | words)


def postgresql_setting(name: str) -> str:
    """How a policy reads a setting: once for each statement, and as null where no scope was set."""
    raw = f"current_setting('canopy.{name}', true)"
    return f"(SELECT {raw})" if name in _TEXTS else f"(SELECT nullif({raw}, '')::bigint)"


def postgresql_condition(table: str) -> str:
    """The USING expression of the table's policy."""
    return f"CASE WHEN {_render(RULES[table], postgresql_setting, _POSTGRESQL)} THEN true ELSE false END"


def postgresql_ddl() -> list[str]:
    """Statements that put row-level security on every readable table, for `canopy_reader` and `canopy_system`."""
    statements = []
    for table in RULES:
        statements += [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY scope ON {table} FOR SELECT TO canopy_reader USING ({postgresql_condition(table)})",
            f"CREATE POLICY unfiltered ON {table} TO canopy_system USING ({_AS_SYSTEM}) WITH CHECK ({_AS_SYSTEM})",
            f"GRANT SELECT ON {table} TO canopy_reader",
        ]
    return statements


def sqlite_views(secret: str) -> list[str]:
    """Statements that shadow each readable table by a temporary view of its name, on one reading connection.

    The filter stands in a view behind that one, whose name begins with the secret. The authorizer is told only the
    name of whatever reads a table, and a common table expression may be called `account` as well as a view: what
    may read the tables must have names that no statement can know.

    To the authorizer a view none of whose own columns is read outside a sub-query looks like the bare table, which
    it refuses; so such a rule is preceded by a comparison that is always true (`IS NOT NULL` would be folded away).
    """
    views = []
    for table, rule in RULES.items():
        condition = _render(rule, lambda name: f"scope_{name}()", _SQLITE)
        if table in _TEXT_COLUMN:
            condition = f"+{_TEXT_COLUMN[table]} >= '' AND ({condition})"
        views += [
            f"CREATE TEMP VIEW {secret}{table} AS SELECT * FROM main.{table} WHERE {condition}",
            f"CREATE TEMP VIEW {table} AS SELECT * FROM {secret}{table}",
        ]
    return views
