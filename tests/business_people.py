"""People in the model: who works where, as what, and who may change that."""

from dataclasses import dataclass

from models import AccountStatus, AccountType, RoleCode, UserKind, UserStatus
from resolvers.errors import UserErrorCode as Code
from resolvers.identity import privileges_in
from resolvers.privileges import OF_ACCOUNT_TYPE, Privilege
from tests.business_orders import Orders
from tests.business_tree import No, Who


@dataclass(frozen=True)
class Place:
    """What somebody is in an account."""

    kind: UserKind
    roles: frozenset[RoleCode]
    denied: frozenset[str] = frozenset()

    def privileges(self, of_type: AccountType) -> frozenset[Privilege]:
        """What that comes to in an account of the type."""
        roles = {RoleCode.SERVICE_USER} if self.kind is UserKind.SERVICE_USER else self.roles
        return privileges_in(of_type, roles, self.denied)

    def fits(self, of_type: AccountType) -> bool:
        """Whether such a user can be in such an account."""
        if any(of_type not in OF_ACCOUNT_TYPE.get(role, {of_type}) for role in self.roles):
            return False
        is_service = self.kind is UserKind.SERVICE_USER
        return self.roles == {RoleCode.SERVICE_USER} if is_service else not self.roles <= {RoleCode.SERVICE_USER}


@dataclass
class User:
    """A user of an account."""

    account: int
    login: str
    place: Place
    status: UserStatus
    came_in: bool


class People(Orders):
    """What operations on users come to: each does it, or says `No`."""

    def working(self, account: int) -> list[int]:
        """Who of an account can come in."""
        return [key for key, it in self.people.items() if it.account == account and it.status is UserStatus.ACTIVE]

    def invite(self, who: Who, account: int, login: str, place: Place, new: int) -> None:
        """Make somebody a user who hasn't come in yet."""
        who.need(Privilege.USERS_MANAGE)
        if not self.sees(who, account):
            raise No(Code.NOT_FOUND)
        it = self.accounts[account]
        faults = set()
        if it.status is AccountStatus.CANCELLED:
            faults.add(Code.WRONG_STATE)
        if not place.fits(it.type):
            faults.add(Code.INVALID)
        if not place.privileges(it.type) <= who.privileges:
            faults.add(Code.ROLE_NOT_YOURS)
        if any((each.account, each.login) == (account, login) for each in self.people.values()):
            faults.add(Code.TAKEN)
        if faults:
            raise No(*faults)
        self.people[new] = User(account, login, place, UserStatus.INVITED, came_in=False)

    def user(self, who: Who, user: int, *, is_stale: bool) -> tuple[User, AccountType]:
        """A user in the caller's view, and the type of the account."""
        who.need(Privilege.USERS_MANAGE)
        it = self.people[user]
        if not self.sees(who, it.account):
            raise No(Code.NOT_FOUND)
        if is_stale:
            raise No(Code.CONFLICT)
        return it, self.accounts[it.account].type

    def set_place(
        self, who: Who, user: int, kind: UserKind | None, roles: frozenset[RoleCode], *, is_stale: bool
    ) -> None:
        """Let a user be something else, of another kind or not."""
        it, of_type = self.user(who, user, is_stale=is_stale)
        if kind is UserKind.SERVICE_USER and not roles:
            roles = frozenset({RoleCode.SERVICE_USER})
        place = Place(kind or it.place.kind, roles, it.place.denied)
        self._replace(who, it, of_type, place, set() if place.fits(of_type) else {Code.INVALID})

    def deny(self, who: Who, user: int, privileges: frozenset[str], *, is_denied: bool, is_stale: bool) -> None:
        """Take privileges from a user, or give them back."""
        it, of_type = self.user(who, user, is_stale=is_stale)
        denied = it.place.denied | privileges if is_denied else it.place.denied - privileges
        self._replace(who, it, of_type, Place(it.place.kind, it.place.roles, denied), set())

    def _replace(self, who: Who, it: User, of_type: AccountType, place: Place, faults: set[Code]) -> None:
        if not it.place.privileges(of_type) <= who.privileges:
            raise No(*faults, Code.ROLE_NOT_YOURS)
        if not place.privileges(of_type) <= who.privileges:
            faults.add(Code.ROLE_NOT_YOURS)
        if faults:
            raise No(*faults)
        if not self._is_full(it, place):
            self._require_another(it)
        it.place = place

    def deactivate(self, who: Who, user: int, *, is_stale: bool) -> None:
        """Let a user not come in any more."""
        it, of_type = self.user(who, user, is_stale=is_stale)
        if it.status is UserStatus.DEACTIVATED:
            raise No(Code.WRONG_STATE)
        if not it.place.privileges(of_type) <= who.privileges:
            raise No(Code.ROLE_NOT_YOURS)
        self._require_another(it)
        it.status = UserStatus.DEACTIVATED

    def activate(self, who: Who, user: int, *, is_stale: bool) -> None:
        """Let a user come in again who did, and invite who didn't."""
        it, of_type = self.user(who, user, is_stale=is_stale)
        if it.status is not UserStatus.DEACTIVATED:
            raise No(Code.WRONG_STATE)
        if not it.place.privileges(of_type) <= who.privileges:
            raise No(Code.ROLE_NOT_YOURS)
        it.status = UserStatus.ACTIVE if it.came_in else UserStatus.INVITED

    def promote(self, who: Who, account: int, *, is_stale: bool) -> None:
        """Make a customer a reseller: whoever could do everything there can still."""
        super().promote(who, account, is_stale=is_stale)
        full, of_reseller = RoleCode.CUSTOMER_FULL_ACCESS, RoleCode.RESELLER_FULL_ACCESS
        for it in self.people.values():
            if it.account == account and full in it.place.roles:
                it.place = Place(it.place.kind, it.place.roles - {full} | {of_reseller}, it.place.denied)

    def _is_full(self, it: User, place: Place) -> bool:
        """Whether a user can do everything there is to do in its account."""
        full = RoleCode(f"{self.accounts[it.account].type.value}_FULL_ACCESS")
        is_whole = not place.denied and place.kind is UserKind.ADMINISTRATOR and full in place.roles
        return is_whole and it.status is UserStatus.ACTIVE

    def _require_another(self, it: User) -> None:
        """Refuse to take an account its last full administrator."""
        others = [each for each in self.people.values() if each.account == it.account and each is not it]
        if self._is_full(it, it.place) and not any(self._is_full(each, each.place) for each in others):
            raise No(Code.LAST_ADMINISTRATOR)
