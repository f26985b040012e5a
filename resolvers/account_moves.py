"""Moving accounts from state to state, by whomever: what follows for services, sign-ins and people is done here."""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from models import (
    AccountStatus,
    HeldBy,
    JobKind,
    MailTemplate,
    SubscriptionHold,
    SubscriptionStatus,
    UserKind,
    UserStatus,
)
from models.base import table_of
from models.beyond import effects, waking
from models.beyond.credit import judge
from models.beyond.post import Recipient
from models.life import account as life
from models.life.account import AccountEvent, released_to
from models.life.standing import EFFECTS, TAKES_NO_CHARGES, service_after, services_event
from models.life.subscription import KEPT_AFTER_TERMINATION, HoldReason, SubscriptionEvent
from models.statement import Row, Statement, any_of
from resolvers import holds
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.mail.outbox import post
from resolvers.subscriptions import SUBSCRIPTION
from resolvers.users import USER

_HOLD = table_of(SubscriptionHold)
_HOLDS = {AccountEvent.CREDIT_HOLD, AccountEvent.ADMIN_HOLD}
_RELEASES = {AccountEvent.CREDIT_RELEASE, AccountEvent.ADMIN_RELEASE}
_HELD_ABOVE = "An account above yours holds it. Ask your vendor to release it."
_WHAT_TO_DO = "Record a payment or a credit memo, or raise its credit limit"
_NO_REASON = "No reason was given."

_SERVICES = Statement(
    select(*SUBSCRIPTION.c)
    .where(SUBSCRIPTION.c.account_id == bindparam("account_id"))
    .order_by(SUBSCRIPTION.c.id)
    .with_for_update(),
    SUBSCRIPTION.name,
    is_lookup=True,
)
_REASONS = Statement(
    select(_HOLD.c.subscription_id, _HOLD.c.reason).where(any_of(_HOLD.c.subscription_id, "subscriptions")),
    is_lookup=True,
)
_ADMINISTRATORS = Statement(
    select(USER.c.id)
    .where(
        USER.c.account_id == bindparam("account_id"),
        USER.c.kind == UserKind.ADMINISTRATOR.value,
        USER.c.status == UserStatus.ACTIVE.value,
    )
    .order_by(USER.c.id),
    is_lookup=True,
)


async def move_account(
    act: Act, row: Row, event: AccountEvent, *, by_rule: bool = False, reason: str | None = None
) -> None:
    """Let an event happen to an account, with all that follows.

    Args:
        act: what is under way.
        row: the account, read whole and locked.
        event: what happens.
        by_rule: whether the rule on balances does it, not a person.
        reason: why, for the account's own people.

    Raises:
        RefusedError: it can't happen to an account in that state.
    """
    before = AccountStatus(row.status)
    if not life.can(before, event):
        needed = " or ".join(state.value for state in AccountStatus if life.can(state, event))
        message = f"The account is {before.value}. It would have to be {needed}."
        act.refuse(UserErrorCode.WRONG_STATE, message, "account")
    if not by_rule and not holds.may_lift(act.caller.path, row, event):
        act.refuse(UserErrorCode.HELD_ABOVE, _HELD_ABOVE, "account")
    demands_hold = "" if by_rule or event not in _RELEASES else await _why_hold(act, row)
    if demands_hold and event is AccountEvent.CREDIT_RELEASE:
        then = "it is then released by itself." if row.held_by == HeldBy.RULE else "then release it."
        act.refuse(UserErrorCode.HOLD_DEMANDED, f"{demands_hold} {_WHAT_TO_DO}; {then}", "account")
    to = _released_to(row, bool(demands_hold)) if event is AccountEvent.ADMIN_RELEASE else None
    after = life.after(before, event, to)
    why = demands_hold if demands_hold and after is AccountStatus.CREDIT_HOLD else reason
    values = {"status": after.value, "status_reason": why, "status_since": act.now}
    await act.change(ACCOUNT, row, **values, **_held(act, row, after, by_rule=by_rule))
    follows = services_event(before, after)
    if follows is not None:
        await _move_services(act, row, follows)
    if EFFECTS[after].sign_in and not EFFECTS[before].sign_in:
        await effects.end_sign_ins(act.writer, row.path, act.now)
    if event in _HOLDS:
        await _tell_administrators(act, row, MailTemplate.HOLD_NOTICE, reason=reason or _NO_REASON)
    elif event in _RELEASES and after is AccountStatus.ACTIVE:
        await _tell_administrators(act, row, MailTemplate.HOLD_RELEASE)
    if before in TAKES_NO_CHARGES and after not in TAKES_NO_CHARGES:
        await waking.wake(act.writer, row.path, act.now)


