"""Closing periods: what was charged comes onto invoices, and who owes too much or too long is put on credit hold."""

from datetime import date, datetime

from models import path as paths
from models.beyond import invoices
from models.scope import Scope
from models.writer import Writer
from resolvers import clock, credit_rule
from resolvers.act import Act, Actor
from resolvers.caller import Caller
from resolvers.inputs import Input
from resolvers.operation import Operation
from resolvers.privileges import Privilege
from resolvers.work.claims import Claim, ending, hold
from resolvers.work.handler import Handler

_BY_ITSELF = Actor("", None, None)


class ByRule(Input):
    """Nobody asks for it."""


async def _by_rule(act: Act, _given: ByRule) -> None:
    """What a balance entails for its account; done by the worker alone."""


_RULE = Operation("creditRule", _by_rule, ByRule, Privilege.ACCOUNTS_HOLD_CREDIT, gives="account")
"""What the change log calls it."""


class ClosePeriod(Handler):
    """Closes the period of one balance, or only judges it; both can be done again without doing anything twice.

    The key of a job is the balance's id and, behind a colon, the day at whose start the period ends, or why the
    balance is looked at.
    """

    async def run(self, job: Claim) -> None:
        """See `Handler`."""
        async with self.place.store.unfiltered("what time is it", write=True) as db:
            await hold(db, job)
            now = await clock.now(db)
        # The whole platform's: the account may have been moved since the job was written.
        async with self.place.store.writer(Scope(job.path[: paths.WIDTH], finances=True)) as writer:
            await _look(writer, job, now)
        async with ending(self.place.store, job):
            pass

    async def give_up(self, job: Claim, reason: str) -> None:
        """See `Handler`. The charges stay where they are, for the period that is closed next."""
        async with ending(self.place.store, job, failed=reason):
            pass


async def _look(writer: Writer, job: Claim, now: datetime) -> None:
    """Close the period, if the job is for that, and let the rule on balances decide."""
    buyer_id = await invoices.buyer_of(writer, job.subject_id)
    if buyer_id is None:
        return
    act = Act(Caller("", frozenset()), writer, _RULE, _BY_ITSELF, None, now)
    await credit_rule.lock(act, buyer_id)
    period_to = _period_end(job.key)
    if period_to is not None:
        await invoices.close(writer, job.subject_id, period_to, at=now)
    await credit_rule.apply(act, [buyer_id])


def _period_end(key: str) -> date | None:
    """The day at whose start the period ends; None where nothing is closed."""
    why = key.partition(":")[2]
    try:
        return date.fromisoformat(why)
    except ValueError:
        return None
