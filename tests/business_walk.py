"""Random callers do random things to a random tree, on the platform and in the model at once; all of it is compared."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import bindparam, insert, update
from sqlmodel import SQLModel

import models
from models import AccountType, BillingModel, JobKind, OrderType, PaymentTerm, RoleCode, base
from models import path as paths
from models.base import MICROS, PeriodType, table_of
from models.check import check
from models.life.account import AccountEvent
from models.life.order import OrderEvent
from models.life.standing import standing
from models.scope import Reach
from models.statement import Row, Statement
from models.store import Store
from resolvers.caller import Caller
from resolvers.errors import ForbiddenError
from resolvers.operation import OPERATIONS
from resolvers.outcome import Outcome
from resolvers.perform import Item, perform
from resolvers.privileges import ROLES, Privilege
from resolvers.run import Business as Means
from resolvers.work.worker import Worker, WorkSettings
from tests.business_model import FORBIDDEN, PROVIDER, Asked, Business, No, Who
from tests.business_rows import NOWHERE, OWED, Rows, balance, changes, follow_tables, look, modelled, place_of, stated
from tests.changes import new_key
from tests.databases import Databases
from tests.hierarchy import Builder, Record, insert_world
from tests.templates import migrated_template, opened
from tests.works import KINDS, handlers_of, workplace

MORNING = datetime(2026, 11, 20, 1, tzinfo=UTC)
EVENING = MORNING.replace(hour=22)
"""All happens on one day: nothing renews, no period closes, nothing is prorated."""
CURRENCY = "EUR"
PRODUCT = 1

FULL = {
    AccountType.PROVIDER: RoleCode.PROVIDER_FULL_ACCESS,
    AccountType.RESELLER: RoleCode.RESELLER_FULL_ACCESS,
    AccountType.CUSTOMER: RoleCode.CUSTOMER_FULL_ACCESS,
}
PART = (
    RoleCode.SALES_MANAGER,
    RoleCode.ACCOUNTANT,
    RoleCode.SUPPORT_ENGINEER,
    RoleCode.LIMITED_ADMINISTRATOR,
)
HAPPEN = {
    "accountActivate": (Privilege.ACCOUNTS_ACTIVATE, AccountEvent.ACTIVATE),
    "accountAdminHold": (Privilege.ACCOUNTS_HOLD_ADMIN, AccountEvent.ADMIN_HOLD),
    "accountAdminRelease": (Privilege.ACCOUNTS_HOLD_ADMIN, AccountEvent.ADMIN_RELEASE),
    "accountCancel": (Privilege.ACCOUNTS_CANCEL, AccountEvent.CANCEL),
    "accountCreditHold": (Privilege.ACCOUNTS_HOLD_CREDIT, AccountEvent.CREDIT_HOLD),
    "accountCreditRelease": (Privilege.ACCOUNTS_HOLD_CREDIT, AccountEvent.CREDIT_RELEASE),
    "accountReactivate": (Privilege.ACCOUNTS_ACTIVATE, AccountEvent.REACTIVATE),
}

ANY = st.sampled_from(range(2520))
"""Which of those that there are, however many."""
SELDOM = st.sampled_from([False] * 9 + [True])
WHO = st.tuples(ANY, st.sampled_from([None] * 20 + list(PART)), st.sampled_from([Reach.SUBTREE] * 7 + list(Reach)))
"""Mostly somebody of full access who sees all below."""
LIMITS = st.sampled_from([None, 0, 5, 20, 100])
PROVIDERS = (0, None, Reach.SUBTREE)
"""The provider's administrator, as `WHO` draws it."""
UNITS = st.integers(-3, 4)
EUROS = st.integers(1, 9)


