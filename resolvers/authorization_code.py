"""The authorization code flow, as the client of an external issuer: what is sent, kept here, and traded at its end.

Sources: OpenID Connect Core 1.0 §3.1; RFC 7636 (PKCE), by S256 alone; RFC 9207 (an issuer names itself in its answer);
RFC 9700 (what is done against codes that are stolen, injected, or meant for another).
"""

import re
import secrets
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b, sha256
from hmac import compare_digest
from urllib.parse import quote_plus, urlencode

import orjson

from models.statement import Row
from resolvers.discovery import Discovery, DiscoveryError, Told
from resolvers.id_token import NotVouchedError
from resolvers.keys import Keys, all_of, is_known

TIME = timedelta(minutes=10)
"""From setting out to coming back: for choosing an account there, and for a second factor."""
MOST_CHARACTERS = 4096
"""Of a code."""

_MAC_BYTES = 32
_SAFE_WORD = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class Journey:
    """What a browser keeps while it is at an issuer: what it has to bring back, and what nobody else may know.

    Args:
        issuer_id: where it is.
        state: comes back in the address: that it is this browser's journey.
        nonce: comes back in the id token: that it was given for this journey.
        verifier: goes with the code: that whoever trades it is who set out.
        until: seconds since 1970, UTC.
    """

    issuer_id: int
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    until: int


def set_out(issuer_id: int, now: datetime) -> Journey:
    """A journey to an issuer, which begins now."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Journey(issuer_id, state, nonce, verifier, int((now + TIME).timestamp()))


def sealed(journey: Journey, keys: Keys) -> str:
    """The journey as a browser keeps it, which can't change it."""
    payload = orjson.dumps(astuple(journey))
    return urlsafe_b64encode(_mac(payload, all_of(keys)[0]) + payload).rstrip(b"=").decode()


def unsealed(text: str, keys: Keys, now: datetime) -> Journey | None:
    """The journey that a browser has kept; None if it isn't one of ours, or took too long."""
    try:
        raw = urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
    except ValueError:
        return None
    mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not is_known(keys, lambda key: compare_digest(mac, _mac(payload, key))):
        return None
    journey = Journey(*orjson.loads(payload))
    return journey if now.timestamp() < journey.until else None


def _mac(payload: bytes, key: bytes) -> bytes:
    return blake2b(payload, key=key, digest_size=_MAC_BYTES).digest()


def address_of(issuer: Row, told: Told, journey: Journey, callback: str) -> str:
    """Where a browser is sent to sign in.

    Args:
        issuer: its row.
        told: what it tells of itself.
        journey: on which the browser is.
        callback: the address to which it comes back, exactly as the issuer knows it.
    """
    asked = {
        "response_type": "code",
        "client_id": issuer.audience,
        "redirect_uri": callback,
        "scope": "openid email" if issuer.matches_email else "openid",
        "state": journey.state,
        "nonce": journey.nonce,
        "code_challenge": _base64(sha256(journey.verifier.encode()).digest()),
        "code_challenge_method": "S256",
    }
    place = told.authorization_endpoint
    return f"{place}{'&' if '?' in place else '?'}{urlencode(asked)}"


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Returned:
    """What an issuer sends a browser back with, each empty where it is not there.

    Args:
        state: of the journey.
        code: to be traded.
        error: why there is none.
        issuer: who sends it, as it says.
    """

    state: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    error: str = ""
    issuer: str = ""

    def is_of(self, journey: Journey) -> bool:
        """Whether it is the end of that journey."""
        return compare_digest(self.state.encode(), journey.state.encode())

    def is_from(self, issuer: Row, told: Told) -> bool:
        """Whether it is from that issuer, as far as it says so, or would (RFC 9207 §2.4)."""
        return self.issuer == issuer.url if self.issuer else not told.is_named_in_answers

    @property
    def shown_error(self) -> str:
        """Why there is no code, as it may stand in a log."""
        return self.error if _SAFE_WORD.fullmatch(self.error) else "something that is no error's name"


async def traded(
    discovery: Discovery, issuer: Row, told: Told, journey: Journey, code: str, callback: str, secret: str
) -> str:
    """The id token that an issuer gives for a code.

    Args:
        discovery: asks.
        issuer: its row.
        told: what it tells of itself.
        journey: at whose end the code has come.
        code: as it came.
        callback: the address to which it came.
        secret: of ours, at the issuer; empty where we have none: then it goes by the verifier alone.

    Raises:
        NotVouchedError: the code is not good any more, or never was.
        DiscoveryError: the issuer can't be asked, or does not answer as it has to.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": callback,
        "code_verifier": journey.verifier,
    }
    more, headers = _proof(issuer, told, secret)
    answer = await discovery.send(told.token_endpoint, form | more, headers)
    token = answer.told.get("id_token")
    if answer.status == 200 and isinstance(token, str):
        return token
    error = Returned(error=str(answer.told.get("error", ""))).shown_error
    if answer.status == 400 and error == "invalid_grant":
        raise NotVouchedError("what you were sent back with is used up, or too old.")
    raise DiscoveryError(f"{told.token_endpoint} gives no id token for a code: it answers {answer.status}, {error}.")


def _proof(issuer: Row, told: Told, secret: str) -> tuple[dict[str, str], dict[str, str]]:
    """Who we are: what goes into the form for that, and into the headers (RFC 6749 §2.3.1)."""
    if not secret:
        return {"client_id": issuer.audience}, {}
    if "client_secret_basic" in told.token_methods:
        pair = f"{quote_plus(issuer.audience)}:{quote_plus(secret)}"
        return {}, {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}
    if "client_secret_post" in told.token_methods:
        return {"client_id": issuer.audience, "client_secret": secret}, {}
    raise DiscoveryError(f"{issuer.url} takes neither client_secret_basic nor client_secret_post.")
