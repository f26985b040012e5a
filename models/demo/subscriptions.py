"""What the accounts of the demo tree have bought."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from models import AccountStatus, SubscriptionStatus
from models.demo.account import Accounts
from models.demo.days import DAY, END, HOUR, TODAY, day_text, instant_text, period_end
from models.demo.dice import Dice, Subject, Weighted
from models.demo.life import Life
from models.demo.offers import OFFERS
from models.demo.people import People, service_users
from models.demo.prices import PriceLists

_NO_ADDON = -1
_ENDED = (SubscriptionStatus.TERMINATED, SubscriptionStatus.REMOVED)


class Subscription(NamedTuple):
    """One subscription of an account. Moments are in seconds since the start, `ends` a day, -1 while it is open."""

    place: int
    offer: int
    addon: int
    quantity: int
    status: SubscriptionStatus
    auto_renew: bool
    created: int
    updated: int
    ends: int
    """The end of its present term, or the day on which it was terminated; -1 while pending."""

    @property
    def is_running(self) -> bool:
        """Whether it can be renewed and changed."""
        return self.status is SubscriptionStatus.ACTIVE

    @property
    def has_ended(self) -> bool:
        """Whether it was terminated, and perhaps removed."""
        return self.status in _ENDED

    @property
    def has_addon(self) -> bool:
        """Whether a second product belongs to it."""
        return self.addon != _NO_ADDON


_HOW_MANY = Weighted((0, 8), (1, 45), (2, 22), (3, 11), (4, 6), (5, 4), (6, 2), (8, 1), (12, 0.6), (20, 0.3), (40, 0.1))
_HOW_MANY_OF_A_RESELLER = Weighted((0, 60), (1, 25), (2, 10), (3, 5))
_STATUS = Weighted(
    (SubscriptionStatus.ACTIVE, 94.5),
    (SubscriptionStatus.PENDING, 1),
    (SubscriptionStatus.HOLD, 1),
    (SubscriptionStatus.TERMINATED, 2.2),
    (SubscriptionStatus.REMOVED, 1.3),
)
_STATUS_IN_AN_ACCOUNT = {
    AccountStatus.PENDING: Weighted((SubscriptionStatus.PENDING, 1)),
    AccountStatus.ADMIN_HOLD: Weighted((SubscriptionStatus.HOLD, 9), (SubscriptionStatus.TERMINATED, 1)),
    AccountStatus.CANCELLED: Weighted((SubscriptionStatus.TERMINATED, 6), (SubscriptionStatus.REMOVED, 4)),
    AccountStatus.ERROR: Weighted((SubscriptionStatus.PENDING, 1), (SubscriptionStatus.HOLD, 1)),
}
"""What an account's own status means for its services; on credit hold they keep running."""
_DEMO_CUSTOMER = (
    *(SubscriptionStatus.ACTIVE,) * 5,
    SubscriptionStatus.HOLD,
    SubscriptionStatus.TERMINATED,
    SubscriptionStatus.PENDING,
)
_DEMO_RESELLER = (SubscriptionStatus.ACTIVE,) * 3
_DEMO_SEATS = 3
"""Of so many of its account's subscriptions the demo's service user has a seat."""
_FREE_SEAT_OF_TEN = 3
_COST_CENTRES = ("CC-1100", "CC-1200", "CC-2400", "CC-3150", "CC-4700")
_ADDONS = {
    (offer.product.addon_to, offer.plan.code): place for place, offer in enumerate(OFFERS) if offer.product.addon_to
}


