"""`/api`: a request becomes the operation that is saved under its address, and what that comes to becomes an answer."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from graphql import OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from edge.exposure.masking import Refusal, refusal_of, refused
from edge.limits.body import BodyError, parsed, read_body
from edge.operations import Asked, Sender, Transport, begin, known
from edge.protocols.request import bearer, client_name, require_json
from edge.protocols.stream import GoneError, Waiting, waiting
from edge.rest import answers
from edge.rest.endpoints import BASE, Endpoint, Found, find
from edge.rest.openapi import described
from edge.rest.variables import BadParameterError, variables
from edge.service import Service, service_of
from models.store import StoreError
from resolvers.errors import CanopyError

_METHODS = "GET, HEAD, OPTIONS, POST"
_SAFE = frozenset({"GET", "HEAD"})
_MOST_PARAMETERS = 100
OPENAPI = "/openapi.json"


class NoSuchEndpointError(CanopyError):
    """Nothing stands under the address."""

    code = "NOT_FOUND"


class MethodNotAllowedError(CanopyError):
    """Something stands under the address, but not for this method."""

    code = "METHOD_NOT_ALLOWED"


class URLTooLongError(CanopyError):
    """The URL is longer than it may be."""

    code = "URI_TOO_LONG"


class API:
    """Everything below `/api`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of a signed-in caller; for a client that is gone, do nothing more."""
        request = Request(scope, receive)
        try:
            with waiting(request) as somebody:
                response = await _answer(request, somebody)
        except Refusal as refusal:
            response = answers.of_refusal(refusal)
        except (GoneError, ClientDisconnect):
            return
        if request.method == "HEAD":
            response.body = b""  # its length stays told
        await response(scope, receive, send)


async def _answer(request: Request, somebody: Waiting) -> Response:
    """The answer.

    Raises:
        Refusal: there is none.
    """
    service, sender = service_of(request), _sender(request)
    if request.method == "OPTIONS":
        return Response(None, 204, {"allow": _METHODS})
    caller = await known(service, sender)  # whoever isn't, is told nothing of what there is
    path, endpoints = f"/{request.path_params.get('path', '')}", await _endpoints(service)
    if path == OPENAPI:
        if request.method not in _SAFE:
            raise _not_found({"GET"})
        return await _description(service, tuple(each for each in endpoints if each.is_for(caller)))
    found = find(endpoints, request.method, path)
    if not isinstance(found, Found):
        raise _not_found(found)
    given = await _variables(request, found)
    endpoint = found.endpoint
    asked = Asked(endpoint.text, given, endpoint.name, endpoint.document_id)
    async with begin(service, sender, asked) as running:
        if running.kind is OperationType.QUERY:  # a mutation comes to its end, whoever still waits
            somebody.watch()
        payload = await anext(running.payloads)
        return answers.of_body(request, endpoint, payload.body, running.headers)


def _sender(request: Request) -> Sender:
    return Sender(
        bearer(request.headers.get("authorization", "")),
        Transport.REST,
        address=request.client.host if request.client else "",
        client_name=client_name(request.headers),
        is_safe=request.method in _SAFE,
    )


async def _description(service: Service, seen: tuple[Endpoint, ...]) -> Response:
    """The OpenAPI of endpoints. To make it takes a while, and so a thread; to tell it again doesn't."""
    content = await asyncio.to_thread(described, seen, service.settings.address)
    return Response(content, 200, answers.VARY, "application/json")


async def _endpoints(service: Service) -> Sequence[Endpoint]:
    try:
        return await service.endpoints.all()
    except (StoreError, OSError) as error:
        raise refusal_of(error) from error


def _not_found(methods: set[str]) -> Refusal:
    if not methods:
        told = f"Nothing stands under this address. {BASE}{OPENAPI} lists what does."
        return refused(NoSuchEndpointError(told), 404)
    allow = sorted(methods | ({"HEAD"} if "GET" in methods else set()) | {"OPTIONS"})
    return refused(MethodNotAllowedError("This address is called by another method."), 405, allow=", ".join(allow))


async def _variables(request: Request, found: Found) -> Mapping[str, Any]:
    """The variables that a request gives.

    Raises:
        Refusal: it can't be read, or gives what the endpoint doesn't take.
    """
    try:
        body = {} if request.method in _SAFE else await _body(request)
        key = request.headers.get("idempotency-key", "") if request.method == "POST" else ""
        return variables(found.endpoint, found.values, _query(request), body, key)
    except BodyError as error:
        raise refused(error, error.status) from error
    except BadParameterError as error:
        raise refused(error, 400) from error


def _query(request: Request) -> list[tuple[str, str]]:
    written: bytes = request.scope["query_string"]
    most = service_of(request).settings.protocols.max_url
    if len(written) + len(request.url.path) > most:
        raise refused(URLTooLongError(f"The URL is longer than {most} bytes."), 414)
    try:
        return parse_qsl(written.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise BadParameterError("The URL's parameters can't be read.") from None


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object that was sent; an empty one for none."""
    content = await read_body(request)
    if not content:
        return {}
    require_json(request)
    value = parsed(content, service_of(request).settings.protocols)
    if not isinstance(value, dict):
        raise BadParameterError("The body takes a JSON object.")
    return value
