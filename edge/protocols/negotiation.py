"""In which form a client takes an answer, by what it accepts.

Source: RFC 9110 §12.5.1; GraphQL over HTTP, "Accept".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

_PARTS = 20
_USUAL_LENGTH = 300
"""Of a header; clients send the same again and again."""
_TYPE = re.compile(r"\*/\*|[\w!#$&^.+-]+/(?:\*|[\w!#$&^.+-]+)")
_QUALITY = re.compile(r"0(?:\.\d{0,3})?|1(?:\.0{0,3})?")


class Form(StrEnum):
    """How an answer may be written, in the order in which they are given to whoever takes any."""

    JSON = "application/json"
    RESPONSE = "application/graphql-response+json"
    SSE = "text/event-stream"
    MULTIPART = "multipart/mixed"


_STREAMS = (Form.SSE, Form.MULTIPART)


@dataclass(frozen=True, slots=True)
class Media:
    """A part of `Accept`.

    Args:
        type: a media type, or a range of them.
        parameters: beside the quality.
        quality: 0 to 1; 0 is a refusal.
        place: in the header.
    """

    type: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    quality: float = 1.0
    place: int = 0


@dataclass(frozen=True, slots=True)
class Accepts:
    """What a client accepts.

    Args:
        ranked: the forms, those first that it prefers, each with the part of the header that lets it in.
    """

    ranked: tuple[tuple[Form, Media], ...]

    @property
    def first(self) -> Form | None:
        """The one it prefers; None if it takes none."""
        return self.ranked[0][0] if self.ranked else None

    @property
    def json(self) -> Form:
        """The kind of JSON that it prefers; the elder one for whoever takes neither."""
        return next((form for form, _ in self.ranked if form not in _STREAMS), Form.JSON)

    @property
    def stream(self) -> Form | None:
        """The stream that it prefers of those that it names; whoever takes anything has asked for none."""
        return next((form for form, by in self.ranked if form in _STREAMS and by.type != "*/*"), None)

    def parameters(self, form: Form) -> Mapping[str, str]:
        """What it says about a form."""
        return next((by.parameters for each, by in self.ranked if each is form), {})


def accepted(header: str) -> Accepts:
    """What a header `Accept` says; one that says nothing accepts anything.

    Of each form the part counts that names it most exactly; parts that make no sense are left out.
    """
    return _remembered(header) if len(header) <= _USUAL_LENGTH else _understood(header)


def _understood(header: str) -> Accepts:
    parts = [part for place, text in enumerate(header.split(",")[:_PARTS]) if (part := _media(text, place))]
    if not header.strip():
        parts = [Media("*/*")]
    by_form = [(form, by) for form in Form if (by := _naming(form, parts)) and by.quality > 0]
    return Accepts(tuple(sorted(by_form, key=lambda each: (-each[1].quality, each[1].place))))


_remembered = lru_cache(500)(_understood)


def _naming(form: Form, parts: list[Media]) -> Media | None:
    """The part that names a form most exactly."""
    for name in (form.value, form.value.split("/")[0] + "/*", "*/*"):
        naming = [part for part in parts if part.type == name]
        if naming:
            return max(naming, key=lambda part: (part.quality, -part.place))
    return None


def _media(text: str, place: int) -> Media | None:
    name, *rest = (part.strip() for part in text.split(";"))
    parameters = {
        key.strip().lower(): value.strip().strip('"') for key, _, value in (each.partition("=") for each in rest)
    }
    quality = parameters.pop("q", "1")
    if not _TYPE.fullmatch(name) or not _QUALITY.fullmatch(quality):
        return None
    return Media(name.lower(), parameters, float(quality), place)
