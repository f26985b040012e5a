"""GraphiQL in a real browser: what a visitor sees, and what must never leave the page."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect, sync_playwright
from playwright.sync_api import Error as BrowserError

EXAMPLES = sorted(Path(__file__).parent.parent.joinpath("web/src/examples").glob("*.graphql"))
PASSWORD = "canopy-demo"
RESELLER = "admin@reseller.example"

# As root a browser has no sandbox, and on a closed network its own background traffic is refused many times a second.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# The browser's interface is the synchronous one, which keeps an event loop of its own running in this thread. So it
# opens after the server is up and closes with this module, and no test here is a coroutine.
@pytest.fixture(scope="module")
def browser(live_server: str) -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.fail("No Chromium on this machine. `.ci/system-packages` installs one.")
    page = httpx.get(f"{live_server}/graphiql")
    if page.status_code != 200:
        pytest.fail(f"GET /graphiql answers {page.status_code}. Built with `npm ci && npm run build` in web/?")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


class Witness:
    """Everything a page asked for and complained about, as seen from outside of it."""

    def __init__(self, context: BrowserContext) -> None:
        self.urls: list[str] = []
        self.graphql: list[str] = []
        self.complaints: list[str] = []
        context.on("request", lambda request: self._note(request.url, request.post_data))
        context.on("console", lambda message: self._complain(message.type, message.text))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("page", lambda page: page.on("websocket", lambda socket: self._note(socket.url, None)))

    def _note(self, url: str, body: str | None) -> None:
        self.urls.append(url)
        if urlsplit(url).path == "/graphql":
            self.graphql.append(body or "")

    # The browser reports what the content security policy forbids here too.
    def _complain(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)


@pytest.fixture
def context(browser: Browser, live_server: str) -> Iterator[BrowserContext]:
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
    try:
        page.get_by_label("Login", exact=True).wait_for()
    except BrowserError:
        pytest.fail(f"the page stays blank; it complains: {witness.complaints}")
    return page


def sign_in(page: Page, login: str, password: str = PASSWORD) -> None:
    page.get_by_label("Login", exact=True).fill(login)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


Account = dict[str, Any]
"""An account as an answer has it."""


def is_operation(name: str, response: Response) -> bool:
    return f"query {name}" in (response.request.post_data or "")


def run_tree(page: Page) -> Account:
    """Opens the first example by the menu, runs it by the button, and gives the answer that the page received."""
    page.get_by_role("button", name="Examples").click()
    page.get_by_role("menuitem", name="Walk the tree").click()
    with page.expect_response(lambda response: is_operation("AccountTree", response)) as answered:
        page.get_by_role("button", name="Execute query").click()
    assert answered.value.ok, answered.value.text()
    answer = answered.value.json()
    assert "errors" not in answer, answer
    account: Account = answer["data"]["viewer"]["account"]
    return account


def account_names(account: Account) -> set[str]:
    below = account.get("children", {}).get("nodes", [])
    return {account["name"]}.union(*map(account_names, below))


def test_nobody_is_asked_anything_before_signing_in(page: Page, witness: Witness) -> None:
    expect(page.get_by_role("heading", name="Sign in to load the schema")).to_be_visible()
    expect(page.locator(".graphiql-query-editor .view-line").first).to_be_attached()  # the editor has loaded behind it
    assert witness.graphql == []


def test_signing_in_and_running_an_example_shows_rows_of_the_tree(page: Page) -> None:
    sign_in(page, RESELLER)
    expect(page.locator(".identity-who")).to_contain_text("reseller")

    account = run_tree(page)

    children = account["children"]["nodes"]
    assert children, "the demo reseller has nobody below it"
    expect(page.locator(".result-window")).to_contain_text(children[0]["name"])


def test_the_schema_is_loaded_after_signing_in(page: Page) -> None:
    sign_in(page, RESELLER)
    page.get_by_role("button", name="Show Documentation Explorer").click()
    expect(page.locator(".graphiql-doc-explorer")).to_contain_text("query: Query")


def test_no_request_leaves_the_machine_and_the_page_keeps_to_its_policy(
    page: Page, witness: Witness, live_server: str
) -> None:
    sign_in(page, RESELLER)
    run_tree(page)
    for plugin in ("Show Documentation Explorer", "Show History", "Show GraphiQL Explorer"):
        page.get_by_role("button", name=plugin).click()
    page.locator(".graphiql-query-editor .view-line").first.click()
    page.keyboard.press("Control+Space")
    page.get_by_role("button", name="Prettify query").click()
    page.locator(".identity-who").click()
    page.wait_for_timeout(2_000)  # for what the page asks late; a worker's requests never count as answered

    hosts = {urlsplit(url).netloc for url in witness.urls if not url.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(live_server).netloc}
    assert witness.complaints == []


def test_the_token_lives_in_this_tab_and_nowhere_else(page: Page, context: BrowserContext, witness: Witness) -> None:
    sign_in(page, RESELLER)
    page.get_by_role("button", name="Headers").click()
    page.locator(".graphiql-editor-tool .monaco-editor").last.click()
    page.keyboard.insert_text('{"x-secret": "of-my-own"}')
    run_tree(page)
    page.get_by_role("button", name="Show History").click()
    page.wait_for_timeout(1_000)  # GraphiQL writes its tabs half a second after the last change

    session = json.loads(page.evaluate("sessionStorage.getItem('canopy.session')"))
    local = page.evaluate("JSON.stringify({...localStorage})")
    assert "AccountTree" in local, "GraphiQL keeps nothing at all, so this test proves nothing"
    for secret in (session["accessToken"], session["refreshToken"], PASSWORD, "of-my-own"):
        assert secret not in local
        assert not any(secret in url for url in [page.url, *witness.urls])
    assert not any("AccountTree" in url for url in [page.url, *witness.urls])
    assert page.evaluate("document.cookie") == ""
    assert context.cookies() == []


def test_a_wrong_password_shows_the_servers_words(page: Page) -> None:
    with page.expect_response("**/auth/token") as answered:
        sign_in(page, RESELLER, "not-the-password")

    assert answered.value.status == 400
    expect(page.get_by_role("alert").first).to_contain_text(answered.value.json()["error_description"].rstrip("."))
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)


def test_a_pasted_token_signs_in_and_a_wrong_one_is_refused(page: Page, live_server: str) -> None:
    page.get_by_role("button", name="Use a token").click()
    page.get_by_label("Access token").fill("nonsense")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert").first).not_to_be_empty()

    page.get_by_label("Access token").fill(token(live_server))
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".identity-who")).to_contain_text("reseller")


def test_each_account_sees_its_own_part_of_the_tree_and_leaves_nothing_behind(page: Page) -> None:
    seen: dict[str, set[str]] = {}
    for login in ("admin@provider.example", RESELLER, "admin@customer.example", "limited@customer.example"):
        sign_in(page, login)
        account = run_tree(page)
        expect(page.locator(".identity-account")).to_contain_text(account["name"])
        seen[login] = account_names(account)
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in to load the schema")).to_be_visible()
        assert account["name"] not in page.locator("#root").inner_text()

    provider, reseller, customer, limited = seen.values()
    assert provider - reseller, "the reseller sees all that the provider sees"
    assert reseller - provider, "nothing is below the levels that the provider's answer has"
    assert customer == limited
    assert len(customer) == 1


def test_a_session_renews_itself_and_ends_with_a_message_when_it_cannot(page: Page) -> None:
    page.clock.install()
    page.reload()
    sign_in(page, RESELLER)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    before = page.evaluate("sessionStorage.getItem('canopy.session')")
    with page.expect_response("**/auth/token") as renewed:
        page.clock.fast_forward("14:30")
    assert renewed.value.ok
    page.wait_for_function("(before) => sessionStorage.getItem('canopy.session') !== before", arg=before)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()

    page.route("**/auth/token", lambda route: route.fulfill(status=400, json={"error": "invalid_grant"}))
    page.clock.fast_forward("14:30")
    expect(page.get_by_role("alert").first).to_contain_text("Your session has ended")
    assert page.evaluate("sessionStorage.length") == 0


def test_a_duplicated_tab_and_its_original_both_stay_signed_in(page: Page, context: BrowserContext) -> None:
    context.clock.install()
    page.reload()
    sign_in(page, RESELLER)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    with context.expect_page() as opened:
        page.evaluate("void window.open('/graphiql')")  # such a tab starts with a copy of the first one's session
    twin = opened.value
    expect(twin.get_by_role("button", name="Sign out")).to_be_visible()

    before = page.evaluate("sessionStorage.getItem('canopy.session')")
    with context.expect_event("response", lambda response: response.url.endswith("/auth/token")):
        context.clock.fast_forward("14:30")
    for tab in (page, twin):
        tab.wait_for_function("(before) => sessionStorage.getItem('canopy.session') !== before", arg=before)
    page.wait_for_timeout(500)  # time enough for the second one to ask too, were it to

    sessions = {tab.evaluate("sessionStorage.getItem('canopy.session')") for tab in (page, twin)}
    assert len(sessions) == 1, "each tab has renewed the session on its own, and the token that was used twice is void"
    assert run_tree(twin)["name"]


def token(server: str) -> str:
    form = {"grant_type": "password", "username": RESELLER, "password": PASSWORD}
    return str(httpx.post(f"{server}/auth/token", data=form).raise_for_status().json()["access_token"])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_answers_without_errors(example: Path, live_server: str) -> None:
    answer = httpx.post(
        f"{live_server}/graphql",
        json={"query": example.read_text()},
        headers={"authorization": f"Bearer {token(live_server)}"},
    ).json()
    assert "errors" not in answer, answer["errors"]
    assert answer["data"]
