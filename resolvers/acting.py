"""Acting as: a user of a vendor works in an account below, as one of that account's administrators, for an hour.

A token is exchanged for another (RFC 8693). What it may do is worked out anew at each look-up, by
`resolvers.identity`: at most what an administrator of the account may, and never more than the user itself.
"""

import logging
from datetime import timedelta

from sqlalchemy import bindparam, select

from models import Account, AccountStatus, SubjectType, User
from models.base import table_of
from models.life.standing import WHY_NOT
from models.statement import Statement
from models.store import Store
from resolvers import act
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.caller import Actor, Caller
from resolvers.errors import UnauthenticatedError
from resolvers.identity import caller_of
from resolvers.inputs import Input
from resolvers.oauth import Grant, Refusal, SignInError
from resolvers.operation import Operation
from resolvers.privileges import Privilege
from resolvers.sign_in import SignInSettings
from resolvers.tokens import Claims

log = logging.getLogger("canopy.acting")

LIFETIME = timedelta(minutes=60)
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # a type's name

_USER, _HOME = table_of(User).c, table_of(Account).c
_ACTOR = Statement(
    select((_USER.first_name + " " + _USER.last_name).label("name"), _HOME.name.label("account_name"))
    .join(table_of(Account), _HOME.id == _USER.account_id)
    .where(_USER.id == bindparam("id")),
    is_lookup=True,
)
_TARGET = Statement(
    select(*ACCOUNT.c).where(ACCOUNT.c.id == bindparam("id")).with_for_update(read=True), ACCOUNT.name, is_lookup=True
)


async def _nothing(_act: Act, _given: Input) -> None:
    """Is never called: exchanging a token is no mutation."""


_EXCHANGE = Operation("actAs", _nothing, Input, Privilege.ACCOUNTS_ACT_AS, "account")


async def exchange(store: Store, settings: SignInSettings, token: str, account_id: int) -> Grant:
    """A grant by which a signed-in user works in an account below its own. It can't be refreshed, nor exchanged again.

    Args:
        store: where accounts are.
        settings: what signing in works with.
        token: the user's own access token.
        account_id: the account; 0 for what is none.

    Raises:
        SignInError: `INVALID_GRANT` for a token that entitles to no exchange, `INVALID_TARGET` for an account in which
            the user can't work: which may be hidden, absent, its own, or not below.
    """
    claims = _own_claims(settings, token)
    caller = await _entitled(store, claims)
    path = await _record(store, settings, caller, account_id)
    expires_in = int(LIFETIME.total_seconds())
    log.info("%s acts as account %s", claims.subject, path)
    acting = settings.tokens.sign_acting(claims, account_id, expires_in)
    return Grant(acting, expires_in, issued_token_type=ACCESS_TOKEN)


def _own_claims(settings: SignInSettings, token: str) -> Claims:
    try:
        claims = settings.tokens.verify(token)
    except UnauthenticatedError as error:
        raise SignInError(Refusal.INVALID_GRANT, str(error)) from None
    if claims.home_id is not None:
        message = "Who works in another account can't go on from there. Exchange the token of your own account."
        raise SignInError(Refusal.INVALID_GRANT, message)
    if claims.subject.type is not SubjectType.USER:
        raise SignInError(Refusal.INVALID_GRANT, "Only users work in other accounts; API clients act for their own.")
    return claims


async def _entitled(store: Store, claims: Claims) -> Caller:
    try:
        caller = await caller_of(store, claims)
    except UnauthenticatedError as error:
        raise SignInError(Refusal.INVALID_GRANT, str(error)) from None
    if not caller.may(Privilege.ACCOUNTS_ACT_AS):
        raise SignInError(Refusal.INVALID_GRANT, f"This takes the privilege {Privilege.ACCOUNTS_ACT_AS.value}.")
    return caller


async def _record(store: Store, settings: SignInSettings, caller: Caller, account_id: int) -> str:
    """Write into the change log who begins to work where; returns the account's path.

    Raises:
        SignInError: the account isn't visible to the caller below its own, or lets nobody in.
    """
    async with store.writer(caller.scope()) as writer:
        targets = await writer.rows(_TARGET, {"id": account_id})
        if not targets or account_id == caller.account_id:
            raise SignInError(Refusal.INVALID_TARGET, "There is no such account below yours.")
        (target,) = targets
        if why_not := WHY_NOT[AccountStatus(target.status)]:
            raise SignInError(Refusal.INVALID_TARGET, why_not)
        assert caller.user_id is not None  # noqa: S101  # it is a user's own token
        ((name, account_name),) = await writer.rows(_ACTOR, {"id": caller.user_id})
        actor = Actor(caller.user_id, caller.path, name.strip(), account_name)
        acting = Caller(path=target.path, privileges=frozenset(), actor=actor)
        who = act.Actor(actor.name, actor.user_id, None)
        await Act(acting, writer, _EXCHANGE, who, target, settings.platform_clock()).note(ACCOUNT, target, {}, {})
    return str(target.path)
