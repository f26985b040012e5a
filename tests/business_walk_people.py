"""Steps of a walk with people: who works where, as what, and comes in."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from models import RoleCode, UserKind
from resolvers.privileges import Privilege
from tests.business_doing import ANY, FULL, PART, SELDOM, WHO, Doing, pick
from tests.business_people import Place

KIND = st.sampled_from([UserKind.ADMINISTRATOR] * 3 + [UserKind.SERVICE_USER])
ROLES = st.frozensets(st.sampled_from([None, None, *PART, RoleCode.SERVICE_USER, *FULL.values()]), max_size=2)
"""None: the role of whoever may do everything in the account."""
DENIED = st.frozensets(
    st.sampled_from([each.value for each in (Privilege.ORDERS_PLACE, Privilege.FINANCES_VIEW, Privilege.USERS_MANAGE)]),
    max_size=2,
)


class WithPeople(Doing):
    """What is done with users."""

    def _roles(self, account: int, drawn: frozenset[RoleCode | None]) -> frozenset[RoleCode]:
        return frozenset(each or FULL[self.model.accounts[account].type] for each in drawn)

    @rule(who=WHO, of=ANY, login=st.integers(1, 3), kind=KIND, drawn=ROLES, denied=DENIED)
    def invite(
        self, who: Any, of: int, login: int, kind: UserKind, drawn: frozenset[RoleCode | None], denied: frozenset[str]
    ) -> None:
        account = self._account(of)
        by, email, roles = self._who(who, account), f"guest-{login}@example.com", self._roles(account, drawn)
        given = {
            "account": account, "email": email, "first_name": "New", "last_name": "User", "kind": kind,
            "roles": sorted(roles), "denied": sorted(denied),
        }  # fmt: skip
        if kind is UserKind.SERVICE_USER and not roles:
            roles = frozenset({RoleCode.SERVICE_USER})
        place = Place(kind, roles, denied)
        self._do(by, "userInvite", given, lambda new: self.model.invite(by, account, email, place, new))

    @rule(of=ANY, drawn=st.sampled_from([None, None, *PART]))
    def follow(self, of: int, drawn: RoleCode | None) -> None:
        """Somebody follows an invitation: what a link does is tested elsewhere."""
        account = self._account(of)
        self._hire(account, Place(UserKind.ADMINISTRATOR, self._roles(account, frozenset({drawn}))))

    @rule(who=WHO, of=ANY, kind=st.none() | KIND, drawn=ROLES, is_stale=SELDOM)
    def set_place(
        self, who: Any, of: int, kind: UserKind | None, drawn: frozenset[RoleCode | None], is_stale: bool
    ) -> None:
        user = pick(self.model.people, of)
        account = self.model.people[user].account
        by, roles = self._who(who, account), self._roles(account, drawn)
        operation, more = ("userRolesSet", {}) if kind is None else ("userKindSet", {"kind": kind})
        self._do(
            by, operation, {"user": user, "roles": sorted(roles)} | more,
            lambda _: self.model.set_place(by, user, kind, roles, is_stale=is_stale),
            self._version("app_user", user, is_stale),
        )  # fmt: skip

    @rule(who=WHO, of=ANY, privileges=DENIED, is_denied=st.booleans(), is_stale=SELDOM)
    def deny(self, who: Any, of: int, privileges: frozenset[str], is_denied: bool, is_stale: bool) -> None:
        user = pick(self.model.people, of)
        by = self._who(who, self.model.people[user].account)
        self._do(
            by, f"userPrivileges{'Detach' if is_denied else 'Attach'}",
            {"user": user, "privileges": sorted(privileges)},
            lambda _: self.model.deny(by, user, privileges, is_denied=is_denied, is_stale=is_stale),
            self._version("app_user", user, is_stale),
        )  # fmt: skip

    @rule(who=WHO, of=ANY, is_active=st.booleans(), is_stale=SELDOM)
    def let_in(self, who: Any, of: int, is_active: bool, is_stale: bool) -> None:
        user = pick(self.model.people, of)
        by = self._who(who, self.model.people[user].account)
        model: Callable[..., None] = self.model.activate if is_active else self.model.deactivate
        self._do(
            by, "userActivate" if is_active else "userDeactivate", {"user": user},
            lambda _: model(by, user, is_stale=is_stale),
            self._version("app_user", user, is_stale),
        )  # fmt: skip
