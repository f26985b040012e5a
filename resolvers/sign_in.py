"""Signing in, staying signed in, signing out. Knows no HTTP: the gateway turns form fields into these calls."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, update

from models import Credential, SubjectType
from models.base import now, table_of
from models.statement import Statement
from models.store import Store, Unfiltered
from resolvers import identity, refresh_tokens, throttle
from resolvers.errors import InvalidError
from resolvers.identity import Standing
from resolvers.oauth import Grant, Refusal, SignInError
from resolvers.passwords import Passwords, prepared
from resolvers.refresh_tokens import RefreshSettings
from resolvers.throttle import Count, Source, Throttle
from resolvers.tokens import AccessTokens

log = logging.getLogger("canopy.sign_in")

MAX_NAME = 320
"""Characters of a login or client id: those of the longest e-mail address."""

_WRONG = {
    SubjectType.USER: (Refusal.INVALID_GRANT, "The login or the password is wrong."),
    SubjectType.API_CLIENT: (Refusal.INVALID_CLIENT, "The client id or the client secret is wrong."),
}

_CREDENTIAL = table_of(Credential).c
_RENEW = Statement(
    update(table_of(Credential))
    .where(
        _CREDENTIAL.subject_type == bindparam("of_type"),
        _CREDENTIAL.subject_id == bindparam("id"),
        _CREDENTIAL.secret_hash == bindparam("old"),
    )
    .values(secret_hash=bindparam("new"), updated_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class SignInSettings:
    """What signing in works with; made once for a process.

    Args:
        clock: the present instant, in UTC.
    """

    tokens: AccessTokens
    passwords: Passwords
    throttle: Throttle
    refresh: RefreshSettings = field(default_factory=RefreshSettings)
    clock: Callable[[], datetime] = now


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Someone says who they are, and has a secret to prove it."""

    type: SubjectType
    name: str = field(repr=False)
    secret: bytes = field(repr=False)
    address: str
    sources: tuple[Source, Source]


@dataclass(frozen=True, slots=True)
class _Proven:
    """Someone who proved who they are; with a new hash of their secret if the stored one is of yesterday's kind."""

    standing: Standing
    stored: str = field(repr=False)
    renewed: str | None = field(repr=False)


async def sign_in_with_password(
    store: Store, settings: SignInSettings, login: str, password: str, address: str
) -> Grant:
    """A grant for a user of our own panels.

    An unknown login and a wrong password get the same answer for the same work. Only who proves the password is told
    why it does not let them in.

    Args:
        store: where users and their credentials are.
        settings: what signing in works with.
        login: in any case.
        password: at most 1,024 bytes.
        address: of the client, as the gateway trusts it.

    Raises:
        SignInError: `INVALID_REQUEST`, `INVALID_GRANT`, or `SLOW_DOWN` after too many failures.
        UnavailableError: too many are signing in at this moment.
    """
    attempt = _attempt(settings, SubjectType.USER, login.strip().lower(), password, address)
    proven = await _prove(store, settings, attempt)
    return await _admit(store, settings, attempt, proven, stays=True)


async def sign_in_with_client_secret(
    store: Store, settings: SignInSettings, client_id: str, secret: str, address: str
) -> Grant:
    """A grant for an API client, without a refresh token: a client that has its secret at hand needs none.

    Raises:
        SignInError: `INVALID_REQUEST`, `INVALID_CLIENT`, or `SLOW_DOWN` after too many failures.
        UnavailableError: too many are signing in at this moment.
    """
    attempt = _attempt(settings, SubjectType.API_CLIENT, client_id, secret, address)
    proven = await _prove(store, settings, attempt)
    return await _admit(store, settings, attempt, proven, stays=False)


async def refresh(store: Store, settings: SignInSettings, refresh_token: str) -> Grant:
    """A grant for a refresh token, which is used up by it; `resolvers/refresh_tokens.py` tells what a second use does.

    Raises:
        SignInError: `INVALID_GRANT`; the user has to sign in again.
    """
    async with store.unfiltered("refresh") as db:  # a token that nobody knows costs no lock
        known = await refresh_tokens.find(db, refresh_token)
    if known is None:
        raise SignInError(Refusal.INVALID_GRANT, "The refresh token is not known here. Sign in again.")
    at = settings.clock()
    async with store.unfiltered("refresh", write=True) as db:
        standing = await identity.standing_by_id(db, known.subject)
        why_not = standing.why_not if standing else "The user is gone."
        if why_not:
            await refresh_tokens.revoke(db, known, at)
        token = None if why_not else await refresh_tokens.use(db, known, settings.refresh, at)
    # Raised only now: revoking has to be committed.
    if standing is None or token is None:
        log.info("refresh refused: %s", known.subject)
        raise SignInError(
            Refusal.INVALID_GRANT, why_not or "The refresh token has expired, or was used before. Sign in again."
        )
    return _grant(settings, standing, token)