async def _why_hold(act: Act, row: Row) -> str:
    """Why the rule on balances demands that the account be on credit hold; empty if it doesn't."""
    return "".join(verdict.why for verdict in await judge(act.writer, [row.id], act.now.date()))


def _released_to(row: Row, demands_hold: bool) -> AccountStatus:
    return released_to(
        activated=row.held_before != AccountStatus.PENDING,
        was_on_credit_hold=row.held_before == AccountStatus.CREDIT_HOLD and row.held_by != HeldBy.RULE,
        balance_requires_hold=demands_hold,
    )


def _held(act: Act, row: Row, after: AccountStatus, *, by_rule: bool) -> dict[str, Any]:
    """Who holds the account from now on, and what it was, and by whom, before an administrative hold."""
    holder_id = None if by_rule else act.caller.account_id
    if after is AccountStatus.CANCELLED:
        return {"held_by": None, "held_before": None}
    if after is AccountStatus.ADMIN_HOLD:
        return {"held_before": row.status, "holder_id": holder_id, "holder_before_id": row.holder_id}
    if after is not AccountStatus.CREDIT_HOLD:
        return {"held_by": None, "held_before": None, "holder_id": None, "holder_before_id": None}
    if row.status == AccountStatus.ADMIN_HOLD:
        before = {"holder_id": row.holder_before_id, "holder_before_id": None}
        return before | {"held_by": row.held_by or HeldBy.RULE.value, "held_before": None}
    return {"held_by": (HeldBy.RULE if by_rule else HeldBy.PERSON).value, "holder_id": holder_id}


async def _move_services(act: Act, account: Row, event: SubscriptionEvent) -> None:
    """Let an account's own subscriptions follow its state."""
    services = await act.rows(_SERVICES, {"account_id": account.id})
    reasons: dict[int, set[HoldReason]] = {row.id: set() for row in services}
    for row in await act.rows(_REASONS, {"subscriptions": list(reasons)}):
        reasons[row.subscription_id].add(HoldReason(row.reason))
    is_kept = act.now - _since(account) <= KEPT_AFTER_TERMINATION
    moved = []
    for row in services:
        before = frozenset(reasons[row.id])
        status, left = service_after(SubscriptionStatus(row.status), before, event, is_kept=is_kept)
        if left != before:
            await act.work_out(_HOLD, "subscription_id", row.id, [_reason(row, each) for each in sorted(left)])
        if await act.change(SUBSCRIPTION, row, status=status.value):
            moved.append(row.id)
            key = f"{row.id}:{row.version}"
            await act.enqueue(JobKind.FOLLOW_SUBSCRIPTION, row.id, row.path, key=key)
    if moved:
        await effects.copy_status(act.writer, account.path, moved)


def _since(account: Row) -> datetime:
    """When it came to the state that it leaves; long ago where nobody noted it. SQLite gives instants as text."""
    since = account.status_since or "2000-01-01T00:00:00Z"
    return datetime.fromisoformat(since) if isinstance(since, str) else since


def _reason(subscription: Row, reason: HoldReason) -> dict[str, Any]:
    place = {name: getattr(subscription, name) for name in ("account_id", "path", "shard_id")}
    return place | {"subscription_id": subscription.id, "reason": reason.value}


async def _tell_administrators(act: Act, account: Row, template: MailTemplate, **more: str) -> None:
    for user in await act.rows(_ADMINISTRATORS, {"account_id": account.id}):
        await post(
            act.writer,
            template,
            key=f"hold:{account.id}:{account.version}:{user.id}",
            to=Recipient(to_user_id=user.id),
            path=account.path,
            at=act.now,
            data={"account": account.name} | more,
        )
