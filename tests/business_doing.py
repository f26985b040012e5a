"""Doing one thing on the platform and in the model of the business at once, and comparing everything after it."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from sqlalchemy import bindparam, insert, update
from sqlmodel import SQLModel

import models
from models import AccountType, BillingModel, JobKind, PaymentTerm, RoleCode, UserKind, UserStatus, base
from models import path as paths
from models.base import PeriodType, table_of
from models.check import check
from models.life.standing import standing
from models.scope import Reach
from models.statement import Row, Statement
from models.store import Store
from resolvers.caller import Caller
from resolvers.errors import ForbiddenError
from resolvers.errors import UserErrorCode as Code
from resolvers.operation import OPERATIONS
from resolvers.outcome import Outcome
from resolvers.perform import Item, perform
from resolvers.privileges import ROLES
from resolvers.run import Business as Means
from resolvers.work.worker import Worker, WorkSettings
from tests.business_model import Business
from tests.business_orders import WINDOW
from tests.business_people import Place, User
from tests.business_rows import NOWHERE, OWED, Rows, balance, changes, follow_tables, look, modelled, place_of, stated
from tests.business_tree import CENT, FORBIDDEN, PROVIDER, No, Who
from tests.changes import new_key
from tests.databases import Databases
from tests.hierarchy import Builder, Record, insert_world
from tests.templates import migrated_template, opened
from tests.works import handlers_of, workplace

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
    builder.add(models.Plan, id=1, billing_model=BillingModel.CHARGE_BEFORE_BILLING_PERIOD,
        cancellation_hours=WINDOW // timedelta(hours=1), **billed,
    )  # fmt: skip
    builder.add(models.PlanPeriod, plan_id=1, type=PeriodType.MONTH, duration=1)
    builder.add(
        models.Account, 1, id=1, type=AccountType.PROVIDER, currency=CURRENCY, name_key="", attributes="{}",
        held_by="PERSON", held_before="ACTIVE",
    )  # fmt: skip
    builder.add(models.VendorCard, 1)
    builder.add(models.Balance, 1, buyer_id=1, seller_path="", terms=PaymentTerm.NET, currency=CURRENCY)
    builder.add(
        models.Price, seller_path="", product_id=PRODUCT, plan_id=1, amount_micros=CENT, shard_id=1, currency=CURRENCY,
        valid_from=date(2026, 1, 1), **month,
    )  # fmt: skip
    (account,), (price,) = builder.world["account"], builder.world["price"]
    account |= {"held_by": None, "held_before": None, "holder_id": None, "holder_before_id": None}
    price["tiers"] = None
    return dict(builder.world)


class Doing(RuleBasedStateMachine):
    """Does one thing on the platform and in the model, and compares all that there is."""

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
        self._hired = 0
        self._employ(PROVIDER)

    def teardown(self) -> None:
        try:
            assert self._loop.run(check(self.store)) == []
        finally:
            self._open.close()

    # Doing it

    def _do(
        self,
        by: Who,
        operation: str,
        given: Mapping[str, Any],
        model: Callable[[int], None],
        version: int | None = None,
        new: str = "",
        comes_along: Callable[[str], bool] = lambda _: False,
        settles: Callable[[str], bool] = lambda _: False,
    ) -> Outcome | None:
        """Do it on the platform and in the model, and compare.

        Args:
            by: who does it.
            operation: what is done.
            given: to it.
            model: does it in the model, which needs the id of what is new.
            version: of the target, as the caller knows it.
            new: the noun of what is new, if it isn't what the operation gives.
            comes_along: whether what is there may change, out of the caller's reach.
            settles: whether what is owed may.
        """
        self.now += timedelta(seconds=1)
        self.model.now = self.now
        caller = Caller(self._path(by.account), by.privileges, self.model.working(by.account)[0], reach=by.reach)
        item, outcome = Item(given, version), None
        try:
            outcome = self._loop.run(perform(self.means, caller, OPERATIONS[operation], item, new_key()))
            codes = {str(error.code) for error in outcome.errors}
        except ForbiddenError:
            codes = {FORBIDDEN}
        told = f"{operation} of {given} by {by.account} ({by.reach}) at version {version}"
        try:
            model(outcome.ids.get(new or OPERATIONS[operation].gives, 0) if outcome else 0)
            expected: set[str] = set()
        except No as no:
            expected = set(map(str, no.args))
        assert codes == expected, f"{told}: {codes}, not {expected}"
        after = self._loop.run(look(self.store))
        if expected:
            left = {table for table, *_ in changes(self.rows, after)}
            noted = {"audit"} if expected == {Code.VENDOR_UNAVAILABLE} else set()  # whoever lacks credit is told of it
            assert left <= {"idempotency"} | noted, f"{told} left something in {left}"
        scope = caller.scope()
        self._compare(
            after,
            lambda place: scope.holds(place) or comes_along(place),
            lambda place: caller.path.startswith(place) or settles(place),
            told,
        )
        return outcome

    def _run_worker(self, kinds: Sequence[JobKind]) -> Rows:
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
        return not standing(own, above).sign_in and bool(self.model.working(account))

    def _account(self, at: int, *types: AccountType) -> int:
        """Any account, mostly of those types, where there are such."""
        known = self.model.accounts
        fitting = {each: it for each, it in known.items() if at % 8 and it.type in types}
        return pick(fitting or known, at // 8)

    def _path(self, account: int) -> str:
        path = ""
        for each in self.model.chain(account):
            path = paths.child(path, each)
        return path

    def _version(self, table: str, row_id: int, is_stale: bool) -> int:
        return int(self.rows[table][row_id,].version) + is_stale

    def _employ(self, account: int, *, needs_approval: bool = False) -> None:
        """Have somebody work there who may do everything; what no operation sets is set beside them."""
        of_type = self.model.accounts[account].type
        if needs_approval:
            self._loop.run(_require_approval(self.store, account))
        self.model.accounts[account].needs_approval = needs_approval
        self._hire(account, Place(UserKind.ADMINISTRATOR, frozenset({FULL[of_type]})))

    def _hire(self, account: int, place: Place) -> None:
        """Have somebody work there who has followed an invitation."""
        self._hired += 1
        user, path, login = 1_000_000 + self._hired, self._path(account), f"hired-{self._hired}@example.com"
        builder = Builder()
        where: dict[str, Any] = {"account_id": account, "path": path, "shard_id": paths.shard_id(path)}
        builder.add(models.User, id=user, login=login, kind=place.kind, security_question=None, **where)
        builder.add(models.Identity, id=user, login=login, email=login, last_user_id=None)
        builder.add(models.Credential, subject_type="USER", subject_id=user, secret_hash="none")
        builder.world["app_user"][0]["security_question"] = None
        for role in sorted(place.roles):
            builder.add(models.UserRole, user_id=user, role_code=role, **where)
        self._loop.run(_insert(self.store, builder.world))
        self.model.people[user] = User(account, login, place, UserStatus.ACTIVE, came_in=True)
        self.rows = self._loop.run(look(self.store))

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
        says, expected = stated(after), modelled(self.model)
        differing = {name: (each, expected[name]) for name, each in says.items() if each != expected[name]}
        assert not differing, f"{told}: {differing}"
        self.rows = after

    def _holding(self) -> Iterator[Row]:
        return (row for row in self.rows["price"].values() if row.valid_until is None)


async def _insert(store: Store, world: dict[str, list[Record]]) -> None:
    async with store.unfiltered("somebody is employed", write=True) as db:
        for name in ("identity", "credential", "app_user", "user_role"):
            for record in world[name]:
                await db.execute(Statement(insert(SQLModel.metadata.tables[name])), record)


async def _require_approval(store: Store, account: int) -> None:
    async with store.unfiltered("a vendor wants to approve", write=True) as db:
        await db.execute(_NEEDS_APPROVAL, {"account": account})


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


def pick(of: Mapping[int, Any], at: int) -> int:
    return list(of)[at % len(of)]
