"""Steps of a walk in the tree: accounts come, go, stand and move, and owe, and sell."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from models import AccountType
from models import path as paths
from models.base import MICROS
from models.life.account import AccountEvent
from resolvers.privileges import Privilege
from tests.business_doing import ANY, CURRENCY, EUROS, LIMITS, PRODUCT, SELDOM, WHO, Doing

HAPPEN = {
    "accountActivate": (Privilege.ACCOUNTS_ACTIVATE, AccountEvent.ACTIVATE),
    "accountAdminHold": (Privilege.ACCOUNTS_HOLD_ADMIN, AccountEvent.ADMIN_HOLD),
    "accountAdminRelease": (Privilege.ACCOUNTS_HOLD_ADMIN, AccountEvent.ADMIN_RELEASE),
    "accountCancel": (Privilege.ACCOUNTS_CANCEL, AccountEvent.CANCEL),
    "accountCreditHold": (Privilege.ACCOUNTS_HOLD_CREDIT, AccountEvent.CREDIT_HOLD),
    "accountCreditRelease": (Privilege.ACCOUNTS_HOLD_CREDIT, AccountEvent.CREDIT_RELEASE),
    "accountReactivate": (Privilege.ACCOUNTS_ACTIVATE, AccountEvent.REACTIVATE),
}


class InTree(Doing):
    """What is done with accounts, terms and prices."""

    @rule(who=WHO, of=ANY, is_reseller=st.booleans(), is_active=st.booleans(), needs_approval=SELDOM)
    def create(self, who: Any, of: int, is_reseller: bool, is_active: bool, needs_approval: bool) -> None:
        vendor = self._account(of, AccountType.RESELLER, AccountType.PROVIDER)
        by = self._who(who, vendor)
        of_type = AccountType.RESELLER if is_reseller else AccountType.CUSTOMER
        given = {"vendor": vendor, "name": "New", "activate": is_active}
        operation, more = ("resellerCreate", {"currency": CURRENCY}) if is_reseller else ("customerCreate", {})
        outcome = self._do(
            by, operation, given | more,
            lambda new: self.model.create(by, vendor, of_type, is_active=is_active, new=new),
        )  # fmt: skip
        if outcome is not None and not outcome.errors:
            self._employ(outcome.ids["account"], needs_approval=needs_approval)

    @rule(who=WHO, of=ANY, operation=st.sampled_from(sorted(HAPPEN)), is_stale=SELDOM)
    def happen(self, who: Any, of: int, operation: str, is_stale: bool) -> None:
        account = self._account(of)
        by = self._who(who, account)
        self._do(
            by, operation, {"account": account},
            lambda _: self.model.happen(by, HAPPEN[operation][0], account, HAPPEN[operation][1], is_stale=is_stale),
            self._version("account", account, is_stale),
        )  # fmt: skip

    @rule(who=WHO, of=ANY, is_stale=SELDOM)
    def promote(self, who: Any, of: int, is_stale: bool) -> None:
        account = self._account(of, AccountType.CUSTOMER)
        by = self._who(who, account)
        self._do(
            by, "customerPromote", {"account": account, "currency": CURRENCY},
            lambda _: self.model.promote(by, account, is_stale=is_stale),
            self._version("account", account, is_stale),
        )  # fmt: skip

    @rule(who=WHO, of=ANY, to=ANY, is_stale=SELDOM)
    def transfer(self, who: Any, of: int, to: int, is_stale: bool) -> None:
        account, vendor = self._account(of), self._account(to, AccountType.RESELLER, AccountType.PROVIDER)
        by = self._who(who, account)
        places = [self._path(account), paths.child(self._path(vendor), account)]
        self._do(
            by, "accountTransfer", {"account": account, "vendor": vendor},
            lambda _: self.model.transfer(by, account, vendor, is_stale=is_stale),
            self._version("account", account, is_stale),
            comes_along=lambda place: place.startswith(tuple(places)),
        )  # fmt: skip

    @rule(who=WHO, of=ANY, limit=LIMITS, is_net=st.booleans(), is_stale=SELDOM)
    def set_terms(self, who: Any, of: int, limit: int | None, is_net: bool, is_stale: bool) -> None:
        account = self._account(of)
        by = self._who(who, account)
        given = {
            "account": account,
            "terms": "NET" if is_net else "PREPAID",
            "credit_limit": None if limit is None else str(limit),
        }
        micros = None if limit is None else limit * MICROS
        self._do(
            by, "accountTermsSet", given,
            lambda _: self.model.set_terms(by, account, micros, is_net=is_net, is_stale=is_stale),
            self._version("account", account, is_stale),
        )  # fmt: skip

    @rule(who=WHO, of=ANY, euros=EUROS, is_memo=SELDOM)
    def pay(self, who: Any, of: int, euros: int, is_memo: bool) -> None:
        account = self._account(of)
        by = self._who(who, account)
        operation, more = ("creditMemoRecord", {"reason": "It was down."}) if is_memo else ("paymentRecord", {})
        self._do(
            by, operation, {"account": account, "amount": f"{euros}.00"} | more,
            lambda _: self.model.pay(by, account, euros * MICROS),
            settles=lambda place: place.endswith(paths.segment(account)),
        )  # fmt: skip

    @rule(who=WHO, of=ANY, to=st.none() | ANY, euros=EUROS)
    def offer(self, who: Any, of: int, to: int | None, euros: int) -> None:
        seller = self._account(of, AccountType.RESELLER, AccountType.PROVIDER)
        by = self._who(who, seller)
        buyer = None if to is None else self._account(to)
        given = {"product": PRODUCT, "plan": 1, "period": {"type": "MONTH"}, "amount": f"{euros}.00"}
        self._do(
            by, "priceOffer", given | {"seller": seller, "buyer": buyer},
            lambda _: self.model.offer(by, seller, buyer, euros * MICROS),
        )  # fmt: skip

    @rule(who=WHO, of=ANY)
    def end_price(self, who: Any, of: int) -> None:
        known = sorted(((row.seller_id, row.buyer_id or 0, row.id) for row in self._holding()), key=str)
        seller, buyer, price = known[of % len(known)]
        if seller is not None:
            by = self._who(who, seller)
            self._do(
                by, "priceEnd", {"price": price},
                lambda _: self.model.end_price(by, seller, buyer or None),
                self._version("price", price, False),
            )  # fmt: skip
