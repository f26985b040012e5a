"""Single sign-on for browsers: the addresses from which they go to external issuers, and to which they come back.

What a browser keeps on the way is the one cookie of the gateway. It lets nobody in: without it, what an issuer sends
somebody back with is good for nothing.
"""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from edge import pages
from edge.exposure.headers import SECURITY_HEADERS
from edge.service import Service, service_of
from models.store import StoreError
from resolvers import browser_sign_in
from resolvers.authorization_code import TIME, Returned
from resolvers.browser_sign_in import NoSuchIssuerError
from resolvers.errors import UnavailableError
from resolvers.oauth import Grant

_COOKIE = "canopy-sign-in"


async def depart(request: Request) -> Response:
    """Send a browser to an issuer."""
    service = service_of(request)
    name = request.path_params["issuer"]
    try:
        departure = await browser_sign_in.depart(
            service.store, service.sign_in, service.discovery, service.browsers, name
        )
    except NoSuchIssuerError:
        return pages.no_way_to_issuer("Nobody signs in by this address. Is it spelled right?", 404)
    except (UnavailableError, StoreError):
        return pages.no_way_to_issuer("You can't be sent there to sign in now. Try again soon.", 503)
    answer = RedirectResponse(departure.to, 303, SECURITY_HEADERS)
    seconds = int(TIME.total_seconds())
    is_secure = _is_secure(service)
    answer.set_cookie(_cookie(service), departure.kept, seconds, secure=is_secure, httponly=True, samesite="strict")
    return answer


async def arrive(_request: Request) -> Response:
    """The page that a browser comes back to."""
    return pages.back_from_issuer()


async def returned(request: Request, form: Mapping[str, str], address: str) -> Grant:
    """What the page is given for what the browser has come back with.

    Args:
        request: holds the cookie.
        form: `to` is the issuer's name in the page's address, all else what the issuer has put there.
        address: of the client.

    Raises:
        resolvers.oauth.SignInError: nothing.
        UnavailableError: the issuer can't be asked.
    """
    service = service_of(request)
    back = Returned(form.get("state", ""), form.get("code", ""), form.get("error", ""), form.get("iss", ""))
    kept = request.cookies.get(_cookie(service), "")
    return await browser_sign_in.arrive(
        service.store, service.sign_in, service.discovery, service.browsers, form.get("to", ""), kept, back, address
    )


def forget(request: Request, answer: Response) -> None:
    """Have the browser forget what it has kept."""
    service = service_of(request)
    is_secure = _is_secure(service)
    answer.delete_cookie(_cookie(service), secure=is_secure, httponly=True, samesite="strict")


def _is_secure(service: Service) -> bool:
    return service.settings.address.startswith("https:")


def _cookie(service: Service) -> str:
    """Its name: over TLS one that no other host of the domain can set."""
    return f"__Host-{_COOKIE}" if _is_secure(service) else _COOKIE


ROUTES = [
    Route("/sign-in/{issuer}", depart),
    Route("/sign-in/{issuer}/callback", arrive),
]