class Subscriptions:
    """Subscriptions by account."""

    def __init__(self, accounts: Accounts, people: People, prices: PriceLists) -> None:
        self._accounts = accounts
        self._people = people
        self._prices = prices
        self._dice = Dice(accounts.tree.seed)

    def of(self, account: int, life: Life) -> list[Subscription]:
        """The account's subscriptions, each from an offer of its vendor. The provider has no vendor and so none."""
        tree = self._accounts.tree
        if account == 0:
            return []
        dice = self._dice.about(Subject.PURCHASE, account)
        statuses: Sequence[SubscriptionStatus]
        if self._accounts.names.is_of_the_demo(account):
            statuses = _DEMO_CUSTOMER if account == tree.customer else _DEMO_RESELLER
        else:
            how_many = (_HOW_MANY_OF_A_RESELLER if account <= tree.resellers else _HOW_MANY).draw(dice)
            likely = _STATUS_IN_AN_ACCOUNT.get(life.status, _STATUS)
            statuses = [likely.draw(dice) for _ in range(how_many)]
        return [self._buy(account, life, place, status, dice) for place, status in enumerate(statuses)]

    def _buy(self, account: int, life: Life, place: int, status: SubscriptionStatus, dice: Dice) -> Subscription:
        offers = self._prices.offered_to(account)
        # The demo's customer goes through the list from the top; others take from it anywhere, mostly near the top.
        skipped = 0 if account == self._accounts.tree.customer else dice.low(len(offers))
        offer = offers[(skipped + 4 * place) % len(offers)]
        product, plan = OFFERS[offer].product, OFFERS[offer].plan
        created = self._created(life, status, dice)
        ended = status in _ENDED
        ends = _end(created, plan.months, status, dice)
        return Subscription(
            place=place,
            offer=offer,
            addon=self._addon(account, offer, dice),
            quantity=min(int(2 * dice.heavy()), int(product.maximum_quantity or 5000)),
            status=status,
            auto_renew=not ended and dice.chance(85),
            created=created,
            updated=ends * DAY if ended else created + int(dice.random() * (END - created)),
            ends=ends,
        )

    def _addon(self, account: int, offer: int, dice: Dice) -> int:
        addon = _ADDONS.get((OFFERS[offer].product.service_name, OFFERS[offer].plan.code))
        if addon is None or not dice.chance(15) or not self._prices.offers(account, addon):
            return _NO_ADDON
        return addon

    def _created(self, life: Life, status: SubscriptionStatus, dice: Dice) -> int:
        """A moment in the account's life, a while ago for one that has ended, a few days ago for one being made."""
        first, last = life.born + 3 * HOUR, END - 3 * HOUR
        if status is SubscriptionStatus.PENDING:
            first = max(first, last - 5 * DAY)
        elif status in _ENDED:
            last = max(first, last - 40 * DAY)
        return first + int(dice.random() * max(last - first, 0))

    def key(self, account: int, subscription: Subscription) -> str:
        """What the files call the subscription."""
        return f"{self._accounts.key(account)}:{subscription.place}"

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The rows of `subscriptions.csv`."""
        for account in range(1, self._accounts.tree.accounts):
            life = self._accounts.life(account)
            bought = self.of(account, life)
            users = service_users(self._people.of(account, life)) if bought else []
            for subscription in bought:
                yield self._row(account, subscription, users)

    def _row(self, account: int, bought: Subscription, users: list[str]) -> tuple[str, ...]:
        offer = OFFERS[bought.offer]
        pending = bought.status is SubscriptionStatus.PENDING
        return (
            self.key(account, bought),
            self._accounts.key(account),
            offer.product.name,
            bought.status.value,
            offer.product.manufacturer_code,
            offer.product.mpn,
            offer.plan.code,
            str(bought.quantity),
            "true" if bought.auto_renew else "false",
            offer.plan.term.value,
            "1",
            "" if pending else day_text(bought.created // DAY),
            day_text(bought.ends) if bought.auto_renew and not pending else "",
            "" if pending else day_text(bought.ends),
            "" if pending else _guid(account, bought.place),
            f'{{"costCentre":"{_COST_CENTRES[account % 5]}"}}' if (account + bought.place) % 7 == 0 else "",
            "|".join(self._seats(account, bought, users)),
            instant_text(bought.created),
            instant_text(bought.updated),
        )

    def _seats(self, account: int, bought: Subscription, users: list[str]) -> list[str]:
        if account == self._accounts.tree.customer:
            return users[: bought.quantity] if bought.place < _DEMO_SEATS else users[1 : bought.quantity]
        return [] if (account + bought.place) % 10 < _FREE_SEAT_OF_TEN else users[: bought.quantity]

    def items(self) -> Iterator[tuple[str, ...]]:
        """The rows of `subscription_items.csv`: the second products."""
        for account in range(1, self._accounts.tree.accounts):
            for bought in self.of(account, self._accounts.life(account)):
                if bought.has_addon:
                    product = OFFERS[bought.addon].product
                    key, quantity = self.key(account, bought), addon_quantity(bought.quantity)
                    yield (key, "1", product.manufacturer_code, product.mpn, str(quantity), "")


def addon_quantity(quantity: int) -> int:
    """How many of an add-on go with so many of the first product: for every second one, rounded up."""
    return (quantity + 1) // 2


def _end(created: int, months: int, status: SubscriptionStatus, dice: Dice) -> int:
    day = created // DAY
    if status in _ENDED:
        return min(day + 7 + dice.below(max(TODAY - day - 7, 1)), TODAY)
    return -1 if status is SubscriptionStatus.PENDING else period_end(day, months, TODAY - 1)


def _guid(account: int, place: int) -> str:
    """An id as the manufacturer would give it, different for every subscription."""
    number = (account * 64 + place + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 & (1 << 128) - 1
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
