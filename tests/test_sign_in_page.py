"""Signing in by an external issuer, in a real browser: from the button to an answer, and what must never leave it."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, BrowserContext, Page, expect

from commands import canopy
from tests.databases import Databases
from tests.elsewhere import AUDIENCE, Elsewhere, verified
from tests.nursery import Nursery
from tests.process import running
from tests.sharing import WIDE_ENVIRONMENT
from tests.templates import seeded_template
from tests.test_graphiql import Witness, browser, run_tree  # noqa: F401  # a fixture

RESELLER = "admin@reseller.example"
OURS = "of-ours-there"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    made = Elsewhere()
    yield made
    made.close()


@pytest.fixture(scope="module")
def live_server(
    sqlite_databases: Databases, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere
) -> Iterator[str]:
    """The base URL of a server process on a copy of the demo tree, in which browsers sign in by an issuer."""
    folder = tmp_path_factory.mktemp("issuers")
    with sqlite_databases.copied(seeded_template(sqlite_databases)) as url:
        own = {"CANOPY_DATABASE_URL": url, "CANOPY_KEY_FILE": str(folder / "canopy.key")}
        words = ["add", elsewhere.url, "--audience", AUDIENCE, "--below", "acc_2", "--match-email"]
        done = CliRunner().invoke(canopy, ["issuers", *words, "--name", "acme", "--button", "Acme & Co"], env=own)
        assert done.exit_code == 0, done.output
        secrets = {"CANOPY_ISSUER_SECRETS": f"{elsewhere.url} {OURS}"}
        with running(nursery, url, folder, **WIDE_ENVIRONMENT, **secrets) as process:
            yield process.url


@pytest.fixture
def context(browser: Browser, live_server: str, elsewhere: Elsewhere) -> Iterator[BrowserContext]:  # noqa: F811  # the fixture's name
    elsewhere.start_afresh()
    elsewhere.secret = OURS
    elsewhere.person = {"sub": "u-1", **verified(RESELLER)}
    context = browser.new_context(base_url=live_server, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def witness(context: BrowserContext) -> Witness:
    return Witness(context)


@pytest.fixture
def page(context: BrowserContext, witness: Witness) -> Page:
    page = context.new_page()
    page.goto("/graphiql")
    return page


def press(page: Page) -> None:
    page.get_by_role("link", name="Sign in with Acme & Co").click()


def session(page: Page) -> dict[str, str]:
    page.locator(".identity-who").wait_for()
    return dict(json.loads(page.evaluate("sessionStorage.getItem('canopy.session')")))


def test_from_the_button_to_an_answer(page: Page, witness: Witness, context: BrowserContext, live_server: str) -> None:
    press(page)

    kept = session(page)
    expect(page.locator(".identity-who")).to_contain_text("reseller")
    assert run_tree(page)["children"]["nodes"]
    assert page.url == f"{live_server}/graphiql"
    assert context.cookies() == []
    assert page.evaluate("localStorage.getItem('canopy.session')") is None
    assert witness.complaints == []
    for secret in (kept["accessToken"], kept["refreshToken"]):
        assert not any(secret in url for url in witness.urls)


def test_a_session_by_an_issuer_is_renewed_and_ended_like_any(page: Page) -> None:
    press(page)
    first = session(page)
    page.evaluate("""() => {
      const kept = JSON.parse(sessionStorage.getItem('canopy.session'));
      sessionStorage.setItem('canopy.session', JSON.stringify({ ...kept, renewAt: 1 }));
    }""")
    with page.expect_response("**/auth/token") as renewed:
        page.reload()
    assert renewed.value.status == 200
    page.wait_for_function(
        "was => JSON.parse(sessionStorage.getItem('canopy.session')).refreshToken !== was", arg=first["refreshToken"]
    )
    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("link", name="Sign in with Acme & Co")).to_be_visible()


def test_a_code_leaves_the_address_at_once_and_works_once(page: Page, witness: Witness, live_server: str) -> None:
    press(page)
    session(page)
    (back,) = [url for url in witness.urls if "/callback?" in url]
    page.goto(back)

    expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    expect(page.locator("#why")).to_contain_text("Start again.")
    assert urlsplit(page.url).query == ""
    page.get_by_role("link", name="Start again").click()
    session(page)
    assert page.url == f"{live_server}/graphiql"


def test_another_browser_can_not_end_the_journey(
    page: Page,
    witness: Witness,
    browser: Browser,  # noqa: F811  # the fixture's name
    live_server: str,
) -> None:
    # The attacker's own code, by a link, into the victim's browser: it would work in the attacker's account unawares.
    with page.expect_request("**/callback?*") as left:
        page.route("**/auth/returned", lambda route: route.abort())
        press(page)
    expect(page.locator("#why")).to_have_text("The server cannot be reached.")
    victim = browser.new_context(base_url=live_server)
    other = victim.new_page()
    other.goto(left.value.url)

    expect(other.locator("#why")).to_contain_text("begun in another window or browser")
    assert other.evaluate("sessionStorage.getItem('canopy.session')") is None
    victim.close()


@pytest.mark.parametrize(
    ("refuses", "person", "says"),
    [
        ("access_denied", {}, "You were not let in there, or have turned back."),
        ("", verified("nobody@nowhere.example"), "it vouches for nobody who is known here."),
        ("", {"nonce": "another"}, "it was given for another sign-in."),
    ],
)
def test_who_is_refused_is_told_why_and_what_to_do(
    page: Page, elsewhere: Elsewhere, refuses: str, person: dict[str, str], says: str
) -> None:
    elsewhere.refuses = refuses
    elsewhere.person = {"sub": "u-2", **verified(RESELLER), **person}
    with page.expect_response("**/auth/returned") as answered:
        press(page)

    expect(page.locator("#why")).to_contain_text(says)
    expect(page.locator("#request")).to_have_text(answered.value.headers["x-request-id"])
    expect(page.locator("main")).not_to_contain_text("0123")
    page.get_by_role("link", name="Sign in by another way").click()
    expect(page.get_by_label("Login", exact=True)).to_be_visible()


def test_an_address_that_leads_nowhere_is_a_page_with_a_way_back(page: Page, witness: Witness) -> None:
    page.goto("/sign-in/nobody")

    expect(page.locator("#why")).to_have_text("Nobody signs in by this address. Is it spelled right?")
    expect(page.locator("#request")).not_to_be_empty()
    assert [each for each in witness.complaints if "404" not in each] == []
    page.get_by_role("link", name="Sign in by another way").click()
    expect(page.get_by_label("Login", exact=True)).to_be_visible()
