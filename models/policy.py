"""Who may see and change which row: rules for each table, written once and turned into both engines' filters.

PostgreSQL gets row-level security policies, SQLite temporary views that shadow the tables and temporary triggers on
them. The rules are SQL in which `{lo}` and its like stand for the scope of the connection:

    {lo} {hi}       the range of paths of the caller's place and reach
    {span}          the longest path that is in reach
    {seller_span}   the longest path of a seller whose prices are in reach
    {account}       the caller's account
    {vendor}        the account above it; 0 for the provider
    {only_user}     the user to whom the view is narrowed; 0 when it isn't
    {prices}        1 when prices are part of the view
    {is_own}        being one of the services in which that user has a seat
    {catalogue}     1 for the provider's own staff, who see all that is for sale
    {finances}      1 when balances and invoices are part of the view
    {changes}       1 when the change log is part of the view

A rule is a pure filter: the planner must not choose an index by it (storage reference §4.3), so PostgreSQL wraps it
in CASE and SQLite writes `+path`. Sub-queries of a rule go through the rules of the tables they name.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sqlmodel import SQLModel

SETTINGS = (
    "lo", "hi", "span", "seller_span", "account", "vendor", "only_user", "prices", "catalogue", "finances", "changes",
)  # fmt: skip
"""What a scope consists of, in the order in which connections are told."""

_TEXTS = {"lo", "hi"}

_WITHIN = "{filter_}path >= {lo} AND {filter_}path < {hi} AND length({filter_}path) <= {span}"
_NOT_NARROWED = "{only_user} = 0"
_SELLER_WITHIN = (
    "{filter_}seller_path >= {lo} AND {filter_}seller_path < {hi} AND length({filter_}seller_path) <= {seller_span}"
)

_OF_SELLER = f"{{prices}} = 1 AND {_SELLER_WITHIN}".replace("seller_path", "path")


def _offered(column: str, key: str) -> str:
    """A visible price or subscription names the row; by ranges, for a row offered to nobody must be cheap to refuse."""
    return (
        "{catalogue} = 1"
        f" OR EXISTS (SELECT 1 FROM price p WHERE p.{column} = {key}"
        " AND p.seller_path >= {lo} AND p.seller_path < {hi})"
        f" OR EXISTS (SELECT 1 FROM price p WHERE p.{column} = {key} AND p.seller_id = {{vendor}})"
        f" OR EXISTS (SELECT 1 FROM subscription s WHERE s.{column} = {key} AND s.path >= {{lo}} AND s.path < {{hi}})"
    )


def _of(table: str, key: str) -> str:
    """The row that it belongs to is visible."""
    return f"EXISTS (SELECT 1 FROM {table} o WHERE o.id = {key})"


RULES: dict[str, str] = {
    "account": _WITHIN,
    "account_contact": f"{_WITHIN} AND {_NOT_NARROWED}",
    "account_term": _WITHIN,
    "api_client": f"{_WITHIN} AND {_NOT_NARROWED}",
    "app_user": f"{_WITHIN} AND ({_NOT_NARROWED} OR id = {{only_user}})",
    "audit": f"{_WITHIN} AND {{changes}} = 1",
    # Neither what a vendor owes above nor what its other buyers owe; what one owed a former vendor, one still sees.
    "balance": f"{{finances}} = 1 AND ({_SELLER_WITHIN} OR {{filter_}}buyer_id = {{account}})",
    "invoice": _of("balance", "invoice.balance_id"),
    "invoice_item": _of("invoice", "invoice_item.invoice_id"),
    "ledger_post": _of("balance", "ledger_post.balance_id"),
    "payment": _of("balance", "payment.balance_id"),
    "exchange_rate": "{lo} > ''",
    "manufacturer": "{catalogue} = 1 OR EXISTS (SELECT 1 FROM product WHERE product.manufacturer_id = manufacturer.id)",
    "marketplace": (
        "{catalogue} = 1 OR EXISTS (SELECT 1 FROM account a WHERE a.marketplace_id = marketplace.id"
        " AND a.path >= {lo} AND a.path < {hi})"
    ),
    # What an account bought of a former vendor stays there, to be seen by both.
    # Of an order that is visible, what the account pays, and what those below it pay: never a cost further up.
    "order_charge": (
        f"{{prices}} = 1 AND {_of('orders', 'order_charge.order_id')}"
        f" AND ({{filter_}}buyer_id = {{account}} OR {_of('account', 'order_charge.seller_id')})"
    ),
    "order_line": f"({_WITHIN} OR {{filter_}}account_id = {{account}}) AND {_NOT_NARROWED}",
    "orders": f"({_WITHIN} OR {{filter_}}account_id = {{account}}) AND {_NOT_NARROWED}",
    "plan": _offered("plan_id", "plan.id"),
    "plan_period": "EXISTS (SELECT 1 FROM plan WHERE plan.id = plan_period.plan_id)",
    "price": (
        f"{{prices}} = 1 AND ({_SELLER_WITHIN}"
        " OR {filter_}seller_id = {vendor} AND ({filter_}buyer_id = {account} OR buyer_id IS NULL)"
        " OR seller_id IS NULL AND {catalogue} = 1)"
    ),
    "price_sheet": _OF_SELLER,
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
    "subscription_history": f"{_WITHIN} AND ({_NOT_NARROWED} OR subscription_history.subscription_id {{is_own}})",
    "subscription_hold": f"{_WITHIN} AND ({_NOT_NARROWED} OR subscription_hold.subscription_id {{is_own}})",
    "subscription_item": f"{_WITHIN} AND ({_NOT_NARROWED} OR subscription_item.subscription_id {{is_own}})",
    "subscription_lot": f"{_WITHIN} AND ({_NOT_NARROWED} OR subscription_lot.subscription_id {{is_own}})",
    "user_denial": f"{_WITHIN} AND ({_NOT_NARROWED} OR user_id = {{only_user}})",
    "user_role": f"{_WITHIN} AND ({_NOT_NARROWED} OR user_id = {{only_user}})",
    "user_term": f"{_WITHIN} AND ({_NOT_NARROWED} OR user_id = {{only_user}})",
    "vendor_card": f"{_WITHIN} OR {{filter_}}account_id = {{vendor}}",
}

_TEXT_COLUMN = {
    "exchange_rate": "from_currency",
    "manufacturer": "code",
    "marketplace": "code",
    "plan": "code",
    "product": "mpn",
    "role": "code",
}
"""A column for the tables whose rule names none of their own but the row id."""

UNREADABLE = frozenset(
    {
        "account_transfer",
        "alembic_version",
        "clock",
        "credential",
        "idempotency",
        "identity",
        "job",
        "ledger_entry",
        "mail",
        "one_time_link",
        "order_number",
        "outbox",
        "provisioned",
        "refresh_token",
        "security_answer",
        "sign_in_failure",
    }
)
"""Tables that no scope can read: secrets, the machinery of writing, and the version of the database."""


@dataclass(frozen=True, slots=True)
class Write:
    """What the writers of a scope may do to a table's rows. Where there is no rule they may do nothing.

    Args:
        insert: what a new row must fulfil.
        update: what a row must fulfil before and after; rows that don't are left alone.
        columns: what may be changed. Never what places a row in the tree.
        delete: what a row must fulfil; rows that don't are left alone.
    """

    insert: str | None = None
    update: str | None = None
    columns: frozenset[str] = frozenset()
    delete: str | None = None


def _columns(names: str, *, dated: bool = True) -> frozenset[str]:
    return frozenset(names.split()) | (frozenset({"version", "updated_at"}) if dated else frozenset())


def _same_place(table: str, column: str) -> str:
    """The row named by a column is in scope and lies at the same place in the tree."""
    return f"EXISTS (SELECT 1 FROM {table} o WHERE o.id = {{filter_}}{column} AND o.path = {{filter_}}path)"


_MINE = f"{_WITHIN} AND {_NOT_NARROWED}"
_OWNED = f"{_MINE} AND {_same_place('account', 'account_id')}"
_OF_USER = f"{_OWNED} AND {_same_place('app_user', 'user_id')}"
_OF_SUBSCRIPTION = f"{_OWNED} AND {_same_place('subscription', 'subscription_id')}"
_CATALOGUE = "{catalogue} = 1"
# A policy of `account` can't look into `account`, but whoever may have accounts below has a card. So none gets
# below a customer, either.
_BELOW_VENDOR = (
    "EXISTS (SELECT 1 FROM vendor_card o WHERE o.account_id = {filter_}parent_id"
    " AND o.path = substr({filter_}path, 1, length({filter_}path) - 6))"
)
_OF_PROVIDER = "{filter_}seller_id IS NULL AND {catalogue} = 1"
_OFFER = (
    f"{{prices}} = 1 AND ({_SELLER_WITHIN}"
    " AND EXISTS (SELECT 1 FROM account o WHERE o.id = {filter_}seller_id AND o.path = {filter_}seller_path)"
    " AND ({filter_}buyer_id IS NULL"
    " OR EXISTS (SELECT 1 FROM account o WHERE o.id = {filter_}buyer_id AND o.parent_id = {filter_}seller_id))"
    f" OR {_OF_PROVIDER})"
)

WRITES: dict[str, Write] = {
    "account": Write(
        insert=f"{_MINE} AND {_BELOW_VENDOR}",
        update=_MINE,
        columns=_columns(
            "status name name_key external_id language tax_registration_id customer_class taxation_provider_name"
            " street_address address_extension postal_code city state country_code attributes"
            " requires_approval held_by held_before status_reason status_since"
        ),
    ),
    "account_contact": Write(
        insert=_OWNED,
        update=_MINE,
        columns=_columns("position type first_name last_name email email_key phone_number", dated=False),
        delete=_MINE,
    ),
    "account_term": Write(insert=_MINE, delete=_MINE),
    "app_user": Write(
        insert=_OWNED,
        update=f"{_WITHIN} AND ({_NOT_NARROWED} OR {{filter_}}id = {{only_user}})",
        columns=_columns("kind status first_name last_name name_key email email_key phone_number language"),
    ),
    "balance": Write(
        update=f"{{finances}} = 1 AND {_SELLER_WITHIN}", columns=_columns("terms credit_limit_micros net_days")
    ),
    "exchange_rate": Write(insert=_CATALOGUE, update=_CATALOGUE, columns=_columns("rate")),
    "manufacturer": Write(insert=_CATALOGUE, update=_CATALOGUE, columns=_columns("code name")),
    "marketplace": Write(
        insert=_CATALOGUE, update=_CATALOGUE, columns=_columns("code name name_key country_code currency")
    ),
    "order_line": Write(
        insert=f"{_OWNED} AND {_same_place('orders', 'order_id')}",
        update=_MINE,
        columns=_columns("effective_on resulting_quantity", dated=False),
    ),
    "orders": Write(
        insert=_OWNED,
        update=_MINE,
        columns=_columns(
            "status status_code error_message provisioned_at subscription_id po_number attributes credit_check"
            " waiting_for submission"
        ),
    ),
    "plan": Write(
        insert=_CATALOGUE,
        update=_CATALOGUE,
        columns=_columns(
            "code name name_key short_description long_description is_published billing_period_type"
            " billing_period_duration billing_model refund_policy cancellation_hours"
        ),
    ),
    "plan_period": Write(insert=_CATALOGUE, update=_CATALOGUE, columns=_columns("is_trial is_active", dated=False)),
    "price": Write(
        insert=_OFFER,
        update=f"{{prices}} = 1 AND ({_SELLER_WITHIN} OR {_OF_PROVIDER})",
        columns=_columns("valid_until"),
    ),
    "price_sheet": Write(insert=f"{_OF_SELLER} AND {_same_place('account', 'account_id')}"),
    "product": Write(
        insert=_CATALOGUE,
        update=_CATALOGUE,
        columns=_columns(
            "mpn manufacturer_id name name_key description service_name segment unit minimum_quantity"
            " maximum_quantity coterming_requirement coterming_type status"
        ),
    ),
    "product_dependency": Write(insert=_CATALOGUE, delete=_CATALOGUE),
    "product_term": Write(insert=_CATALOGUE, delete=_CATALOGUE),
    "seat": Write(insert=f"{_OF_SUBSCRIPTION} AND {_same_place('app_user', 'user_id')}", delete=_MINE),
    "subscription": Write(
        insert=_OWNED,
        update=_MINE,
        columns=_columns(
            "name name_key status product_id plan_id quantity auto_renew billing_model period_type period_duration"
            " billing_period_type billing_period_duration start_date renewal_date renewal_key expiration_date"
            " ended_at vendor_subscription_id attributes"
        ),
    ),
    "subscription_history": Write(insert=_OF_SUBSCRIPTION),
    "subscription_hold": Write(insert=_OF_SUBSCRIPTION, delete=_MINE),
    "subscription_item": Write(
        insert=_OF_SUBSCRIPTION,
        update=_MINE,
        columns=_columns("position product_id quantity vendor_subscription_id", dated=False),
    ),
    "subscription_lot": Write(insert=_OF_SUBSCRIPTION, update=_MINE, columns=_columns("remaining", dated=False)),
    "user_denial": Write(insert=_OF_USER, delete=_MINE),
    "user_role": Write(insert=_OF_USER, delete=_MINE),
    "user_term": Write(insert=f"{_MINE} AND {_same_place('app_user', 'user_id')}", delete=_MINE),
    "vendor_card": Write(
        insert=_OWNED,
        update=_MINE,
        columns=_columns("name support_email support_phone support_url logo_url brand_color", dated=False),
    ),
}
"""A table without an entry is written by nobody but those who go beyond the scope."""

_AS_SYSTEM = "(SELECT current_user) = 'canopy_system'"
"""A policy also holds for members of its role, and the login that owns the tables is one: only SET ROLE shall count."""

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
    """The USING expression of the table's policy for reading."""
    return _postgresql(RULES[table], "")


