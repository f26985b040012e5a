"""Signing in and out over HTTP: tokens, links out of mails, forgotten passwords. Mounted by `gateway.py`."""

import logging
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge import sso
from edge.exposure.headers import SECURITY_HEADERS
from edge.limits.body import BodyError, read_body
from edge.service import Service, service_of
from models.store import StoreError
from resolvers import acting, sign_in, vouching
from resolvers.errors import UnavailableError
from resolvers.forgotten import forgotten
from resolvers.link_following import Followed, follow
from resolvers.oauth import Grant, Refusal, SignInError
from schema.node import split

log = logging.getLogger("canopy")

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  # a grant's name

Form = Mapping[str, str]


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _granted(grant: Grant) -> dict[str, Any]:
    answer = {"access_token": grant.access_token, "token_type": "Bearer", "expires_in": grant.expires_in}
    further: dict[str, Any] = {
        "refresh_token": grant.refresh_token,
        "issued_token_type": grant.issued_token_type,
        "accounts": [{"id": f"acc_{row_id}", "name": name} for row_id, name in grant.accounts],
    }
    return answer | {name: value for name, value in further.items() if value}


def _not_granted(error: SignInError) -> Response:
    """RFC 6749 §5.2, and 429 for those who have to wait."""
    status = {Refusal.INVALID_CLIENT: 401, Refusal.SLOW_DOWN: 429}.get(error.error, 400)
    headers = dict(SECURITY_HEADERS)
    if error.retry_after is not None:
        headers["retry-after"] = str(error.retry_after)
    if status == 401:
        headers["www-authenticate"] = "Basic"
    answer = {"error": str(error.error), "error_description": error.description}
    if error.field is not None:
        answer["field"] = error.field
    return JSONResponse(answer, status, headers)


