"""How answers are written one after the other: as Server-Sent Events, or as parts of a multipart answer.

Source: GraphQL over Server-Sent Events, distinct connections mode; for multipart, what Apollo's clients read.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import orjson

from edge.exposure.masking import Payload
from edge.protocols.negotiation import Form

_UNBUFFERED = {"x-accel-buffering": "no"}


class Frames(Protocol):
    """One way of writing answers one after the other.

    Args:
        headers: of HTTP.
        opening: what comes before the first.
        beat: what says nothing; empty if there is nothing that does.
        closing: what comes after the last.
    """

    headers: Mapping[str, str]
    opening: bytes
    beat: bytes
    closing: bytes

    def next(self, payload: Payload) -> bytes:
        """An answer, or a part of one."""

    def refusal(self, body: Mapping[str, Any]) -> bytes:
        """That there is nothing more to be told, and why."""


class Events:
    """Server-Sent Events."""

    headers: Mapping[str, str] = {"content-type": "text/event-stream; charset=utf-8", **_UNBUFFERED}
    opening = b": \n\n"
    beat = b": \n\n"
    closing = b"event: complete\ndata:\n\n"

    def next(self, payload: Payload) -> bytes:
        """An answer, or a part of one."""
        return self.refusal(payload.body)

    def refusal(self, body: Mapping[str, Any]) -> bytes:
        """The last answer: the errors alone."""
        return b"event: next\ndata: " + orjson.dumps(body) + b"\n\n"


class Parts:
    """Multipart: the answer to one operation, in parts."""

    headers: Mapping[str, str] = {"content-type": 'multipart/mixed; boundary="-"', **_UNBUFFERED}
    opening = b"\r\n---"
    beat = b""
    closing = b"--\r\n"

    def next(self, payload: Payload) -> bytes:
        """A part of the answer, which says whether it is the last."""
        return self._part({**payload.body, "hasNext": payload.has_next})

    def refusal(self, body: Mapping[str, Any]) -> bytes:
        """The last part: the errors alone."""
        return self._part({**body, "hasNext": False})

    def _part(self, body: Mapping[str, Any]) -> bytes:
        """With the delimiter behind it, for clients take a part when they see its end."""
        head = b"\r\ncontent-type: application/json; charset=utf-8\r\n\r\n"
        return head + orjson.dumps(body) + b"\r\n" + self.opening.strip()


class LiveParts(Parts):
    """Multipart: answers to one event after the other.

    Source: Apollo, "Multipart protocol for GraphQL subscriptions over HTTP", 1.0.
    """

    headers = {"content-type": 'multipart/mixed; boundary="graphql"; subscriptionSpec=1.0', **_UNBUFFERED}
    opening = b"\r\n--graphql"

    def __init__(self) -> None:
        self.beat = self._part({})

    def next(self, payload: Payload) -> bytes:
        """What one event comes to."""
        return self._part({"payload": payload.body})

    def refusal(self, body: Mapping[str, Any]) -> bytes:
        """What ends it."""
        return self._part({"payload": None, **body})


def frames(form: Form, *, is_live: bool) -> Frames:
    """How answers are written in a form."""
    if form is Form.SSE:
        return Events()
    return LiveParts() if is_live else Parts()
