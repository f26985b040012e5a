"""How answers are written one after the other: as Server-Sent Events, or as parts of a multipart answer.

Source: GraphQL over Server-Sent Events, distinct connections mode; for multipart, what Apollo's clients read.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import orjson

from edge.exposure.masking import Payload
from edge.protocols.incremental import Generation, Parts, generation
from edge.protocols.negotiation import Form

_UNBUFFERED = {"x-accel-buffering": "no"}
"""For proxies: what is sent is wanted at once."""


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
    """Server-Sent Events.

    Args:
        parts: how the parts of one answer are told; None where each event is an answer of its own.
    """

    headers: Mapping[str, str] = {"content-type": "text/event-stream; charset=utf-8", **_UNBUFFERED}
    opening = b": \n\n"
    beat = b": \n\n"
    closing = b"event: complete\ndata:\n\n"

    def __init__(self, parts: Parts | None = None) -> None:
        self._parts = parts

    def next(self, payload: Payload) -> bytes:
        """An answer, or a part of one."""
        return _event(payload.body if self._parts is None else self._parts.told(payload))

    def refusal(self, body: Mapping[str, Any]) -> bytes:
        """The last answer, or part of it: the errors alone."""
        return self.next(Payload(body))


class MultipartParts:
    """Multipart: the answer to one operation, in parts.

    Args:
        generation: in which they are told.
    """

    opening = b"\r\n---"
    beat = b""  # the answer to one operation is there within its time
    closing = b"--\r\n"

    def __init__(self, generation: Generation = Generation.BOTH) -> None:
        content_type = "; ".join(filter(None, ('multipart/mixed; boundary="-"', generation)))
        self.headers: Mapping[str, str] = {"content-type": content_type, **_UNBUFFERED}
        self._parts = Parts(generation)

    def next(self, payload: Payload) -> bytes:
        """A part of the answer, which says whether it is the last."""
        return _part(self._parts.told(payload), self.opening)

    def refusal(self, body: Mapping[str, Any]) -> bytes:
        """The last part: the errors alone."""
        return self.next(Payload(body))


class MultipartEvents:
    """Multipart: answers to one event after the other.

    Source: Apollo, "Multipart protocol for GraphQL subscriptions over HTTP", 1.0.
    """

    headers: Mapping[str, str] = {
        "content-type": 'multipart/mixed; boundary="graphql"; subscriptionSpec=1.0',
        **_UNBUFFERED,
    }
    opening = b"\r\n--graphql"
    closing = b"--\r\n"

    def __init__(self) -> None:
        self.beat = _part({}, self.opening)

    def next(self, payload: Payload) -> bytes:
        """What one event comes to."""
        return _part({"payload": payload.body}, self.opening)

    def refusal(self, body: Mapping[str, Any]) -> bytes:
        """What ends it."""
        return _part({"payload": None, **body}, self.opening)


def of_events(form: Form) -> Frames:
    """How answers to events are written in a form."""
    return Events() if form is Form.SSE else MultipartEvents()


def of_one(form: Form, parameters: Mapping[str, str], *, is_in_parts: bool) -> Frames:
    """How one answer is written in a form.

    Args:
        form: SSE or multipart.
        parameters: what the client says about the form.
        is_in_parts: whether it comes in several.
    """
    if form is Form.SSE:
        return Events(Parts() if is_in_parts else None)
    return MultipartParts(generation(parameters) if is_in_parts else Generation.BOTH)


def _event(body: Mapping[str, Any]) -> bytes:
    return b"event: next\ndata: " + orjson.dumps(body) + b"\n\n"


def _part(body: Mapping[str, Any], delimiter: bytes) -> bytes:
    """A part with the delimiter behind it, for clients take a part when they see its end."""
    return b"\r\ncontent-type: application/json; charset=utf-8\r\n\r\n" + orjson.dumps(body) + delimiter
