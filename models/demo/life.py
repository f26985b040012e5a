"""What the other rows of an account depend on: how it is doing, since when it is there, and where it trades."""

from array import array
from typing import NamedTuple

from models import AccountStatus
from models.demo.days import DAY, HOUR, TODAY
from models.demo.dice import Dice, Subject, Weighted
from models.demo.facts import MARKETS, Market
from models.demo.names import Names
from models.demo.tree import PROVIDER, Tree


class Life(NamedTuple):
    """An account's status, the second since the start in which it joined, and its marketplace."""

    status: AccountStatus
    born: int
    market: Market


_STATUSES = tuple(AccountStatus)
_STATUS = Weighted(
    (AccountStatus.ACTIVE, 90),
    (AccountStatus.CREDIT_HOLD, 4.5),
    (AccountStatus.PENDING, 1.5),
    (AccountStatus.CANCELLED, 1.5),
    (AccountStatus.ADMIN_HOLD, 1),
    (AccountStatus.ERROR, 0.5),
)
_MARKET = Weighted(*((index, market.weight) for index, market in enumerate(MARKETS)))
_MARKET_OF_COUNTRY = {market.country_code: index for index, market in enumerate(MARKETS)}
_HOME = _MARKET_OF_COUNTRY["US"]
_LAST_RESELLERS_JOIN = TODAY - 250


class Lives:
    """Lives by account, drawn once for all: six bytes each."""

    def __init__(self, tree: Tree, names: Names) -> None:
        self._tree = tree
        self._names = names
        self._born = array("i", [9 * HOUR])
        self._markets = bytearray([_HOME])
        self._statuses = bytearray([_STATUSES.index(AccountStatus.ACTIVE)])
        dice = Dice(tree.seed).about(Subject.LIFE)
        for account in range(1, tree.accounts):
            self._born.append(self._joining_day(account, dice) * DAY + 7 * HOUR + dice.below(11 * HOUR))
            self._markets.append(self._market(account, dice))
            self._statuses.append(_STATUSES.index(self._status(account, dice)))

    def of(self, account: int) -> Life:
        """The account's life."""
        return Life(_STATUSES[self._statuses[account]], self._born[account], MARKETS[self._markets[account]])

    def joined(self, account: int) -> int:
        """The day on which the account joined."""
        return self._born[account] // DAY

    def _joining_day(self, account: int, dice: Dice) -> int:
        """A day after its vendor's; a reseller's early enough to leave time for those below it."""
        vendor_joined = self.joined(self._tree.vendors[account])
        if self._tree.is_reseller(account):
            return vendor_joined + 1 + int(dice.random() * 0.6 * (_LAST_RESELLERS_JOIN - vendor_joined))
        latest = vendor_joined + 90 if account == self._tree.customer else TODAY
        return vendor_joined + 1 + dice.below(latest - vendor_joined - 1)

    def _market(self, account: int, dice: Dice) -> int:
        """Mostly where the vendor trades, but the provider's resellers are everywhere."""
        country = self._names.country(account)
        if country:
            return _MARKET_OF_COUNTRY[country]
        vendor = self._tree.vendors[account]
        if self._names.is_of_the_demo(account) or dice.chance(10 if vendor == PROVIDER else 80):
            return self._markets[vendor]
        return _MARKET.draw(dice)

    def _status(self, account: int, dice: Dice) -> AccountStatus:
        if self._names.is_of_the_demo(account):
            return AccountStatus.ACTIVE
        status = _STATUS.draw(dice)
        # Below a reseller that is held or gone nobody could go on, so resellers are at worst on credit hold.
        if self._tree.is_reseller(account) and status is not AccountStatus.CREDIT_HOLD:
            return AccountStatus.ACTIVE
        return status
