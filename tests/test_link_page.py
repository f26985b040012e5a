"""The page behind the links in mails, in a real browser: the way in, what it says, and what must never leave it."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from graphql import GraphQLEnumType
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from edge import pages
from edge.exposure.headers import PAGE_POLICY
from schema import schema
from tests.test_gateway_auth import INVITE, OWN, PASSWORD, Gateway, gateway  # noqa: F401  # a fixture
from tests.test_graphiql import Witness, browser, sign_in  # noqa: F401  # a fixture

CHOSEN = "a password of my own"


@pytest.fixture(scope="module")
def live_server(gateway: Gateway) -> str:  # noqa: F811  # the fixture's name
    """For the browser, which opens after this module's server is up."""
    return gateway.url


@pytest.fixture
def context(gateway: Gateway, browser: Browser) -> Iterator[BrowserContext]:  # noqa: F811  # the fixtures' names
    context = browser.new_context(base_url=gateway.url, viewport={"width": 1000, "height": 900})
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def witness(context: BrowserContext) -> Witness:
    return Witness(context)


@pytest.fixture
def page(context: BrowserContext, witness: Witness) -> Page:
    return context.new_page()


@pytest.fixture
def office(gateway: Gateway) -> "Office":  # noqa: F811  # the fixture's name
    return Office(gateway)


class Office:
    """Has mails with links sent."""

    def __init__(self, gateway: Gateway) -> None:  # noqa: F811  # what the fixture gives
        self.gateway = gateway

    def invite(self, email: str, inviter: str = "admin@customer.example") -> str:
        """The token in the mail that invites somebody."""
        token = self.gateway.signed_in(inviter)["access_token"]
        account = self.gateway.asked(token, OWN)["viewer"]["account"]["id"]
        invitation = INVITE.replace("nora@example.com", email)
        done = self.gateway.asked(token, invitation, account=account, key=f"inviting {email}")["userInvite"]
        assert done["userErrors"] == []
        return self.gateway.link_to(email)


def heading(page: Page, name: str) -> Locator:
    return page.get_by_role("heading", name=name)


def fill(page: Page, password: str = CHOSEN, question: str = "", answer: str = "") -> None:
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_label("Question", exact=True).select_option(question)
    page.get_by_label("Answer").fill(answer)
    page.get_by_role("button", name="Continue").click()


def expect_problem(page: Page, label: str, words: str) -> None:
    """It is said beside the field, to eyes and ears, and the field is where one types next."""
    field = page.get_by_label(label, exact=True)
    expect(field).to_have_accessible_description(re.compile(f"^{re.escape(words)}"))
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text(words)).to_be_visible()
    expect(page.locator("[aria-invalid]")).to_have_count(1)


def test_an_invited_person_comes_from_the_mail_to_being_signed_in(
    page: Page, office: Office, witness: Witness, context: BrowserContext
) -> None:
    token = office.invite("way.in@example.com")

    page.goto(f"/link#{token}")
    expect(heading(page, "Choose your password")).to_be_focused()
    assert page.url == f"{office.gateway.url}/link"
    fill(page, CHOSEN, "FIRST_PET", "Fido")

    expect(heading(page, "You can sign in now")).to_be_focused()
    expect(page.get_by_text("Your login is way.in@example.com.")).to_be_visible()
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, history.state])")
    assert stored == '[{},{},"",null]'
    assert [page.get_by_label(label, exact=True).input_value() for label in ("Password", "Answer")] == ["", ""]
    page.get_by_role("link", name="Sign in").click()
    sign_in(page, "way.in@example.com", CHOSEN)
    expect(page.locator(".identity-name")).to_have_text("Nora N")
    assert "/auth/link" in {urlsplit(url).path for url in witness.urls}
    assert not any(secret in url for secret in (token, CHOSEN, "Fido") for url in witness.urls)
    hosts = {urlsplit(url).netloc for url in witness.urls if not url.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(office.gateway.url).netloc}
    assert witness.complaints == []


def test_what_is_missing_or_weak_is_said_beside_its_field_and_the_link_stays_good(page: Page, office: Office) -> None:
    page.goto(f"/link#{office.invite('careless@example.com')}")

    fill(page, "")
    expect_problem(page, "Password", "Missing: password. Give the password that you choose.")
    fill(page, CHOSEN)
    expect_problem(page, "Question", "Missing: question, answer. Choose a security question.")
    fill(page, CHOSEN, "FIRST_PET")
    expect_problem(page, "Answer", "A security question and its answer go together.")
    fill(page, CHOSEN, "", "Fido")
    expect_problem(page, "Question", "A security question and its answer go together.")
    fill(page, CHOSEN, "FIRST_PET", "?")
    expect_problem(page, "Answer", "It takes at least two letters or digits.")
    fill(page, "short", "FIRST_PET", "Fido")
    expect_problem(page, "Password", "It takes at least 8 characters.")
    fill(page, "Careless@example.com", "FIRST_PET", "Fido")
    expect_problem(page, "Password", "The password can't be the login.")

    fill(page, CHOSEN, "FIRST_PET", "Fido")
    expect(heading(page, "You can sign in now")).to_be_visible()


