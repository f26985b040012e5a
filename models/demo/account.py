"""The accounts of the demo tree as rows: addresses, ids, and the cards of those who sell."""

from collections.abc import Iterator

from models import AccountType
from models.demo.days import END, instant_text
from models.demo.dice import Dice, Subject, Weighted
from models.demo.facts import Market
from models.demo.life import Life, Lives
from models.demo.names import Identity, Names
from models.demo.tree import PROVIDER, Tree, key_prefix

CURRENCY = "USD"
"""All prices of the demo are in one currency, though marketplaces have their own."""

_STREETS = (
    *("Market Street", "Station Road", "Mill Lane", "Harbour Street", "Church Road", "Castle Street", "Park Avenue"),
    *("Bridge Street", "High Street", "Garden Lane"),
)
_FLOORS = ("2nd floor", "Building B", "Suite 12", "Unit 4")
_LETTERS = "BCDGHKLMNPRSTVWX"
_CUSTOMER_CLASS = Weighted(("Default", 8), ("Silver", 2), ("Gold", 1))
_COLORS = ("#0b5fff", "#0f766e", "#9a3412", "#7c3aed", "#be123c", "#166534", "#1e3a8a", "#b45309")
_EXTERNAL_IDS = ("C{:06d}", "ACC-{:07d}", "{:08d}", "CRM/{:d}")
_INDUSTRIES = ("manufacturing", "retail", "public sector", "health", "finance", "education")
_NO_CARD = ("",) * 6


class Accounts:
    """The accounts of a tree by their number, and what other rows must know of them."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.names = Names(tree)
        self.lives = Lives(tree, self.names)
        self._key = key_prefix(tree.accounts, tree.seed)
        self._dice = Dice(tree.seed)

    def key(self, account: int) -> str:
        """What the files call the account."""
        return f"{self._key}{account}"

    def life(self, account: int) -> Life:
        """The account's status, when it joined, and where it trades."""
        return self.lives.of(account)

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The rows of `accounts.csv`."""
        for account in range(self.tree.accounts):
            yield self._row(account)

    def _row(self, account: int) -> tuple[str, ...]:
        status, born, market = self.life(account)
        identity = self.names.of(account, market)
        vendor = self.tree.vendors[account]
        dice = self._dice.about(Subject.ADDRESS, account)
        sells = account <= self.tree.resellers
        return (
            self.key(account),
            self.key(vendor) if account else "",
            _type_of(account, self.tree),
            identity.name,
            status.value,
            _EXTERNAL_IDS[vendor % 4].format(account) if account and dice.chance(85) else "",
            market.code,
            CURRENCY if sells else "",
            market.language,
            f"{market.country_code}{10_000_000 + dice.below(90_000_000)}" if dice.chance(60) else "",
            _CUSTOMER_CLASS.draw(dice) if sells else "",
            "Vertex" if sells and market.code == "us" else "",
            *_address(market, dice),
            _attributes(account, dice) if dice.chance(15) else "",
            *(_card(identity, market, account, dice) if sells else _NO_CARD),
            instant_text(born),
            instant_text(born + int(dice.random() * (END - born))),
        )


def _type_of(account: int, tree: Tree) -> str:
    if account == PROVIDER:
        return AccountType.PROVIDER.value
    return AccountType.RESELLER.value if tree.is_reseller(account) else AccountType.CUSTOMER.value


def _address(market: Market, dice: Dice) -> tuple[str, ...]:
    """Street, what comes after it, postal code, city, state, country."""
    city, state = dice.pick(market.cities)
    street = f"{1 + dice.below(240)} {dice.pick(_STREETS)}"
    extension = dice.pick(_FLOORS) if dice.chance(20) else ""
    return (street, extension, _postal_code(market.postal_code, dice), city, state, market.country_code)


def _postal_code(shape: str, dice: Dice) -> str:
    digits = iter(f"{dice.below(100_000_000):08d}")
    letters = iter(_LETTERS[dice.below(len(_LETTERS) - shape.count("A") + 1) :])
    return "".join(next(digits) if place == "#" else next(letters) if place == "A" else place for place in shape)


def _attributes(account: int, dice: Dice) -> str:
    return f'{{"contractNumber":"K-{account:07d}","industry":"{dice.pick(_INDUSTRIES)}"}}'


def _card(identity: Identity, market: Market, account: int, dice: Dice) -> tuple[str, ...]:
    """Brand, support address, telephone, page, logo and colour. There is no logo to point to."""
    phone = f"+{market.dialling_code}5550{account % 1_000_000:06d}"
    return (
        identity.brand,
        f"support@{identity.domain}",
        phone,
        f"https://{identity.domain}/support",
        "",
        dice.pick(_COLORS),
    )
