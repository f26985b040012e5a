"""Signing in by who has signed in elsewhere: an external issuer vouches for a person, for accounts of ours.

What an issuer may do is bounded by whoever let it in: its word counts in accounts at or below one account, whoever the
person is elsewhere. So it gives an access token alone; with a refresh token one could go on into other accounts.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert  # whose ON CONFLICT is spelled alike on SQLite

from models import Account, ExternalIdentity, Identity, Issuer, SubjectType
from models import path as paths
from models.base import table_of
from models.identifier import new_id
from models.statement import Row, Statement
from models.store import Store, Unfiltered
from resolvers import identity, throttle
from resolvers.acting import ACCESS_TOKEN
from resolvers.discovery import Discovery, DiscoveryError
from resolvers.errors import UnavailableError
from resolvers.identity import Standing
from resolvers.oauth import Grant, Refusal, SignInError
from resolvers.sign_in import MAX_NAME, SignInSettings

log = logging.getLogger("canopy.issuers")

ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105  # a type's name

_ALGORITHMS = ("RS256", "ES256", "EdDSA")
"""Those by which nobody can sign who can verify."""
_MAX_CHARACTERS = 16_384
_LEEWAY_SECONDS = 5
_CLAIMS = ("iss", "aud", "sub", "iat", "exp")
_REFUSED = "The issuer's token is not good here: {}"

_ISSUER, _LINK = table_of(Issuer).c, table_of(ExternalIdentity).c
_IDENTITY, _ACCOUNT = table_of(Identity).c, table_of(Account).c
_OF_PLACE = (_LINK.issuer_id == bindparam("issuer"), _LINK.subject == bindparam("name"))
_BY_URL = Statement(
    select(*_ISSUER, _ACCOUNT.path)
    .join_from(table_of(Issuer), table_of(Account), _ACCOUNT.id == _ISSUER.account_id)
    .where(_ISSUER.url == bindparam("url"))
)
_ALL = Statement(select(*_ISSUER).order_by(_ISSUER.url))
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
_ADD = Statement(
    insert(table_of(Issuer)).values(
        {name: bindparam(name) for name in ("id", "url", "audience", "account_id", "matches_email", "created_at")}
    )
)
_REMOVE_LINKS = Statement(delete(table_of(ExternalIdentity)).where(_LINK.issuer_id == bindparam("issuer")))
_REMOVE = Statement(delete(table_of(Issuer)).where(_ISSUER.id == bindparam("issuer")))
_IS_ACCOUNT = Statement(select(_ACCOUNT.id).where(_ACCOUNT.id == bindparam("account")))


@dataclass(frozen=True, slots=True)
class Vouched:
    """For whom an issuer vouches.

    Args:
        issuer: its row, with the path of its account.
        name: what it calls them, for good.
        email: one that it has verified, in lower case; empty if there is none.
    """

    issuer: Row
    name: str
    email: str


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
    from then on by what the issuer calls them.

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
    sources = settings.throttle.sources(address, "issuer")
    async with store.unfiltered("sign in by an issuer") as db:
        against = await throttle.counts(db, sources, settings.clock())
    throttle.require_patience(against)
    try:
        vouched = await _vouched(store, discovery, token)
        standing, standings = await _admitted(store, settings, vouched, account_id)
    except SignInError as error:
        async with store.unfiltered("failed sign-in by an issuer", write=True) as db:
            await throttle.note_failure(db, against, settings.clock())
        log.info("sign-in by an issuer refused, from %s: %s", throttle.shown(address), error)
        raise
    log.info("signed in by issuer %s: %s from %s", vouched.issuer.id, standing.subject, throttle.shown(address))
    access_token = settings.tokens.sign(standing.subject, standing.account_id)
    accounts = tuple((each.account_id, each.account_name) for each in standings)
    expires_in = settings.tokens.expires_in
    told = accounts if len(accounts) > 1 else ()
    return Grant(access_token, expires_in, issued_token_type=ACCESS_TOKEN, accounts=told)


async def _vouched(store: Store, discovery: Discovery, token: str) -> Vouched:
    """For whom a token vouches, once it is known to be by an issuer that is let in, for us, and still good."""
    try:
        if len(token) > _MAX_CHARACTERS:
            raise ValueError("it is too long")
        header = jwt.get_unverified_header(token)
        unverified = jwt.decode(token, options={"verify_signature": False, "verify_aud": False})
        url = unverified.get("iss")
    except (jwt.PyJWTError, ValueError, TypeError):
        raise _refused("it is no signed token.") from None
    issuer = await _issuer(store, url) if isinstance(url, str) else None
    if issuer is None:
        raise _refused("its issuer is not one that is let in.")
    named = header.get("kid")
    try:
        key = await discovery.key(issuer.url, named if isinstance(named, str) else None)
    except DiscoveryError as error:
        log.error("issuer %s: %s", issuer.url, error)
        raise UnavailableError("The issuer can't be asked for its keys now.") from None
    if key is None:
        raise _refused("it names a key that its issuer does not have.")
    return _of_claims(issuer, _verified(issuer, token, key))


def _verified(issuer: Row, token: str, key: jwt.PyJWK) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=_ALGORITHMS,
            issuer=issuer.url,
            audience=issuer.audience,
            leeway=_LEEWAY_SECONDS,
            options={"require": list(_CLAIMS)},
        )
    except jwt.ExpiredSignatureError:
        raise _refused("it has expired.") from None
    except jwt.InvalidAudienceError:
        raise _refused("it is for somebody else.") from None
    except (jwt.PyJWTError, ValueError, TypeError, LookupError):
        raise _refused("its signature or its claims are not right.") from None
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if claims.get("azp", issuer.audience if len(audiences) == 1 else None) != issuer.audience:
        raise _refused("it was given to another client.")
    return claims


def _of_claims(issuer: Row, claims: dict[str, Any]) -> Vouched:
    name, email = claims["sub"], claims.get("email")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise _refused("it does not say whom it is for.")
    is_verified = claims.get("email_verified") is True and isinstance(email, str)
    return Vouched(issuer, name, str(email).strip().lower()[:MAX_NAME] if is_verified else "")


async def _admitted(
    store: Store, settings: SignInSettings, vouched: Vouched, account_id: int | None
) -> tuple[Standing, list[Standing]]:
    """In which account the person works, and in which of them they may: of those that the issuer may vouch for."""
    at = settings.clock()
    async with store.unfiltered("signed in by an issuer", write=True) as db:
        about = {"issuer": vouched.issuer.id, "name": vouched.name}
        linked = await db.rows(_LINKED, about)
        login = linked[0].login if linked else vouched.email if vouched.issuer.matches_email else ""
        standings = await _below(db, vouched, login)
        if not standings:
            raise _refused("it vouches for nobody who is known here.")
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


async def _below(db: Unfiltered, vouched: Vouched, login: str) -> list[Standing]:
    """The accounts of whoever has that login, as far as the issuer may vouch for them."""
    found = await identity.standings_by_name(db, SubjectType.USER, login) if login else []
    return [each for each in found if each.credential_id and paths.contains(vouched.issuer.path, each.path)]


async def _link(db: Unfiltered, about: dict[str, Any], standing: Standing, at: datetime) -> None:
    await db.execute(_ADD_LINK, about | {"identity": standing.credential_id, "now": at})
    log.info("issuer %s vouches for %s from now on", about["issuer"], standing.subject)


def _refused(why: str) -> SignInError:
    return SignInError(Refusal.INVALID_GRANT, _REFUSED.format(why))


async def _issuer(store: Store, url: str) -> Row | None:
    async with store.unfiltered("an issuer") as db:
        rows = await db.rows(_BY_URL, {"url": url})
    return rows[0] if rows else None


# For operators


class NoSuchError(Exception):
    """What a command names isn't there, or is there already; the message says which."""


