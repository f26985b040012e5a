"""Changing products."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select

from models import CotermingRequirement, CotermingType, Product, ProductStatus, ProductTerm
from models.base import table_of
from models.identifier import new_id
from models.statement import Row, Statement, any_of
from models.text import fold, terms
from resolvers import catalogue
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.inputs import Input, Text100, Text200, Text500, said
from resolvers.operation import Target, operation
from resolvers.privileges import Privilege
from resolvers.products import DEPENDENCY, MANUFACTURER, PRODUCT
from resolvers.trade_inputs import ManufacturerId, Mpn, ProductId, Quantity

_MOST_DEPENDENCIES = 50
_TERM = table_of(ProductTerm)
_KNOWN = Statement(select(PRODUCT.c.id).where(any_of(PRODUCT.c.id, "ids")), is_lookup=True)
_NEEDED = Statement(
    select(DEPENDENCY.c.depends_on_id)
    .where(DEPENDENCY.c.product_id == bindparam("product_id"))
    .order_by(DEPENDENCY.c.depends_on_id),
    is_lookup=True,
)
_INDEXED = ("name", "mpn", "service_name")
_CODES = (UserErrorCode.NOT_FOUND, UserErrorCode.OUT_OF_RANGE, UserErrorCode.REQUIRED, UserErrorCode.TOO_LONG)


class ProductCreate(Input):
    """A new product."""

    mpn: Mpn = said("The manufacturer's part number, unique among its products for good.")
    manufacturer: ManufacturerId = said("Who makes it.")
    name: Text200 = said("Its name.")
    description: Text500 | None = said("What it is.", None)
    service_name: Text100 | None = said("The service that it belongs to, such as `Microsoft 365`.", None)
    segment: Text100 | None = said("Whom it is for, such as `Commercial`.", None)
    unit: Text100 | None = said("What one of it is, such as `License`.", None)
    minimum_quantity: Quantity = said("The least that can be had.", 1)
    maximum_quantity: Quantity | None = said("The most that can be had. Null: no bound.", None)
    coterming_requirement: CotermingRequirement = said(
        "Whether its end date is aligned with another's.", CotermingRequirement.ALLOWED
    )
    coterming_type: CotermingType | None = said("What it is aligned with.", None)
    depends_on: list[ProductId] | None = said(
        "What must be there beside it, at most 50.", None, most=_MOST_DEPENDENCIES
    )


class ProductUpdate(Input):
    """What is to be known of a product from now on. What is left out stays as it is."""

    product: ProductId = said("The product.")
    name: Text200 = said("Its name.", None)
    description: Text500 | None = said("What it is. Null removes it.", None)
    service_name: Text100 | None = said("The service that it belongs to. Null removes it.", None)
    segment: Text100 | None = said("Whom it is for. Null removes it.", None)
    unit: Text100 | None = said("What one of it is. Null removes it.", None)
    minimum_quantity: Quantity = said("The least that can be had.", None)
    maximum_quantity: Quantity | None = said("The most that can be had. Null: no bound.", None)
    coterming_requirement: CotermingRequirement = said("Whether its end date is aligned with another's.", None)
    coterming_type: CotermingType | None = said("What it is aligned with.", None)
    status: ProductStatus = said("Whether it can be newly ordered; running subscriptions go on either way.", None)
    depends_on: list[ProductId] = said(
        "All that must be there beside it, at most 50: what isn't listed is removed.", None, most=_MOST_DEPENDENCIES
    )


class ProductRetire(Input):
    """Which product to retire."""

    product: ProductId = said("The product.")


@operation(
    privilege=Privilege.CATALOGUE_MANAGE, gives="product", taken={"product_mpn_manufacturer": "mpn"}, codes=_CODES,
    bulk=True,
)  # fmt: skip
async def create(act: Act, given: ProductCreate) -> None:
    """Add a product, which sellers can then be offered. For the provider's own staff."""
    catalogue.require_provider(act)
    if await catalogue.find(act, MANUFACTURER, given.manufacturer) is None:
        act.fault(UserErrorCode.NOT_FOUND, "There is no such manufacturer.", "manufacturer")
    values = given.model_dump(exclude={"manufacturer", "depends_on"})
    _check_quantities(act, values)
    await _check_products(act, given.depends_on or ())
    act.check()
    row_id = new_id()
    row = Product(
        id=row_id, manufacturer_id=given.manufacturer, name_key=fold(given.name), created_at=act.now,
        updated_at=act.now, **values,
    )  # fmt: skip
    await act.add(row)
    act.gives(product=row_id)
    await _index(act, row)
    if given.depends_on:
        await _replace_dependencies(act, row, given.depends_on)


