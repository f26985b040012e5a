"""GraphQL over HTTP, POST and GET: one JSON, or a stream for whoever prefers one or listens.

Source: GraphQL over HTTP; statuses are in `status.py`, which form an answer takes in `negotiation.py`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
from graphql import OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from edge.exposure.headers import SECURITY_HEADERS
from edge.exposure.masking import Payload, Refusal, refusal_of, refused
from edge.operations import Asked, NotAcceptableError, Running, Sender, begin, known
from edge.protocols import frames, status
from edge.protocols.frames import Events
from edge.protocols.negotiation import Accepts, Form, accepted
from edge.protocols.request import METHODS, asked_of, sender_of
from edge.protocols.stream import GoneError, Stream, Waiting, waiting
from edge.service import Service, service_of

HEADERS = {**SECURITY_HEADERS, "vary": "Accept, Authorization"}


class GraphQL:
    """The endpoint."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one operation of a signed-in caller; for a client that is gone, do nothing more."""
        request = Request(scope, receive)
        accepts = accepted(", ".join(request.headers.getlist("accept")))
        try:
            with waiting(request) as somebody:
                response = await _answer(request, accepts, send, somebody)
        except Refusal as refusal:
            response = _refusal(request, accepts, refusal)
        except (GoneError, ClientDisconnect):
            return
        if response is not None:
            await response(scope, receive, send)


async def _answer(request: Request, accepts: Accepts, send: Send, somebody: Waiting) -> Response | None:
    """The answer; None if it has been streamed.

    Raises:
        Refusal: there is none.
    """
    if request.method == "OPTIONS":
        return Response(None, 204, {**HEADERS, "allow": METHODS})
    service, sender = service_of(request), sender_of(request, accepts, somebody.give_up)
    await known(service, sender)  # whoever isn't, is not listened to
    if accepts.first is None:
        taken = ", ".join(Form)
        raise refused(NotAcceptableError(f"Accept one of {taken}."), status=406)
    asked = await asked_of(request)
    if isinstance(asked, list):
        found = [await _one_of_many(service, sender, each, somebody) for each in asked]
        return _json(accepts.json, found, 200, {})
    async with begin(service, sender, asked) as running:
        if running.kind is not OperationType.MUTATION:  # which comes to its end, whoever still waits
            somebody.watch()
        if running.kind is OperationType.SUBSCRIPTION:
            await _listen(request, accepts, running, send, somebody)
            return None
        return await _tell(request, accepts, running, send)


async def _one_of_many(service: Service, sender: Sender, asked: Asked, somebody: Waiting) -> Mapping[str, Any]:
    """The answer to an operation of several, whole; what refuses one leaves the others alone."""
    try:
        async with begin(service, replace(sender, takes_events=False, takes_parts=False), asked) as running:
            if running.kind is not OperationType.MUTATION:
                somebody.watch()
            return (await anext(running.payloads)).body
    except Exception as error:  # whatever it is, it is the one's own
        return refusal_of(error).body
    finally:
        somebody.end()  # the next may be one that comes to its end


async def _listen(request: Request, accepts: Accepts, running: Running, send: Send, somebody: Waiting) -> None:
    """Tell of one event after the other."""
    service = service_of(request)
    stream = Stream(frames.of_events(accepts.stream or Form.SSE), service.settings.protocols, send)
    await stream.start({**HEADERS, **running.headers})
    async with stream.kept(service.connections.is_ending, somebody.give_up):
        await stream.tell(running.payloads)


async def _tell(request: Request, accepts: Accepts, running: Running, send: Send) -> Response | None:
    """Tell what an operation comes to, in the form in which its client takes it; None if that was a stream."""
    first = await anext(running.payloads)
    form = (accepts.stream if first.has_next else None) or accepts.first
    if form is not Form.SSE and form is not Form.MULTIPART:
        return _whole(request, accepts.json, first, running.headers)
    written = frames.of_one(form, accepts.parameters(form), is_in_parts=first.has_next)
    stream = Stream(written, service_of(request).settings.protocols, send)
    await stream.start({**HEADERS, **running.headers})
    await stream.tell(running.payloads, first)
    return None


def _whole(request: Request, form: Form, payload: Payload, headers: Mapping[str, str]) -> Response:
    profile = service_of(request).settings.protocols.status_profile
    return _json(form, payload.body, status.of_answer(payload.body, form, profile), headers)


def _refusal(request: Request, accepts: Accepts, refusal: Refusal) -> Response:
    """What is told instead of an answer; to who prefers SSE, GraphQL's own errors in a stream.

    Source: GraphQL over Server-Sent Events: validation "MUST report errors through an accepted SSE connection".
    """
    if accepts.first is Form.SSE and refusal.status is None:
        events = Events()
        return Response(events.refusal(refusal.body) + events.closing, 200, {**HEADERS, **events.headers})
    profile = service_of(request).settings.protocols.status_profile
    code = status.of_refusal(refusal, accepts.json, profile)
    return _json(accepts.json, refusal.body, code, refusal.headers)


def _json(form: Form, body: object, code: int, headers: Mapping[str, str]) -> Response:
    return Response(orjson.dumps(body), code, {**HEADERS, **headers}, f"{form.value}; charset=utf-8")