def beginning() -> dict[str, list[Record]]:
    """A provider, and the one product that there is."""
    builder = Builder()
    month: Record = {"period_type": PeriodType.MONTH, "period_duration": 1}
    billed: Record = {"billing_period_type": PeriodType.MONTH, "billing_period_duration": 1}
    builder.add(models.Manufacturer, id=1)
    builder.add(models.Product, id=PRODUCT, manufacturer_id=1, minimum_quantity=1, coterming_type="END_OF_MONTH")
    builder.add(models.Plan, id=1, billing_model=BillingModel.CHARGE_BEFORE_BILLING_PERIOD, **billed)
    builder.add(models.PlanPeriod, plan_id=1, type=PeriodType.MONTH, duration=1)
    builder.add(
        models.Account, 1, id=1, type=AccountType.PROVIDER, currency=CURRENCY, name_key="", attributes="{}",
        held_by="PERSON", held_before="ACTIVE",
    )  # fmt: skip
    builder.add(models.VendorCard, 1)
    builder.add(models.Balance, 1, buyer_id=1, seller_path="", terms=PaymentTerm.NET, currency=CURRENCY)
    builder.add(
        models.Price, seller_path="", product_id=PRODUCT, plan_id=1, amount_micros=1, shard_id=1, currency=CURRENCY,
        valid_from=date(2026, 1, 1), **month,
    )  # fmt: skip
    (account,), (price,) = builder.world["account"], builder.world["price"]
    account |= {"held_by": None, "held_before": None, "holder_id": None, "holder_before_id": None}
    price["tiers"] = None
    return dict(builder.world)


