"""GraphQL over HTTP.

Source: GraphQL over HTTP, the POST form with a JSON body.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from edge.exposure.headers import SECURITY_HEADERS
from edge.exposure.masking import Refusal, refused
from edge.limits.body import MAX_BODY, BodyTooLargeError, read_body
from edge.operations import Asked, Sender, begin, known
from edge.service import service_of
from resolvers.errors import CanopyError

GRAPHQL_JSON = "application/graphql-response+json"


class BadRequestError(CanopyError):
    """The request can't be understood."""

    code = "BAD_REQUEST"


class UnsupportedMediaTypeError(CanopyError):
    """The body is of a kind that isn't taken."""

    code = "UNSUPPORTED_MEDIA_TYPE"


class TooLargeError(CanopyError):
    """The body is too large."""

    code = "BODY_TOO_LARGE"


async def graphql(request: Request) -> Response:
    """Answer one GraphQL operation of a signed-in caller."""
    service, sender = service_of(request), Sender(_bearer(request))
    try:
        _require_json(request)
        await known(service, sender)  # whoever isn't, is not listened to
        asked = await _asked(request)
        async with begin(service, sender, asked) as running:
            (payload,) = [each async for each in running.payloads]
    except Refusal as refusal:
        return _answer(request, refusal.body, refusal.status, refusal.headers)
    return _answer(request, payload.body, 200, running.headers)


def _require_json(request: Request) -> None:
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        needed = "Send the operation as JSON: Content-Type: application/json."
        raise refused(UnsupportedMediaTypeError(needed), status=415)


async def _asked(request: Request) -> Asked:
    """What the body asks for."""
    try:
        return _operation(await read_body(request))
    except BodyTooLargeError:
        raise refused(TooLargeError(f"The body is larger than {MAX_BODY} bytes."), status=413) from None
    except ValueError as error:
        raise refused(BadRequestError(str(error)), status=400) from error


def _operation(body: bytes) -> Asked:
    """What a body asks for.

    Raises:
        ValueError: the body is no JSON object with a query; the message says what is wrong.
    """
    try:
        asked = orjson.loads(body)
    except ValueError as error:
        raise ValueError(f"The body is not JSON: {error}") from error
    if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
        raise ValueError('The body takes a JSON object with a "query".')  # a value of the request
    variables, name = asked.get("variables"), asked.get("operationName")
    if variables is not None and not isinstance(variables, dict):
        raise ValueError('"variables" takes a JSON object.')
    if name is not None and not isinstance(name, str):
        raise ValueError('"operationName" takes a string.')
    return Asked(asked["query"], variables, name or None)


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _answer(request: Request, body: Mapping[str, Any], status: int | None, headers: Mapping[str, str]) -> Response:
    """A GraphQL answer, under the media type that the client prefers; before that type errors had status 200."""
    accepts_type = GRAPHQL_JSON in request.headers.get("accept", "")
    status = status or (400 if accepts_type else 200)
    media_type = GRAPHQL_JSON if accepts_type or status >= 400 else "application/json"
    return Response(
        orjson.dumps(body), status, headers={**SECURITY_HEADERS, **headers}, media_type=f"{media_type}; charset=utf-8"
    )
