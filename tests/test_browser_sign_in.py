"""Browsers sign in by an external issuer: to it and back, once, each for itself, and only whom it may vouch for."""

import asyncio
import logging
import re
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import BigInteger, String, bindparam, delete, insert, select, update

from commands import canopy
from edge.settings import Settings
from models import Account, AccountStatus, Issuer, RefreshToken, SignInFailure, User, UserStatus
from models.base import now, table_of
from models.demo import PASSWORD
from models.life.standing import WHY_NOT
from models.statement import Statement
from resolvers import authorization_code, discovery, issuers
from resolvers.discovery import Discovery
from resolvers.issuers import Door
from resolvers.keys import KeyRing
from resolvers.throttle import Limit, Throttle, ThrottleSettings
from tests.databases import Databases
from tests.elsewhere import AUDIENCE, Elsewhere, verified
from tests.registering import Gateway, gateway
from tests.templates import seeded_template

RESELLER, CUSTOMER, PROVIDER = "admin@reseller.example", "limited@customer.example", "admin@provider.example"
DOOR = Door("acme", "Acme & Co")
_USER = table_of(User).c
WHERE = Statement(select(_USER.account_id).where(_USER.login == bindparam("login")))
STATUS = Statement(update(table_of(User)).where(_USER.login == bindparam("who")).values(status=bindparam("status")))
HELD = Statement(
    update(table_of(Account)).where(table_of(Account).c.id == bindparam("which")).values(status=bindparam("status"))
)
_OTHERWISE: dict[str, Any] = {"id": bindparam("number", type_=BigInteger), "login": bindparam("login", type_=String)}
ALSO = Statement(
    insert(table_of(User)).from_select(
        [each.name for each in _USER],
        select(*(_OTHERWISE.get(each.name, each) for each in _USER)).where(_USER.login == bindparam("like")),
    )
)
NO_MORE = Statement(delete(table_of(User)).where(_USER.id == bindparam("number")))
MEMBERSHIPS = "memberships { account { id } }"
FORGIVE = Statement(delete(table_of(SignInFailure)))
FAILED = Statement(select(table_of(SignInFailure).c.failures))
ENDS = Statement(select(table_of(RefreshToken).c.expires_at, table_of(RefreshToken).c.created_at))
ISSUERS = Statement(select(*table_of(Issuer).c))
LOST = "This sign-in was begun in another window or browser, or more than ten minutes ago. Start again."


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    made = Elsewhere()
    yield made
    made.close()


