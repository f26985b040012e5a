"""How much one request may send, in what time, and how deep: the only way to a body."""

import asyncio
import re

import orjson
from starlette.requests import Request

from edge.service import service_of
from resolvers.errors import CanopyError

MAX_NESTING = 64
"""Of arrays and objects in JSON."""
MAX_DIGITS = 20
"""Of a whole number: one of more than 64 bits would become another number without a word."""

_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[\[{\]}]')
"""What is looked at in JSON that is known to be well-formed."""
_LONG_NUMBER = re.compile(rb"\d{%d}" % (MAX_DIGITS + 1))


class BodyError(CanopyError):
    """The body can't be taken."""

    code = "BAD_REQUEST"
    status = 400


class BodyTooLargeError(BodyError):
    """The body is larger than it may be."""

    code = "BODY_TOO_LARGE"
    status = 413


class BodyTooSlowError(BodyError):
    """The body did not come in time."""

    code = "REQUEST_TIMEOUT"
    status = 408


async def read_body(request: Request) -> bytes:
    """The body, refused as soon as it is known to be too large.

    Raises:
        BodyError: it is, or it does not come in time.
        starlette.requests.ClientDisconnect: the client is gone.
    """
    settings = service_of(request).settings.protocols
    too_large = BodyTooLargeError(f"The body is larger than {settings.max_body} bytes.")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:12]) > settings.max_body:
        raise too_large
    chunks = bytearray()
    try:
        async with asyncio.timeout(settings.body_seconds):
            async for chunk in request.stream():
                chunks += chunk
                if len(chunks) > settings.max_body:
                    raise too_large
    except TimeoutError:
        raise BodyTooSlowError(f"The body was not there within {settings.body_seconds:g} seconds.") from None
    return bytes(chunks)


def parsed(text: bytes | str) -> object:
    """A JSON value; of a key that is given twice the last counts.

    Raises:
        BodyError: it is none, or nested too deep, or holds a number that is too long; the message says which.
    """
    try:
        value: object = orjson.loads(text)
    except ValueError as error:
        raise BodyError(f"It is not JSON: {error}") from error
    written = text.encode() if isinstance(text, str) else text
    if written.count(b"[") + written.count(b"{") > MAX_NESTING or _LONG_NUMBER.search(written):
        _look(written)
    return value


def _look(written: bytes) -> None:
    """Look at each bracket and number of well-formed JSON."""
    depth = 0
    for found in _TOKENS.finditer(written):
        token = found[0]
        if token in b"[{":
            depth += 1
            if depth > MAX_NESTING:
                raise BodyError(f"It is JSON nested more than {MAX_NESTING} deep.")
        elif token in b"]}":
            depth -= 1
        elif token.removeprefix(b"-").isdigit() and len(token.removeprefix(b"-")) > MAX_DIGITS:
            raise BodyError(f"It holds a whole number of more than {MAX_DIGITS} digits; send it as a text.")