async def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise SignInError(Refusal.INVALID_REQUEST, "Send form fields: Content-Type: application/x-www-form-urlencoded.")
    try:
        fields = parse_qsl((await read_body(request)).decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise SignInError(Refusal.INVALID_REQUEST, "The body is no form.") from error
    if len(dict(fields)) < len(fields):
        raise SignInError(Refusal.INVALID_REQUEST, "Give each field once.")
    return dict(fields)


def _client_credentials(request: Request, form: Form) -> list[str]:
    """Client id and secret, from HTTP Basic or from the form (RFC 6749 §2.3.1)."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return _needed(form, "client_id", "client_secret")
    try:
        client_id, colon, secret = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        colon = ""
    if not colon:
        raise SignInError(Refusal.INVALID_REQUEST, "HTTP Basic takes client id and secret: base64 of `id:secret`.")
    return [unquote_plus(client_id), unquote_plus(secret)]


def _needed(form: Form, *names: str) -> list[str]:
    missing = [name for name in names if not form.get(name)]
    if missing:
        raise SignInError(Refusal.INVALID_REQUEST, f"Missing: {', '.join(missing)}.")
    return [form[name] for name in names]


def _account_id(text: str) -> int:
    """The row id behind an account's global id; 0, the id of nothing, for what is none."""
    prefix, row_id = split(text) or ("", 0)
    return row_id if prefix == "acc" else 0


def _told(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The handler, its refusals as answers."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except SignInError as error:
            return _not_granted(error)
        except BodyError as error:
            return _not_granted(SignInError(Refusal.INVALID_REQUEST, str(error)))
        except (UnavailableError, StoreError) as error:
            log.warning("sign-in is not possible: %s", error)
            message = "Sign-in is not possible now. Try again soon."
            answer = {"error": "temporarily_unavailable", "error_description": message}
            return JSONResponse(answer, 503, {**SECURITY_HEADERS, "retry-after": "5"})

    return handle


@_told
async def token(request: Request) -> Response:
    """Give an access token for a password, a refresh token, a client secret (RFC 6749 §3.2), or another (RFC 8693)."""
    form = await _form(request)
    grant_type = form.get("grant_type", "")
    if grant_type not in _GRANTS:
        raise SignInError(Refusal.UNSUPPORTED_GRANT_TYPE, f"`grant_type` takes one of {', '.join(_GRANTS)}.")
    return JSONResponse(_granted(await _GRANTS[grant_type](request, form)), headers=SECURITY_HEADERS)


def _wanted_account(form: Form) -> int | None:
    return _account_id(form["account"]) if form.get("account") else None


async def _by_password(request: Request, form: Form) -> Grant:
    service = service_of(request)
    login, password = _needed(form, "username", "password")
    return await sign_in.sign_in_with_password(
        service.store, service.sign_in, login, password, _address(request), _wanted_account(form)
    )


async def _by_refresh_token(request: Request, form: Form) -> Grant:
    service = service_of(request)
    (refresh_token,) = _needed(form, "refresh_token")
    return await sign_in.refresh(service.store, service.sign_in, refresh_token, _wanted_account(form))


async def _by_client_secret(request: Request, form: Form) -> Grant:
    service = service_of(request)
    client_id, secret = _client_credentials(request, form)
    return await sign_in.sign_in_with_client_secret(
        service.store, service.sign_in, client_id, secret, _address(request)
    )


async def _by_exchange(request: Request, form: Form) -> Grant:
    service = service_of(request)
    subject_token, of_type = _needed(form, "subject_token", "subject_token_type")
    if of_type == vouching.ID_TOKEN:
        return await vouching.sign_in_by_issuer(
            service.store, service.sign_in, service.discovery, subject_token, _address(request), _wanted_account(form)
        )
    (audience,) = _needed(form, "audience")
    if of_type != acting.ACCESS_TOKEN or form.get("requested_token_type", of_type) != of_type:
        kinds = f"{acting.ACCESS_TOKEN}, or for an issuer's {vouching.ID_TOKEN}"
        raise SignInError(Refusal.INVALID_REQUEST, f"An access token is given for one: {kinds}.")
    if form.get("actor_token"):
        raise SignInError(Refusal.INVALID_REQUEST, "The subject token is the actor's; `actor_token` has no use here.")
    return await acting.exchange(service.store, service.sign_in, subject_token, _account_id(audience))


_GRANTS: dict[str, Callable[[Request, Form], Awaitable[Grant]]] = {
    "password": _by_password,
    "refresh_token": _by_refresh_token,
    "client_credentials": _by_client_secret,
    TOKEN_EXCHANGE: _by_exchange,
}


GRANT_TYPES = list(_GRANTS)


@_told
async def revoke(request: Request) -> Response:
    """Sign out: take back a refresh token and its successors (RFC 7009)."""
    service = service_of(request)
    (refresh_token,) = _needed(await _form(request), "token")
    await sign_in.revoke(service.store, service.sign_in, refresh_token)
    return Response(status_code=200, headers=SECURITY_HEADERS)


@_told
async def returned(request: Request) -> Response:
    """Give tokens to the page to which an external issuer has sent a browser back: to who has set out there alone."""
    grant = await sso.returned(request, await _form(request), _address(request))
    answer = JSONResponse(_granted(grant), headers=SECURITY_HEADERS)
    sso.forget(request, answer)
    return answer


@_told
async def link(request: Request) -> Response:
    """Follow a link out of a mail: choose a password and a security question, or come into a further account."""
    service = service_of(request)
    form = await _form(request)
    (link_token,) = _needed(form, "token")
    given = Followed(link_token, form.get("password", ""), form.get("question", ""), form.get("answer", ""))
    login = await follow(service.store, service.sign_in, given, _address(request))
    return JSONResponse({"login": login}, headers=SECURITY_HEADERS)


@_told
async def forgot(request: Request) -> Response:
    """Have a link for a new password mailed. The answer, and when it comes, doesn't tell whether there is the login."""
    (login,) = _needed(await _form(request), "login")
    later = BackgroundTask(_mail_link, service_of(request), login, _address(request))
    return Response(status_code=202, headers=SECURITY_HEADERS, background=later)


async def _mail_link(service: Service, login: str, address: str) -> None:
    try:
        await forgotten(service.store, service.sign_in, login, address)
    except StoreError as error:
        log.error("a forgotten password: %s", error)


ROUTES = [
    Route("/auth/token", token, methods=["POST"]),
    Route("/auth/revoke", revoke, methods=["POST"]),
    Route("/auth/returned", returned, methods=["POST"]),
    Route("/auth/link", link, methods=["POST"]),
    Route("/auth/forgotten", forgot, methods=["POST"]),
]