@pytest.fixture(scope="module")
async def shared(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    with databases.copied(seeded_template(databases)) as url:
        async with gateway(url, tmp_path_factory.mktemp("browsers"), caller_seconds=0) as made:
            yield made


async def at(served: Gateway, login: str) -> int:
    """The account of a login."""
    async with served.service.store.unfiltered("a test looks") as db:
        return int((await db.rows(WHERE, {"login": login}))[0].account_id)


async def run(served: Gateway, statement: Statement, **given: Any) -> list[Any]:
    async with served.service.store.unfiltered("a test looks or changes", write=True) as db:
        return await db.rows(statement, given)


@pytest.fixture
async def served(shared: Gateway, elsewhere: Elsewhere) -> AsyncIterator[Gateway]:
    """A gateway in which browsers sign in by the issuer, for the reseller's users and those below."""
    elsewhere.start_afresh()
    elsewhere.tell()
    elsewhere.person = {"sub": "u-1", **verified(CUSTOMER)}
    service, before = shared.service, (shared.service.sign_in, shared.service.browsers)
    service.discovery = Discovery()
    async with service.store.unfiltered("a test forgives", write=True) as db:
        await db.execute(FORGIVE, {})
    below = await at(shared, RESELLER)
    await issuers.add(service.store, elsewhere.url, AUDIENCE, below, now(), matches_email=True, door=DOOR)
    yield shared
    service.sign_in, service.browsers = before
    if await issuers.by_url(service.store, elsewhere.url):
        await issuers.remove(service.store, elsewhere.url)


@dataclass
class Journey:
    """A browser that is on its way.

    Args:
        kept: the cookie.
        sent_to: the issuer's address.
        back: what is in the address to which the issuer has sent it.
    """

    kept: str
    sent_to: str
    back: dict[str, str]


async def set_out(served: Gateway, name: str = "acme") -> httpx.Response:
    served.http.cookies.clear()
    answer = await served.http.get(f"/sign-in/{name}")
    served.http.cookies.clear()
    return answer


def cookie_of(answer: httpx.Response) -> tuple[str, Any]:
    """The name and all that is said of the one cookie that is set."""
    (header,) = answer.headers.get_list("set-cookie")
    ((name, morsel),) = SimpleCookie(header).items()
    return name, morsel


async def travelled(served: Gateway, elsewhere: Elsewhere) -> Journey:
    """Somebody presses the button, and the issuer lets them in."""
    answer = await set_out(served)
    assert answer.status_code == 303, answer.text
    to = answer.headers["location"]
    async with httpx.AsyncClient() as browser:
        there = await browser.get(to)
    assert there.status_code == 302
    back = urlsplit(there.headers["location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == f"{served.service.settings.address}/sign-in/acme/callback"
    return Journey(cookie_of(answer)[1].value, to, dict(parse_qsl(back.query)))


async def arrived(served: Gateway, journey: Journey, **other: str | None) -> httpx.Response:
    """What the page is given; further arguments are put into the form, or taken out of it."""
    form = {"to": "acme"} | journey.back | other
    sent = {name: value for name, value in form.items() if value is not None}
    headers = {b"cookie": f"canopy-sign-in={journey.kept}".encode()} if journey.kept else {}
    answer = await served.http.post("/auth/returned", data=sent, headers=headers)
    served.http.cookies.clear()
    return answer


async def viewer(served: Gateway, token: str, fields: str = "user { login }") -> Any:
    answer = await served.http.post(
        "/graphql", json={"query": f"{{ viewer {{ {fields} }} }}"}, headers={"authorization": f"Bearer {token}"}
    )
    return answer.json()["data"]["viewer"] if answer.status_code == 200 else answer.status_code


def refusal(answer: httpx.Response) -> str:
    """The sentence for the one who is refused."""
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), answer.text
    assert set(answer.json()) == {"error", "error_description"}
    return str(answer.json()["error_description"])


# The way there and back


async def test_whoever_the_issuer_lets_in_is_signed_in_as_by_a_password(served: Gateway, elsewhere: Elsewhere) -> None:
    answer = await arrived(served, await travelled(served, elsewhere))

    grant = answer.json()
    assert answer.status_code == 200, answer.text
    assert set(grant) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert await viewer(served, grant["access_token"]) == {"user": {"login": CUSTOMER}}
    form = {"grant_type": "refresh_token", "refresh_token": grant["refresh_token"]}
    again = await served.http.post("/auth/token", data=form)
    assert await viewer(served, again.json()["access_token"]) == {"user": {"login": CUSTOMER}}
    assert answer.headers["cache-control"] == "no-store"
    _, cookie = cookie_of(answer)
    assert (cookie.value, cookie["max-age"]) == ("", "0")


async def test_from_the_second_time_on_it_is_the_issuers_name_for_them_that_counts(
    served: Gateway, elsewhere: Elsewhere
) -> None:
    await arrived(served, await travelled(served, elsewhere))
    elsewhere.person = {"sub": "u-1", **verified(RESELLER)}
    again = await arrived(served, await travelled(served, elsewhere))

    assert await viewer(served, again.json()["access_token"]) == {"user": {"login": CUSTOMER}}


async def test_each_is_sent_there_with_what_nobody_else_is_sent_with(served: Gateway, elsewhere: Elsewhere) -> None:
    first, second = [await travelled(served, elsewhere) for _ in range(2)]
    asked = dict(parse_qsl(urlsplit(first.sent_to).query))
    other = dict(parse_qsl(urlsplit(second.sent_to).query))

    assert first.sent_to.startswith(f"{elsewhere.url}/authorize?tenant=7&")
    assert {name: asked[name] for name in ("response_type", "client_id", "code_challenge_method", "scope")} == {
        "response_type": "code",
        "client_id": AUDIENCE,
        "code_challenge_method": "S256",
        "scope": "openid email",
    }
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name]) >= 43
        assert asked[name] != other[name]
    assert not {asked["nonce"], asked["state"]} & {asked["code_challenge"]}


