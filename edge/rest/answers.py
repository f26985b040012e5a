"""What an operation comes to, as REST tells it: its value, or a problem.

Source: RFC 9457 (problem details), RFC 8288 (links), RFC 9110 §8.8.3 and §13.1.2 (entity tags).
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from edge.exposure.masking import Refusal
from edge.rest.endpoints import Endpoint
from models import EndpointMethod
from resolvers.errors import UserErrorCode

PROBLEM = "application/problem+json"
VARY = {"vary": "Accept, Authorization"}

_STATUS = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "DOCUMENT_NOT_ALLOWED": 403,
    "NOT_FOUND": 404,
    "TIMEOUT": 422,
    "LIMIT_EXCEEDED": 422,
    "RATE_LIMITED": 429,
    "TOO_MANY_AT_ONCE": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
}
"""By the code of an error; 400 for any other: something is wrong with a parameter."""
_IN_CONFLICT = frozenset({UserErrorCode.CONFLICT, UserErrorCode.OUTDATED})
_TITLES = {
    400: "Bad request", 401: "Sign in first", 403: "Not allowed", 404: "Not found", 405: "Method not allowed",
    406: "Not acceptable", 408: "Too slow", 409: "Conflict", 413: "Too large", 414: "Too long", 415: "Not taken",
    422: "Can't be done", 429: "Too many requests", 500: "Our mistake", 503: "Try again",
}  # fmt: skip  # a table


def problem(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """A problem, with a code for programs."""
    body = {"type": "about:blank", "title": _TITLES[status], "status": status, "detail": detail, "code": code, **more}
    return Response(orjson.dumps(body), status, {**VARY, **(headers or {})}, PROBLEM)


def of_refusal(refusal: Refusal) -> Response:
    """The problem of an operation that was not run."""
    return _of_errors(refusal.errors, refusal.headers, refusal.status)


def of_body(request: Request, endpoint: Endpoint, body: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """The answer of an operation that was run.

    Args:
        request: what was asked.
        endpoint: of it.
        body: `data` and `errors`, as GraphQL tells them.
        headers: of the operation.
    """
    data, errors = body.get("data"), body.get("errors") or []
    value = data[_key(endpoint)] if isinstance(data, dict) and endpoint.root is not None else data
    if value is None and errors:
        return _of_errors(errors, headers)
    if value is None or value == {}:
        return problem(404, "NOT_FOUND", "There is no such thing, or it is not yours to see.", headers)
    if isinstance(value, dict) and value.get("userErrors"):
        return _of_user_errors(value["userErrors"], headers)
    content = orjson.dumps({"data": value, "errors": errors} if errors else value)
    if endpoint.method is EndpointMethod.POST:
        return _json(content, 201 if endpoint.creates else 200, headers)
    linked = dict(headers) | _next_page(request, endpoint, value)
    if errors:  # what was in the way may be gone the next time
        return _json(content, 200, linked)
    return _cached(request, endpoint, content, linked)


def _key(endpoint: Endpoint) -> str:
    root = endpoint.root
    assert root is not None  # noqa: S101  # asked for before
    return (root.alias or root.name).value


def _of_errors(errors: list[Any], headers: Mapping[str, str], status: int | None = None) -> Response:
    first = errors[0]
    extensions = dict(first.get("extensions") or {})
    code = str(extensions.pop("code", "INTERNAL"))
    told = [{"message": each["message"], **(each.get("extensions") or {})} for each in errors[1:]]
    more = extensions | ({"errors": told} if told else {})
    return problem(status or _STATUS.get(code, 400), code, first["message"], headers, **more)


def _of_user_errors(errors: list[Any], headers: Mapping[str, str]) -> Response:
    codes = {each.get("code") for each in errors}
    status = 409 if codes & _IN_CONFLICT else 422
    return problem(status, str(errors[0].get("code")), str(errors[0].get("message")), headers, errors=errors)


def _next_page(request: Request, endpoint: Endpoint, value: Any) -> dict[str, str]:
    """Where the next page of a list is, as a link."""
    info = value.get("pageInfo") if isinstance(value, dict) else None
    if not isinstance(info, dict) or not info.get("hasNextPage") or not info.get("endCursor"):
        return {}
    names = {each.variable.name.value for each in endpoint.operation.variable_definitions or ()}
    if "after" not in names:
        return {}
    parameters = [(name, text) for name, text in request.query_params.multi_items() if name != "after"]
    address = f"{quote(request.scope['path'])}?{urlencode([*parameters, ('after', info['endCursor'])])}"
    return {"link": f'<{address}>; rel="next"'}


def _cached(request: Request, endpoint: Endpoint, content: bytes, headers: Mapping[str, str]) -> Response:
    """An answer that its caller may keep; nothing but that it is the same, if the caller has it already."""
    tag = f'"{blake2b(content, digest_size=16).hexdigest()}"'
    kept = {"etag": tag, "cache-control": f"private, max-age={endpoint.max_age}, must-revalidate"}
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response(None, 304, {**VARY, **headers, **kept})
    return _json(content, 200, {**headers, **kept})


def _has(written: str, tag: str) -> bool:
    """Whether a tag is among those of `If-None-Match`, compared weakly."""
    return written.strip() == "*" or tag in {each.strip().removeprefix("W/") for each in written.split(",")}


def _json(content: bytes, status: int, headers: Mapping[str, str]) -> Response:
    return Response(content, status, {**VARY, **headers}, "application/json")
