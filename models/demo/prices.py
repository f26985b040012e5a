"""Price lists of the demo tree: what the manufacturers charge the provider, and every seller those right below it.

Nobody sells what its own vendor doesn't offer it, and nobody sells below cost.
"""

from array import array
from collections.abc import Iterator

from models import PriceModel, PriceType
from models.demo.account import CURRENCY, Accounts
from models.demo.days import START, day_text
from models.demo.dice import Dice, Subject, Weighted
from models.demo.facts import PLANS, PRODUCTS
from models.demo.offers import OFFERS, TIERS, Offer, amount, tier_cents
from models.demo.tree import PROVIDER, RESELLER, SUBRESELLER

MANUFACTURER_COSTS = tuple((offer.cents * (78 + place % 5) + 50) // 100 for place, offer in enumerate(OFFERS))
"""What the manufacturers charge the provider for each offer: about four fifths of the list price."""

_NOT_OFFERED = -1
_EVERY_PRODUCT = len(PRODUCTS)
_ALL_PLANS = frozenset(PLANS)
_PLANS_SOLD = Weighted((_ALL_PLANS, 6), (_ALL_PLANS - {"monthly"}, 2), (_ALL_PLANS - {"annual-yearly"}, 2))
_SPECIAL_EVERY = 20
_SETUP_MPN, _SETUP_CENTS = "EW-BACKUP", 4900
_BEFORE_OPENING = "2021-01-01"


class PriceLists:
    """What every seller charges, in cents for one unit and one billing period.

    Kept as four bytes for each seller and offer, and one more for what it mainly sells.
    """

    def __init__(self, accounts: Accounts) -> None:
        tree = self._tree = accounts.tree
        self._accounts = accounts
        self._dice, self._special_dice = Dice(tree.seed), Dice(tree.seed)
        self._lists = [array("i", (offer.cents for offer in OFFERS))]
        self._mains = [_mains(self._lists[PROVIDER])]
        for seller in range(1, tree.resellers + 1):
            self._lists.append(self._price_list(seller))
            self._mains.append(_mains(self._lists[seller]))

    def offered_to(self, account: int) -> bytes:
        """The offers that the account's vendor makes it, popular ones first, add-ons left out."""
        return self._mains[self._tree.vendors[account]]

    def unit_cents(self, buyer: int, offer: int, quantity: int = 1) -> int:
        """What the buyer's vendor charges it for one unit when it takes so many."""
        cents = self._charged(buyer, offer)
        return tier_cents(cents, quantity) if OFFERS[offer].is_tiered else cents

    def offers(self, buyer: int, offer: int) -> bool:
        """Whether the buyer's vendor makes it this offer."""
        return self._lists[self._tree.vendors[buyer]][offer] != _NOT_OFFERED

    def _charged(self, buyer: int, offer: int) -> int:
        special = self._special(buyer)
        if special and special[0] == offer:
            return special[1]
        return self._lists[self._tree.vendors[buyer]][offer]

    def _price_list(self, seller: int) -> "array[int]":
        dice = self._dice.about(Subject.ASSORTMENT, seller)
        markup = 10_300 + dice.below(1_501)
        plans = _PLANS_SOLD.draw(dice) if seller not in (RESELLER, SUBRESELLER) else _ALL_PLANS
        products = self._assortment(seller, dice)
        special = self._special(seller) or (_NOT_OFFERED, 0)
        costs = self._lists[self._tree.vendors[seller]]
        return array(
            "i",
            (
                ((special[1] if place == special[0] else cost) * markup + 5_000) // 10_000
                if cost != _NOT_OFFERED and offer.plan.code in plans and offer.product.mpn in products
                else _NOT_OFFERED
                for place, (offer, cost) in enumerate(zip(OFFERS, costs, strict=True))
            ),
        )

    def _assortment(self, seller: int, dice: Dice) -> set[str]:
        """Between 12 and 60 of the products that its vendor offers, popular ones rather than others."""
        costs = self._lists[self._tree.vendors[seller]]
        available = dict.fromkeys(
            offer.product.mpn for offer, cost in zip(OFFERS, costs, strict=True) if cost != _NOT_OFFERED
        )
        wanted = {RESELLER: 60, SUBRESELLER: 45}.get(seller) or 12 + dice.low(49)
        # A product at the end of the list needs a luckier draw than one at its beginning.
        drawn = sorted((dice.random() * (_EVERY_PRODUCT + place), mpn) for place, mpn in enumerate(available))
        return {mpn for _, mpn in drawn[:wanted]}

    def _special(self, buyer: int) -> tuple[int, int] | None:
        """The offer for which the buyer has a price of its own, if any, and that price: half the margin is given up."""
        demo = buyer != PROVIDER and self._accounts.names.is_of_the_demo(buyer)
        if not demo and buyer % _SPECIAL_EVERY != 7:
            return None
        vendor = self._tree.vendors[buyer]
        mains = self._mains[vendor]
        offer = mains[0 if demo else self._special_dice.about(Subject.SPECIAL, buyer).low(len(mains))]
        if OFFERS[offer].is_tiered:
            return None
        cost = MANUFACTURER_COSTS[offer] if vendor == PROVIDER else self._charged(vendor, offer)
        return offer, (cost + self._lists[vendor][offer] + 1) // 2

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The rows of `prices.csv`, seller by seller from the manufacturers down."""
        yield from self._manufacturer_rows()
        for seller in range(self._tree.resellers + 1):
            yield from self._seller_rows(seller)
        for buyer in range(1, self._tree.accounts):
            special = self._special(buyer)
            if special:
                yield self._special_row(buyer, *special)

    def _manufacturer_rows(self) -> Iterator[tuple[str, ...]]:
        for place, cents in enumerate(MANUFACTURER_COSTS):
            yield _row("", "", OFFERS[place], cents, START.isoformat())
            if place % 10 == 0:
                yield _row("", "", OFFERS[place], cents * 95 // 100, _BEFORE_OPENING, START.isoformat())
            if OFFERS[place].product.mpn == _SETUP_MPN:
                yield _row("", "", OFFERS[place], _SETUP_CENTS * 8 // 10, START.isoformat(), of_type=PriceType.SETUP)

    def _seller_rows(self, seller: int) -> Iterator[tuple[str, ...]]:
        key, since = self._accounts.key(seller), day_text(self._accounts.lives.joined(seller))
        for place, cents in enumerate(self._lists[seller]):
            if cents != _NOT_OFFERED:
                yield _row(key, "", OFFERS[place], cents, since)
        if seller == PROVIDER:
            for offer in OFFERS:
                if offer.product.mpn == _SETUP_MPN:
                    yield _row(key, "", offer, _SETUP_CENTS, since, of_type=PriceType.SETUP)

    def _special_row(self, buyer: int, offer: int, cents: int) -> tuple[str, ...]:
        vendor = self._tree.vendors[buyer]
        seller, since = self._accounts.key(vendor), day_text(self._accounts.lives.joined(vendor))
        return _row(seller, self._accounts.key(buyer), OFFERS[offer], cents, since)


def _mains(price_list: "array[int]") -> bytes:
    return bytes(
        place for place, cents in enumerate(price_list) if cents != _NOT_OFFERED and not OFFERS[place].product.addon_to
    )


def _row(
    seller: str,
    buyer: str,
    offer: Offer,
    cents: int,
    since: str,
    until: str = "",
    *,
    of_type: PriceType = PriceType.RECURRING,
) -> tuple[str, ...]:
    tiered = offer.is_tiered and of_type is PriceType.RECURRING
    return (
        seller,
        buyer,
        offer.product.manufacturer_code,
        offer.product.mpn,
        offer.plan.code,
        "",
        offer.plan.term.value,
        "1",
        of_type.value,
        PriceModel.VOLUME_SUBSCRIPTION.value if tiered else PriceModel.FLAT.value,
        CURRENCY,
        amount(cents),
        "|".join(f"{limit}:{amount(tier_cents(cents, limit))}" for limit, _ in TIERS) if tiered else "",
        since,
        until,
    )
