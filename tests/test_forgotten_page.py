"""The page for a forgotten password, in a real browser: from asking over the mail to being signed in with another."""

import os
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from edge.exposure.headers import PAGE_POLICY
from tests.test_gateway_auth import gateway  # noqa: F401  # a fixture
from tests.test_graphiql import Witness, browser, sign_in  # noqa: F401  # a fixture
from tests.test_link_page import (  # noqa: F401  # fixtures
    Office,
    context,
    expect_problem,
    fill,
    heading,
    live_server,
    office,
    page,
    witness,
)

ANOTHER = "another password of mine"
LOGIN = "forgetful@example.com"


def ask(page: Page, login: str) -> None:  # noqa: F811  # the fixture's name
    page.get_by_label("Login", exact=True).fill(login)
    page.get_by_role("button", name="Send the link").click()


def kept(page: Page, name: str) -> None:  # noqa: F811  # the fixture's name
    """Keep a picture of the page where somebody wants to look at it."""
    if "CANOPY_PICTURES" in os.environ:
        page.screenshot(path=f"{os.environ['CANOPY_PICTURES']}/{name}.png")


def test_who_has_forgotten_the_password_comes_in_with_another(
    page: Page,  # noqa: F811  # the fixture
    office: Office,  # noqa: F811  # the fixture
    witness: Witness,  # noqa: F811  # the fixture
) -> None:
    page.goto(f"/link#{office.invite(LOGIN)}")
    fill(page, "the first password", "FIRST_PET", "Fido")
    expect(heading(page, "You can sign in now")).to_be_visible()

    page.goto("/graphiql")
    kept(page, "graphiql")
    page.get_by_role("link", name="Forgotten it?").click()
    expect(heading(page, "Choose another password")).to_be_focused()
    kept(page, "forgotten")
    ask(page, f" {LOGIN.title()} ")
    expect(heading(page, "Look into your mail")).to_be_focused()
    kept(page, "sent")
    assert page.url == f"{office.gateway.url}/forgotten"

    page.goto(f"/link#{office.gateway.link_to(LOGIN, 2)}")
    fill(page, ANOTHER)
    expect(page.get_by_text(f"Your login is {LOGIN}.")).to_be_visible()
    page.get_by_role("link", name="Sign in").click()
    sign_in(page, LOGIN, ANOTHER)
    expect(page.locator(".identity-name")).to_have_text("Nora N")
    assert not any(LOGIN in url.lower() for url in witness.urls)
    assert witness.complaints == []


def test_nobody_learns_from_the_page_who_signs_in_here(page: Page) -> None:  # noqa: F811  # the fixture
    told = []
    for login in ("admin@customer.example", "nobody@example.com", "<b>x</b>"):
        page.goto("/forgotten")
        ask(page, login)
        expect(heading(page, "Look into your mail")).to_be_visible()
        told.append(page.locator("main").inner_text().replace(login, "…"))

    assert len(set(told)) == 1
    page.get_by_role("button", name="Ask again").click()
    expect(page.get_by_label("Login", exact=True)).to_have_value("<b>x</b>")


def test_nothing_is_asked_for_without_a_login(page: Page) -> None:  # noqa: F811  # the fixture
    page.goto("/forgotten")
    ask(page, "  ")
    expect_problem(page, "Login", "Give the login that you sign in with.")


def test_what_went_wrong_on_the_way_is_told_and_what_was_typed_stays(page: Page) -> None:  # noqa: F811  # the fixture
    away = {"error": "temporarily_unavailable", "error_description": "Sign-in is not possible now. Try again soon."}
    answers = iter([{"status": 503, "json": away}, {"status": 502, "body": "<html>Bad gateway</html>"}])

    def answer(route: Route) -> None:
        following = next(answers, None)
        route.fulfill(**following) if following else route.abort()  # type: ignore[arg-type]  # as written above

    page.route("**/auth/forgotten", answer)
    page.goto("/forgotten")
    for words in (away["error_description"], "The server answered 502.", "The server cannot be reached."):
        ask(page, LOGIN)
        expect(page.get_by_role("alert")).to_have_text(words)
        expect(page.get_by_label("Login", exact=True)).to_have_value(LOGIN)


@pytest.mark.parametrize("start", ["graphiql", "forgotten"])
def test_the_pages_work_behind_a_path_of_a_proxy(
    page: Page,  # noqa: F811  # the fixture
    witness: Witness,  # noqa: F811  # the fixture
    start: str,
) -> None:
    def proxy(route: Route) -> None:
        route.fulfill(response=route.fetch(url=route.request.url.replace("/panel/", "/")))

    page.route("**/panel/**", proxy)
    page.goto(f"/panel/{start}")
    if start == "graphiql":
        sign_in(page, "admin@customer.example")
        expect(page.locator(".identity-name")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("link", name="Forgotten it?").click()
    ask(page, "nobody@example.com")
    expect(heading(page, "Look into your mail")).to_be_visible()

    asked = [urlsplit(url).path for url in witness.urls if not url.startswith(("data:", "blob:"))]
    assert all(path.startswith("/panel/") for path in asked), asked


def test_the_page_keeps_to_a_strict_policy(page: Page) -> None:  # noqa: F811  # the fixture
    assert page.request.get("/forgotten").headers["content-security-policy"] == PAGE_POLICY
