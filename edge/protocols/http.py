"""GraphQL over HTTP.

Source: GraphQL over HTTP, the POST form with a JSON body.
"""

import logging
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from edge.exposure.headers import SECURITY_HEADERS
from edge.limits.body import MAX_BODY, BodyTooLargeError, read_body
from edge.operations import Asked, answered
from edge.service import service_of
from models.store import StoreError
from resolvers.errors import UnauthenticatedError, UnavailableError
from schema import executor
from schema.errors import public
from schema.execution.documents import Answer
from schema.listening import is_live
from schema.mutation import is_mutation

log = logging.getLogger("canopy")

GRAPHQL_JSON = "application/graphql-response+json"


async def graphql(request: Request) -> Response:
    """Answer one GraphQL operation of a signed-in caller."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        return _refusal(
            request, 415, "UNSUPPORTED_MEDIA_TYPE", "Send the operation as JSON: Content-Type: application/json."
        )
    service = service_of(request)
    try:
        caller = await service.callers.behind(_bearer(request))
        asked = _operation(await read_body(request))
        document = executor.document(asked.query)
        if is_mutation(document, asked.name):
            caller = await service.callers.behind(_bearer(request), is_fresh=True)
    except UnauthenticatedError as error:
        return _refusal(request, 401, error.code, str(error), **{"www-authenticate": "Bearer"})
    except BodyTooLargeError:
        return _refusal(request, 413, "BODY_TOO_LARGE", f"The body is larger than {MAX_BODY} bytes.")
    except ValueError as error:
        return _refusal(request, 400, "BAD_REQUEST", str(error))
    except StoreError as error:
        return _unavailable(request, error)
    if document.errors:
        return _answered(request, Answer(None, document.errors, is_request_error=True), "none")
    if is_live(document, asked.name):
        return _refusal(request, 406, "NOT_ACCEPTABLE", "Listen over a WebSocket: graphql-transport-ws, same address.")
    try:
        answer, by = await answered(service, caller, document, asked)
    except UnavailableError as error:
        return _refusal(request, 503, error.code, str(error))
    except StoreError as error:
        return _unavailable(request, error)
    return _answered(request, answer, by)


def _unavailable(request: Request, error: StoreError) -> Response:
    log.error("an operation can't be answered: %s", error)
    return _refusal(request, 503, UnavailableError.code, "The database does not answer. Try again in a moment.")


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
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError(
            "Sign in first: POST /auth/token gives an access token; send it as `Authorization: Bearer <token>`."
        )
    return token.strip()


def _answered(request: Request, answer: Answer, by: str) -> Response:
    body: dict[str, Any] = {}
    if answer.errors:
        body["errors"] = [public(error).formatted for error in answer.errors]
    if not answer.is_request_error:
        body["data"] = answer.data
    modern = GRAPHQL_JSON in request.headers.get("accept", "")
    return _answer(request, body, 400 if answer.is_request_error and modern else 200, **{"x-executor": by})


def _answer(request: Request, body: Mapping[str, Any], status: int = 200, **headers: str) -> Response:
    """A GraphQL answer, under the media type that the client prefers; before that type errors had status 200."""
    accepts_type = GRAPHQL_JSON in request.headers.get("accept", "")
    media_type = GRAPHQL_JSON if accepts_type or status >= 400 else "application/json"
    return Response(
        orjson.dumps(body), status, headers={**SECURITY_HEADERS, **headers}, media_type=f"{media_type}; charset=utf-8"
    )


def _refusal(request: Request, status: int, code: str, message: str, **headers: str) -> Response:
    return _answer(request, {"errors": [{"message": message, "extensions": {"code": code}}]}, status, **headers)
