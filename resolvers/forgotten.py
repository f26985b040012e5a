"""A forgotten password: whoever asks is told nothing, and who owns the login is mailed a link."""

from datetime import date, datetime, timedelta

from sqlalchemy import bindparam, select

from models import Account, AccountStatus, Identity, MailTemplate, User, UserStatus
from models.base import table_of
from models.beyond.post import Recipient
from models.life.standing import WHY_NOT
from models.scope import Scope
from models.statement import Row, Statement
from models.store import Store
from resolvers.invitations import MAILS_A_DAY
from resolvers.mail.outbox import post
from resolvers.sign_in import MAX_NAME, SignInSettings
from resolvers.throttle import Limit, Source, Throttle, network, try_once

_USER, _ACCOUNT, _PERSON = table_of(User).c, table_of(Account).c, table_of(Identity).c
_MEMBERSHIPS = Statement(
    select(
        _USER.id,
        _USER.path,
        _ACCOUNT.status.label("account_status"),
        _PERSON.id.label("person_id"),
        _PERSON.last_user_id,
    )
    .join(table_of(Account), _ACCOUNT.id == _USER.account_id)
    .join(table_of(Identity), _PERSON.login == _USER.login)
    .where(_USER.login == bindparam("login"), _USER.status == UserStatus.ACTIVE.value)
    .order_by(_USER.id),
    is_lookup=True,
)
_ASKING = Limit(free=20, refused=20, drain=timedelta(minutes=3))
"""From one address, for whatever logins."""


async def forgotten(store: Store, settings: SignInSettings, login: str, address: str) -> None:
    """Have a link for a new password mailed to whoever has that login, if anybody has; at most three a day.

    Args:
        store: where users are.
        settings: what signing in works with.
        login: in any case.
        address: of the client, as the gateway trusts it.
    """
    login = login.strip().lower()
    if not 0 < len(login) <= MAX_NAME or not login.isprintable():
        return
    async with store.unfiltered("a forgotten password", write=True) as db:
        source = _source(settings.throttle, address)
        users = await db.rows(_MEMBERSHIPS, {"login": login}) if await try_once(db, source, settings.clock()) else []
    open_to = [row for row in users if not WHY_NOT[AccountStatus(row.account_status)]]
    for row in sorted(open_to, key=lambda row: row.id != row.last_user_id)[:1]:
        await _mail(store, row, settings.platform_clock())


def _source(throttle: Throttle, address: str) -> Source:
    return throttle.source("forgotten from", network(address), _ASKING)


async def _mail(store: Store, user: Row, at: datetime) -> None:
    async with store.writer(Scope(user.path)) as writer:
        for key in _keys(user.id, at.date()):
            to = Recipient(to_user_id=user.id)
            if await post(writer, MailTemplate.PASSWORD_RESET, key=key, to=to, path=user.path, at=at):
                return


def _keys(user_id: int, day: date) -> list[str]:
    """Those under which a user's mails of a day may be sent to strangers' order.

    Not those of `invitations.mail_link`: strangers mustn't use up what staff may send.
    """
    return [f"forgotten:{user_id}:{day}:{number}" for number in range(MAILS_A_DAY[MailTemplate.PASSWORD_RESET])]
