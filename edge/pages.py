"""The pages for browsers, as `make web` builds them."""

from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from edge.exposure.headers import PAGE_POLICY, SECURITY_HEADERS
from edge.service import service_of
from models.demo import LOGINS, PASSWORD

WEB = Path(__file__).parent.parent / "web" / "dist"


async def graphiql(request: Request) -> Response:
    """The bundled GraphiQL."""
    meta = ""
    if service_of(request).settings.demo:
        meta = (
            f'<meta name="canopy-demo" content="{escape(",".join(LOGINS))}">'
            f'<meta name="canopy-demo-password" content="{escape(PASSWORD)}">'
        )
    return _page("graphiql.html", meta)


async def link(_request: Request) -> Response:
    """The page that links in mails open; what stands behind their `#` is its script's to send."""
    return _page("link.html")


async def forgotten(_request: Request) -> Response:
    """The page by which somebody who has forgotten their password is mailed a link."""
    return _page("forgotten.html")


def _page(name: str, meta: str = "") -> Response:
    page = WEB / name
    if not page.exists():
        return PlainTextResponse(
            "This page is not built. Install Node.js 20.19 or newer, then run `make web`. /graphql works without it.\n",
            503,
        )
    html = page.read_text().replace("<!-- canopy:meta -->", meta)
    return HTMLResponse(html, headers={**SECURITY_HEADERS, "content-security-policy": PAGE_POLICY})
