"""External issuers: who has signed in elsewhere comes in here, as far as the issuer's word counts."""

import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import jwt
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as rsa_key
from sqlalchemy import bindparam, delete, select, update

from commands import canopy
from models import ExternalIdentity, Issuer, SignInFailure, User
from models.base import now, table_of
from models.statement import Statement
from resolvers import discovery, id_token, issuers, vouching
from resolvers.discovery import Discovery, DiscoveryError, check_address
from resolvers.id_token import NotVouchedError, Vouched
from tests.databases import Databases
from tests.elsewhere import AUDIENCE, KEYS, Elsewhere, jwk, verified
from tests.mail_server import certify
from tests.registering import Gateway, gateway
from tests.templates import seeded_template

RESELLER, CUSTOMER, PROVIDER = "admin@reseller.example", "limited@customer.example", "admin@provider.example"
_USER = table_of(User).c
WHERE = Statement(select(_USER.account_id, _USER.id).where(_USER.login == bindparam("login")))
NARROW = Statement(update(table_of(Issuer)).values(matches_email=False))
FORGIVE = Statement(delete(table_of(SignInFailure)))
LINKS = Statement(select(table_of(ExternalIdentity).c.subject))


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    made = Elsewhere()
    yield made
    made.close()


@pytest.fixture(scope="module")
async def shared(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    with databases.copied(seeded_template(databases)) as url:
        async with gateway(url, tmp_path_factory.mktemp("issuers")) as made:
            yield made


async def at(served: Gateway, login: str) -> int:
    """The account of a login."""
    async with served.service.store.unfiltered("a test looks") as db:
        return int((await db.rows(WHERE, {"login": login}))[0].account_id)


@pytest.fixture
async def let_in(shared: Gateway, elsewhere: Elsewhere) -> AsyncIterator[Gateway]:
    """A gateway that lets the issuer in, for the reseller's users and those below."""
    elsewhere.start_afresh()
    elsewhere.tell()
    store = shared.service.store
    async with store.unfiltered("a test forgives", write=True) as db:
        await db.execute(FORGIVE, {})
    shared.service.discovery = Discovery()
    await issuers.add(store, elsewhere.url, AUDIENCE, await at(shared, RESELLER), now(), matches_email=True)
    yield shared
    await issuers.remove(store, elsewhere.url)


async def exchanged(served: Gateway, token: str, **more: str) -> httpx.Response:
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token,
        "subject_token_type": vouching.ID_TOKEN,
    }
    return await served.http.post("/auth/token", data=form | more)


async def who(served: Gateway, granted: httpx.Response) -> str:
    """The login of whoever was let in."""
    assert granted.status_code == 200, granted.text
    headers = {"authorization": f"Bearer {granted.json()['access_token']}"}
    body = {"query": "{ viewer { user { login } } }"}
    answer = await served.http.post("/graphql", json=body, headers=headers)
    return str(answer.json()["data"]["viewer"]["user"]["login"])


async def links(served: Gateway) -> list[str]:
    async with served.service.store.unfiltered("a test looks") as db:
        return [row.subject for row in await db.rows(LINKS, {})]


@pytest.mark.parametrize("kid", KEYS)
async def test_who_has_a_verified_address_that_is_a_login_comes_in(
    let_in: Gateway, elsewhere: Elsewhere, kid: str
) -> None:
    granted = await exchanged(let_in, elsewhere.token(kid, **verified(CUSTOMER.upper())))

    assert await who(let_in, granted) == CUSTOMER
    assert granted.json()["issued_token_type"].endswith("access_token")
    assert "refresh_token" not in granted.json()


async def test_from_the_second_time_on_it_is_the_issuers_name_for_them_that_counts(
    let_in: Gateway, elsewhere: Elsewhere
) -> None:
    await exchanged(let_in, elsewhere.token(sub="u-1", **verified(CUSTOMER)))
    again = await exchanged(let_in, elsewhere.token(sub="u-1", **verified(RESELLER)))
    without = await exchanged(let_in, elsewhere.token(sub="u-1"))

    assert [await who(let_in, each) for each in (again, without)] == [CUSTOMER, CUSTOMER]
    assert await links(let_in) == ["u-1"]


@pytest.mark.parametrize(
    "claims",
    [
        {"email": CUSTOMER},
        {"email": CUSTOMER, "email_verified": False},
        {"email": CUSTOMER, "email_verified": "true"},
        {"email": [CUSTOMER], "email_verified": True},
        verified("nobody@nowhere.example"),
        verified("a\0b\ud800"),
        verified(""),
        {},
    ],
)
async def test_nobody_comes_in_by_an_address_that_is_not_verified_or_no_login(
    let_in: Gateway, elsewhere: Elsewhere, claims: dict[str, Any]
) -> None:
    answer = await exchanged(let_in, elsewhere.token(**claims))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert await links(let_in) == []


