"""How much one request may send, in what time, and how deep: the only way to a body."""

import asyncio
import re

import orjson
from starlette.requests import Request

from edge.protocols.settings import ProtocolSettings
from edge.service import service_of
from resolvers.errors import CanopyError

WHOLE_NUMBERS = range(-(2**63), 2**64)
"""What is read of them as it is written: any other would become another number without a word."""

_DEFAULTS = ProtocolSettings()
_TEXTS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""One without an end goes up to the end: else each quote in it would be looked at as the beginning of another."""
_LONG_NUMBER = re.compile(rb"(?<![\d.eE+-])-?\d{19,}(?![\d.eE])")
_MOST_CHARACTERS = 20
"""Of a whole number that is read as it is written."""
_DIGITS = bytes(ord("0") if chr(each).isdigit() else ord(" ") for each in range(128)) + b" " * 128
_ALIKE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(each for each in range(256) if each not in b"[]{}")


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


def parsed(text: bytes | str, settings: ProtocolSettings = _DEFAULTS) -> object:
    """A JSON value; of a key that is given twice the last counts.

    Args:
        text: of it.
        settings: how much it may be.

    Raises:
        BodyError: it is none, or too much, nested too deep, or holds a number that is too long; the message says which.
    """
    try:
        written = text.encode() if isinstance(text, str) else text
        too_much = _too_much(written, settings)
        value: object = None if too_much else orjson.loads(written)
    except ValueError as error:
        raise BodyError(f"It is not JSON: {error}") from error
    if too_much:
        raise BodyError(too_much)
    return value


def _too_much(written: bytes, settings: ProtocolSettings) -> str | None:
    """What is too much about JSON, found by a few passes that don't make anything of it; most needs only the first.

    Raises:
        ValueError: it is none.
    """
    most, deepest = settings.max_json_values, settings.max_json_depth
    opened = written.count(b"[") + written.count(b"{")
    has_long_number = b"0" * 19 in written.translate(_DIGITS)
    if opened <= deepest and opened + written.count(b",") <= most and not has_long_number:
        return None
    outside = _TEXTS.sub(b"", written)
    brackets = outside.translate(_ALIKE, _NO_BRACKETS)
    if len(brackets) // 2 + outside.count(b",") > most:
        return f"It is JSON of more than {most:,} values."
    if not all(_is_kept(number) for number in _LONG_NUMBER.findall(outside)):
        return "It holds a whole number of more than 64 bits; send it as a text."
    for _level in range(deepest):
        brackets = brackets.replace(b"[]", b"")
    if brackets:
        orjson.loads(written)  # which tells of brackets that have no partner
        return f"It is JSON nested more than {deepest} deep."
    return None


def _is_kept(number: bytes) -> bool:
    """Whether a whole number is read as it is written."""
    return len(number) <= _MOST_CHARACTERS and int(number) in WHOLE_NUMBERS
