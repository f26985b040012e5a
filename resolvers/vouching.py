"""Signing in by who has signed in elsewhere: an external issuer vouches for a person, for accounts of ours.

What an issuer may do is bounded by whoever let it in: its word counts in accounts at or below one account, whoever the
person is elsewhere. Who has come in by it goes on in those alone, and is out when it is let in no more.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert  # whose ON CONFLICT is spelled alike on SQLite

from models import ExternalIdentity, Identity, SubjectType
from models import path as paths
from models.base import table_of
from models.statement import Row, Statement
from models.store import Store, Unfiltered
from resolvers import id_token, identity, issuers, refresh_tokens, throttle
from resolvers.acting import ACCESS_TOKEN
from resolvers.discovery import Discovery, DiscoveryError
from resolvers.errors import UnavailableError
from resolvers.id_token import Claimed, NotVouchedError, Vouched
from resolvers.identity import Standing
from resolvers.oauth import Grant, Refusal, SignInError
from resolvers.refresh_tokens import Issued
from resolvers.sign_in import SignInSettings
from resolvers.throttle import Source

log = logging.getLogger("canopy.issuers")

ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105  # a type's name

_LINK, _IDENTITY = table_of(ExternalIdentity).c, table_of(Identity).c
_OF_PLACE = (_LINK.issuer_id == bindparam("issuer"), _LINK.subject == bindparam("name"))
_LINKED = Statement(
    select(_IDENTITY.login)
    .join_from(table_of(ExternalIdentity), table_of(Identity), _IDENTITY.id == _LINK.identity_id)
    .where(*_OF_PLACE)
)
_USE = Statement(
    update(table_of(ExternalIdentity)).where(*_OF_PLACE).values(last_used_at=bindparam("now")).returning(_LINK.subject)
)
_ADD_LINK = Statement(
    insert(table_of(ExternalIdentity))
    .values(
        issuer_id=bindparam("issuer"),
        subject=bindparam("name"),
        identity_id=bindparam("identity"),
        linked_at=bindparam("now"),
        last_used_at=bindparam("now"),
    )
    .on_conflict_do_nothing()
)


async def sign_in_by_issuer(
    store: Store,
    settings: SignInSettings,
    discovery: Discovery,
    token: str,
    address: str,
    account_id: int | None = None,
) -> Grant:
    """A grant for a user for whom an external issuer vouches, by an id token (OpenID Connect Core 1.0 §2).

    The first time a person is known by a verified e-mail address that is their login, if the issuer may vouch for such;
    from then on by what the issuer calls them. There is no refresh token: whoever has an id token gets another.

    Args:
        store: where issuers and users are.
        settings: what signing in works with.
        discovery: gives the issuers' keys.
        token: signed by the issuer.
        address: of the client, as the gateway trusts it.
        account_id: in which of their accounts they want to work; by default where they last did.

    Raises:
        SignInError: `INVALID_GRANT`, `INVALID_TARGET` for an account that isn't theirs or not the issuer's to vouch
            for, or `SLOW_DOWN` after too many failures.
        UnavailableError: the issuer can't be asked for its keys.
    """
    async with attempt(store, settings, settings.throttle.sources(address, "issuer")):
        try:
            of = id_token.claimed(token)
            issuer = await issuers.by_url(store, of.url)
            if issuer is None:
                raise NotVouchedError("its issuer is not one that is let in.")
            vouched = await believed(discovery, issuer, of)
            grant = await admit(store, settings, vouched, account_id, stays=False)
        except NotVouchedError as error:
            raise SignInError(Refusal.INVALID_GRANT, f"The issuer's token is not good here: {error}") from None
    return grant


@asynccontextmanager
async def attempt(store: Store, settings: SignInSettings, sources: Sequence[Source]) -> AsyncIterator[None]:
    """The time in which somebody tries to sign in by an issuer; it is counted if they are refused.

    Args:
        store: where it is counted.
        settings: what signing in works with.
        sources: against which.

    Raises:
        SignInError: `SLOW_DOWN`, before anything is tried; or what is raised in it.
    """
    async with store.unfiltered("sign in by an issuer") as db:
        against = await throttle.counts(db, sources, settings.clock())
    throttle.require_patience(against)
    try:
        yield
    except SignInError as error:
        async with store.unfiltered("failed sign-in by an issuer", write=True) as db:
            await throttle.note_failure(db, against, settings.clock())
        log.info("sign-in by an issuer refused: %s", error)
        raise


async def believed(discovery: Discovery, issuer: Row, of: Claimed, nonce: str = "") -> Vouched:
    """For whom an issuer vouches by a token; `resolvers/id_token.py` tells what it has to be like.

    Raises:
        NotVouchedError: for nobody.
        UnavailableError: the issuer can't be asked for its keys.
    """
    try:
        key = await discovery.key(issuer.url, of.key)
    except DiscoveryError as error:
        log.error("issuer %s: %s", issuer.url, error)
        raise UnavailableError("The issuer can't be asked for its keys now.") from None
    if key is None:
        raise NotVouchedError("it names a key that its issuer does not have.")
    return id_token.vouched(issuer, of, key, nonce)


async def admit(
    store: Store, settings: SignInSettings, vouched: Vouched, account_id: int | None = None, *, stays: bool
) -> Grant:
    """The grant of somebody for whom an issuer vouches, in those of their accounts for which it may.

    Args:
        store: where users are.
        settings: what signing in works with.
        vouched: who it is.
        account_id: in which account they want to work; by default where they last did.
        stays: whether they get a refresh token, which ends sooner than others, and with the issuer.

    Raises:
        NotVouchedError: nobody is known by that here.
        SignInError: they may not come in.
    """
    issuer_id, at = vouched.issuer.id, settings.clock()
    async with store.unfiltered("signed in by an issuer", write=True) as db:
        chosen, open_ = await _admitted(db, vouched, account_id, at)
        token = await refresh_tokens.begin(db, chosen.subject, settings.refresh, at, issuer_id) if stays else None
    log.info("signed in by issuer %s: %s", issuer_id, chosen.subject)
    return _grant(settings, chosen, open_, token, issuer_id)


async def _admitted(
    db: Unfiltered, vouched: Vouched, account_id: int | None, at: datetime
) -> tuple[Standing, list[Standing]]:
    """In which account the person works, and in which of them they may: of those that the issuer may vouch for."""
    about = {"issuer": vouched.issuer.id, "name": vouched.name}
    linked = await db.rows(_LINKED, about)
    login = linked[0].login if linked else vouched.email if vouched.issuer.matches_email else ""
    standings = await _below(db, vouched.issuer.id, login)
    if not standings:
        raise NotVouchedError("it vouches for nobody who is known here.")
    open_ = [each for each in standings if not each.why_not]
    chosen = next((each for each in open_ or standings if account_id in (None, each.account_id)), None)
    if chosen is None:
        raise SignInError(Refusal.INVALID_TARGET, "You are no user of that account, by this issuer.")
    if chosen.why_not:
        raise SignInError(Refusal.INVALID_GRANT, chosen.why_not)
    if linked:
        await db.rows(_USE, about | {"now": at})
    else:
        await _link(db, about, chosen, at)
    return chosen, open_


async def _below(db: Unfiltered, issuer_id: int, login: str) -> list[Standing]:
    """The accounts of whoever has that login, as far as the issuer may vouch for them at this moment."""
    below = await issuers.vouched_path(db, issuer_id)  # since its token was verified it may have been removed
    if below is None or not login:
        return []
    found = await identity.standings_by_name(db, SubjectType.USER, login)
    return [each for each in found if each.credential_id and paths.contains(below, each.path)]


async def _link(db: Unfiltered, about: dict[str, Any], standing: Standing, at: datetime) -> None:
    await db.execute(_ADD_LINK, about | {"identity": standing.credential_id, "now": at})
    log.info("issuer %s vouches for %s from now on", about["issuer"], standing.subject)


def _grant(
    settings: SignInSettings, chosen: Standing, open_: Sequence[Standing], token: Issued | None, issuer_id: int
) -> Grant:
    family = token.family if token else ""
    accounts = tuple((each.account_id, each.account_name) for each in open_)
    return Grant(
        settings.tokens.sign(chosen.subject, chosen.account_id, family, issuer_id),
        settings.tokens.expires_in,
        token.token if token else None,
        issued_token_type=None if token else ACCESS_TOKEN,
        accounts=accounts if len(accounts) > 1 else (),
    )
