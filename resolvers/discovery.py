"""What external issuers tell of themselves (OpenID Connect Discovery 1.0): where to ask them what, and their keys."""

import asyncio
import logging
import socket
import time
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from io import BufferedReader, RawIOBase
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit

import jwt
import orjson

log = logging.getLogger("canopy.issuers")

T = TypeVar("T")

_SECONDS = 5.0
"""For one answer."""
_SECONDS_IN_ALL = 12.0
"""For all that is to be asked at once, waiting for a thread included."""
_AT_ONCE = 4
"""Threads that ask: an issuer that is slow holds up those who sign in by issuers, and nothing else."""
_MOST_BYTES = 256 * 1024
_SECONDS_KEPT = 300.0
_SECONDS_BETWEEN_LOOKS = 30.0
"""However often a token names a key that isn't known."""


class DiscoveryError(Exception):
    """What an issuer is asked for can't be had, or makes no sense; the message says why, for the operator."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an issuer answers.

    Args:
        status: of HTTP.
        told: the JSON object that it holds; empty if it holds none.
    """

    status: int
    told: Mapping[str, Any] = field(repr=False)


def check_address(url: str, *, may_ask: bool = False) -> str:
    """An address over TLS, as it is; over plain HTTP on this machine alone, for trying things out.

    Args:
        url: the address.
        may_ask: whether it may have a query.

    Raises:
        DiscoveryError: it is none.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise DiscoveryError("It is no address.") from None
    if not host or parts.username or parts.fragment or (parts.query and not may_ask) or not url.isprintable():
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


class _InTime(RawIOBase):
    """What comes out of a socket within the time for one answer, however slowly it comes."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__()
        self._socket, self._raw = connected, connected.makefile("rb", buffering=0)
        self._until = time.monotonic() + _SECONDS

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("it takes too long")
        self._socket.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    """An answer whose headers and body come in time; of itself the library waits for each byte anew."""

    def __init__(self, sock: socket.socket, *given: Any, **named: Any) -> None:
        super().__init__(sock, *given, **named)
        self.fp.close()
        self.fp = BufferedReader(_InTime(sock))


class _Connection(HTTPConnection):
    response_class = _Response


class _SecureConnection(HTTPSConnection):
    response_class = _Response


class _Plain(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_Connection, req)


class _Secure(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_SecureConnection, req)


_OPENER = urllib.request.build_opener(_NoRedirects, _Plain, _Secure, urllib.request.ProxyHandler())