@pytest.mark.parametrize(
    ("email", "login"),
    [
        ("Kim@Customer.example", "kim@customer.example"),
        ("\u212aim@customer.example", "\u212aim@customer.example"),  # the kelvin's, which in small letters is a k
        ("kim@customer.example" + "x" * 301, ""),
        ("kim@customer.example\n", ""),
        (" kim@customer.example", " kim@customer.example"),
    ],
)
def test_an_address_is_nobody_elses_however_it_is_written(email: str, login: str, elsewhere: Elsewhere) -> None:
    token = id_token.claimed(elsewhere.token(**verified(email)))
    issuer: Any = SimpleNamespace(url=elsewhere.url, audience=AUDIENCE)

    assert id_token.vouched(issuer, token, jwt.PyJWK(jwk("rsa"))).email == login


async def test_the_word_of_an_issuer_that_was_just_removed_counts_no_more(
    let_in: Gateway, elsewhere: Elsewhere
) -> None:
    store, settings = let_in.service.store, let_in.service.sign_in
    issuer = await issuers.by_url(store, elsewhere.url)
    assert issuer is not None
    await issuers.remove(store, elsewhere.url)
    with pytest.raises(NotVouchedError, match="nobody who is known"):
        await vouching.admit(store, settings, Vouched(issuer, "new", CUSTOMER), stays=True)
    await issuers.add(store, elsewhere.url, AUDIENCE, 1, now(), matches_email=False)


async def test_the_word_of_an_issuer_counts_below_its_account_alone(let_in: Gateway, elsewhere: Elsewhere) -> None:
    above = await exchanged(let_in, elsewhere.token(**verified(PROVIDER)))
    unknown = await exchanged(let_in, elsewhere.token(**verified("nobody@nowhere.example")))
    within = await exchanged(let_in, elsewhere.token(**verified(RESELLER)), account=f"acc_{await at(let_in, PROVIDER)}")

    assert above.content == unknown.content
    assert within.json()["error"] == "invalid_target"


async def test_an_issuer_that_may_not_match_addresses_vouches_for_nobody_new(
    let_in: Gateway, elsewhere: Elsewhere
) -> None:
    store = let_in.service.store
    await exchanged(let_in, elsewhere.token(sub="known", **verified(CUSTOMER)))
    async with store.unfiltered("a test narrows", write=True) as db:
        await db.execute(NARROW, {})
    known = await exchanged(let_in, elsewhere.token(sub="known"))
    answer = await exchanged(let_in, elsewhere.token(sub="new", **verified(CUSTOMER)))

    assert (known.status_code, answer.json()["error"]) == (200, "invalid_grant")


async def test_whoever_tries_bad_tokens_has_to_wait(let_in: Gateway, elsewhere: Elsewhere) -> None:
    answers = [await exchanged(let_in, elsewhere.token(aud="another")) for _ in range(40)]
    late = await exchanged(let_in, elsewhere.token(**verified(CUSTOMER)))

    assert {answer.status_code for answer in answers} == {400, 429}
    assert (late.status_code, late.json()["error"]) == (429, "slow_down")


HOUR = 3600
BAD: dict[str, Callable[[Elsewhere], str]] = {
    "expired": lambda of: of.token(exp=int(time.time()) - 60, **verified(CUSTOMER)),
    "not yet issued": lambda of: of.token(iat=int(time.time()) + HOUR, **verified(CUSTOMER)),
    "without an expiry": lambda of: of.token(exp=None, **verified(CUSTOMER)),
    "without a name": lambda of: of.token(sub=None, **verified(CUSTOMER)),
    "with a name of control characters": lambda of: of.token(sub="a\nb", **verified(CUSTOMER)),
    "for somebody else": lambda of: of.token(aud="another", **verified(CUSTOMER)),
    "for several, us not": lambda of: of.token(aud=["a", "b"], **verified(CUSTOMER)),
    "for several, given to none": lambda of: of.token(aud=[AUDIENCE, "b"], **verified(CUSTOMER)),
    "given to another": lambda of: of.token(azp="b", **verified(CUSTOMER)),
    "of an issuer that no database could hold": lambda of: of.token(iss="a\0b\ud800", **verified(CUSTOMER)),
    "of another issuer": lambda of: of.token(iss="https://elsewhere.example", **verified(CUSTOMER)),
    "signed by another": lambda of: of.token(key=rsa_key(65537, 2048), **verified(CUSTOMER)),
    "by a key that is unknown": lambda of: of.token(headers={"kid": "other"}, **verified(CUSTOMER)),
    "by a key of another kind": lambda of: of.token(headers={"kid": "ec"}, **verified(CUSTOMER)),
    "unsigned": lambda of: jwt.encode({"iss": of.url, "sub": "x", "aud": AUDIENCE}, None, "none"),  # type: ignore[arg-type]  # nothing signs it
    "signed by what everybody knows": lambda of: jwt.encode(
        {"iss": of.url, "sub": "x", "aud": AUDIENCE, "exp": 2**33, "iat": 1}, "x" * 32, "HS256", {"kid": "rsa"}
    ),
    "no token": lambda _of: "a.b.c",
    "too long": lambda of: of.token(more="x" * 20_000, **verified(CUSTOMER)),
}


