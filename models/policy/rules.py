"""Who may see which row: a rule for each table."""

from models.policy.scope import NOT_NARROWED, OF_SELLER, SELLER_WITHIN, WITHIN


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
    "account": WITHIN,
    "account_contact": f"{WITHIN} AND {NOT_NARROWED}",
    "account_term": WITHIN,
    "api_client": f"{WITHIN} AND {NOT_NARROWED}",
    "app_user": f"{WITHIN} AND ({NOT_NARROWED} OR id = {{only_user}})",
    "audit": f"{WITHIN} AND {{changes}} = 1",
    # Neither what a vendor owes above nor what its other buyers owe; what one owed a former vendor, one still sees.
    "balance": f"{{finances}} = 1 AND ({SELLER_WITHIN} OR {{filter_}}buyer_id = {{account}})",
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
    "order_line": f"({WITHIN} OR {{filter_}}account_id = {{account}}) AND {NOT_NARROWED}",
    "orders": f"({WITHIN} OR {{filter_}}account_id = {{account}}) AND {NOT_NARROWED}",
    "plan": _offered("plan_id", "plan.id"),
    "plan_period": "EXISTS (SELECT 1 FROM plan WHERE plan.id = plan_period.plan_id)",
    # What leads to something that isn't for sale to anybody in view is of no use, and tells what is for sale elsewhere.
    # Each policy is asked once for both sides: PostgreSQL plans it anew wherever it stands.
    "plan_switch": " AND ".join(
        f"NOT EXISTS (SELECT 1 FROM (SELECT plan_switch.from_{noun}_id AS id"
        f" UNION ALL SELECT plan_switch.to_{noun}_id) side WHERE side.id IS NOT NULL AND NOT {_of(noun, 'side.id')})"
        for noun in ("plan", "product")
    ),
    "price": (
        f"{{prices}} = 1 AND ({SELLER_WITHIN}"
        " OR {filter_}seller_id = {vendor} AND ({filter_}buyer_id = {account} OR buyer_id IS NULL)"
        " OR seller_id IS NULL AND {catalogue} = 1)"
    ),
    "price_sheet": OF_SELLER,
    "product": _offered("product_id", "product.id"),
    "product_dependency": "EXISTS (SELECT 1 FROM product WHERE product.id = product_dependency.product_id)",
    "product_term": "EXISTS (SELECT 1 FROM product WHERE product.id = product_term.product_id)",
    "role": "{lo} > ''",
    "seat": f"{WITHIN} AND ({NOT_NARROWED} OR user_id = {{only_user}})",
    "subscription": f"{WITHIN} AND ({NOT_NARROWED} OR subscription.id {{is_own}})",
    "subscription_charge": (
        f"{{prices}} = 1 AND {WITHIN} AND ({SELLER_WITHIN}"
        " OR {filter_}seller_id = {vendor} AND {filter_}buyer_id = {account}"
        " OR seller_id IS NULL AND {catalogue} = 1)"
    ),
    "subscription_history": f"{WITHIN} AND ({NOT_NARROWED} OR subscription_history.subscription_id {{is_own}})",
    "subscription_hold": f"{WITHIN} AND ({NOT_NARROWED} OR subscription_hold.subscription_id {{is_own}})",
    "subscription_item": f"{WITHIN} AND ({NOT_NARROWED} OR subscription_item.subscription_id {{is_own}})",
    "subscription_lot": f"{WITHIN} AND ({NOT_NARROWED} OR subscription_lot.subscription_id {{is_own}})",
    "user_denial": f"{WITHIN} AND ({NOT_NARROWED} OR user_id = {{only_user}})",
    "user_role": f"{WITHIN} AND ({NOT_NARROWED} OR user_id = {{only_user}})",
    "user_term": f"{WITHIN} AND ({NOT_NARROWED} OR user_id = {{only_user}})",
    "vendor_card": f"{WITHIN} OR {{filter_}}account_id = {{vendor}}",
}

UNREADABLE = frozenset(
    {
        "account_transfer",
        "alembic_version",
        "client_level",
        "clock",
        "credential",
        "document",
        "document_alias",
        "document_client",
        "document_registry",
        "endpoint",
        "external_identity",
        "field_use",
        "idempotency",
        "identity",
        "issuer",
        "job",
        "ledger_entry",
        "mail",
        "one_time_link",
        "order_number",
        "outbox",
        "provisioned",
        "refresh_token",
        "schema_version",
        "security_answer",
        "sign_in_failure",
        "unknown_document",
        "used_sign_in",
    }
)
"""Tables that no scope can read: secrets, the machinery of writing and of the gateway, the version of the database."""