async def revoke(store: Store, settings: SignInSettings, refresh_token: str) -> None:
    """Sign out: the token's family gives no more grants. Access tokens stay good until they expire.

    A token that is unknown or already void is no error (RFC 7009 §2.2).
    """
    async with store.unfiltered("sign out") as db:
        known = await refresh_tokens.find(db, refresh_token)
    if known is None:
        return
    async with store.unfiltered("sign out", write=True) as db:
        await refresh_tokens.revoke(db, known, settings.clock())
    log.info("signed out: %s", known.subject)


async def grant_to_operator(store: Store, settings: SignInSettings, login: str) -> Grant:
    """A grant without a secret, for whoever runs the gateway and so has the key file anyway.

    Raises:
        SignInError: `INVALID_GRANT`; nobody has that login, or may not come in.
    """
    async with store.unfiltered("token for an operator") as db:
        standing = await identity.standing_by_name(db, SubjectType.USER, login.strip().lower())
    if standing is None or standing.why_not:
        raise SignInError(Refusal.INVALID_GRANT, standing.why_not if standing else "Nobody has that login.")
    log.info("operator's token: %s", standing.subject)
    return _grant(settings, standing, None)


def _attempt(settings: SignInSettings, of_type: SubjectType, name: str, secret: str, address: str) -> _Attempt:
    """The attempt, once its parts are such as could be right.

    Raises:
        SignInError: `INVALID_REQUEST`.
    """
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise SignInError(
            Refusal.INVALID_REQUEST,
            f"The login or client id is empty, holds control characters, or is longer than {MAX_NAME} characters.",
        )
    try:
        raw = prepared(secret)
    except InvalidError as error:
        raise SignInError(Refusal.INVALID_REQUEST, str(error)) from None
    sources = settings.throttle.sources(address, f"{of_type} {name}")
    return _Attempt(of_type, name, raw, throttle.shown(address), sources)


async def _prove(store: Store, settings: SignInSettings, attempt: _Attempt) -> _Proven:
    """Find who it is and verify the secret, in a turn, so that what is counted keeps up with what is tried.

    Raises:
        SignInError: the secret is wrong, nobody has that name, or there were too many failures.
    """
    async with store.unfiltered("sign in") as db:
        against = await throttle.counts(db, attempt.sources, settings.clock())
    await settings.throttle.wait(against)
    async with settings.passwords.turn():
        async with store.unfiltered("sign in") as db:
            against = await throttle.counts(db, attempt.sources, settings.clock())
            found = await identity.standing_by_name(db, attempt.type, attempt.name)
        throttle.require_patience(against)
        stored = found.secret_hash if found else None
        is_right = await settings.passwords.verify(attempt.secret, stored)
        if is_right and found and stored:
            return _Proven(found, stored, await settings.passwords.renewed(attempt.secret, stored))
        await _note_failure(store, settings, against)
    log.info("sign-in refused: wrong secret for %s from %s", found.subject if found else "nobody", attempt.address)
    raise SignInError(*_WRONG[attempt.type])


async def _note_failure(store: Store, settings: SignInSettings, against: Sequence[Count]) -> None:
    async with store.unfiltered("failed sign-in", write=True) as db:
        await throttle.note_failure(db, against, settings.clock())


async def _admit(store: Store, settings: SignInSettings, attempt: _Attempt, proven: _Proven, *, stays: bool) -> Grant:
    """The grant of someone who proved who they are, if they may come in; one who `stays` gets a refresh token."""
    subject, at = proven.standing.subject, settings.clock()
    async with store.unfiltered("signed in", write=True) as db:
        await throttle.forget(db, attempt.sources[0])
        await _renew(db, proven, at)
        may_stay = stays and not proven.standing.why_not
        token = await refresh_tokens.begin(db, subject, settings.refresh, at) if may_stay else None
        await throttle.prune(db, settings.throttle.settings, at)
    if proven.standing.why_not:
        log.info("sign-in refused: %s may not come in, from %s", subject, attempt.address)
        raise SignInError(_WRONG[attempt.type][0], proven.standing.why_not)
    log.info("signed in: %s from %s", subject, attempt.address)
    return _grant(settings, proven.standing, token)


async def _renew(db: Unfiltered, proven: _Proven, at: datetime) -> None:
    """Store the secret's new hash, unless someone has stored another meanwhile."""
    if proven.renewed:
        subject = proven.standing.subject
        row = {"of_type": subject.type, "id": subject.id, "old": proven.stored, "new": proven.renewed, "now": at}
        await db.execute(_RENEW, row)


def _grant(settings: SignInSettings, standing: Standing, refresh_token: str | None) -> Grant:
    token = settings.tokens.sign(standing.subject, standing.account_id)
    return Grant(token, settings.tokens.expires_in, refresh_token)
