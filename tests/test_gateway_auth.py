"""Signing in over HTTP, against a real server that also sends the mail: links, forgotten passwords, acting as."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx
import pytest

from edge.auth import TOKEN_EXCHANGE
from resolvers.acting import ACCESS_TOKEN
from tests.databases import Databases
from tests.nursery import Nursery
from tests.process import free_port, wait_until_healthy
from tests.templates import seeded_template

PASSWORD = "canopy-demo"  # the demo's, which everyone knows
SECONDS_FOR_MAIL = 20


@dataclass
class Gateway:
    """A running server."""

    url: str
    mail: Path

    def token(self, **form: str) -> httpx.Response:
        return httpx.post(f"{self.url}/auth/token", data=form)

    def signed_in(self, login: str, password: str = PASSWORD, **form: str) -> dict[str, Any]:
        answer = self.token(grant_type="password", username=login, password=password, **form)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def exchanged(self, token: str, audience: str, /, **form: str) -> httpx.Response:
        given = {"subject_token": token, "subject_token_type": ACCESS_TOKEN, "audience": audience}
        return self.token(grant_type=TOKEN_EXCHANGE, **(given | form))

    def asked(self, token: str, query: str, **variables: Any) -> Any:
        answer = httpx.post(
            f"{self.url}/graphql",
            json={"query": query, "variables": variables},
            headers={"authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 200, answer.text
        assert "errors" not in answer.json(), answer.text
        return answer.json()["data"]

    def link_to(self, address: str, number: int = 1) -> str:
        """The token in the mail of that number to an address, which may take a moment."""
        deadline = time.monotonic() + SECONDS_FOR_MAIL
        while time.monotonic() < deadline:
            paths = sorted(self.mail.glob("*.eml"), key=lambda path: int(path.name.partition("-")[0]))
            mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in paths]
            own = [mail for mail in mails if mail["To"].addresses[0].addr_spec == address]
            if len(own) >= number:
                text = own[-1].get_body().get_content()  # type: ignore[union-attr]  # each has one
                return str(text.partition(f"{self.url}/link#")[2].split()[0])
            time.sleep(0.1)
        pytest.fail(f"no mail to {address}")


@pytest.fixture(scope="module")
def gateway(
    sqlite_databases: Databases, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A server process on a copy of the demo tree, of which mail comes as files."""
    directory = tmp_path_factory.mktemp("auth")
    log, mail, port = directory / "log", directory / "mail", free_port()
    with sqlite_databases.copied(seeded_template(sqlite_databases)) as database_url:
        own = {
            "CANOPY_PORT": str(port),
            "CANOPY_DATABASE_URL": database_url,
            "CANOPY_KEY_FILE": str(directory / "canopy.key"),
            "CANOPY_MAIL_URL": f"file:{mail}",
            "CANOPY_CALLER_SECONDS": "0",
        }
        server = nursery.serve(own, log)
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}", server, log)
            yield Gateway(f"http://127.0.0.1:{port}", mail)
        finally:
            server.end()


INVITE = """mutation($account: ID!, $key: String!) {
  userInvite(input: {account: $account, email: "nora@example.com", firstName: "Nora", lastName: "N",
    kind: ADMINISTRATOR, roles: [ACCOUNTANT], idempotencyKey: $key}) { user { id status } userErrors { code message } }
}"""
OWN = "{ viewer { account { id } actingAs { id } actor { name accountName } privileges } }"


