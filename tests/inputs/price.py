"""What is tried on prices."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import update

from models.statement import Statement
from resolvers.accounts import ACCOUNT
from resolvers.prices import PRICE
from tests.hierarchy import World
from tests.inputs.trial import Trial

_NONE = 10**12
_GOODS: dict[str, Any] = {"product": 1, "plan": 1, "period": {"type": "MONTH"}, "amount": "9.50"}
_ACCOUNTS, _PRICES = (Statement(update(table).values(currency="USD")) for table in (ACCOUNT, PRICE))
_HEADER = "ProductId,SkuId,TermDuration,BillingPlan,Market,Currency,UnitPrice,EffectiveStartDate,ERP Price"


def offered_by(_world: World, account_id: int) -> dict[str, Any]:
    """By the account, to all right below it."""
    return _GOODS | {"seller": account_id}


def offered_to(_world: World, account_id: int) -> dict[str, Any]:
    """By the caller's account, to this one alone."""
    return _GOODS | {"buyer": account_id}


def offered_by_manufacturers(_world: World, account_id: int) -> dict[str, Any]:
    """To the account, or to whom they sell at all."""
    return offered_by(_world, account_id) | {"is_manufacturers": True, "seller": None}


def charged_by(world: World, account_id: int) -> dict[str, Any]:
    """One of the account's prices."""
    return {"price": next((row["id"] for row in world["price"] if row["seller_id"] == account_id), _NONE)}


def marked_up_by(_world: World, account_id: int) -> dict[str, Any]:
    """All that the account pays, and a little."""
    return {"seller": account_id, "percent": "10"}


def read_by(_world: World, account_id: int) -> dict[str, Any]:
    """A sheet in which there is nothing."""
    return {"seller": account_id, "name": "New", "csv": _HEADER}


def in_one_currency(_world: World, _account_id: int) -> Sequence[tuple[Statement, dict[str, Any]]]:
    """Everybody sells in US dollars."""
    return [(_ACCOUNTS, {}), (_PRICES, {})]


TRIALS = [
    Trial("priceOffer", offered_by, "by"),
    Trial("priceOffer", offered_to, "to"),
    Trial("priceOffer", offered_by_manufacturers, "by manufacturers", has_place=False),
    Trial("priceEnd", charged_by),
    Trial("priceMarkup", marked_up_by, before=in_one_currency),
    Trial("priceSheetApply", read_by),
]
