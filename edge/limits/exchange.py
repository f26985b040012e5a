"""What goes over a connection: how large the head of a request may be, and how slowly an answer may be taken.

A head is in memory before anybody can say that it is too large, and so is an answer until its client has taken it.
"""

import asyncio
from http import HTTPStatus
from math import inf
from typing import Any

import orjson

from edge.exposure.headers import SECURITY_HEADERS
from edge.exposure.masking import refused
from edge.limits.connections import BoundedProtocol
from resolvers.errors import CanopyError

_LEAST_TAKEN = 16_384
"""Bytes of an answer that a client takes in the time that it is given, or it is given up."""
_BETWEEN = len(b": \r\n")


class HeadTooLargeError(CanopyError):
    """A head is larger than it may be."""

    code = "HEAD_TOO_LARGE"


class NoRequestError(CanopyError):
    """What came is no HTTP."""

    code = "BAD_REQUEST"


_TOO_LARGE = HeadTooLargeError("The address and the headers are too large. Send the operation by POST.")
_MALFORMED = NoRequestError("That is no HTTP request.")


class MeasuredProtocol(BoundedProtocol):
    """HTTP over one connection, closed where a head is too large, or where nothing of an answer is taken."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._unread = 0
        """Bytes that came and belong to no head, and no body, that is known by now."""
        self._is_too_large = False
        self._left: float = inf
        """Bytes of answers that were not taken when that was looked at last."""
        self._looking: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        super().connection_lost(exc)
        if self._looking is not None:
            self._looking.cancel()

    # What comes

    def data_received(self, data: bytes) -> None:
        """What is neither head nor body yet is kept in memory: only so much of it."""
        self._unread += len(data)
        super().data_received(data)
        if self._unread > self._bounds.max_head and self._source is not None and not self.transport.is_closing():
            self._is_too_large = True
            self.send_400_response("")

    def on_headers_complete(self) -> None:
        """The head is there, whole."""
        size = len(self.url) + sum(len(name) + len(value) + _BETWEEN for name, value in self.headers)
        if size > self._bounds.max_head:
            self._is_too_large = True
            raise HeadTooLargeError  # ends the parsing, and leads to `send_400_response`
        self._unread = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a body, which is bounded where it is read."""
        self._unread = 0
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, as everything is refused; `msg` is said to nobody."""
        status = 431 if self._is_too_large else 400
        body = orjson.dumps(refused(_TOO_LARGE if self._is_too_large else _MALFORMED).body)
        headers = SECURITY_HEADERS | {
            "content-type": "application/json; charset=utf-8",
            "content-length": str(len(body)),
            "connection": "close",
        }
        written = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{written}\r\n".encode() + body)
        self.transport.close()

    # What is taken

    def pause_writing(self) -> None:
        """More was sent than was taken."""
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        """It is being taken."""
        super().resume_writing()
        self._left = inf

    def on_response_complete(self) -> None:
        """All was sent; until it was taken, the connection stays."""
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._look_later()

    def _look_later(self) -> None:
        if self._looking is None:
            self._left = self.transport.get_write_buffer_size()
            self._looking = self.loop.call_later(self._bounds.take_seconds, self._look)

    def _look(self) -> None:
        left, self._looking = self.transport.get_write_buffer_size(), None
        if self._source is None:  # the connection is a socket's by now, or closed
            return
        if left and left > self._left - _LEAST_TAKEN:
            self.transport.abort()
        elif left:
            self._left = left
            self._looking = self.loop.call_later(self._bounds.take_seconds, self._look)