class Walk(RuleBasedStateMachine):
    """Random callers do random things; each rule is one operation, tried on the platform and on the model."""

    def __init__(self, databases: Databases) -> None:
        super().__init__()
        self.now = MORNING
        self._open = ExitStack()
        patch = self._open.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(base, "now", lambda: self.now)
        url = self._open.enter_context(databases.copied(_template(databases)))
        self._loop = self._open.enter_context(asyncio.Runner())
        store = opened(url)
        self.store: Store = self._loop.run(store.__aenter__())
        self._open.callback(lambda: self._loop.run(store.__aexit__(None, None, None)))
        self.means = Means(self.store, clock=lambda: self.now)
        self.model = Business(self.now)
        self.users: dict[int, int] = {}
        self._employ(PROVIDER)
        self.rows = self._loop.run(look(self.store))

    def teardown(self) -> None:
        try:
            assert self._loop.run(check(self.store)) == []
        finally:
            self._open.close()

    # What there is to do

    @initialize(shape=st.lists(st.tuples(ANY, st.booleans(), EUROS, LIMITS, SELDOM), min_size=3, max_size=6))
    def grow(self, shape: list[tuple[int, bool, int, int | None, bool]]) -> None:
        """A tree in which somebody can be sold something."""
        self.offer(PROVIDERS, 0, None, 1)
        for of, is_reseller, euros, limit, needs_approval in shape:
            self.create(PROVIDERS, of | 1, is_reseller, is_active=True, needs_approval=needs_approval)
            new = 8 * (len(self.model.accounts) - 1)
            self.set_terms(PROVIDERS, new, limit, is_net=True, is_stale=False)
            if is_reseller:
                self.offer(PROVIDERS, new, None, euros)
            self.buy(PROVIDERS, new, euros % 3 + 1, waives=False, fails=False)
        self.work()

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
            self.rows = self._loop.run(look(self.store))

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

    @rule(who=WHO, of=ANY, quantity=UNITS, waives=SELDOM, fails=SELDOM)
    def buy(self, who: Any, of: int, quantity: int, waives: bool, fails: bool) -> None:
        self._order(who, self._account(of), Asked(OrderType.SALES, quantity, waives=waives, fails=fails))

    @precondition(lambda self: self.model.services)
    @rule(who=WHO, of=ANY, is_end=SELDOM, quantity=UNITS, waives=SELDOM, fails=SELDOM)
    def alter(self, who: Any, of: int, is_end: bool, quantity: int, waives: bool, fails: bool) -> None:
        service = _pick(self.model.services, of)
        asked = Asked(OrderType.CANCELLATION if is_end else OrderType.CHANGE, quantity, service, waives, fails)
        self._order(who, self.model.services[service].account, asked)

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
        number = _pick(self.model.orders, of)
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
        number = _pick(self.model.orders, of)
        by = self._who(who, self.model.orders[number].account)
        self._do(
            by, "orderResubmit", {"order": number, "waives_credit_check": waives},
            lambda _: self.model.resubmit(by, number, waives=waives, is_stale=is_stale),
            self._version("orders", number, is_stale),
        )  # fmt: skip

    @rule()
    def work(self) -> None:
        """The worker does what was ordered."""
        of_jobs = self._of_jobs(JobKind.PROVISION_ORDER, JobKind.FOLLOW_SUBSCRIPTION)
        after = self._work(KINDS)
        self.model.work({row.id: row.subscription_id for row in after["orders"].values()})
        self._compare(after, *of_jobs)

    @rule()
    def judge(self) -> None:
        """The worker looks at balances."""
        of_jobs = self._of_jobs(JobKind.CLOSE_PERIOD)
        after = self._work([JobKind.CLOSE_PERIOD])
        self.model.judge_all()
        self._compare(after, *of_jobs)

    @precondition(lambda self: self.now < EVENING)
    @rule(minutes=st.sampled_from([1, 61]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.model.now = self.now

    # Doing it

    def _do(
        self,
        by: Who,
        operation: str,
        given: Mapping[str, Any],
        model: Callable[[int], None],
        version: int | None = None,
        comes_along: Callable[[str], bool] = lambda _: False,
        settles: Callable[[str], bool] = lambda _: False,
    ) -> Outcome | None:
        """Do it on the platform and in the model, and compare; what the model needs is the id of what is new."""
        self.now += timedelta(seconds=1)
        self.model.now = self.now
        caller = Caller(self._path(by.account), by.privileges, self.users[by.account], reach=by.reach)
        item, outcome = Item(given, version), None
        try:
            outcome = self._loop.run(perform(self.means, caller, OPERATIONS[operation], item, new_key()))
            codes = {str(error.code) for error in outcome.errors}
        except ForbiddenError:
            codes = {FORBIDDEN}
        told = f"{operation} of {given} by {by.account} ({by.reach}) at version {version}"
        try:
            model(outcome.ids.get(OPERATIONS[operation].gives, 0) if outcome else 0)
            expected: set[str] = set()
        except No as no:
            expected = {str(no)}
        assert codes == expected, f"{told}: {codes}, not {expected}"
        after = self._loop.run(look(self.store))
        if expected:
            assert {table for table, *_ in changes(self.rows, after)} <= {"idempotency"}, told
        scope = caller.scope()
        self._compare(
            after,
            lambda place: scope.holds(place) or comes_along(place),
            lambda place: caller.path.startswith(place) or settles(place),
            told,
        )
        return outcome

    def _work(self, kinds: Sequence[JobKind]) -> Rows:
        """Let the worker do one kind of thing, one at a time."""
        self.now += timedelta(seconds=1)
        self.model.now = self.now

        async def work() -> Rows:
            handlers = handlers_of(workplace(self.store), kinds)
            await Worker(self.store, handlers, WorkSettings(at_once=1), chance=lambda: 1.0).run_until_idle()
            return await look(self.store)

        return self._loop.run(work())

    def _of_jobs(self, *kinds: JobKind) -> tuple[Callable[[str], bool], Callable[[str], bool]]:
        """Places that jobs are about, even where their accounts have moved; and those places and all above them."""
        left = {row.path for row in self.rows["job"].values() if row.kind in kinds and row.done_at is None}
        left |= {self._path(paths.account_id(path)) for path in left}
        return lambda place: place in left, lambda place: any(path.startswith(place) for path in left)

    def _who(self, who: tuple[int, RoleCode | None, Reach], about: int) -> Who:
        """Somebody of an account that lets people in: mostly that which it is about, or one above."""
        at, role, reach = who
        among = self.model.chain(about) if at % 8 else list(self.model.accounts)
        open_ones = [each for each in among if self._lets_in(each)] or [PROVIDER]
        account = open_ones[at // 8 % len(open_ones)]
        of_type = self.model.accounts[account].type
        if of_type is AccountType.CUSTOMER:
            reach = Reach.OWN
        return Who(account, reach, ROLES[role or FULL[of_type]])

    def _lets_in(self, account: int) -> bool:
        *above, own = [self.model.accounts[each].status for each in self.model.chain(account)]
        return not standing(own, above).sign_in

    def _account(self, at: int, *types: AccountType) -> int:
        """Any account, mostly of those types, where there are such."""
        known = self.model.accounts
        fitting = {each: it for each, it in known.items() if at % 8 and it.type in types}
        return _pick(fitting or known, at // 8)

    def _path(self, account: int) -> str:
        path = ""
        for each in self.model.chain(account):
            path = paths.child(path, each)
        return path

    def _version(self, table: str, row_id: int, is_stale: bool) -> int:
        return int(self.rows[table][row_id,].version) + is_stale

    def _employ(self, account: int, *, needs_approval: bool = False) -> None:
        """Have somebody work there; what no operation sets is set beside them."""
        builder = Builder()
        login = f"of-{account}@example.com"
        path = self._path(account)
        user = 1_000_000 + account
        builder.add(
            models.User, id=user, account_id=account, path=path, shard_id=paths.shard_id(path), login=login,
            kind="ADMINISTRATOR", security_question=None,
        )  # fmt: skip
        builder.add(models.Identity, id=user, login=login, email=login, last_user_id=None)
        builder.world["app_user"][0]["security_question"] = None
        self._loop.run(_insert(self.store, builder.world, account if needs_approval else None))
        self.users[account] = user
        self.model.accounts[account].needs_approval = needs_approval

    # Looking

    def _compare(
        self, after: Rows, is_in_reach: Callable[[str], bool], is_charged: Callable[[str], bool], told: str = ""
    ) -> None:
        """Hold what is there now against the model and against what was there before.

        Args:
            after: what is there.
            is_in_reach: whether anything may have changed at a place.
            is_charged: whether what is owed may have.
            told: by what.
        """
        for table, before_row, row in changes(self.rows, after):
            for each in filter(None, (before_row, row)):
                place = place_of(table, each, self.rows, after)
                if place is None:
                    is_fine = table in NOWHERE
                else:
                    is_fine = is_in_reach(place) or (table in OWED and is_charged(place))
                assert is_fine, f"{told} changed {table} at {place}: {before_row} became {row}"
        follow_tables(self.rows, after)
        balance(after)
        assert stated(after) == modelled(self.model), told
        self.rows = after

    def _holding(self) -> Iterator[Row]:
        return (row for row in self.rows["price"].values() if row.valid_until is None)


async def _insert(store: Store, world: dict[str, list[Record]], needs_approval: int | None) -> None:
    async with store.unfiltered("somebody is employed", write=True) as db:
        for name in ("identity", "app_user"):
            for record in world[name]:
                await db.execute(Statement(insert(SQLModel.metadata.tables[name])), record)
        if needs_approval is not None:
            await db.execute(_NEEDS_APPROVAL, {"account": needs_approval})


_ACCOUNT = table_of(models.Account)
_NEEDS_APPROVAL = Statement(
    update(_ACCOUNT).where(_ACCOUNT.c.id == bindparam("account")).values(requires_approval=True)
)


def _template(databases: Databases) -> str:
    def fill(url: str) -> None:
        async def insert_all() -> None:
            async with opened(url) as store:
                await insert_world(store, beginning())

        asyncio.run(insert_all())

    return databases.template("a beginning", fill, of=migrated_template(databases))


def _pick(of: Mapping[int, Any], at: int) -> int:
    return list(of)[at % len(of)]


def walk(databases: Databases, how: settings) -> None:
    """Let random people do random things, so often, and so many."""

    class Here(Walk):
        def __init__(self) -> None:
            super().__init__(databases)

    run_state_machine_as_test(Here, settings=how)
