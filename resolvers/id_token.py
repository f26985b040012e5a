"""Id tokens: what an external issuer says of somebody, once it is known to say so, to us (OpenID Connect Core §2)."""

from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

import jwt

from models.statement import Row
from resolvers.sign_in import MAX_NAME

_ALGORITHMS = ("RS256", "ES256", "EdDSA")
"""Those by which nobody can sign who can verify."""
_MAX_CHARACTERS = 16_384
_LEEWAY_SECONDS = 5
_CLAIMS = ("iss", "aud", "sub", "iat", "exp")


class NotVouchedError(Exception):
    """The token lets nobody in; the message says why, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a token says that nobody has verified.

    Args:
        token: as it came.
        url: of the issuer that it names; empty if it names none.
        key: that it names; None if it names none.
    """

    token: str
    url: str
    key: str | None


@dataclass(frozen=True, slots=True)
class Vouched:
    """For whom an issuer vouches.

    Args:
        issuer: its row, with the path of its account.
        name: what it calls them, for good.
        email: one that it has verified, as it would be a login; empty if there is none.
    """

    issuer: Row
    name: str
    email: str


def claimed(token: str) -> Claimed:
    """What a token says of itself.

    Raises:
        NotVouchedError: it is none.
    """
    try:
        if len(token) > _MAX_CHARACTERS:
            raise ValueError("it is too long")
        header = jwt.get_unverified_header(token)
        unverified = jwt.decode(token, options={"verify_signature": False, "verify_aud": False})
    except (jwt.PyJWTError, ValueError, TypeError):
        raise NotVouchedError("it is no signed token.") from None
    url, named = unverified.get("iss"), header.get("kid")
    return Claimed(token, url if isinstance(url, str) else "", named if isinstance(named, str) else None)


def vouched(issuer: Row, of: Claimed, key: jwt.PyJWK, nonce: str = "") -> Vouched:
    """For whom a token vouches, once it is known to be the issuer's, for us, and still good.

    Args:
        issuer: its row, with the path of its account.
        of: the token.
        key: of the issuer.
        nonce: which it has to hold, where we have given one to whoever set out for it.

    Raises:
        NotVouchedError: it is not.
    """
    claims = _verified(issuer, of.token, key)
    if nonce and not compare_digest(str(claims.get("nonce", "")).encode(errors="replace"), nonce.encode()):
        raise NotVouchedError("it was given for another sign-in.")
    name, email = claims["sub"], claims.get("email")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise NotVouchedError("it does not say whom it is for.")
    return Vouched(issuer, name, _as_login(email) if claims.get("email_verified") is True else "")


def _as_login(email: object) -> str:
    """An address as it would be a login; empty if it can be none.

    Capitals beyond ASCII stay: \u212a, the sign of the kelvin, would become a k, and somebody else's address.
    """
    if not isinstance(email, str) or len(email) > MAX_NAME or not email.isprintable():
        return ""
    return email.lower() if email.isascii() else email


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
        raise NotVouchedError("it has expired.") from None
    except jwt.InvalidAudienceError:
        raise NotVouchedError("it is for somebody else.") from None
    except (jwt.PyJWTError, ValueError, TypeError, LookupError):
        raise NotVouchedError("its signature or its claims are not right.") from None
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if claims.get("azp", issuer.audience if len(audiences) == 1 else None) != issuer.audience:
        raise NotVouchedError("it was given to another client.")
    return claims
