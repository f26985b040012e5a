"""Credit holds by rule: put on whoever owes its vendor too much or too long, and taken off when that is over."""

from collections.abc import Sequence

from sqlalchemy import select

from models import AccountStatus, HeldBy
from models.beyond import waking
from models.beyond.credit import Verdict, judge
from models.life import account as life
from models.life.account import AccountEvent
from models.life.standing import TAKES_NO_CHARGES
from models.statement import Row, Statement, any_of
from resolvers.account_moves import move_account
from resolvers.accounts import ACCOUNT
from resolvers.act import Act

_LOCK = Statement(
    select(*ACCOUNT.c).where(any_of(ACCOUNT.c.id, "ids")).order_by(ACCOUNT.c.path).with_for_update(),
    ACCOUNT.name,
    is_lookup=True,
)


async def lock(act: Act, account_id: int) -> Row | None:
    """An account as it is, which nobody else changes until the transaction ends; None if it is not visible.

    Whoever changes what accounts owe and then applies the rule locks them before their balances.
    """
    rows = await act.rows(_LOCK, {"ids": [account_id]})
    return rows[0] if rows else None


async def apply(act: Act, account_ids: Sequence[int]) -> None:
    """Put on hold whom the rule wants on hold; release whom it doesn't, and put there."""
    verdicts = await judge(act.writer, account_ids, act.now.date())
    accounts = {row.id: row for row in await act.rows(_LOCK, {"ids": [verdict.account_id for verdict in verdicts]})}
    for verdict in verdicts:
        if verdict.account_id in accounts:
            await _follow(act, accounts[verdict.account_id], verdict)


async def _follow(act: Act, account: Row, verdict: Verdict) -> None:
    status = AccountStatus(account.status)
    if verdict.why and life.can(status, AccountEvent.CREDIT_HOLD):
        await move_account(act, account, AccountEvent.CREDIT_HOLD, by_rule=True, reason=verdict.why)
    elif not verdict.why and account.held_by == HeldBy.RULE and life.can(status, AccountEvent.CREDIT_RELEASE):
        await move_account(act, account, AccountEvent.CREDIT_RELEASE, by_rule=True)
    elif not verdict.why and status not in TAKES_NO_CHARGES:
        await waking.wake(act.writer, account.path, act.now)  # what credit didn't suffice for may be done now
