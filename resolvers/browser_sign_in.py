"""Signing browsers in by external issuers: sent there by one address of ours, they come back to another.

A browser keeps what it set out with, sealed; it alone can end the journey, once, within ten minutes. Nothing is stored
for those who set out: strangers may as often as they like.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert  # whose ON CONFLICT is spelled alike on SQLite

from models import UsedSignIn
from models.base import table_of
from models.statement import Row, Statement
from models.store import Store
from resolvers import authorization_code, id_token, issuers, vouching
from resolvers.authorization_code import MOST_CHARACTERS, Journey, Returned
from resolvers.discovery import Discovery, DiscoveryError, Told
from resolvers.errors import CanopyError, UnavailableError
from resolvers.id_token import NotVouchedError
from resolvers.keys import Keys
from resolvers.oauth import Grant, Refusal, SignInError
from resolvers.sign_in import SignInSettings

log = logging.getLogger("canopy.issuers")

_USED = table_of(UsedSignIn)
_USE = Statement(
    insert(_USED)
    .values(state_hash=bindparam("hash"), expires_at=bindparam("until"))
    .on_conflict_do_nothing()
    .returning(_USED.c.state_hash)
)

_LOST = "This sign-in was begun in another window or browser, or more than ten minutes ago. Start again."
_ASK = "Ask whoever manages your account, or sign in with your password."
_AWAY = "The issuer can't be asked now."
_TOO_BUSY = frozenset({"temporarily_unavailable", "server_error"})


class NoSuchIssuerError(CanopyError):
    """No issuer signs browsers in under that name."""

    code = "NOT_FOUND"


def callback_of(address: str, name: str) -> str:
    """The redirect URI that an issuer has to know, exactly.

    Args:
        address: of the gateway.
        name: of the issuer.
    """
    return f"{address}/sign-in/{name}/callback"


@dataclass(frozen=True, slots=True)
class Browsers:
    """What signing browsers in works with; made once for a process.

    Args:
        address: the gateway's own, under which browsers reach it.
        keys: seal what browsers keep.
        secrets: ours at issuers, by their addresses.
    """

    address: str
    keys: Keys
    secrets: Mapping[str, str] = field(repr=False)

    def callback(self, name: str) -> str:
        """The address to which browsers come back from the issuer of that name."""
        return callback_of(self.address, name)


@dataclass(frozen=True, slots=True)
class Departure:
    """A browser is sent to an issuer.

    Args:
        to: the address.
        kept: what it keeps meanwhile.
    """

    to: str = field(repr=False)
    kept: str = field(repr=False)


async def depart(
    store: Store, settings: SignInSettings, discovery: Discovery, browsers: Browsers, name: str
) -> Departure:
    """Where a browser is sent to sign in by an issuer.

    Raises:
        NoSuchIssuerError: there is none of that name.
        UnavailableError: it can't be asked where.
    """
    issuer = await issuers.by_name(store, name)
    if issuer is None:
        raise NoSuchIssuerError("Nobody signs in by this address.")
    told = await _told(discovery, issuer)
    journey = authorization_code.set_out(issuer.id, settings.clock())
    to = authorization_code.address_of(issuer, told, journey, browsers.callback(name))
    return Departure(to, authorization_code.sealed(journey, browsers.keys))


async def arrive(
    store: Store,
    settings: SignInSettings,
    discovery: Discovery,
    browsers: Browsers,
    name: str,
    kept: str,
    returned: Returned,
    address: str,
) -> Grant:
    """A grant for the page to which a browser has come back, with a refresh token for as long as a working day.

    Args:
        store: where issuers and users are.
        settings: what signing in works with.
        discovery: asks issuers.
        browsers: what signing browsers in works with.
        name: of the issuer, in the address to which it has come.
        kept: what the browser has kept; empty if it has nothing.
        returned: what the issuer has sent it back with.
        address: of the client, as the gateway trusts it.

    Raises:
        SignInError: `INVALID_GRANT`; or `SLOW_DOWN`, after too many failures.
        UnavailableError: the issuer can't be asked, or doesn't answer as it has to.
    """
    # By address alone: colleagues share one, and each of them fails here once in a while by no fault of theirs.
    sources = settings.throttle.sources(address, "issuer")[1:]
    async with vouching.attempt(store, settings, sources):
        issuer = await issuers.by_name(store, name)
        journey = authorization_code.unsealed(kept, browsers.keys, settings.clock())
        if issuer is None or journey is None or journey.issuer_id != issuer.id or not returned.is_of(journey):
            raise SignInError(Refusal.INVALID_GRANT, _LOST)
        await _use(store, journey)
        told = await _told(discovery, issuer)
        _require_code(issuer, told, returned)
        try:
            token = await _traded(discovery, browsers, issuer, told, journey, returned.code)
            vouched = await vouching.believed(discovery, issuer, id_token.claimed(token), journey.nonce)
            return await vouching.admit(store, settings, vouched, stays=True)
        except NotVouchedError as error:
            message = f"You are signed in there, but that does not let you in here: {error} {_ASK}"
            raise SignInError(Refusal.INVALID_GRANT, message) from None


async def _use(store: Store, journey: Journey) -> None:
    """A journey ends once, however it ends.

    Raises:
        SignInError: it has ended.
    """
    ends_at = datetime.fromtimestamp(journey.until, UTC)
    async with store.unfiltered("a browser comes back from an issuer", write=True) as db:
        about = {"hash": sha256(journey.state.encode()).hexdigest(), "until": ends_at}
        is_first = bool(await db.rows(_USE, about))
    if not is_first:
        raise SignInError(Refusal.INVALID_GRANT, "This sign-in has come to its end already. Start again.")


def _require_code(issuer: Row, told: Told, returned: Returned) -> None:
    """See that the issuer has sent a code.

    Raises:
        SignInError: it has not, or it isn't the one that has.
    """
    if not returned.is_from(issuer, told):
        log.warning("issuer %s: a browser has come back from another", issuer.url)
        raise SignInError(Refusal.INVALID_GRANT, "This comes from somewhere else than you were sent. Start again.")
    if returned.code and not returned.error and len(returned.code) <= MOST_CHARACTERS:
        return
    log.info("issuer %s sends a browser back: %s", issuer.url, returned.shown_error)
    if returned.error == "access_denied":
        raise SignInError(Refusal.INVALID_GRANT, f"You were not let in there, or have turned back. {_ASK}")
    if returned.error in _TOO_BUSY:
        raise SignInError(Refusal.INVALID_GRANT, "You can't be signed in there at the moment. Start again soon.")
    raise SignInError(Refusal.INVALID_GRANT, f"You can't be signed in by this way. {_ASK}")


async def _told(discovery: Discovery, issuer: Row) -> Told:
    """What the issuer tells of itself, if browsers can sign in by it."""
    try:
        told = await discovery.told(issuer.url)
    except DiscoveryError as error:
        log.error("issuer %s: %s", issuer.url, error)
        raise UnavailableError(_AWAY) from None
    if not told.authorization_endpoint or not told.token_endpoint:
        log.error("issuer %s does not say where browsers sign in, or codes are traded", issuer.url)
        raise UnavailableError(_AWAY)
    return told


async def _traded(
    discovery: Discovery, browsers: Browsers, issuer: Row, told: Told, journey: Journey, code: str
) -> str:
    callback, secret = browsers.callback(issuer.name), browsers.secrets.get(issuer.url, "")
    try:
        return await authorization_code.traded(discovery, issuer, told, journey, code, callback, secret)
    except DiscoveryError as error:
        log.error("issuer %s: %s", issuer.url, error)
        raise UnavailableError(_AWAY) from None
