"""The pages for browsers, as `make web` builds them."""

import logging
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from edge.exposure.headers import PAGE_POLICY, SECURITY_HEADERS
from edge.service import Service, service_of
from models.demo import LOGINS, PASSWORD
from models.store import StoreError
from resolvers import issuers
from resolvers.request_id import REQUEST_ID

log = logging.getLogger("canopy")

WEB = Path(__file__).parent.parent / "web" / "dist"


async def graphiql(request: Request) -> Response:
    """The bundled GraphiQL."""
    service = service_of(request)
    meta = await _issuers(service)
    if service.settings.demo:
        meta += _meta("demo", ",".join(LOGINS)) + _meta("demo-password", PASSWORD)
    return _page("graphiql.html", meta)


async def _issuers(service: Service) -> str:
    """The external issuers by which strangers are shown that they can sign in."""
    try:
        offered = await issuers.offered(service.store)
    except StoreError as error:  # the page comes up all the same, and says so when somebody signs in
        log.warning("the page is shown without issuers: %s", error)
        return ""
    return "".join(_meta("issuer", f"{each.name} {each.button}") for each in offered)


async def link(_request: Request) -> Response:
    """The page that links in mails open; what stands behind their `#` is its script's to send."""
    return _page("link.html")


async def forgotten(_request: Request) -> Response:
    """The page by which somebody who has forgotten their password is mailed a link."""
    return _page("forgotten.html")


def back_from_issuer() -> Response:
    """The page to which an external issuer sends a browser back; what stands in its address is its script's to send."""
    return _page("returned.html", root="../../")


def no_way_to_issuer(problem: str, status: int) -> Response:
    """The page for whoever can't be sent to an external issuer.

    Args:
        problem: a sentence or two: why not, and what to do.
        status: of HTTP.
    """
    meta = _meta("problem", problem) + _meta("request", REQUEST_ID.get() or "")
    return _page("returned.html", meta, root="../", status=status)


def _meta(name: str, content: str) -> str:
    """Something that the server tells a page's script."""
    return f'<meta name="canopy-{name}" content="{escape(content)}">'


def _page(name: str, meta: str = "", root: str = "./", status: int = 200) -> Response:
    """A page.

    Args:
        name: of its file.
        meta: is put into its head.
        root: where its own address ends and the gateway's begins.
        status: of HTTP.
    """
    page = WEB / name
    if not page.exists():
        return PlainTextResponse(
            "This page is not built. Install Node.js 20.19 or newer, then run `make web`. /graphql works without it.\n",
            503,
        )
    html = page.read_text().replace("<!-- canopy:meta -->", meta).replace('="./', f'="{root}')
    return HTMLResponse(html, status, headers={**SECURITY_HEADERS, "content-security-policy": PAGE_POLICY})