async def add(store: Store, url: str, audience: str, account_id: int, at: datetime, *, matches_email: bool) -> None:
    """Let an issuer in.

    Raises:
        NoSuchError: it is in already, or there is no such account.
    """
    if await _issuer(store, url):
        raise NoSuchError(f"{url} is let in already; `canopy issuers remove` first.")
    async with store.unfiltered("let an issuer in", write=True) as db:
        if not await db.rows(_IS_ACCOUNT, {"account": account_id}):
            raise NoSuchError("There is no such account.")
        row = {"id": new_id(), "url": url, "audience": audience, "account_id": account_id, "created_at": at}
        await db.execute(_ADD, row | {"matches_email": matches_email})


async def remove(store: Store, url: str) -> None:
    """Let an issuer in no more, and forget whom it has vouched for.

    Raises:
        NoSuchError: it isn't in.
    """
    issuer = await _issuer(store, url)
    if issuer is None:
        raise NoSuchError(f"{url} is not let in; `canopy issuers list` tells which are.")
    async with store.unfiltered("let an issuer in no more", write=True) as db:
        for statement in (_REMOVE_LINKS, _REMOVE):
            await db.execute(statement, {"issuer": issuer.id})


async def listed(store: Store) -> list[Row]:
    """Those that are let in."""
    async with store.unfiltered("issuers") as db:
        return await db.rows(_ALL, {})
