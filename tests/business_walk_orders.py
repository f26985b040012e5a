"""Steps of a walk with orders and subscriptions."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from models import OrderType
from models.life.order import OrderEvent
from tests.business_doing import ANY, PRODUCT, SELDOM, UNITS, WHO, Doing, pick
from tests.business_orders import Asked


class WithOrders(Doing):
    """What is done with orders and subscriptions."""

    @rule(who=WHO, of=ANY, quantity=UNITS, waives=SELDOM, fails=SELDOM)
    def buy(self, who: Any, of: int, quantity: int, waives: bool, fails: bool) -> None:
        self._order(who, self._account(of), Asked(OrderType.SALES, quantity, waives=waives, fails=fails))

    @precondition(lambda self: self.model.services)
    @rule(who=WHO, of=ANY, is_end=SELDOM, quantity=UNITS, waives=SELDOM, fails=SELDOM)
    def alter(self, who: Any, of: int, is_end: bool, quantity: int, waives: bool, fails: bool) -> None:
        service = pick(self.model.services, of)
        asked = Asked(OrderType.CANCELLATION if is_end else OrderType.CHANGE, quantity, service, waives, fails)
        self._order(who, self.model.services[service].account, asked)

    @precondition(lambda self: self.model.services)
    @rule(who=WHO, of=ANY, is_end=SELDOM, quantity=UNITS, is_target=st.booleans(), is_stale=SELDOM)
    def alter_directly(self, who: Any, of: int, is_end: bool, quantity: int, is_target: bool, is_stale: bool) -> None:
        number = pick(self.model.services, of)
        service = self.model.services[number]
        by = self._who(who, service.account)
        given: dict[str, Any] = {"subscription": number}
        if not is_end:
            given |= {"quantity": quantity, "quantity_kind": "TARGET" if is_target else "DELTA"}
        delta = quantity - service.quantity if is_target else quantity
        asked = Asked(OrderType.CANCELLATION if is_end else OrderType.CHANGE, delta, number)
        self._do(
            by, "subscriptionCancel" if is_end else "subscriptionQuantitySet", given,
            lambda new: self.model.order_on(by, asked, new, is_stale=is_stale),
            self._version("subscription", number, is_stale), "order",
        )  # fmt: skip

    @precondition(lambda self: self.model.services)
    @rule(who=WHO, of=ANY, operation=st.sampled_from(["Hold", "Release"]), is_stale=SELDOM)
    def hold(self, who: Any, of: int, operation: str, is_stale: bool) -> None:
        number = pick(self.model.services, of)
        by = self._who(who, self.model.services[number].account)
        model: Callable[..., None] = self.model.hold if operation == "Hold" else self.model.release
        self._do(
            by, f"subscription{operation}", {"subscription": number},
            lambda _: model(by, number, is_stale=is_stale),
            self._version("subscription", number, is_stale),
        )  # fmt: skip

    @precondition(lambda self: self.model.services)
    @rule(who=WHO, of=ANY, renews=st.booleans(), is_stale=SELDOM)
    def renew(self, who: Any, of: int, renews: bool, is_stale: bool) -> None:
        number = pick(self.model.services, of)
        by = self._who(who, self.model.services[number].account)
        self._do(
            by, "subscriptionAutoRenewSet", {"subscription": number, "auto_renew": renews},
            lambda _: self.model.renew(by, number, renews=renews, is_stale=is_stale),
            self._version("subscription", number, is_stale),
        )  # fmt: skip

    def _order(self, who: Any, account: int, asked: Asked) -> None:
        by = self._who(who, account)
        given: dict[str, Any] = {"account": account, "type": asked.type, "waives_credit_check": asked.waives}
        if asked.type is not OrderType.CANCELLATION:
            given["lines"] = [{"product": PRODUCT, "quantity": asked.quantity}]
        if asked.subscription is not None:
            given["subscription"] = asked.subscription
        if asked.fails:
            given["attributes"] = [{"name": "simulate", "value": "fail"}]
        self._do(by, "orderPlace", given, lambda new: self.model.place(by, account, asked, new))

    @precondition(lambda self: self.model.orders)
    @rule(who=WHO, of=ANY, operation=st.sampled_from(["Cancel", "Approve", "Reject", "Update"]), is_stale=SELDOM)
    def treat(self, who: Any, of: int, operation: str, is_stale: bool) -> None:
        number = pick(self.model.orders, of)
        by = self._who(who, self.model.orders[number].account)
        model: dict[str, Callable[[int], None]] = {
            "Cancel": lambda _: self.model.cancel(by, number, is_stale=is_stale),
            "Approve": lambda _: self.model.answer(by, number, OrderEvent.APPROVE, is_stale=is_stale),
            "Reject": lambda _: self.model.answer(by, number, OrderEvent.REJECT, is_stale=is_stale),
            "Update": lambda _: self.model.amend(by, number, is_stale=is_stale),
        }
        given: dict[str, Any] = {"order": number} | ({"attributes": []} if operation == "Update" else {})
        self._do(by, f"order{operation}", given, model[operation], self._version("orders", number, is_stale))

    @precondition(lambda self: self.model.orders)
    @rule(who=WHO, of=ANY, waives=SELDOM, is_stale=SELDOM)
    def resubmit(self, who: Any, of: int, waives: bool, is_stale: bool) -> None:
        number = pick(self.model.orders, of)
        by = self._who(who, self.model.orders[number].account)
        self._do(
            by, "orderResubmit", {"order": number, "waives_credit_check": waives},
            lambda _: self.model.resubmit(by, number, waives=waives, is_stale=is_stale),
            self._version("orders", number, is_stale),
        )  # fmt: skip