def postgresql_write_condition(table: str, rule: str) -> str:
    """The expression of a policy for writing, by a rule of `WRITES`."""
    return _postgresql(rule, f"{table}.")


def _postgresql(rule: str, row: str) -> str:
    return f"CASE WHEN {_render(rule, postgresql_setting, _POSTGRESQL | {'filter_': row})} THEN true ELSE false END"


def postgresql_ddl(tables: Iterable[str] = RULES) -> list[str]:
    """Statements that put row-level security on readable tables, for the roles of readers, writers and the system."""
    return [statement for table in tables for statement in (*_postgresql_reading(table), *_postgresql_writing(table))]


def _postgresql_reading(table: str) -> Iterator[str]:
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
    scope = f"CREATE POLICY scope ON {table} FOR SELECT TO canopy_reader, canopy_writer"
    yield f"{scope} USING ({postgresql_condition(table)})"
    yield f"CREATE POLICY unfiltered ON {table} TO canopy_system USING ({_AS_SYSTEM}) WITH CHECK ({_AS_SYSTEM})"
    yield f"GRANT SELECT ON {table} TO canopy_reader, canopy_writer"


def _postgresql_writing(table: str) -> Iterator[str]:
    write = WRITES.get(table, Write())
    if write.insert:
        check = postgresql_write_condition(table, write.insert)
        yield f"CREATE POLICY may_insert ON {table} FOR INSERT TO canopy_writer WITH CHECK ({check})"
        yield f"GRANT INSERT ON {table} TO canopy_writer"
        if "id" in SQLModel.metadata.tables[table].c:
            yield f"GRANT USAGE ON SEQUENCE {table}_id_seq TO canopy_writer"
    if write.update:
        using = postgresql_write_condition(table, write.update)
        yield f"CREATE POLICY may_update ON {table} FOR UPDATE TO canopy_writer USING ({using}) WITH CHECK ({using})"
        yield f"GRANT UPDATE ({', '.join(sorted(write.columns))}) ON {table} TO canopy_writer"
    if write.delete:
        using = postgresql_write_condition(table, write.delete)
        yield f"CREATE POLICY may_delete ON {table} FOR DELETE TO canopy_writer USING ({using})"
        yield f"GRANT DELETE ON {table} TO canopy_writer"


