"""What the organisations of the demo tree are called: real companies' names, and branches made up from them."""

import math
from typing import NamedTuple

from models.demo.facts import COMPANIES, Market
from models.demo.tree import PROVIDER, RESELLER, SIBLING, SUBRESELLER, Tree


class Identity(NamedTuple):
    """An account's whole name, its brand, and its domain on the internet."""

    name: str
    brand: str
    domain: str


_BUSINESSES = (
    *(
        "Logistics",
        "& Sons",
        "Bakery",
        "Dental Care",
        "Architects",
        "Foods",
        "Legal",
        "Retail",
        "Manufacturing",
        "Travel",
    ),
    *("Insurance", "Energy", "Farms", "Media", "School", "Clinic", "Construction", "Textiles", "Brewery", "Transport"),
    *("Furniture", "Motors", "Hotels"),
)
_IT_BUSINESSES = (
    *("Cloud", "IT Services", "Systems", "Digital", "Networks", "Technology Partners", "Software", "Managed Services"),
    *("Data", "Consulting", "Computing"),
)
_BUSINESS_STRIDE = 4
"""Without a factor in common with either list's length, so that a company has every business once."""
_PRIMES = (7919, 6841, 5303)


class Names:
    """Names by account: no two accounts have the same one, nor the same domain."""

    def __init__(self, tree: Tree) -> None:
        self._accounts = tree.accounts
        self._resellers = tree.resellers
        # Neighbours in the tree should not be neighbours in the list of companies. A tree too large for the primes
        # to share no factor with has 287 thousand million accounts.
        self._stride = next(prime for prime in _PRIMES if math.gcd(prime, tree.accounts) == 1)
        self._demo = {
            PROVIDER: Identity("Skyline Cloud Distribution", "Skyline Cloud", "provider.example"),
            RESELLER: Identity("Bluepeak Technology Group", "Bluepeak", "reseller.example"),
            SUBRESELLER: Identity("Harbour IT Partners", "Harbour IT", "subreseller.example"),
            SIBLING: Identity("Redwood Channel Services", "Redwood", "sibling.example"),
            tree.customer: Identity("Alder & Finch Publishing", "Alder & Finch", "customer.example"),
        }
        """The accounts of the demo logins have made-up names: no real organisation's password is printed anywhere."""

    def is_of_the_demo(self, account: int) -> bool:
        """Whether it is one of the few accounts that every demo tree has."""
        return account in self._demo

    def _company(self, account: int) -> tuple[int, int]:
        """The company that lends its name, and how often it did so before."""
        variant, company = divmod(account * self._stride % self._accounts, len(COMPANIES))
        return company, variant

    def country(self, account: int) -> str | None:
        """The country in which the account must be, because it is called exactly like a company there."""
        company, variant = self._company(account)
        if variant or account <= self._resellers or account in self._demo:
            return None
        return COMPANIES[company].country_code

    def of(self, account: int, market: Market) -> Identity:
        """What the account is called; a branch may be named after a city of its market."""
        demo = self._demo.get(account)
        if demo:
            return demo
        number, variant = self._company(account)
        company = COMPANIES[number]
        domain = f"{company.domain}{account}.example"
        if variant == 0 and account > self._resellers:
            return Identity(company.legal_name, company.short_name, domain)
        businesses = _IT_BUSINESSES if account <= self._resellers else _BUSINESSES
        brand = f"{company.short_name} {_branch(number, variant, businesses, market)}"
        return Identity(brand, brand, domain)


def _branch(company: int, variant: int, businesses: tuple[str, ...], market: Market) -> str:
    """What no other variant of the company adds to its name: a business, then a city too, at last a number."""
    round_, place = divmod(variant, len(businesses))
    business = businesses[(place * _BUSINESS_STRIDE + company) % len(businesses)]
    if round_ == 0:
        return business
    number, city = divmod(round_ - 1, len(market.cities))
    where = market.cities[(city + company) % len(market.cities)][0]
    return f"{business} {where} {number + 1}" if number else f"{business} {where}"
