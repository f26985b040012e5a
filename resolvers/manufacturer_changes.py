"""Changing manufacturers."""

from models import Manufacturer
from models.identifier import new_id
from resolvers import catalogue
from resolvers.act import Act
from resolvers.inputs import Input, Text200, said
from resolvers.operation import Target, operation
from resolvers.privileges import Privilege
from resolvers.products import MANUFACTURER
from resolvers.trade_inputs import Code, ManufacturerId


class ManufacturerCreate(Input):
    """A new manufacturer."""

    code: Code = said("Its short name, unique for good, as `microsoft`.")
    name: Text200 = said("Its name.")


class ManufacturerUpdate(Input):
    """What a manufacturer is called from now on."""

    manufacturer: ManufacturerId = said("The manufacturer.")
    name: Text200 = said("Its name.")


@operation(privilege=Privilege.CATALOGUE_MANAGE, gives="manufacturer", taken={"manufacturer_code_key": "code"})
async def create(act: Act, given: ManufacturerCreate) -> None:
    """Add a manufacturer, whose products can then be added. For the provider's own staff."""
    catalogue.require_provider(act)
    row_id = new_id()
    row = Manufacturer(id=row_id, code=given.code, name=given.name, updated_at=act.now)
    await act.add(row)
    act.gives(manufacturer=row_id)


@operation(privilege=Privilege.CATALOGUE_MANAGE, gives="manufacturer", target=Target(MANUFACTURER, by="manufacturer"))
async def update(act: Act, given: ManufacturerUpdate) -> None:
    """Change a manufacturer's name. For the provider's own staff."""
    catalogue.require_provider(act)
    await act.change(MANUFACTURER, act.target, name=given.name)
