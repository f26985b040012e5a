"""Signing in, staying signed in, signing out. Knows no HTTP: the gateway turns form fields into these calls."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, or_, update

from models import Credential, Identity, SubjectType
from models.base import now, table_of
from models.statement import Statement
from models.store import Store, Unfiltered
from resolvers import identity, refresh_tokens, throttle
from resolvers.errors import InvalidError
from resolvers.identity import Standing
from resolvers.oauth import Grant, Refusal, SignInError
from resolvers.passwords import Passwords, prepared
from resolvers.refresh_tokens import Issued, RefreshSettings
from resolvers.throttle import Count, Source, Throttle
from resolvers.tokens import AccessTokens, Subject

log = logging.getLogger("canopy.sign_in")

MAX_NAME = 320
"""Characters of a login or client id: those of the longest e-mail address."""

_WRONG = {
    SubjectType.USER: (Refusal.INVALID_GRANT, "The login or the password is wrong."),
    SubjectType.API_CLIENT: (Refusal.INVALID_CLIENT, "The client id or the client secret is wrong."),
}

_CREDENTIAL = table_of(Credential).c
_PERSON = table_of(Identity).c
_LAST = Statement(
    update(table_of(Identity))
    .where(
        _PERSON.id == bindparam("person"),
        or_(_PERSON.last_user_id.is_(None), _PERSON.last_user_id != bindparam("user")),
    )
    .values(last_user_id=bindparam("user"))
)
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
        platform_clock: the instant that the change log gives for what is done by signing in.
    """

    tokens: AccessTokens
    passwords: Passwords
    throttle: Throttle
    refresh: RefreshSettings = field(default_factory=RefreshSettings)
    clock: Callable[[], datetime] = now
    platform_clock: Callable[[], datetime] = now


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Someone says who they are, and has a secret to prove it."""

    type: SubjectType
    name: str = field(repr=False)
    secret: bytes = field(repr=False)
    sources: tuple[Source, Source]

    @property
    def place(self) -> str:
        """From where, for a log: no address, but the same for the same network."""
        return self.sources[1].tag


@dataclass(frozen=True, slots=True)
class _Proven:
    """Someone who proved who they are; with a new hash of their secret if the stored one is of yesterday's kind.

    Args:
        standings: in each of their accounts, the one first in which they work if they name none.
    """

    standings: list[Standing]
    stored: str = field(repr=False)
    renewed: str | None = field(repr=False)


async def sign_in_with_password(
    store: Store, settings: SignInSettings, login: str, password: str, address: str, account_id: int | None = None
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
        account_id: in which of their accounts they want to work; by default where they last did.

    Raises:
        SignInError: `INVALID_REQUEST`, `INVALID_GRANT`, `INVALID_TARGET` for an account that isn't theirs, or
            `SLOW_DOWN` after too many failures.
        UnavailableError: too many are signing in at this moment.
    """
    attempt = _attempt(settings, SubjectType.USER, login.strip().lower(), password, address)
    proven = await _prove(store, settings, attempt)
    return await _admit(store, settings, attempt, proven, stays=True, account_id=account_id)


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


async def refresh(store: Store, settings: SignInSettings, refresh_token: str, account_id: int | None = None) -> Grant:
    """A grant for a refresh token, which is used up by it; `resolvers/refresh_tokens.py` tells what a second use does.

    Args:
        store: where refresh tokens are.
        settings: what signing in works with.
        refresh_token: as it was given out.
        account_id: in which other account of theirs the user wants to go on; by default the same.

    Raises:
        SignInError: `INVALID_GRANT`; the user has to sign in again. `INVALID_TARGET` for an account that they can't
            come into: the token is as good as before.
    """
    async with store.unfiltered("refresh") as db:  # a token that nobody knows costs no lock
        known = await refresh_tokens.find(db, refresh_token)
    if known is None:
        raise SignInError(Refusal.INVALID_GRANT, "The refresh token is not known here. Sign in again.")
    at = settings.clock()
    async with store.unfiltered("refresh", write=True) as db:
        standings = await identity.standings_of(db, known.subject, known.issuer_id)
        standing = _chosen(standings, known.subject, account_id)
        if account_id is not None and (standing is None or standing.why_not):
            raise _not_a_user(standing)
        why_not = standing.why_not if standing else "The user is gone, or who has signed you in has no say any more."
        if why_not:
            await refresh_tokens.revoke(db, known, at)
        subject = standing.subject if standing else known.subject
        token = None if why_not else await refresh_tokens.use(db, known, settings.refresh, at, subject)
        if token is not None and account_id is not None and standing is not None:
            await _note_last(db, standing)
    # Raised only now: revoking has to be committed.
    if standing is None or token is None:
        log.info("refresh refused: %s", known.subject)
        raise SignInError(
            Refusal.INVALID_GRANT, why_not or "The refresh token has expired, or was used before. Sign in again."
        )
    return _grant(settings, standing, token, standings, known.issuer_id)


