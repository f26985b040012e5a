"""An external issuer on this machine, a provider of OpenID Connect: tells of itself, and signs, what it is told to."""

import secrets
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as rsa_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "canopy-at-the-issuer"
RSA, EC, ED = rsa_key(65537, 2048), ec_key(SECP256R1()), Ed25519PrivateKey.generate()
KEYS: dict[str, Any] = {"rsa": RSA, "ec": EC, "ed": ED}
ALGORITHMS = {"rsa": "RS256", "ec": "ES256", "ed": "EdDSA"}

Answered = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body."""


def jwk(kid: str) -> dict[str, Any]:
    public = KEYS[kid].public_key()
    of_kind: Any = {"rsa": RSAAlgorithm, "ec": ECAlgorithm, "ed": OKPAlgorithm}[kid]
    return {**orjson.loads(of_kind.to_jwk(public)), "kid": kid, "use": "sig"}


def verified(email: str) -> dict[str, Any]:
    """Claims of somebody whose address the issuer knows to be theirs."""
    return {"email": email, "email_verified": True}


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_given: object) -> None:
        """Say nothing: clients go away, where that is what is tested."""


@dataclass(frozen=True)
class Given:
    """A code that was given, with what was asked for it."""

    asked: Mapping[str, str]


class Elsewhere:
    """The issuer. It lets in at once whoever comes, as `person`.

    Args:
        person: claims of the id tokens that it gives for codes; one that is None is left out.
        secret: of the client; where it is empty, it asks for none.
        names_itself: whether it says who it is in what it sends browsers back with.
        refuses: why it gives nobody a code; empty while it does.
        trading: what it answers instead of trading codes.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.documents: dict[str, Any] = {}
        self.given: dict[str, Given] = {}
        self.start_afresh()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the library's name
                outer.asked.append(self.path)
                self.send(*outer.answer(self.path))

            def do_POST(self) -> None:  # likewise
                outer.asked.append(self.path)
                form = dict(parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
                self.send(*(outer.trading or outer.trade(form, self.headers.get("authorization", ""))))

            def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_given: object) -> None:
                """Say nothing."""

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.tell()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def start_afresh(self) -> None:
        self.redirects = ""
        self.person: dict[str, Any] = {}
        self.secret = ""
        self.names_itself = False
        self.refuses = ""
        self.trading: Answered | None = None
        self.asked.clear()
        self.forms.clear()
        self.given.clear()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def tell(self, *kids: str, **about: Any) -> None:
        """Tell of these keys; by default of all, and nothing else than should be. What is None is not told."""
        told = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/keys",
            "authorization_endpoint": f"{self.url}/authorize?tenant=7",
            "token_endpoint": f"{self.url}/token",
        } | about
        self.documents = {
            "/.well-known/openid-configuration": {name: value for name, value in told.items() if value is not None},
            "/keys": {"keys": [jwk(kid) for kid in kids or KEYS]},
        }

    def answer(self, path: str) -> Answered:
        if self.redirects:
            return 302, {"location": self.redirects}, b""
        if path.startswith("/authorize?"):
            return 302, {"location": self.sent_back(dict(parse_qsl(urlsplit(path).query)))}, b""
        if path not in self.documents:
            return 404, {}, b""
        return 200, {}, orjson.dumps(self.documents[path])

    def sent_back(self, asked: Mapping[str, str]) -> str:
        """Where a browser is sent that has come with this."""
        back = {"state": asked["state"]} | ({"iss": self.url} if self.names_itself else {})
        if self.refuses:
            back |= {"error": self.refuses, "error_description": "<b>call 0123</b>"}
        else:
            code = secrets.token_urlsafe(8)
            self.given[code] = Given(asked)
            back |= {"code": code}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def trade(self, form: dict[str, str], authorization: str) -> Answered:
        """A token for a code, once, to whoever has asked for it: as RFC 6749 and RFC 7636 have it."""
        self.forms.append(form)
        if self.client_of(form, authorization) != (AUDIENCE, self.secret):
            return 401, {}, b'{"error": "invalid_client"}'
        given = self.given.pop(form.get("code", ""), None)
        challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        is_good = (
            given is not None
            and form["grant_type"] == "authorization_code"
            and given.asked["redirect_uri"] == form["redirect_uri"]
            and (given.asked["code_challenge_method"], given.asked["code_challenge"]) == ("S256", challenge)
        )
        if given is None or not is_good:
            return 400, {}, b'{"error": "invalid_grant", "error_description": "spent"}'
        token = self.token(**({"nonce": given.asked["nonce"]} | self.person))
        return 200, {}, orjson.dumps({"access_token": "x", "token_type": "Bearer", "id_token": token})

    def client_of(self, form: Mapping[str, str], authorization: str) -> tuple[str, str]:
        """Who trades a code: by HTTP Basic, or by the form."""
        if not authorization:
            return form.get("client_id", ""), form.get("client_secret", "")
        client, _, secret = b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        return unquote_plus(client), unquote_plus(secret)

    def token(self, kid: str = "rsa", key: Any = None, headers: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """An id token; a claim that is None is left out."""
        at = int(time.time())
        given = {"iss": self.url, "aud": AUDIENCE, "sub": "somebody", "iat": at, "exp": at + 300} | claims
        left = {name: value for name, value in given.items() if value is not None}
        return jwt.encode(left, key or KEYS[kid], ALGORITHMS[kid], headers={"kid": kid} | dict(headers or {}))