async def test_what_is_kept_meanwhile_is_for_the_server_alone(served: Gateway) -> None:
    name, cookie = cookie_of(await set_out(served))

    assert name == "canopy-sign-in"
    assert (cookie["path"], cookie["max-age"], cookie["httponly"]) == ("/", "600", True)
    assert (cookie["samesite"], cookie["domain"]) == ("strict", "")


async def test_over_tls_the_cookie_is_one_that_no_other_host_can_set(
    sqlite_databases: Databases, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    elsewhere.start_afresh()
    elsewhere.tell()
    with sqlite_databases.copied(seeded_template(sqlite_databases)) as url:
        async with gateway(url, tmp_path, public_url="https://panel.example.com/canopy/") as made:
            await issuers.add(made.service.store, elsewhere.url, AUDIENCE, 1, now(), matches_email=False, door=DOOR)
            answer = await made.http.get("/sign-in/acme?redirect_uri=https://evil.example&return=//evil.example")

    name, cookie = cookie_of(answer)
    asked = parse_qsl(urlsplit(answer.headers["location"]).query)
    assert (name, cookie["secure"], cookie["path"]) == ("__Host-canopy-sign-in", True, "/")
    assert dict(asked)["redirect_uri"] == "https://panel.example.com/canopy/sign-in/acme/callback"
    assert dict(asked)["scope"] == "openid"
    assert "evil" not in answer.headers["location"]
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_a_session_by_an_issuer_lasts_for_a_working_day(served: Gateway, elsewhere: Elsewhere) -> None:
    await arrived(served, await travelled(served, elsewhere))
    ends = [[datetime.fromisoformat(str(each)) for each in row] for row in await run(served, ENDS)]

    assert max(end - begun for end, begun in ends) == timedelta(hours=12)


# Refusals


async def test_without_what_the_browser_has_kept_the_code_is_good_for_nothing(
    served: Gateway, elsewhere: Elsewhere
) -> None:
    journey, other = [await travelled(served, elsewhere) for _ in range(2)]
    tries = [
        replace(journey, kept=""),
        replace(journey, kept="x" * 200),
        replace(journey, kept="\u00fc" * 8),
        replace(journey, kept=journey.kept[:-2] + ("AA" if journey.kept[-2:] != "AA" else "BB")),
        replace(journey, kept=other.kept),
        replace(journey, back=journey.back | {"state": other.back["state"]}),
        replace(journey, back=journey.back | {"state": "\u00fc"}),
        replace(journey, back={"code": journey.back["code"]}),
    ]
    elsewhere.asked.clear()
    told = {refusal(await arrived(served, each)) for each in tries}

    assert told == {LOST}
    for name in ("another", "", "\0"):
        assert refusal(await arrived(served, journey, to=name)) == LOST
    assert elsewhere.asked == []
    assert (await arrived(served, journey)).status_code == 200


async def test_a_journey_ends_once(served: Gateway, elsewhere: Elsewhere) -> None:
    journey = await travelled(served, elsewhere)
    both = await asyncio.gather(arrived(served, journey), arrived(served, journey))
    elsewhere.asked.clear()

    assert sorted(answer.status_code for answer in both) == [200, 400]
    assert refusal(await arrived(served, journey)) == "This sign-in has come to its end already. Start again."
    assert elsewhere.asked == []


async def test_a_journey_that_is_refused_has_ended_too(served: Gateway, elsewhere: Elsewhere) -> None:
    journey = await travelled(served, elsewhere)
    refusal(await arrived(served, journey, code=None, error="access_denied"))

    assert "has come to its end" in refusal(await arrived(served, journey))


async def test_who_takes_too_long_starts_again(served: Gateway, elsewhere: Elsewhere) -> None:
    journey = await travelled(served, elsewhere)
    moment = now() + timedelta(minutes=10, seconds=1)
    served.service.sign_in = replace(served.service.sign_in, clock=lambda: moment)

    assert refusal(await arrived(served, journey)) == LOST


async def test_somebody_elses_code_is_not_traded_for_whoever_brings_it(served: Gateway, elsewhere: Elsewhere) -> None:
    victim, attacker = [await travelled(served, elsewhere) for _ in range(2)]

    told = refusal(await arrived(served, attacker, code=victim.back["code"]))

    assert "is used up, or too old" in told  # the issuer compares who set out for it: PKCE


async def test_a_code_is_good_once(served: Gateway, elsewhere: Elsewhere) -> None:
    first, second = [await travelled(served, elsewhere) for _ in range(2)]
    assert (await arrived(served, first)).status_code == 200

    assert "is used up, or too old" in refusal(await arrived(served, second, code=first.back["code"]))


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "another"}, "it was given for another sign-in."),
        ({"nonce": None}, "it was given for another sign-in."),
        ({"nonce": 7}, "it was given for another sign-in."),
        ({"nonce": "\ud800"}, "it was given for another sign-in."),
        ({"iss": "https://elsewhere.example"}, "its signature or its claims are not right."),
        ({"aud": "another"}, "it is for somebody else."),
        ({"exp": 1}, "it has expired."),
        ({"sub": ""}, "it does not say whom it is for."),
        ({"email": "nobody@nowhere.example"}, "it vouches for nobody who is known here."),
        ({"email_verified": False}, "it vouches for nobody who is known here."),
        ({"email": PROVIDER}, "it vouches for nobody who is known here."),
        ({"headers": {"kid": "unknown"}}, "it names a key that its issuer does not have."),
    ],
)
async def test_an_id_token_that_is_not_for_this_journey_lets_nobody_in(
    served: Gateway, elsewhere: Elsewhere, claims: dict[str, Any], why: str
) -> None:
    elsewhere.person = elsewhere.person | claims

    told = refusal(await arrived(served, await travelled(served, elsewhere)))

    assert told == (
        f"You are signed in there, but that does not let you in here: {why}"
        " Ask whoever manages your account, or sign in with your password."
    )