def test_an_invited_person_who_has_a_password_gives_that(page: Page, office: Office) -> None:
    page.goto(f"/link#{office.invite('accountant@reseller.example')}")

    fill(page, CHOSEN, "FIRST_PET", "Fido")
    expect_problem(page, "Password", "You have a password here already, and this is not it.")

    fill(page, PASSWORD, "FIRST_PET", "Fido")
    expect(page.get_by_text("Your login is accountant@reseller.example.")).to_be_visible()


def test_a_forgotten_password_is_chosen_anew_with_the_keyboard_alone(page: Page, office: Office) -> None:
    login = "limited@customer.example"
    page.request.post("/auth/forgotten", form={"login": login})
    page.goto(f"/link#{office.gateway.link_to(login)}")
    expect(heading(page, "Choose your password")).to_be_focused()

    page.keyboard.press("Tab")
    page.keyboard.type("another one")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "text")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_text(f"Your login is {login}.")).to_be_visible()
    assert office.gateway.signed_in(login, "another one")["access_token"]


@pytest.mark.parametrize("token", ["wrong", "%E2%98%83", "a" * 4000])
def test_a_wrong_link_is_told_clearly_and_asks_for_nothing_more(page: Page, token: str) -> None:
    page.goto(f"/link#{token}")
    fill(page)

    expect(heading(page, "This link does not let you in")).to_be_focused()
    expect(page.get_by_text("The link was used, was taken back, or is too old. Ask for another.")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    expect(page).to_have_title("This link does not let you in · Canopy")


def test_a_used_link_looks_like_a_wrong_one_and_another_can_be_opened_in_its_place(page: Page, office: Office) -> None:
    used, fresh = office.invite("twice@example.com"), office.invite("once@example.com")
    page.goto(f"/link#{used}")
    fill(page, CHOSEN, "FIRST_PET", "Fido")
    expect(page.get_by_text("Your login is twice@example.com.")).to_be_visible()

    page.goto(f"/link#{used}")  # in the same tab, where only what is behind the # changes
    expect(page.get_by_label("Password", exact=True)).to_have_value("")
    fill(page, CHOSEN, "FIRST_PET", "Fido")
    expect(heading(page, "This link does not let you in")).to_be_visible()

    page.goto(f"/link#{fresh}")
    fill(page, CHOSEN, "FIRST_PET", "Fido")
    expect(page.get_by_text("Your login is once@example.com.")).to_be_visible()


def test_a_page_without_its_link_says_to_open_it_again(page: Page) -> None:
    page.goto("/link#something")
    expect(heading(page, "Choose your password")).to_be_visible()
    page.reload()

    expect(heading(page, "Open the link in your mail")).to_be_focused()
    expect(page.get_by_role("textbox")).to_have_count(0)


def test_what_went_wrong_on_the_way_is_told_and_what_was_typed_stays(page: Page) -> None:
    defect = {"errors": [{"message": "Tell support the error id.", "extensions": {"requestId": "abc123"}}]}
    answers = iter([{"status": 500, "json": defect}, {"status": 502, "body": "<html>Bad gateway</html>"}])

    def answer(route: Route) -> None:
        following = next(answers, None)
        route.fulfill(**following) if following else route.abort()  # type: ignore[arg-type]  # as written above

    page.route("**/auth/link", answer)
    page.goto("/link#something")
    password = page.get_by_label("Password", exact=True)
    password.fill(CHOSEN)
    for words in ("Tell support the error id. abc123", "The server answered 502.", "The server cannot be reached."):
        password.press("Enter")
        expect(page.get_by_role("alert")).to_have_text(words)
        expect(password).to_have_value(CHOSEN)


def test_the_page_works_behind_a_path_of_a_proxy(page: Page, witness: Witness) -> None:
    def proxy(route: Route) -> None:
        route.fulfill(response=route.fetch(url=route.request.url.replace("/panel/", "/")))

    page.route("**/panel/**", proxy)
    page.goto("/panel/link#wrong")
    fill(page)

    expect(heading(page, "This link does not let you in")).to_be_visible()
    assert all(urlsplit(url).path.startswith("/panel/") for url in witness.urls if not url.startswith("data:"))


def test_the_page_offers_the_questions_of_the_schema_in_its_words(page: Page) -> None:
    page.goto("/link#something")
    options = page.get_by_label("Question", exact=True).locator("option").all()
    offered = {option.get_attribute("value"): option.inner_text() for option in options}

    questions = schema._schema.get_type("SecurityQuestion")
    assert isinstance(questions, GraphQLEnumType)
    assert offered == {"": "None chosen"} | {name: value.description for name, value in questions.values.items()}


def test_the_page_keeps_to_a_strict_policy_and_says_how_it_is_built(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = page.request.get("/link")
    assert served.headers["content-security-policy"] == PAGE_POLICY
    assert {served.headers[name] for name in ("referrer-policy", "cache-control")} == {"no-referrer", "no-store"}

    monkeypatch.setattr(pages, "WEB", tmp_path)
    unbuilt = pages._page("link.html")
    assert unbuilt.status_code == 503
    assert b"make web" in unbuilt.body
