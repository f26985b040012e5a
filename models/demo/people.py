"""The people of the demo tree: users who sign in, and contacts who are written to."""

from collections.abc import Iterator
from typing import NamedTuple

from models import AccountStatus, ContactType, RoleCode, UserKind, UserStatus
from models.demo.account import Accounts
from models.demo.days import END, instant_text
from models.demo.dice import Dice, Subject, Weighted
from models.demo.facts import FIRST_NAMES, LAST_NAMES, plain
from models.demo.life import Life
from models.demo.tree import PROVIDER, RESELLER, SIBLING, SUBRESELLER


class Login(NamedTuple):
    """A user that every demo tree has; no roles means full access of the account's type."""

    login: str
    first_name: str
    last_name: str
    kind: UserKind = UserKind.ADMINISTRATOR
    roles: str = ""


class Person(NamedTuple):
    """A user of an account; `joined` in seconds since the start."""

    login: str
    first_name: str
    last_name: str
    kind: UserKind
    roles: str
    status: UserStatus
    joined: int
    phone_number: str


PROVIDER_LOGINS = (
    Login("admin@provider.example", "Paula", "Provider"),
    Login("support@provider.example", "Stefan", "Support", roles=RoleCode.SUPPORT_ENGINEER.value),
)
RESELLER_LOGINS = (
    Login("admin@reseller.example", "Rita", "Reseller"),
    Login("accountant@reseller.example", "Achim", "Accountant", roles=RoleCode.ACCOUNTANT.value),
)
SUBRESELLER_LOGINS = (Login("admin@subreseller.example", "Sami", "Subreseller"),)
CUSTOMER_LOGINS = (
    Login("admin@customer.example", "Clara", "Customer"),
    Login("limited@customer.example", "Linus", "Limited", roles=RoleCode.LIMITED_ADMINISTRATOR.value),
    Login("user@customer.example", "Uma", "User", UserKind.SERVICE_USER),
)
LOGINS = {
    "admin@provider.example": "the provider: sees everything",
    "support@provider.example": "the provider's support: no money, personal data masked",
    "admin@reseller.example": "a reseller with hundreds of accounts below it",
    "accountant@reseller.example": "that reseller's accountant: personal data masked",
    "admin@subreseller.example": "a reseller below that one",
    "admin@customer.example": "a customer of the sub-reseller",
    "limited@customer.example": "the customer's limited administrator: no orders, no finances",
    "user@customer.example": "a service user there: own profile, own services",
}
"""The logins of the demo, from the provider down, and who they are."""

_USERS = Weighted((1, 68), (2, 24), (3, 8))
_FURTHER_USERS = Weighted(
    ((UserKind.SERVICE_USER, ""), 52),
    ((UserKind.ADMINISTRATOR, ""), 16),
    ((UserKind.ADMINISTRATOR, RoleCode.LIMITED_ADMINISTRATOR.value), 14),
    ((UserKind.ADMINISTRATOR, RoleCode.SALES_MANAGER.value), 8),
    ((UserKind.ADMINISTRATOR, RoleCode.ACCOUNTANT.value), 7),
    ((UserKind.ADMINISTRATOR, f"{RoleCode.ACCOUNTANT.value}|{RoleCode.SALES_MANAGER.value}"), 3),
)
_STATUS = Weighted((UserStatus.ACTIVE, 92), (UserStatus.INVITED, 5), (UserStatus.DEACTIVATED, 3))
_MORE_AT_A_DEMO_ACCOUNT = 4

_FIRST_PLAIN = tuple(plain(name) for name in FIRST_NAMES)
_LAST_PLAIN = tuple(plain(name) for name in LAST_NAMES)


class People:
    """Users and contacts by account."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._dice = Dice(accounts.tree.seed)
        self._demo = {
            PROVIDER: PROVIDER_LOGINS,
            RESELLER: RESELLER_LOGINS,
            SUBRESELLER: SUBRESELLER_LOGINS,
            SIBLING: (),
            accounts.tree.customer: CUSTOMER_LOGINS,
        }

    def of(self, account: int, life: Life) -> list[Person]:
        """The account's users, those of the demo first; the very first is an active administrator."""
        dice = self._dice.about(Subject.PEOPLE, account)
        logins = self._demo.get(account)
        if logins is None:
            return [self._person(account, life, place, dice) for place in range(_USERS.draw(dice))]
        known = [_demo_person(login, life, 1000 + 10 * account + place) for place, login in enumerate(logins)]
        return known + [self._person(account, life, place, dice) for place in range(_MORE_AT_A_DEMO_ACCOUNT)]

    def _person(self, account: int, life: Life, place: int, dice: Dice) -> Person:
        # Each further user takes a name from another part of the list, so that no two of an account share an address.
        first, last = dice.below(len(FIRST_NAMES)), (account * 31 + place * 7) % len(LAST_NAMES)
        kind, roles = (UserKind.ADMINISTRATOR, "") if place == 0 else _FURTHER_USERS.draw(dice)
        domain = self._accounts.names.of(account, life.market).domain
        return Person(
            login=f"{_FIRST_PLAIN[first]}.{_LAST_PLAIN[last]}@{domain}",
            first_name=FIRST_NAMES[first],
            last_name=LAST_NAMES[last],
            kind=kind,
            roles=roles,
            status=_status(place, life, dice),
            joined=life.born if place == 0 else life.born + int(dice.random() * (END - life.born)),
            phone_number=f"+{life.market.dialling_code}5550{dice.below(1_000_000):06d}" if dice.chance(70) else "",
        )

    def users(self) -> Iterator[tuple[str, ...]]:
        """The rows of `users.csv`."""
        for account in range(self._accounts.tree.accounts):
            life, key = self._accounts.life(account), self._accounts.key(account)
            for person in self.of(account, life):
                yield _user_row(person, key, life.market.language)

    def contacts(self) -> Iterator[tuple[str, ...]]:
        """The rows of `contacts.csv`: the first user of each account, and whom bills and questions go to."""
        for account in range(self._accounts.tree.accounts):
            life, key = self._accounts.life(account), self._accounts.key(account)
            people = self.of(account, life)
            yield _contact_row(people[0], key, ContactType.ADMIN)
            if account % 3 == 0:
                yield _contact_row(people[-1], key, ContactType.BILLING)
            if self._accounts.tree.is_reseller(account):
                yield _contact_row(people[0], key, ContactType.TECHNICAL)


def service_users(people: list[Person]) -> list[str]:
    """The logins of those who only use services."""
    return [person.login for person in people if person.kind is UserKind.SERVICE_USER]


def _status(place: int, life: Life, dice: Dice) -> UserStatus:
    if life.status is AccountStatus.PENDING:
        return UserStatus.INVITED
    return UserStatus.ACTIVE if place == 0 else _STATUS.draw(dice)


def _demo_person(login: Login, life: Life, number: int) -> Person:
    phone = f"+{life.market.dialling_code}5550{number:06d}"
    return Person(
        login.login, login.first_name, login.last_name, login.kind, login.roles, UserStatus.ACTIVE, life.born, phone
    )


def _user_row(person: Person, account_key: str, language: str) -> tuple[str, ...]:
    joined = instant_text(person.joined)
    return (
        person.login,
        account_key,
        person.kind.value,
        person.first_name,
        person.last_name,
        person.login,
        person.phone_number,
        language,
        person.status.value,
        person.roles,
        "",
        joined,
        joined,
    )


def _contact_row(person: Person, account_key: str, of_type: ContactType) -> tuple[str, ...]:
    return (account_key, of_type.value, person.first_name, person.last_name, person.login, person.phone_number)
