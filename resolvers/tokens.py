"""Access tokens: short-lived, signed, saying who acts and for which account, and nothing about what they may do."""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from models import SubjectType
from resolvers.errors import UnauthenticatedError
from resolvers.keys import KeyRing

_ALGORITHM = "EdDSA"
_TYPE = "at+jwt"  # RFC 9068 §2.1: no other kind of token passes for an access token
_MAX_CHARACTERS = 2048
NAME = "canopy"
"""For whom tokens are, and by whom, unless an address is known."""
LEEWAY_SECONDS = 5
"""For which a token is good after it has expired: clocks differ."""
_CLAIMS = ("iss", "aud", "sub", "acc", "jti", "iat", "exp")
_WORDS = {SubjectType.USER: "user", SubjectType.API_CLIENT: "client"}
_TYPES = {word: of_type for of_type, word in _WORDS.items()}


@dataclass(frozen=True, slots=True)
class Subject:
    """Who signs in: a user, or an API client by its row's id. As text `user:7` or `client:7`."""

    type: SubjectType
    id: int

    def __str__(self) -> str:
        return f"{_WORDS[self.type]}:{self.id}"


def subject_of(text: str) -> Subject:
    """The subject that is written so.

    Raises:
        ValueError: none is.
    """
    word, _, number = text.partition(":")
    if word not in _TYPES:
        raise ValueError("no subject")
    return Subject(_TYPES[word], int(number))


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid access token says.

    Args:
        subject: who acts.
        account_id: the account that it belonged to when it signed in, or as which it acts.
        token_id: of this token, for logs.
        expires_at: seconds since 1970, UTC.
        home_id: the account that it really belongs to, while it acts as another; else None.
        family: of the refresh tokens that it was given with; empty if there are none.
        issuer_id: of the external issuer that has vouched for who acts; 0 for none.
    """

    subject: Subject
    account_id: int
    token_id: str
    expires_at: int
    home_id: int | None = None
    family: str = ""
    issuer_id: int = 0


def _claims(claims: dict[str, Any]) -> Claims:
    account_id, token_id, expires_at = int(claims["acc"]), str(claims["jti"]), int(claims["exp"])
    act = claims.get("act")
    if act is not None and claims["sub"] != f"account:{account_id}":
        raise ValueError("no token of ours")
    who, home_id = (claims, None) if act is None else (act, int(act["acc"]))
    family, issuer_id = str(who.get("fam", "")), int(who.get("via", 0))
    return Claims(subject_of(who["sub"]), account_id, token_id, expires_at, home_id, family, issuer_id)


def _more(family: str, issuer_id: int) -> dict[str, Any]:
    """What a token says of how somebody has signed in."""
    return ({"fam": family} if family else {}) | ({"via": issuer_id} if issuer_id else {})


class AccessTokens:
    """Signs and verifies access tokens.

    Args:
        keys: sign and verify.
        issuer: who vouches for them; the gateway's own address where it has a public one.
        audience: whom they are for.
        lifetime: whole seconds; a token can't be taken back, so it is short.
    """

    def __init__(
        self,
        keys: KeyRing,
        *,
        issuer: str = NAME,
        audience: str = NAME,
        lifetime: timedelta = timedelta(minutes=15),
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._issuers = [*{issuer: None, NAME: None}]  # before an address was set, tokens were signed without it
        self._audience = audience
        self.expires_in = int(lifetime.total_seconds())
        """Seconds from signing to expiry."""

    def sign(self, subject: Subject, account_id: int, family: str = "", issuer_id: int = 0) -> str:
        """A fresh token.

        Args:
            subject: who acts.
            account_id: its account.
            family: of the refresh tokens that it is given with.
            issuer_id: of the external issuer that vouches for them.
        """
        return self._signed(str(subject), account_id, self.expires_in, _more(family, issuer_id))

    def sign_acting(self, actor: Claims, account_id: int, expires_in: int) -> str:
        """A fresh token by which someone works in another account (RFC 8693 §4.1: the actor stands within).

        Args:
            actor: whose token was exchanged.
            account_id: the other account.
            expires_in: seconds.
        """
        act = {"sub": str(actor.subject), "acc": actor.account_id} | _more(actor.family, actor.issuer_id)
        return self._signed(f"account:{account_id}", account_id, expires_in, {"act": act})

    def _signed(self, subject: str, account_id: int, expires_in: int, more: dict[str, Any]) -> str:
        self._keys.look_again()
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            "acc": account_id,
            "jti": uuid4().hex,
            "iat": now,
            "exp": now + expires_in,
        } | more
        headers = {"kid": self._keys.key_id, "typ": _TYPE}
        return jwt.encode(claims, self._keys.signing_key, algorithm=_ALGORITHM, headers=headers)

    def generation(self) -> int:
        """Another number once there are other keys, of which a running process hears within a second."""
        self._keys.look_again()
        return self._keys.generation

    def verify(self, token: str) -> Claims:
        """What the token says, once it is known to be ours and still good.

        Raises:
            UnauthenticatedError: it isn't; the message says what to do.
        """
        try:
            claims = jwt.decode(
                token,
                self._key_of(token),
                algorithms=[_ALGORITHM],
                issuer=self._issuers,
                audience=self._audience,
                leeway=LEEWAY_SECONDS,
                options={"require": list(_CLAIMS), "strict_aud": True},
            )
            return _claims(claims)
        except jwt.ExpiredSignatureError:
            raise UnauthenticatedError("The access token has expired. Refresh it, or sign in again.") from None
        except (jwt.PyJWTError, LookupError, ValueError, TypeError):
            raise UnauthenticatedError(
                "The access token is not one that this server has signed. Sign in again, and send the token unchanged."
            ) from None

    def _key_of(self, token: str) -> Ed25519PublicKey:
        if len(token) > _MAX_CHARACTERS:
            raise ValueError("no token of ours")
        header = jwt.get_unverified_header(token)
        key = self._keys.public_key(str(header.get("kid")))
        if key is None or header.get("typ") != _TYPE:
            raise ValueError("no token of ours")
        return key
