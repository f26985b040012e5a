"""What other programs may know of our tokens: the keys that verify them, and where they are given. For `gateway.py`."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge.auth import GRANT_TYPES
from edge.service import service_of
from resolvers.keys import public_jwk

_PUBLIC = {"cache-control": "public, max-age=300"}
"""For so long somebody may not know yet of a key that has come; we verify by it at once."""


async def jwks(request: Request) -> Response:
    """All keys by which our access tokens are verified (RFC 7517), the one first that signs now."""
    found = service_of(request).keys.public_keys.items()
    keys = [{**public_jwk(key), "kid": kid, "use": "sig", "alg": "EdDSA"} for kid, key in found]
    return JSONResponse({"keys": keys}, headers=_PUBLIC)


async def metadata(request: Request) -> Response:
    """Where tokens are given, for what, and who signs them (RFC 8414)."""
    address = service_of(request).settings.address
    methods = ["client_secret_basic", "client_secret_post", "none"]
    return JSONResponse(
        {
            "issuer": address,
            "token_endpoint": f"{address}/auth/token",
            "revocation_endpoint": f"{address}/auth/revoke",
            "jwks_uri": f"{address}/.well-known/jwks.json",
            "grant_types_supported": GRANT_TYPES,
            "token_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_methods_supported": ["none"],
            "response_types_supported": [],
        },
        headers=_PUBLIC,
    )


ROUTES = [
    Route("/.well-known/jwks.json", jwks),
    Route("/.well-known/oauth-authorization-server", metadata),
]