@pytest.mark.parametrize("how", BAD)
async def test_a_token_that_is_bad_in_any_way_lets_nobody_in(let_in: Gateway, elsewhere: Elsewhere, how: str) -> None:
    answer = await exchanged(let_in, BAD[how](elsewhere))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), answer.text


async def test_a_token_for_several_is_good_if_it_was_given_to_us(let_in: Gateway, elsewhere: Elsewhere) -> None:
    token = elsewhere.token(aud=[AUDIENCE, "b"], azp=AUDIENCE, **verified(CUSTOMER))

    assert await who(let_in, await exchanged(let_in, token)) == CUSTOMER


async def test_an_issuer_that_is_removed_lets_nobody_in(let_in: Gateway, elsewhere: Elsewhere) -> None:
    await issuers.remove(let_in.service.store, elsewhere.url)
    answer = await exchanged(let_in, elsewhere.token(**verified(CUSTOMER)))
    await issuers.add(let_in.service.store, elsewhere.url, AUDIENCE, 1, now(), matches_email=False)

    assert answer.json()["error"] == "invalid_grant"


# Keys


async def test_an_issuer_is_asked_once_for_many_tokens_and_again_for_a_new_key(
    let_in: Gateway, elsewhere: Elsewhere
) -> None:
    clock = 0.0
    let_in.service.discovery = Discovery(clock=lambda: clock)
    elsewhere.tell("rsa")
    for _ in range(3):
        await exchanged(let_in, elsewhere.token(**verified(CUSTOMER)))
    assert elsewhere.asked == ["/.well-known/openid-configuration", "/keys"]
    elsewhere.tell("rsa", "ec")
    too_soon = await exchanged(let_in, elsewhere.token("ec", **verified(CUSTOMER)))
    clock = 31
    later = await exchanged(let_in, elsewhere.token("ec", **verified(CUSTOMER)))

    assert (too_soon.status_code, later.status_code) == (400, 200)
    assert len(elsewhere.asked) == 4


async def test_while_an_issuer_is_away_its_keys_stay_as_they_were(let_in: Gateway, elsewhere: Elsewhere) -> None:
    clock = 0.0
    let_in.service.discovery = Discovery(clock=lambda: clock)
    await exchanged(let_in, elsewhere.token(**verified(CUSTOMER)))
    elsewhere.documents = {}
    clock = 301

    assert (await exchanged(let_in, elsewhere.token(**verified(CUSTOMER)))).status_code == 200


async def test_an_issuer_that_was_never_reached_is_told_as_away_and_asked_seldom(
    let_in: Gateway, elsewhere: Elsewhere
) -> None:
    elsewhere.documents = {}
    for _ in range(3):
        answer = await exchanged(let_in, elsewhere.token(**verified(CUSTOMER)))
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")

    assert len(elsewhere.asked) == 1


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"issuer": "https://other.example"}, "which it has to"),
        ({"jwks_uri": None}, "where its keys are"),
        ({"jwks_uri": "http://10.0.0.1/keys"}, "takes https"),
        ({"jwks_uri": "file:///etc/passwd"}, "takes https|like https"),
    ],
)
def test_what_an_issuer_tells_of_itself_has_to_make_sense(
    elsewhere: Elsewhere, about: dict[str, Any], why: str
) -> None:
    elsewhere.redirects = ""
    elsewhere.tell(**about)

    with pytest.raises(DiscoveryError, match=why):
        Discovery().keys_of(elsewhere.url)


def test_more_than_an_issuer_can_have_to_say_is_not_read(elsewhere: Elsewhere) -> None:
    elsewhere.redirects = ""
    elsewhere.tell(more="x" * 300_000)

    with pytest.raises(DiscoveryError, match="more than 262,144 bytes"):
        Discovery().keys_of(elsewhere.url)