def test_who_follows_the_link_of_an_invitation_signs_in_with_the_password_that_it_chose(gateway: Gateway) -> None:
    admin = gateway.signed_in("admin@customer.example")["access_token"]
    account = gateway.asked(admin, OWN)["viewer"]["account"]["id"]
    done = gateway.asked(admin, INVITE, account=account, key="inviting Nora")["userInvite"]
    assert (done["userErrors"], done["user"]["status"]) == ([], "INVITED")

    link = gateway.link_to("nora@example.com")
    form = {"token": link, "password": "a new password", "question": "FIRST_PET", "answer": "Fido"}
    bare = httpx.post(f"{gateway.url}/auth/link", data={"token": link})
    followed = httpx.post(f"{gateway.url}/auth/link", data=form)
    again = httpx.post(f"{gateway.url}/auth/link", data=form)

    assert (bare.status_code, bare.json()["error"], bare.json()["field"]) == (400, "invalid_request", "password")
    assert (followed.status_code, followed.json()) == (200, {"login": "nora@example.com"})
    assert followed.headers["cache-control"] == "no-store"
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert "field" not in again.json()  # nothing that could be typed would help
    token = gateway.signed_in("nora@example.com", "a new password")["access_token"]
    assert gateway.asked(token, OWN)["viewer"]["account"]["id"] == account


def test_a_forgotten_password_is_answered_alike_for_everyone_and_mailed_to_its_owner(gateway: Gateway) -> None:
    logins = ("accountant@reseller.example", "nobody@example.com", "x" * 400)
    answers = [httpx.post(f"{gateway.url}/auth/forgotten", data={"login": login}) for login in logins]

    assert {(answer.status_code, answer.content) for answer in answers} == {(202, b"")}
    link = gateway.link_to("accountant@reseller.example")
    followed = httpx.post(f"{gateway.url}/auth/link", data={"token": link, "password": "a new password"})
    assert followed.status_code == 200, followed.text
    assert gateway.signed_in("accountant@reseller.example", "a new password")["access_token"]
    old = gateway.token(grant_type="password", username="accountant@reseller.example", password=PASSWORD)
    assert old.json()["error"] == "invalid_grant"


def test_a_reseller_opens_its_customers_panel_for_an_hour(gateway: Gateway) -> None:
    customer = gateway.asked(gateway.signed_in("admin@customer.example")["access_token"], OWN)["viewer"]
    reseller = gateway.signed_in("admin@reseller.example")["access_token"]

    answer = gateway.exchanged(reseller, customer["account"]["id"])

    grant = answer.json()
    assert (answer.status_code, grant["issued_token_type"], grant["expires_in"]) == (200, ACCESS_TOKEN, 3600)
    assert "refresh_token" not in grant
    viewer = gateway.asked(grant["access_token"], OWN)["viewer"]
    assert viewer["account"] == viewer["actingAs"] == customer["account"]
    assert viewer["actor"]["name"]
    assert viewer["privileges"] == customer["privileges"]
    nested = gateway.exchanged(grant["access_token"], customer["account"]["id"])
    assert (nested.status_code, nested.json()["error"]) == (400, "invalid_grant")


def test_an_account_out_of_sight_is_refused_in_the_bytes_of_one_that_is_not_there(gateway: Gateway) -> None:
    provider = gateway.asked(gateway.signed_in("admin@provider.example")["access_token"], OWN)["viewer"]["account"]
    token = gateway.signed_in("admin@reseller.example")["access_token"]
    own = gateway.asked(token, OWN)["viewer"]["account"]

    answers = [gateway.exchanged(token, each) for each in (provider["id"], own["id"], "acc_999999", "nonsense")]

    assert {(answer.status_code, answer.content) for answer in answers} == {(400, answers[0].content)}
    assert answers[0].json()["error"] == "invalid_target"


@pytest.mark.parametrize(
    "form",
    [
        {"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"actor_token": "x"},
        {"audience": ""},
    ],
)
def test_an_exchange_that_is_not_understood_is_refused(form: dict[str, str], gateway: Gateway) -> None:
    answer = gateway.exchanged("x", "acc_1", **form)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_an_account_can_be_named_when_signing_in_and_has_to_be_ones_own(gateway: Gateway) -> None:
    own = gateway.asked(gateway.signed_in("admin@reseller.example")["access_token"], OWN)["viewer"]["account"]["id"]
    form = {"grant_type": "password", "username": "admin@reseller.example", "password": PASSWORD}

    assert gateway.token(account=own, **form).status_code == 200
    for other in ("acc_1", "acc_999999", "nonsense"):
        answer = gateway.token(account=other, **form)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")