async def test_who_comes_from_another_issuer_than_they_were_sent_to_is_refused(
    served: Gateway, elsewhere: Elsewhere
) -> None:
    strange = "This comes from somewhere else than you were sent. Start again."
    journey = await travelled(served, elsewhere)
    elsewhere.forms.clear()
    assert refusal(await arrived(served, journey, iss="https://other.example")) == strange
    elsewhere.names_itself = True
    named = await travelled(served, elsewhere)
    assert named.back["iss"] == elsewhere.url
    assert elsewhere.forms == []
    assert (await arrived(served, named)).status_code == 200


async def test_what_one_issuer_has_sent_is_not_traded_at_another(served: Gateway, elsewhere: Elsewhere) -> None:
    other = Door("other")
    journey = await travelled(served, elsewhere)
    store = served.service.store
    await issuers.add(store, "http://127.0.0.1:1", AUDIENCE, 1, now(), matches_email=True, door=other)
    told = refusal(await arrived(served, journey, to="other"))
    await issuers.remove(store, "http://127.0.0.1:1")

    assert told == LOST
    assert (await arrived(served, journey)).status_code == 200


async def test_an_issuer_that_would_say_who_it_is_has_to(served: Gateway, elsewhere: Elsewhere) -> None:
    elsewhere.tell(authorization_response_iss_parameter_supported=True)
    journey = await travelled(served, elsewhere)

    assert "somewhere else" in refusal(await arrived(served, journey))
    assert elsewhere.forms == []


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("access_denied", "You were not let in there, or have turned back. Ask"),
        ("temporarily_unavailable", "Start again soon."),
        ("server_error", "Start again soon."),
        ("invalid_scope", "You can't be signed in by this way. Ask"),
        ("<script>alert(1)</script>\n", "You can't be signed in by this way. Ask"),
    ],
)
async def test_why_an_issuer_lets_somebody_not_in_is_said_in_our_words(
    served: Gateway, elsewhere: Elsewhere, error: str, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    elsewhere.refuses = error
    told = refusal(await arrived(served, await travelled(served, elsewhere)))

    assert says in told
    assert "0123" not in told
    assert "script" not in told
    assert "<script>" not in caplog.text


@pytest.mark.parametrize("code", [None, "", "x" * 5000])
async def test_who_comes_back_with_no_code_is_refused(served: Gateway, elsewhere: Elsewhere, code: str | None) -> None:
    journey = await travelled(served, elsewhere)

    assert "by this way" in refusal(await arrived(served, journey, code=code))
    assert elsewhere.forms == []


async def test_who_is_deactivated_is_told_so_by_whatever_way_they_come(served: Gateway, elsewhere: Elsewhere) -> None:
    await run(served, STATUS, who=CUSTOMER, status=UserStatus.DEACTIVATED.value)
    told = refusal(await arrived(served, await travelled(served, elsewhere)))
    await run(served, STATUS, who=CUSTOMER, status=UserStatus.ACTIVE.value)

    assert told == "The user is not active. Ask an administrator of the account."


@pytest.mark.parametrize("status", [each for each, why_not in WHY_NOT.items() if why_not])
async def test_who_is_of_an_account_that_lets_nobody_in_is_out_and_stays_out(
    served: Gateway, elsewhere: Elsewhere, status: AccountStatus
) -> None:
    grant = (await arrived(served, await travelled(served, elsewhere))).json()
    below = await at(served, CUSTOMER)
    await run(served, HELD, which=below, status=status.value)
    try:
        told = refusal(await arrived(served, await travelled(served, elsewhere)))
        seen = await viewer(served, grant["access_token"])
        form = {"grant_type": "refresh_token", "refresh_token": grant["refresh_token"]}
        again = refusal(await served.http.post("/auth/token", data=form))
    finally:
        await run(served, HELD, which=below, status=AccountStatus.ACTIVE.value)

    assert (told, again, seen) == (WHY_NOT[status], WHY_NOT[status], 401)


async def test_whoever_keeps_failing_has_to_wait(served: Gateway, elsewhere: Elsewhere) -> None:
    limit = Limit(free=1, refused=3, drain=timedelta(hours=1))
    service = served.service
    throttle = Throttle(ThrottleSettings(address=limit), service.keys.source_key())
    service.sign_in = replace(service.sign_in, throttle=throttle)
    journey = await travelled(served, elsewhere)
    for _ in range(3):
        refusal(await arrived(served, replace(journey, kept="")))
    late = await arrived(served, journey)

    assert (late.status_code, late.json()["error"]) == (429, "slow_down")
    assert int(late.headers["retry-after"]) > 0


# An issuer that is away, slow, or makes no sense


@pytest.mark.parametrize(
    "about",
    [
        {"authorization_endpoint": None},
        {"token_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "http://10.0.0.1/authorize"},
        {"token_endpoint": "file:///etc/passwd"},
        {"token_endpoint": "https://user@x/token"},
    ],
)
async def test_nobody_is_sent_where_nobody_can_sign_in(
    served: Gateway, elsewhere: Elsewhere, about: dict[str, Any]
) -> None:
    elsewhere.tell(**about)
    answer = await set_out(served)

    assert answer.status_code == 503
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers


async def test_while_the_issuer_is_away_a_page_says_so_and_it_is_asked_seldom(
    served: Gateway, elsewhere: Elsewhere
) -> None:
    elsewhere.documents = {}
    answers = [await set_out(served) for _ in range(3)]

    assert {answer.status_code for answer in answers} == {503}
    assert "You can&#x27;t be sent there to sign in now. Try again soon." in answers[0].text
    assert answers[0].headers["x-request-id"] in answers[0].text
    assert len(elsewhere.asked) == 1


@pytest.mark.parametrize(
    "trading",
    [
        (500, {}, b"<h1>it broke: secret</h1>"),
        (200, {}, b"{}"),
        (200, {}, b'{"id_token": 7}'),
        (200, {}, b"[1]"),
        (401, {}, b'{"error": "invalid_client"}'),
        (400, {}, b'{"error": {"a": 1}}'),
        (302, {"location": "http://127.0.0.1:1/"}, b""),
        (999, {}, b""),
    ],
    ids=lambda answered: f"{answered[0]} {answered[2][:20]!r}",
)
async def test_an_issuer_that_does_not_answer_as_it_has_to_is_our_problem_and_not_the_users(
    served: Gateway, elsewhere: Elsewhere, trading: Any
) -> None:
    journey = await travelled(served, elsewhere)
    elsewhere.trading = trading
    answer = await arrived(served, journey)

    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert "secret" not in answer.text
    assert await run(served, FAILED) == []


async def test_an_issuer_that_answers_a_byte_at_a_time_holds_nobody_up_for_long(
    served: Gateway, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    journey = await travelled(served, elsewhere)
    goes_on = threading.Event()
    trade = elsewhere.trade

    def slowly(form: dict[str, str], authorization: str) -> Any:
        goes_on.wait(5)
        return trade(form, authorization)

    monkeypatch.setattr(elsewhere, "trade", slowly)
    monkeypatch.setattr(discovery, "_SECONDS", 0.1)
    answer = await arrived(served, journey)
    goes_on.set()

    assert answer.status_code == 503


# Our secret there


@pytest.mark.parametrize(
    ("methods", "where"),
    [(None, "basic"), (["client_secret_post"], "form"), (["client_secret_post", "client_secret_basic"], "basic")],
)
async def test_our_secret_goes_to_the_issuer_as_it_takes_it_and_nowhere_else(
    served: Gateway, elsewhere: Elsewhere, methods: Any, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    elsewhere.tell(token_endpoint_auth_methods_supported=methods)
    ours = "s3cret: +/&%"
    elsewhere.secret = ours
    service = served.service
    service.browsers = replace(service.browsers, secrets={elsewhere.url: ours, "https://x": "other"})

    assert (await arrived(served, await travelled(served, elsewhere))).status_code == 200

    (form,) = elsewhere.forms
    assert ("client_secret" in form) == (where == "form")
    assert set(form) - {"client_secret", "client_id"} == {"grant_type", "code", "redirect_uri", "code_verifier"}
    assert "s3cret" not in repr(service.browsers)
    assert "s3cret" not in caplog.text
    assert not [row for row in await run(served, ISSUERS) if "s3cret" in repr(row)]


async def test_an_issuer_that_takes_no_secret_in_a_way_that_we_know_is_not_sent_it(
    served: Gateway, elsewhere: Elsewhere
) -> None:
    elsewhere.tell(token_endpoint_auth_methods_supported=["private_key_jwt"])
    served.service.browsers = replace(served.service.browsers, secrets={elsewhere.url: "s3cret"})

    assert (await arrived(served, await travelled(served, elsewhere))).status_code == 503
    assert elsewhere.forms == []


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("https://a.example one\n\n  https://b.example two=three:four\n")
    settings = Settings.from_environment({"CANOPY_ISSUER_SECRETS_FILE": str(tmp_path / "secrets")})

    assert dict(settings.issuer_secrets) == {"https://a.example": "one", "https://b.example": "two=three:four"}
    assert "three" not in repr(settings)
    for bad in ("https://a.example", "a.example one", "https://a.example one two"):
        with pytest.raises(Exception, match="CANOPY_ISSUER_SECRETS is not to be used; it takes lines of"):
            Settings.from_environment({"CANOPY_ISSUER_SECRETS": bad})


# What was kept


def test_a_journey_outlives_a_rotation_of_keys_and_nothing_else_passes_for_one() -> None:
    old, both, new = (KeyRing([*each]) for each in ((b"o" * 32,), (b"n" * 32, b"o" * 32), (b"n" * 32,)))
    journey = authorization_code.set_out(7, now())
    kept = authorization_code.sealed(journey, old.browser_keys())

    assert authorization_code.unsealed(kept, both.browser_keys(), now()) == journey
    assert authorization_code.unsealed(kept, new.browser_keys(), now()) is None
    assert authorization_code.unsealed(kept, both.cursor_keys(), now()) is None
    assert journey.verifier not in repr(journey)


# While they are signed in


async def test_who_has_signed_somebody_in_and_is_let_in_no_more_has_signed_them_out(
    served: Gateway, elsewhere: Elsewhere
) -> None:
    elsewhere.person = {"sub": "r-1", **verified(RESELLER)}
    grant = (await arrived(served, await travelled(served, elsewhere))).json()
    below = await at(served, CUSTOMER)
    acting = await served.http.post(
        "/auth/token",
        data={
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": grant["access_token"],
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "audience": f"acc_{below}",
        },
    )
    tokens = [grant["access_token"], acting.json()["access_token"]]
    before = [await viewer(served, token, "account { id }") for token in tokens]
    await issuers.remove(served.service.store, elsewhere.url)
    after = [await viewer(served, token, "account { id }") for token in tokens]
    again = await served.http.post(
        "/auth/token", data={"grant_type": "refresh_token", "refresh_token": grant["refresh_token"]}
    )

    assert [each["account"]["id"] for each in before] == [f"acc_{await at(served, RESELLER)}", f"acc_{below}"]
    assert after == [401, 401]
    assert refusal(again)


async def test_who_is_a_user_elsewhere_too_does_not_get_there_by_the_issuer(
    served: Gateway, elsewhere: Elsewhere
) -> None:
    above, below = [await at(served, login) for login in (PROVIDER, CUSTOMER)]
    await run(served, ALSO, number=77, login=CUSTOMER, like=PROVIDER)
    try:
        grant = (await arrived(served, await travelled(served, elsewhere))).json()
        form = {"grant_type": "refresh_token", "refresh_token": grant["refresh_token"]}
        there = await served.http.post("/auth/token", data=form | {"account": f"acc_{above}"})
        here = (await served.http.post("/auth/token", data=form | {"account": f"acc_{below}"})).json()
        told = [await viewer(served, each["access_token"], MEMBERSHIPS) for each in (grant, here)]
        password = {"grant_type": "password", "username": CUSTOMER, "password": PASSWORD}
        by_password = (await served.http.post("/auth/token", data=password)).json()
    finally:
        await run(served, NO_MORE, number=77)

    assert (there.status_code, there.json()["error"]) == (400, "invalid_target")
    assert told == [{"memberships": [{"account": {"id": f"acc_{below}"}}]}] * 2
    assert "accounts" not in grant | here
    assert {each["id"] for each in by_password["accounts"]} == {f"acc_{above}", f"acc_{below}"}


# Pages


async def test_strangers_are_shown_the_issuers_that_have_a_button(served: Gateway, elsewhere: Elsewhere) -> None:
    shown = await served.http.get("/graphiql")
    await issuers.call(served.service.store, elsewhere.url, Door("acme"))
    hidden = await served.http.get("/graphiql")

    assert '<meta name="canopy-issuer" content="acme Acme &amp; Co">' in shown.text
    assert "canopy-issuer" not in hidden.text
    assert (await set_out(served)).status_code == 303


@pytest.mark.parametrize("name", ["nobody", "ACME", "%3Cscript%3E", "%00", "a" * 500])
async def test_an_address_by_which_nobody_signs_in_is_a_page_that_says_so(served: Gateway, name: str) -> None:
    answer = await set_out(served, name)

    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "Nobody signs in by this address." in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert '="../graphiql/assets/' in answer.text
    assert "set-cookie" not in answer.headers


async def test_the_page_to_come_back_to_says_nothing_of_what_is_in_its_address(served: Gateway) -> None:
    answer = await served.http.get("/sign-in/acme/callback?code=c0de&state=st4te&error=%3Cb%3E")

    assert answer.status_code == 200
    assert not re.search("c0de|st4te|<b>", answer.text)
    assert answer.headers["cache-control"] == "no-store"
    assert '="../../graphiql/assets/' in answer.text


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}])
async def test_pages_of_other_sites_can_not_end_a_journey(
    served: Gateway, elsewhere: Elsewhere, headers: dict[str, str]
) -> None:
    journey = await travelled(served, elsewhere)
    sent = {"to": "acme"} | journey.back
    cookie = {"cookie": f"canopy-sign-in={journey.kept}"}
    answer = await served.http.post("/auth/returned", data=sent, headers=cookie | headers)

    assert answer.status_code == 403
    assert (await arrived(served, journey)).status_code == 200


# For operators


def test_an_issuer_is_given_a_name_and_a_button_and_told_where_it_sends_back_to(
    sqlite_databases: Databases, elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere.start_afresh()
    elsewhere.tell()
    with sqlite_databases.copied(seeded_template(sqlite_databases)) as url:
        monkeypatch.setenv("CANOPY_DATABASE_URL", url)
        monkeypatch.setenv("CANOPY_KEY_FILE", str(tmp_path / "key"))
        monkeypatch.setenv("CANOPY_PUBLIC_URL", "https://panel.example.com")

        def run(*words: str) -> tuple[int, str]:
            done = CliRunner().invoke(canopy, ["issuers", *words])
            return done.exit_code, done.output

        given = (elsewhere.url, "--audience", AUDIENCE, "--below", "acc_2")
        badly = [run("add", *given, *more) for more in (("--name", "A b"), ("--button", "x"), ("--name", "a" * 40))]
        added = run("add", *given, "--name", "acme", "--button", "Acme & Co")
        told = run("list")
        monkeypatch.setenv("CANOPY_ISSUER_SECRETS", " ".join((elsewhere.url, "s3cret")))
        renamed = run("browsers", elsewhere.url, "--name", "acme-2")
        ended = run("browsers", elsewhere.url)
        elsewhere.tell(authorization_endpoint=None)
        nowhere = run("browsers", elsewhere.url, "--name", "acme")
        unknown = run("browsers", "https://x.example")

    assert [code for code, _ in badly] == [1, 1, 1]
    assert added[0] == 0, added[1]
    assert "It has to know this redirect URI: https://panel.example.com/sign-in/acme/callback\n" in added[1]
    assert "asked without one, by PKCE alone" in added[1]
    assert told[1].endswith(": linked users; browsers at /sign-in/acme, by the button 'Acme & Co'\n")
    assert "/sign-in/acme-2/callback" in renamed[1]
    assert "Our client secret there is given." in renamed[1]
    assert "s3cret" not in renamed[1]
    assert (ended[0], nowhere[0], unknown[0]) == (0, 1, 1)
    assert "does not say where browsers sign in" in nowhere[1]


async def test_two_issuers_have_two_names(served: Gateway, elsewhere: Elsewhere) -> None:
    store = served.service.store
    with pytest.raises(issuers.NoSuchError, match="Another issuer is called acme"):
        await issuers.add(store, "https://other.example", "x", 1, now(), matches_email=False, door=DOOR)
    await issuers.call(store, elsewhere.url, DOOR)  # its own name
