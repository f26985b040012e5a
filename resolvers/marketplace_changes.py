"""Changing marketplaces."""

from models import Marketplace
from models.identifier import new_id
from models.text import fold
from resolvers import catalogue
from resolvers.act import Act
from resolvers.inputs import Country, Input, Text200, said
from resolvers.operation import Target, operation
from resolvers.privileges import Privilege
from resolvers.products import MARKETPLACE
from resolvers.trade_inputs import Code, Currency, MarketplaceId


class MarketplaceCreate(Input):
    """A new marketplace."""

    code: Code = said("Its short name, unique for good, as `de`.")
    name: Text200 = said("Its name.")
    country_code: Country = said("Its country, ISO 3166-1 alpha-2.")
    currency: Currency = said("In which it quotes, ISO 4217.")


class MarketplaceUpdate(Input):
    """What is to be known of a marketplace from now on. What is left out stays as it is."""

    marketplace: MarketplaceId = said("The marketplace.")
    name: Text200 = said("Its name.", None)
    country_code: Country = said("Its country, ISO 3166-1 alpha-2.", None)
    currency: Currency = said("In which it quotes, ISO 4217. Prices stay as they were set.", None)


@operation(privilege=Privilege.CATALOGUE_MANAGE, gives="marketplace", taken={"marketplace_code_key": "code"})
async def create(act: Act, given: MarketplaceCreate) -> None:
    """Open a marketplace: a country's storefront. For the provider's own staff."""
    catalogue.require_provider(act)
    row_id = new_id()
    row = Marketplace(id=row_id, name_key=fold(given.name), updated_at=act.now, **given.model_dump())
    await act.add(row)
    act.gives(marketplace=row_id)


@operation(privilege=Privilege.CATALOGUE_MANAGE, gives="marketplace", target=Target(MARKETPLACE, by="marketplace"))
async def update(act: Act, given: MarketplaceUpdate) -> None:
    """Change what is known of a marketplace. For the provider's own staff."""
    catalogue.require_provider(act)
    values = given.given("name", "country_code", "currency")
    if "name" in values:
        values["name_key"] = fold(given.name)
    await act.change(MARKETPLACE, act.target, **values)