@pytest.mark.parametrize("name", ["jwks_uri", "authorization_endpoint", "token_endpoint"])
def test_an_issuer_elsewhere_names_no_address_on_this_machine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    far, asked = "https://login.example", []
    about = {"jwks_uri": f"{far}/keys", "authorization_endpoint": f"{far}/to", "token_endpoint": f"{far}/token"}

    def fetch(url: str) -> Any:
        asked.append(url)
        return {"keys": [jwk("rsa")]} if url.endswith("/keys") else about | {"issuer": far, name: here}

    monkeypatch.setattr(discovery, "fetch", fetch)
    for here in ("http://127.0.0.1:9200/keys", "HTTP://localhost/keys", "http://[::1]/keys"):
        if name == "jwks_uri":
            with pytest.raises(DiscoveryError, match="takes https"):
                discovery.told_by(far)
        else:
            told = discovery.told_by(far)
            assert (getattr(told, name), sorted(told.keys)) == ("", ["rsa"])
        assert here not in asked


@contextmanager
def dripping(ahead: bytes, behind: bytes, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """An address where an answer comes, between its parts a letter now and then for about a second."""

    def secured(plain: socket.socket) -> socket.socket:
        return tls.wrap_socket(plain, server_side=True) if tls else plain

    def drip(server: socket.socket) -> None:
        with suppress(OSError), server.accept()[0] as plain, secured(plain) as connected:
            connected.recv(4096)
            for part in (ahead, *[b"x"] * 20, behind):
                connected.sendall(part)
                time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


DRIPPING = {
    "headers": (b"HTTP/1.1 200 OK\r\nx-more: ", b"\r\ncontent-length: 2\r\n\r\n{}"),
    "body": (b'HTTP/1.1 200 OK\r\ncontent-length: 28\r\n\r\n{"a": "', b'"}'),
}


@pytest.mark.parametrize("where", DRIPPING)
def test_an_answer_comes_in_time_as_a_whole(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with dripping(*DRIPPING[where]) as url:
        assert discovery.ask(url).status == 200
    monkeypatch.setattr(discovery, "_SECONDS", 0.3)
    with dripping(*DRIPPING[where]) as url, pytest.raises(DiscoveryError, match=r"timed out|too long"):
        discovery.ask(url)


def test_over_tls_likewise_and_by_a_certificate_that_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certify(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")

    with dripping(*DRIPPING["headers"], tls) as url, pytest.raises(DiscoveryError, match="CERTIFICATE_VERIFY_FAILED"):
        discovery.ask(url)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    with dripping(*DRIPPING["headers"], tls) as url:
        assert discovery.ask(url).status == 200
    monkeypatch.setattr(discovery, "_SECONDS", 0.5)
    with dripping(*DRIPPING["headers"], tls) as url, pytest.raises(DiscoveryError, match=r"timed out|too long"):
        discovery.ask(url)


def test_nobody_is_asked_whom_an_issuer_names_instead(elsewhere: Elsewhere) -> None:
    elsewhere.tell()
    elsewhere.redirects = f"{elsewhere.url}/.well-known/openid-configuration?"
    elsewhere.asked.clear()

    with pytest.raises(DiscoveryError, match="302"):
        Discovery().keys_of(elsewhere.url)
    assert len(elsewhere.asked) == 1


@pytest.mark.parametrize(
    "url",
    ["http://issuer.example", "https://", "ftp://x", "https://u:p@x", "https://x?a=1", "https://[", "http://[::2]"],
)
def test_an_issuer_is_reached_over_tls(url: str) -> None:
    with pytest.raises(DiscoveryError):
        check_address(url)


# For operators


def test_issuers_are_let_in_told_and_removed_by_their_address(
    sqlite_databases: Databases, elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere.redirects = ""
    elsewhere.tell()
    with sqlite_databases.copied(seeded_template(sqlite_databases)) as url:
        monkeypatch.setenv("CANOPY_DATABASE_URL", url)
        monkeypatch.setenv("CANOPY_KEY_FILE", str(tmp_path / "key"))

        def run(*words: str) -> tuple[int, str]:
            done = CliRunner().invoke(canopy, ["issuers", *words])
            return done.exit_code, done.output

        added = run("add", elsewhere.url, "--audience", AUDIENCE, "--below", "acc_2")
        again = run("add", elsewhere.url, "--audience", AUDIENCE, "--below", "acc_2")
        nowhere = run("add", elsewhere.url + "/", "--audience", AUDIENCE, "--below", "acc_2")
        told, removed, none = run("list"), run("remove", elsewhere.url), run("remove", elsewhere.url)

    assert added == (0, f"{elsewhere.url} is let in, with 3 keys, for users of acc_2 and below.\n")
    assert (again[0], nowhere[0], removed[0], none[0]) == (1, 1, 0, 1)
    assert told[1] == f"{elsewhere.url}  audience {AUDIENCE}  acc_2 and below: linked users\n"
