"""Who may change which row: what writers may do to each table."""

from dataclasses import dataclass

from models.policy.scope import NOT_NARROWED, OF_SELLER, SELLER_WITHIN, WITHIN


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


_MINE = f"{WITHIN} AND {NOT_NARROWED}"
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
    f"{{prices}} = 1 AND ({SELLER_WITHIN}"
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
            " requires_approval held_by held_before holder_id holder_before_id status_reason status_since"
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
        update=f"{WITHIN} AND ({NOT_NARROWED} OR {{filter_}}id = {{only_user}})",
        columns=_columns("kind status first_name last_name name_key email email_key phone_number language"),
    ),
    "balance": Write(
        update=f"{{finances}} = 1 AND {SELLER_WITHIN}", columns=_columns("terms credit_limit_micros net_days")
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
            " waiting_for submission stoppable_until term_from term_until"
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
    "plan_switch": Write(
        insert=_CATALOGUE, update=_CATALOGUE, columns=_columns("kind billing_policy when_effective is_active")
    ),
    "price": Write(
        insert=_OFFER,
        update=f"{{prices}} = 1 AND ({SELLER_WITHIN} OR {_OF_PROVIDER})",
        columns=_columns("valid_until"),
    ),
    "price_sheet": Write(insert=f"{OF_SELLER} AND {_same_place('account', 'account_id')}"),
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
            " ended_at holder_id vendor_subscription_id attributes"
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