def _sqlite(rule: str, row: str) -> str:
    return _render(rule, lambda name: f"scope_{name}()", _SQLITE | {"filter_": row})


def sqlite_views(secret: str, *, writing: bool = False) -> list[str]:
    """Statements that shadow tables by temporary views of their names, on one connection.

    The filter stands in a view behind that one, whose name begins with the secret. The authorizer is told only the
    name of whatever reads a table, and a common table expression may be called `account` as well as a view: what
    may read the tables must have names that no statement can know.

    To the authorizer a view none of whose own columns is read outside a sub-query looks like the bare table, which
    it refuses; so such a rule is preceded by a comparison that is always true (`IS NOT NULL` would be folded away).
    That of an unreadable table is one that is never true.

    Args:
        secret: what the names of the filtering views begin with.
        writing: for a writer, whose function `scope_beyond` says whether it is beyond its scope, where it sees all.
    """
    conditions = {table: _sqlite(rule, "+") for table, rule in RULES.items()}
    if writing:
        conditions |= {
            name: f"typeof(+{_last_column(name)}) = ''" for name in sorted(UNREADABLE & SQLModel.metadata.tables.keys())
        }
        conditions = {table: f"scope_beyond() = 1 OR {each}" for table, each in conditions.items()}
    views = []
    for table, condition in conditions.items():
        shown = f"+{_TEXT_COLUMN[table]} >= '' AND ({condition})" if table in _TEXT_COLUMN else condition
        views += [
            f"CREATE TEMP VIEW {secret}{table} AS SELECT * FROM main.{table} WHERE {shown}",
            f"CREATE TEMP VIEW {table} AS SELECT * FROM {secret}{table}",
        ]
    return views