@operation(
    privilege=Privilege.CATALOGUE_MANAGE, gives="product", target=Target(PRODUCT, by="product"), codes=_CODES, bulk=True
)
async def update(act: Act, given: ProductUpdate) -> None:
    """Change what is known of a product. For the provider's own staff.

    Running subscriptions go on as they are, whatever its bounds are now.
    """
    catalogue.require_provider(act)
    stays = {"product", "depends_on"}
    values = {name: getattr(given, name) for name in given.model_fields_set - stays}
    _check_quantities(act, {name: getattr(act.target, name) for name in _BOUNDS} | values)
    if "depends_on" in given.model_fields_set:
        await _check_products(act, given.depends_on)
    act.check()
    if "name" in values:
        values["name_key"] = fold(given.name)
    has_changed = await act.change(PRODUCT, act.target, **values)
    if values.keys() & set(_INDEXED):
        await _index(act, act.target, values)
    if "depends_on" in given.model_fields_set:
        has_others = await _replace_dependencies(act, act.target, given.depends_on)
        if has_others and not has_changed:
            await act.touch(PRODUCT, act.target)


@operation(
    privilege=Privilege.CATALOGUE_MANAGE, gives="product", target=Target(PRODUCT, by="product"),
    codes=(UserErrorCode.ALREADY_DONE,), bulk=True,
)  # fmt: skip
async def retire(act: Act, _given: ProductRetire) -> None:
    """Sell no more of a product: no new orders and no more units; what runs is renewed and billed as before.

    For the provider's own staff.
    """
    catalogue.require_provider(act)
    if act.target.status == ProductStatus.RETIRED:
        act.refuse(UserErrorCode.ALREADY_DONE, "The product is retired already.", "product")
    await act.change(PRODUCT, act.target, status=ProductStatus.RETIRED.value)


_BOUNDS = ("minimum_quantity", "maximum_quantity")


def _check_quantities(act: Act, values: dict[str, Any]) -> None:
    least, most = (values[name] for name in _BOUNDS)
    if most is not None and most < least:
        act.fault(UserErrorCode.OUT_OF_RANGE, f"It is less than the minimum, {least}.", "maximum_quantity")


async def _check_products(act: Act, ids: Sequence[int]) -> None:
    """Note those that are no product, or the very one that is changed."""
    known = {row.id for row in await act.rows(_KNOWN, {"ids": list(ids)})}
    for index, product_id in enumerate(ids):
        if product_id not in known:
            act.fault(UserErrorCode.NOT_FOUND, "There is no such product.", "depends_on", str(index))
        elif act.target is not None and product_id == act.target.id:
            act.fault(UserErrorCode.INVALID, "It is the product itself.", "depends_on", str(index))


async def _index(act: Act, row: Row | Product, values: dict[str, Any] | None = None) -> None:
    """Make the product found by the words of its name, part number and service."""
    texts = (({name: getattr(row, name) for name in _INDEXED}) | (values or {})).get
    words = terms(*(texts(name) or "" for name in _INDEXED))
    await act.work_out(_TERM, "product_id", row.id, [{"product_id": row.id, "term": word} for word in words])


async def _replace_dependencies(act: Act, row: Row | Product, ids: Sequence[int]) -> bool:
    """Make these what the product depends on; returns whether they weren't."""
    before = [each.depends_on_id for each in await act.rows(_NEEDED, {"product_id": row.id})]
    after = sorted(set(ids))
    if before == after:
        return False
    rows = [{"product_id": row.id, "depends_on_id": each} for each in after]
    await act.work_out(DEPENDENCY, "product_id", row.id, rows)
    await act.record(PRODUCT, row.id or 0, {"depends_on": before}, {"depends_on": after})
    return True