def ask(url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """What is answered at an address, whatever the status.

    Args:
        url: the address.
        form: is sent, if there is one.
        headers: of the request.

    Raises:
        DiscoveryError: nothing is, or not in time, or too much.
    """
    check_address(url, may_ask=True)
    data = None if form is None else urlencode(form).encode()
    request = urllib.request.Request(url, data, {"accept": "application/json", **(headers or {})})  # noqa: S310  # checked
    try:
        with _opened(request) as answer:
            return Answer(answer.status, _object(_body(answer)))
    except (OSError, HTTPException, ValueError) as error:
        raise DiscoveryError(f"{url} can't be read: {error}") from error


def _opened(request: urllib.request.Request) -> Any:
    try:
        return _OPENER.open(request, timeout=_SECONDS)
    except HTTPError as answer:  # an answer like others, of a status that says no
        return answer


def _body(answer: Any) -> bytes:
    body = b""
    while more := answer.read1(_MOST_BYTES):
        body += more
        if len(body) > _MOST_BYTES:
            raise ValueError(f"it holds more than {_MOST_BYTES:,} bytes")
    return body


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def fetch(url: str) -> Mapping[str, Any]:
    """The JSON object at an address.

    Raises:
        DiscoveryError: it can't be had.
    """
    answer = ask(url)
    if answer.status != 200 or not answer.told:
        raise DiscoveryError(f"{url} holds no JSON object: it answers {answer.status}.")
    return answer.told


@dataclass(frozen=True, slots=True)
class Told:
    """What an issuer tells of itself.

    Args:
        keys: with which it signs, by their ids.
        authorization_endpoint: where browsers go to sign in; empty if it doesn't say.
        token_endpoint: where a code is traded for tokens; likewise.
        token_methods: how clients may prove there who they are.
        is_named_in_answers: whether it says who it is in what it sends browsers back with (RFC 9207).
    """

    keys: Mapping[str, jwt.PyJWK]
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    token_methods: tuple[str, ...] = ("client_secret_basic",)
    is_named_in_answers: bool = False

    def key(self, named: str | None) -> jwt.PyJWK | None:
        """The key of that name; the only one there is, if none is named."""
        if named is None:
            return next(iter(self.keys.values())) if len(self.keys) == 1 else None
        return self.keys.get(named)


@dataclass(slots=True)
class _Known:
    """What is known of an issuer, and when it was looked at."""

    told: Told | None = None
    looked_at: float = float("-inf")
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Discovery:
    """Asks issuers.

    What they tell of themselves is remembered for five minutes; a key that isn't known is looked for at most twice a
    minute.

    Args:
        clock: seconds that only grow, for tests to move.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="issuers")

    async def told(self, issuer: str) -> Told:
        """What it tells of itself.

        Raises:
            DiscoveryError: nothing was ever told, and nothing can be now.
        """
        return await self._told(issuer, lambda _told: True)

    async def key(self, issuer: str, named: str | None) -> jwt.PyJWK | None:
        """The key of that name; the only one there is, if none is named. None if there is no such key.

        Raises:
            DiscoveryError: none were ever had, and none can be now.
        """
        told = await self._told(issuer, lambda told: told.key(named) is not None)
        return told.key(named)

    async def send(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """What an address answers to a form.

        Raises:
            DiscoveryError: nothing, or not in time.
        """
        return await self._in_thread(lambda: ask(url, form, headers))

    async def _told(self, issuer: str, is_enough: Callable[[Told], bool]) -> Told:
        known = self._known.setdefault(issuer, _Known())
        async with known.looking:
            age = self._clock() - known.looked_at
            is_known = known.told is not None and is_enough(known.told)
            if age > _SECONDS_KEPT or (age > _SECONDS_BETWEEN_LOOKS and not is_known):
                await self._look(issuer, known)
        if known.told is None:
            raise DiscoveryError(f"{issuer} can't be asked for its keys.")
        return known.told

    async def _look(self, issuer: str, known: _Known) -> None:
        known.looked_at = self._clock()
        try:
            known.told = await self._in_thread(lambda: told_by(issuer))
        except DiscoveryError as error:
            log.warning("what %s tells of itself stays as it was: %s", issuer, error)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(_SECONDS_IN_ALL):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except TimeoutError:
            raise DiscoveryError("It takes too long.") from None

    def keys_of(self, issuer: str) -> Mapping[str, jwt.PyJWK]:
        """The keys with which an issuer signs now, by their ids.

        Raises:
            DiscoveryError: they can't be had.
        """
        return told_by(issuer).keys


def told_by(issuer: str) -> Told:
    """What an issuer tells of itself now.

    Raises:
        DiscoveryError: it can't be asked, or says what makes no sense.
    """
    about = fetch(f"{check_address(issuer).rstrip('/')}/.well-known/openid-configuration")
    if about.get("issuer") != issuer:
        raise DiscoveryError(f"It says that it is {about.get('issuer')!r}, not {issuer!r}, which it has to.")
    methods = about.get("token_endpoint_auth_methods_supported")
    return Told(
        _keys_at(issuer, about.get("jwks_uri")),
        _endpoint(issuer, about.get("authorization_endpoint")),
        _endpoint(issuer, about.get("token_endpoint")),
        tuple(map(str, methods)) if isinstance(methods, list) else ("client_secret_basic",),
        about.get("authorization_response_iss_parameter_supported") is True,
    )


def _check_named(issuer: str, place: str) -> str:
    """An address that an issuer names: over plain HTTP, which leads to this machine, only if it is itself here.

    Raises:
        DiscoveryError: it is none.
    """
    check_address(place, may_ask=True)
    if urlsplit(place).scheme == "http" and urlsplit(issuer).scheme != "http":
        raise DiscoveryError("It takes https.")
    return place


def _endpoint(issuer: str, place: object) -> str:
    """An address that it tells; none, if that makes no sense: its keys may be all that it is asked for."""
    try:
        return _check_named(issuer, place) if isinstance(place, str) else ""
    except DiscoveryError:
        return ""


def _keys_at(issuer: str, place: object) -> dict[str, jwt.PyJWK]:
    if not isinstance(place, str):
        raise DiscoveryError(f"{issuer} does not say where its keys are.")
    _check_named(issuer, place)
    try:
        found = jwt.PyJWKSet.from_dict(dict(fetch(place)))
    except (jwt.PyJWTError, TypeError, AttributeError, ValueError, LookupError) as error:
        raise DiscoveryError(f"{place} holds no keys: {error}") from error
    return {key.key_id or "": key for key in found.keys if key.public_key_use in (None, "sig")}
