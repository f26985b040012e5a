"""What an HTTP request says: who sends it, and what is asked."""

import re
from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.requests import Request

from edge.documents.forms import FormError
from edge.exposure.masking import refused
from edge.limits.body import BodyError, parsed, read_body
from edge.operations import Asked, Sender
from edge.protocols import parameters
from edge.protocols.negotiation import Accepts
from edge.protocols.parameters import BadRequestError
from edge.service import service_of
from resolvers.errors import CanopyError

METHODS = "GET, HEAD, OPTIONS, POST"
_SAFE = frozenset({"GET", "HEAD"})
_CLIENT_NAMES = ("graphql-client-name", "apollographql-client-name", "x-client-name")
_CLIENT_NAME = re.compile(r"[\w.@/ -]{1,100}", re.ASCII)
_MOST_PARAMETERS = 20


class UnsupportedMediaTypeError(CanopyError):
    """The body is of a kind that isn't taken."""

    code = "UNSUPPORTED_MEDIA_TYPE"


class URLTooLongError(CanopyError):
    """The URL is longer than it may be."""

    code = "URI_TOO_LONG"


def sender_of(request: Request, accepts: Accepts, on_full: Callable[[], None]) -> Sender:
    """Who sends a request, and what can be told.

    Args:
        request: of HTTP.
        accepts: in which forms.
        on_full: see `Sender`.
    """
    streams = accepts.stream is not None and request.method != "HEAD"
    return Sender(
        bearer(request.headers.get("authorization", "")),
        address=request.client.host if request.client else "",
        client_name=client_name(request.headers),
        is_safe=request.method in _SAFE,
        takes_events=streams,
        takes_parts=streams,
        on_full=on_full,
    )


def bearer(authorization: str) -> str:
    """The access token of a header; empty if there is none."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def client_name(headers: Headers) -> str:
    """What a client calls itself; empty for no good name."""
    given = next((name for header in _CLIENT_NAMES if (name := headers.get(header, "").strip())), "")
    return given if _CLIENT_NAME.fullmatch(given) else ""


async def asked_of(request: Request) -> Asked | list[Asked]:
    """What a request asks for: one operation, or where that is allowed several.

    Raises:
        Refusal: it asks for nothing, or can't be read.
        starlette.requests.ClientDisconnect: the client is gone.
    """
    try:
        if request.method in _SAFE:
            return parameters.asked(_from_url(request), *_in_path(request))
        require_json(request)
        settings = service_of(request).settings.protocols
        given = parsed(await read_body(request), settings)
        most = settings.batch
        if most and isinstance(given, list):
            if not 1 <= len(given) <= most:
                raise BadRequestError(f"A request takes 1 to {most} operations.")
            return [parameters.asked(each) for each in given]
        return parameters.asked(given, *_in_path(request))
    except BodyError as error:
        raise refused(error, error.status) from error
    except (BadRequestError, FormError) as error:
        raise refused(error) from error


def _in_path(request: Request) -> tuple[str | None, str | None]:
    """The document, and its operation, that a path names."""
    return request.path_params.get("document_id"), request.path_params.get("operation")


def _from_url(request: Request) -> dict[str, object]:
    """The parameters in a URL; one that is empty is none."""
    written: bytes = request.scope["query_string"]
    settings = service_of(request).settings.protocols
    most = settings.max_url
    if len(written) + len(request.scope.get("raw_path") or request.url.path) > most:
        raise refused(URLTooLongError(f"The URL is longer than {most} bytes; send the operation by POST."), status=414)
    try:
        pairs = parse_qsl(written.decode(), errors="strict", max_num_fields=_MOST_PARAMETERS)
    except ValueError as error:
        raise BodyError("The URL's parameters can't be read.") from error
    given: dict[str, object] = dict(pairs)
    if len(given) < len(pairs):
        raise BadRequestError("Give each parameter once.")
    for name in ("variables", "extensions"):
        if name in given:
            given[name] = parsed(str(given[name]), settings)
    return given


def require_json(request: Request) -> None:
    """The body is JSON in UTF-8, as it is: nothing is unpacked."""
    media_type, *rest = (part.strip().lower() for part in request.headers.get("content-type", "").split(";"))
    charsets = {each.removeprefix("charset=").strip('"') for each in rest if each.startswith("charset=")}
    if media_type != "application/json" or not charsets <= {"utf-8", "utf8"}:
        needed = "Send the operation as JSON in UTF-8: Content-Type: application/json."
        raise refused(UnsupportedMediaTypeError(needed), status=415)
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise refused(UnsupportedMediaTypeError("Send the body without a Content-Encoding."), status=415)
