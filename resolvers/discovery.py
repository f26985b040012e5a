"""What an external issuer tells of itself: where its keys are, and the keys, by OpenID Connect Discovery 1.0."""

import asyncio
import logging
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import jwt
import orjson

log = logging.getLogger("canopy.issuers")

_SECONDS = 5.0
_MOST_BYTES = 256 * 1024
_SECONDS_KEPT = 300.0
_SECONDS_BETWEEN_LOOKS = 30.0
"""However often a token names a key that isn't known."""

Fetch = Callable[[str], Mapping[str, Any]]


class DiscoveryError(Exception):
    """What an issuer tells of itself can't be had, or makes no sense; the message says why."""


def check_address(url: str) -> str:
    """An address over TLS, as it is; over plain HTTP on this machine alone, for trying things out.

    Raises:
        DiscoveryError: it is none.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise DiscoveryError("It is no address.") from None
    if not host or parts.username or parts.fragment or parts.query:
        raise DiscoveryError("It takes an address like https://login.example.com, without a query or a name in it.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise DiscoveryError("It takes https.")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Whoever has the word is asked, and nobody whom they name instead."""

    def redirect_request(self, *_given: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler())


def fetch(url: str) -> Mapping[str, Any]:
    """The JSON object at an address.

    Raises:
        DiscoveryError: it can't be had.
    """
    check_address(url)
    try:
        with _OPENER.open(url, timeout=_SECONDS) as answer:
            body = answer.read(_MOST_BYTES + 1)
        found = orjson.loads(body) if len(body) <= _MOST_BYTES else None
    except (OSError, ValueError) as error:
        raise DiscoveryError(f"{url} can't be read: {error}") from error
    if not isinstance(found, dict):
        raise DiscoveryError(f"{url} holds no JSON object of at most {_MOST_BYTES:,} bytes.")
    return found


@dataclass(slots=True)
class _Known:
    """The keys of an issuer, by their ids, and when they were looked at."""

    keys: Mapping[str, jwt.PyJWK]
    looked_at: float
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Discovery:
    """The keys of issuers, remembered for five minutes; a key that isn't known is looked for at most twice a minute.

    Args:
        fetch: gives the JSON at an address.
        clock: seconds that only grow, for tests to move.
    """

    def __init__(self, fetch: Fetch = fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._known: dict[str, _Known] = {}

    async def key(self, issuer: str, named: str | None) -> jwt.PyJWK | None:
        """The key of that name; the only one there is, if none is named. None if there is no such key.

        Raises:
            DiscoveryError: none were ever had, and none can be now.
        """
        known = self._known.setdefault(issuer, _Known({}, float("-inf")))
        async with known.looking:
            age = self._clock() - known.looked_at
            if age > _SECONDS_KEPT or (age > _SECONDS_BETWEEN_LOOKS and self._chosen(known, named) is None):
                await self._look(issuer, known)
        if not known.keys:
            raise DiscoveryError(f"{issuer} can't be asked for its keys.")
        return self._chosen(known, named)

    async def _look(self, issuer: str, known: _Known) -> None:
        known.looked_at = self._clock()
        try:
            known.keys = await asyncio.to_thread(self.keys_of, issuer)
        except DiscoveryError as error:
            log.warning("the keys of %s stay as they were: %s", issuer, error)

    def keys_of(self, issuer: str) -> dict[str, jwt.PyJWK]:
        """The keys with which an issuer signs, by their ids.

        Raises:
            DiscoveryError: they can't be had.
        """
        told = self._fetch(f"{check_address(issuer).rstrip('/')}/.well-known/openid-configuration")
        if told.get("issuer") != issuer:
            raise DiscoveryError(f"It says that it is {told.get('issuer')!r}, not {issuer!r}, which it has to.")
        place = told.get("jwks_uri")
        if not isinstance(place, str):
            raise DiscoveryError(f"{issuer} does not say where its keys are.")
        try:
            found = jwt.PyJWKSet.from_dict(dict(self._fetch(place)))
        except (jwt.PyJWTError, TypeError, AttributeError) as error:
            raise DiscoveryError(f"{place} holds no keys: {error}") from error
        return {key.key_id or "": key for key in found.keys if key.public_key_use in (None, "sig")}

    def _chosen(self, known: _Known, named: str | None) -> jwt.PyJWK | None:
        if named is None:
            return next(iter(known.keys.values())) if len(known.keys) == 1 else None
        return known.keys.get(named)
