"""Random callers do random things to a random tree, on the platform and in the model at once; all of it is compared."""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from models import JobKind
from tests.business_doing import ANY, EUROS, EVENING, LIMITS, PROVIDERS, SELDOM
from tests.business_walk_orders import WithOrders
from tests.business_walk_people import WithPeople
from tests.business_walk_tree import InTree
from tests.databases import Databases
from tests.works import KINDS


class Walk(InTree, WithOrders, WithPeople):
    """Random callers do random things; each rule is one operation, tried on the platform and on the model."""

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

    @rule()
    def work(self) -> None:
        """The worker does what was ordered."""
        of_jobs = self._of_jobs(JobKind.PROVISION_ORDER, JobKind.FOLLOW_SUBSCRIPTION)
        after = self._run_worker(KINDS)
        self.model.work({row.id: row.subscription_id for row in after["orders"].values()})
        self._compare(after, *of_jobs)

    @rule()
    def judge(self) -> None:
        """The worker looks at balances."""
        of_jobs = self._of_jobs(JobKind.CLOSE_PERIOD)
        after = self._run_worker([JobKind.CLOSE_PERIOD])
        self.model.judge_all()
        self._compare(after, *of_jobs)

    @precondition(lambda self: self.now < EVENING)
    @rule(minutes=st.sampled_from([1, 61]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.model.now = self.now


def walk(databases: Databases, how: settings) -> None:
    """Let random people do random things, so often, and so many."""

    class Here(Walk):
        def __init__(self) -> None:
            super().__init__(databases)

    run_state_machine_as_test(Here, settings=how)
