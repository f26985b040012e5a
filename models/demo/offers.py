"""Price lists of the demo tree: what the manufacturers charge the provider, and every seller those right below it.

An offer is a product under a plan. Nobody sells what its own vendor doesn't offer it, and nobody sells below cost.
"""

from array import array
from collections.abc import Iterator
from typing import NamedTuple

from models import BillingModel, PriceModel, PriceType
from models.base import PeriodType
from models.demo.account import CURRENCY, Accounts
from models.demo.days import START, day_text
from models.demo.dice import Dice, Subject, Weighted
from models.demo.facts import PLANS, PRODUCTS, Product
from models.demo.tree import PROVIDER, RESELLER, SUBRESELLER, Tree


class Plan(NamedTuple):
    """A service plan of the demo; a term of `months`, billed every `billed_type`."""

    code: str
    name: str
    months: int
    period_type: PeriodType
    billed_type: PeriodType
    billing_model: BillingModel
    periods: str
    description: str


class Offer(NamedTuple):
    """A product under a plan; `cents` is its list price for one unit and one billing period."""

    product: Product
    plan: Plan
    cents: int
    is_tiered: bool


_BEFORE, _AFTER = BillingModel.CHARGE_BEFORE_BILLING_PERIOD, BillingModel.CHARGE_AFTER_BILLING_PERIOD
_YEAR, _MONTH = PeriodType.YEAR, PeriodType.MONTH
PLAN_LIST = (
    Plan(PLANS[0], "Annual term, billed yearly", 12, _YEAR, _YEAR, _BEFORE, "1 YEAR", "Pay a year at once."),
    Plan(PLANS[1], "Annual term, billed monthly", 12, _YEAR, _MONTH, _BEFORE, "1 YEAR", "Commit for a year, pay by the month."),
    Plan(PLANS[2], "Monthly term", 1, _MONTH, _MONTH, _BEFORE, "1 MONTH|30 DAY trial", "Leave at the end of any month."),
    Plan(PLANS[3], "Metered", 1, _MONTH, _MONTH, _AFTER, "1 MONTH", "Pay at the end of the month for what was used."),
)
_TIERED_MPN = "EW-BACKUP"
TIERS = ((50, 90), (250, 80))
"""From so many units on, the whole quantity costs this percentage of the price of one."""

OFFERS = tuple(
    Offer(product, plan, product.prices[plan.code], product.mpn == _TIERED_MPN)
    for product in PRODUCTS
    for plan in PLAN_LIST
    if plan.code in product.prices
)
"""Everything for sale, the most popular products first. Elsewhere an offer is its place in this list."""
MANUFACTURER_COSTS = tuple((offer.cents * (78 + place % 5) + 50) // 100 for place, offer in enumerate(OFFERS))

_NOT_OFFERED = -1
_EVERY_PRODUCT = len(PRODUCTS)
_PLANS_SOLD = Weighted((frozenset(PLANS), 6), (frozenset(PLANS) - {"monthly"}, 2), (frozenset(PLANS) - {"annual-yearly"}, 2))
_SPECIAL_EVERY = 20
_SETUP_MPN, _SETUP_CENTS = "EW-BACKUP", 4900
_BEFORE_OPENING = "2021-01-01"


class PriceLists:
    """What every seller charges, in cents for one unit and one billing period.

    Kept as four bytes for each seller and offer, and one more for what it mainly sells.
    """

    def __init__(self, tree: Tree, accounts: Accounts) -> None:
        self._tree = tree
        self._accounts = accounts
        self._dice = Dice(tree.seed)
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
        plans = _PLANS_SOLD.draw(dice) if seller not in (RESELLER, SUBRESELLER) else frozenset(PLANS)
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
        available = dict.fromkeys(offer.product.mpn for offer, cost in zip(OFFERS, costs, strict=True) if cost != _NOT_OFFERED)
        wanted = {RESELLER: 60, SUBRESELLER: 45}.get(seller) or 12 + dice.low(49)
        # A product at the end of the list needs a luckier draw than one at its beginning.
        drawn = sorted((dice.random() * (_EVERY_PRODUCT + place), mpn) for place, mpn in enumerate(available))
        return {mpn for _, mpn in drawn[:wanted]}

    def _special(self, buyer: int) -> tuple[int, int] | None:
        """The offer for which the buyer has a price of its own, if any, and that price: half the margin is given up."""
        demo = buyer != PROVIDER and self._accounts.is_of_the_demo(buyer)
        if not demo and buyer % _SPECIAL_EVERY != 7:
            return None
        vendor = self._tree.vendors[buyer]
        offer = self._mains[vendor][0 if demo else Dice(self._tree.seed).about(Subject.SPECIAL, buyer).low(len(self._mains[vendor]))]
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
        key, since = self._accounts.key(seller), day_text(self._tree.born[seller])
        for place, cents in enumerate(self._lists[seller]):
            if cents != _NOT_OFFERED:
                yield _row(key, "", OFFERS[place], cents, since)
        if seller == PROVIDER:
            for offer in OFFERS:
                if offer.product.mpn == _SETUP_MPN:
                    yield _row(key, "", offer, _SETUP_CENTS, since, of_type=PriceType.SETUP)

    def _special_row(self, buyer: int, offer: int, cents: int) -> tuple[str, ...]:
        vendor = self._tree.vendors[buyer]
        return _row(self._accounts.key(vendor), self._accounts.key(buyer), OFFERS[offer], cents, day_text(self._tree.born[vendor]))


def tier_cents(cents: int, quantity: int) -> int:
    """The price of one unit of a tiered product when so many are taken."""
    percent = next((percent for limit, percent in reversed(TIERS) if quantity >= limit), 100)
    return (cents * percent + 50) // 100


def amount(cents: int) -> str:
    """Cents as a decimal string."""
    sign, (whole, rest) = "-" if cents < 0 else "", divmod(abs(cents), 100)
    return f"{sign}{whole}.{rest:02d}"


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
        offer.plan.period_type.value,
        "1",
        of_type.value,
        PriceModel.VOLUME_SUBSCRIPTION.value if tiered else PriceModel.FLAT.value,
        CURRENCY,
        amount(cents),
        "|".join(f"{limit}:{amount(tier_cents(cents, limit))}" for limit, _ in TIERS) if tiered else "",
        since,
        until,
    )
