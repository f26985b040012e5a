"""What the demo tells about an account: its life, its name, its address, and its card if it sells."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from models import AccountStatus, AccountType
from models.demo.days import DAY, END, TODAY, instant_text
from models.demo.dice import Dice, Subject, Weighted
from models.demo.facts import COMPANIES, MARKETS, Market
from models.demo.tree import PROVIDER, RESELLER, SIBLING, SUBRESELLER, Tree

CURRENCY = "USD"
"""All prices of the demo are in one currency, though marketplaces have their own."""


class Life(NamedTuple):
    """What other rows of an account depend on; `born` in seconds since the start."""

    status: AccountStatus
    born: int
    market: Market


class Identity(NamedTuple):
    """What an account is called: its whole name, its brand, and its domain on the internet."""

    name: str
    brand: str
    domain: str


_STATUS = Weighted(
    (AccountStatus.ACTIVE, 90),
    (AccountStatus.CREDIT_HOLD, 3.5),
    (AccountStatus.PENDING, 2),
    (AccountStatus.CANCELLED, 2.5),
    (AccountStatus.ADMIN_HOLD, 1.5),
    (AccountStatus.ERROR, 0.5),
)
_BUSINESSES = (
    *("Logistics", "& Sons", "Bakery", "Dental Care", "Architects", "Foods", "Legal", "Retail", "Manufacturing", "Travel"),
    *("Insurance", "Energy", "Farms", "Media", "School", "Clinic", "Construction", "Textiles", "Brewery", "Transport"),
    *("Furniture", "Motors", "Hotels"),
)
_IT_BUSINESSES = (
    *("Cloud", "IT Services", "Systems", "Digital", "Networks", "Technology Partners", "Software", "Managed Services"),
    *("Data", "Consulting", "Computing"),
)
_STREETS = ("Market Street", "Station Road", "Mill Lane", "Harbour Street", "Church Road", "Castle Street", "Park Avenue", "Bridge Street")
_FLOORS = ("2nd floor", "Building B", "Suite 12", "Unit 4")
_CUSTOMER_CLASS = Weighted(("Default", 8), ("Silver", 2), ("Gold", 1))
_COLORS = ("#0b5fff", "#0f766e", "#9a3412", "#7c3aed", "#be123c", "#166534", "#1e3a8a", "#b45309")
_EXTERNAL_IDS = ("C{:06d}", "ACC-{:07d}", "{:08d}", "CRM/{:d}")
_INDUSTRIES = ("manufacturing", "retail", "public sector", "health", "finance", "education")
_PRIMES = (7919, 6841, 5303)
_MARKET_OF_COUNTRY = {market.country_code: index for index, market in enumerate(MARKETS)}


class Accounts:
    """Accounts by their number. Asking about one needs nothing of the others but the tree."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._dice = Dice(tree.seed)
        # Neighbours in the tree should not be neighbours in the list of companies. A tree too large for the primes
        # to share no factor with has 36 thousand million accounts.
        self._stride = next(prime for prime in _PRIMES if math.gcd(prime, tree.accounts) == 1)
        self._demo = {
            PROVIDER: Identity("Skyline Cloud Distribution", "Skyline Cloud", "provider.example"),
            RESELLER: Identity("Bluepeak Technology Group", "Bluepeak", "reseller.example"),
            SUBRESELLER: Identity("Harbour IT Partners", "Harbour IT", "subreseller.example"),
            SIBLING: Identity("Redwood Channel Services", "Redwood", "sibling.example"),
            tree.customer: Identity("Alder & Finch Publishing", "Alder & Finch", "customer.example"),
        }
        """The accounts of the demo logins have made-up names: no real organisation's secret is on a sign-in page."""

    def is_of_the_demo(self, account: int) -> bool:
        """Whether it is one of the few accounts that every demo tree has."""
        return account in self._demo

    def key(self, account: int) -> str:
        """What the files call the account. It names the tree too, so that two trees are never mixed."""
        return f"demo:{self.tree.accounts}:{self.tree.seed}:{account}"

    def life(self, account: int) -> Life:
        """The account's status, when it joined, and where it trades."""
        tree, dice = self.tree, self._dice.about(Subject.LIFE, account)
        market = MARKETS[self._market(account, dice)]
        if account in self._demo:
            return Life(AccountStatus.ACTIVE, self._joined(account, dice), market)
        status = _STATUS.draw(dice)
        # Below an account that can't sell nobody would be active, so resellers are never worse than on credit hold.
        if account <= tree.resellers and status is not AccountStatus.CREDIT_HOLD:
            status = AccountStatus.ACTIVE
        return Life(status, self._joined(account, dice), market)

    def _market(self, account: int, dice: Dice) -> int:
        company, variant = self._company(account)
        if variant == 0 and account > self.tree.resellers and account not in self._demo:
            return _MARKET_OF_COUNTRY[COMPANIES[company].country_code]
        return self.tree.market_of(account, dice)

    def _joined(self, account: int, dice: Dice) -> int:
        tree = self.tree
        office_hours = int((7 + dice.random() * 11) * 3_600_000)
        if account <= tree.resellers:
            return tree.born[account] * DAY + office_hours
        vendor_born = tree.born[tree.vendors[account]]
        latest = vendor_born + 90 if account == tree.customer else TODAY
        return (vendor_born + 1 + dice.below(latest - vendor_born - 1)) * DAY + office_hours

    def _company(self, account: int) -> tuple[int, int]:
        """The company that lends its name, and how often it did so before."""
        variant, company = divmod(account * self._stride % self.tree.accounts, len(COMPANIES))
        return company, variant

    def identity(self, account: int, market: Market) -> Identity:
        """What the account is called. No two of a tree have the same name and no two the same domain."""
        demo = self._demo.get(account)
        if demo:
            return demo
        number, variant = self._company(account)
        company = COMPANIES[number]
        domain = f"{company.domain}{account}.example"
        if variant == 0 and account > self.tree.resellers:
            return Identity(company.legal_name, company.short_name, domain)
        brand = _branch_name(company.short_name, number, variant, market, seller=account <= self.tree.resellers)
        return Identity(brand, brand, domain)

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The rows of `accounts.csv`."""
        for account in range(self.tree.accounts):
            yield self._row(account)

    def _row(self, account: int) -> tuple[str, ...]:
        tree, life = self.tree, self.life(account)
        identity, market = self.identity(account, life.market), life.market
        dice = self._dice.about(Subject.ADDRESS, account)
        sells = account <= tree.resellers
        city, state = dice.pick(market.cities)
        return (
            self.key(account),
            self.key(tree.vendors[account]) if account else "",
            _type_of(account, tree),
            identity.name,
            life.status.value,
            _EXTERNAL_IDS[tree.vendors[account] % 4].format(account) if account and dice.chance(85) else "",
            market.code,
            CURRENCY if sells else "",
            market.language,
            f"{market.country_code}{10_000_000 + dice.below(90_000_000)}" if dice.chance(60) else "",
            _CUSTOMER_CLASS.draw(dice) if sells else "",
            "Vertex" if sells and market.code == "us" else "",
            f"{1 + dice.below(240)} {dice.pick(_STREETS)}",
            dice.pick(_FLOORS) if dice.chance(20) else "",
            _postal_code(market.postal_code, dice),
            city,
            state,
            market.country_code,
            _attributes(account, dice) if dice.chance(15) else "",
            *(_card(identity, market, account, dice) if sells else ("", "", "", "", "", "")),
            instant_text(life.born),
            instant_text(life.born + int(dice.random() * (END - life.born))),
        )


def _type_of(account: int, tree: Tree) -> str:
    if account == PROVIDER:
        return AccountType.PROVIDER.value
    return AccountType.RESELLER.value if tree.is_reseller(account) else AccountType.CUSTOMER.value


def _branch_name(stem: str, company: int, variant: int, market: Market, *, seller: bool) -> str:
    """A name of the company's own that no other of its variants has: a business, then a city, at last a number."""
    businesses = _IT_BUSINESSES if seller else _BUSINESSES
    around, place = divmod(variant, len(businesses))
    # The stride of 4 has no factor in common with either list's length, so that every business comes up once.
    business = businesses[(place * 4 + company) % len(businesses)]
    if around == 0:
        return f"{stem} {business}"
    number, city = divmod(around - 1, len(market.cities))
    name = f"{stem} {business} {market.cities[(city + company) % len(market.cities)][0]}"
    return f"{name} {number + 1}" if number else name


def _postal_code(shape: str, dice: Dice) -> str:
    digits = iter(f"{dice.below(100_000_000):08d}")
    letters = iter("BCDGHKLMNPRSTVWX"[dice.below(13) :])
    return "".join(next(digits) if c == "#" else next(letters) if c == "A" else c for c in shape)


def _attributes(account: int, dice: Dice) -> str:
    return f'{{"contractNumber":"K-{account:07d}","industry":"{dice.pick(_INDUSTRIES)}"}}'


def _card(identity: Identity, market: Market, account: int, dice: Dice) -> tuple[str, ...]:
    """Brand, support address, telephone, page, logo and colour. There is no logo to point to."""
    phone = f"+{market.dialling_code}5550{account % 1_000_000:06d}"
    return (identity.brand, f"support@{identity.domain}", phone, f"https://{identity.domain}/support", "", dice.pick(_COLORS))