def _last_column(table: str) -> str:
    return list(SQLModel.metadata.tables[table].c)[-1].name


def sqlite_triggers(secret: str) -> list[str]:
    """Statements that let a writing connection change no rows of any table but by the rules, unless it is beyond.

    A row that a rule keeps from being changed is passed over, as PostgreSQL does; one that would come to lie outside
    is an error. Rows that `INSERT OR REPLACE` would remove count as deleted (`PRAGMA recursive_triggers`).
    """
    triggers = []
    for table in SQLModel.metadata.tables:
        write = WRITES.get(table, Write())
        outside, passed_over = "RAISE(ABORT, 'outside')", "RAISE(IGNORE)"
        actions = {
            "INSERT": _guard(write.insert, "NEW.", outside),
            "UPDATE": _guard(write.update, "OLD.", passed_over, _guard(write.update, "NEW.", outside)),
            "DELETE": _guard(write.delete, "OLD.", passed_over),
        }
        triggers += [
            f"CREATE TEMP TRIGGER {secret}{action}_{table} BEFORE {action} ON main.{table}"
            f" WHEN scope_beyond() = 0 BEGIN SELECT {guard}; END"
            for action, guard in actions.items()
        ]
    return triggers


def _guard(rule: str | None, row: str, refusal: str, then: str = "NULL") -> str:
    """An expression that refuses a row, old or new, by a rule."""
    return f"CASE WHEN {_sqlite(rule, row)} THEN {then} ELSE {refusal} END" if rule else "RAISE(ABORT, 'refused')"