def _chosen(standings: Sequence[Standing], subject: Subject, account_id: int | None) -> Standing | None:
    """Where a user goes on: in the account that is wanted, else in the same."""
    if account_id is not None:
        return next((each for each in standings if each.account_id == account_id), None)
    return next((each for each in standings if each.subject == subject), None)


def _not_a_user(standing: Standing | None) -> SignInError:
    """Said to someone who has proven who they are, of an account in which they can't work."""
    return SignInError(Refusal.INVALID_TARGET, standing.why_not if standing else "You are no user of that account.")


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
    return _Attempt(of_type, name, raw, sources)


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
            found = await identity.standings_by_name(db, attempt.type, attempt.name)
        throttle.require_patience(against)
        stored = found[0].secret_hash if found else None
        is_right = await settings.passwords.verify(attempt.secret, stored)
        if is_right and found and stored:
            return _Proven(found, stored, await settings.passwords.renewed(attempt.secret, stored))
        await _note_failure(store, settings, against)
    log.info("sign-in refused: wrong secret for %s from %s", found[0].subject if found else "nobody", attempt.place)
    raise SignInError(*_WRONG[attempt.type])


async def _note_failure(store: Store, settings: SignInSettings, against: Sequence[Count]) -> None:
    async with store.unfiltered("failed sign-in", write=True) as db:
        await throttle.note_failure(db, against, settings.clock())


async def _admit(
    store: Store,
    settings: SignInSettings,
    attempt: _Attempt,
    proven: _Proven,
    *,
    stays: bool,
    account_id: int | None = None,
) -> Grant:
    """The grant of someone who proved who they are, if they may come in; one who `stays` gets a refresh token."""
    at = settings.clock()
    standing = next((each for each in proven.standings if account_id in (None, each.account_id)), None)
    may_stay = stays and standing is not None and not standing.why_not
    async with store.unfiltered("signed in", write=True) as db:
        await throttle.forget(db, attempt.sources[0])
        await _renew(db, proven, at)
        token = (
            await refresh_tokens.begin(db, standing.subject, settings.refresh, at) if standing and may_stay else None
        )
        if standing and token:
            await _note_last(db, standing)
        await throttle.prune(db, settings.throttle.settings, at)
    if standing is None:
        raise _not_a_user(None)
    if standing.why_not:
        log.info("sign-in refused: %s may not come in, from %s", standing.subject, attempt.place)
        raise SignInError(_WRONG[attempt.type][0], standing.why_not)
    log.info("signed in: %s from %s", standing.subject, attempt.place)
    return _grant(settings, standing, token, proven.standings)


async def _renew(db: Unfiltered, proven: _Proven, at: datetime) -> None:
    """Store the secret's new hash, unless someone has stored another meanwhile."""
    if proven.renewed:
        first = proven.standings[0]
        of_type, credential_id = first.subject.type, first.credential_id
        row = {"of_type": of_type, "id": credential_id, "old": proven.stored, "new": proven.renewed, "now": at}
        await db.execute(_RENEW, row)


async def _note_last(db: Unfiltered, standing: Standing) -> None:
    """Remember in which of their accounts someone works, for the next time."""
    await db.execute(_LAST, {"person": standing.credential_id, "user": standing.subject.id})


def _grant(
    settings: SignInSettings,
    standing: Standing,
    refresh: Issued | None,
    standings: Sequence[Standing] = (),
    issuer_id: int = 0,
) -> Grant:
    family, token = (refresh.family, refresh.token) if refresh else ("", None)
    access_token = settings.tokens.sign(standing.subject, standing.account_id, family, issuer_id)
    accounts = tuple((each.account_id, each.account_name) for each in standings if not each.why_not)
    return Grant(access_token, settings.tokens.expires_in, token, accounts=accounts if len(accounts) > 1 else ())
