"""Links in mails: how an invited user comes in, how a password is set anew, and what a link is not good for."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from models import AccountStatus, RoleCode, UserStatus
from models.base import iso, now
from models.store import Store
from resolvers import clock, sign_in
from resolvers.forgotten import forgotten
from resolvers.link_following import Followed, follow
from resolvers.links import makers
from resolvers.mail.folder import FolderTransport
from resolvers.oauth import Refusal, SignInError
from resolvers.sign_in import SignInSettings
from resolvers.work.handler import Workplace
from resolvers.work.handlers import handlers
from resolvers.work.worker import Worker
from tests.people import CUSTOMER, PASSWORD, RESELLER, SIBLING, Clock, change, keep_user, rows_of
from tests.user_requests import Requests, caller, logged, make_settings

BOSS, OTHER = 70, 74
HOME = "192.0.2.1"
NEW, NEW_LOGIN = "Nora.N@example.com", "nora.n@example.com"
CHOSEN = "a new password"


@pytest.fixture
async def store(few_accounts: Store) -> Store:
    await change(few_accounts, "UPDATE clock SET ahead_seconds = 0")
    await keep_user(few_accounts, BOSS, RESELLER, RoleCode.RESELLER_FULL_ACCESS)
    await keep_user(few_accounts, OTHER, SIBLING, RoleCode.RESELLER_FULL_ACCESS)
    return few_accounts


@pytest.fixture
def settings() -> SignInSettings:
    return make_settings(Clock())


@dataclass
class Mailbox:
    """Has mail sent into files."""

    store: Store
    folder: Path

    async def links(self) -> dict[str, list[str]]:
        """The tokens in all mails until now, by recipient, the youngest last."""
        place = Workplace(self.store, FolderTransport(self.folder), "canopy@localhost", makers("http://gate"))
        await Worker(self.store, handlers(place)).run_until_idle()
        found: dict[str, list[str]] = {}
        for path in sorted(self.folder.glob("*.eml"), key=lambda path: int(path.name.partition("-")[0])):
            mail = message_from_bytes(path.read_bytes(), policy=policy.default)
            text = mail.get_body().get_content()  # type: ignore[union-attr]  # each has one
            found.setdefault(str(mail["To"].addresses[0].addr_spec), []).append(
                text.partition("http://gate/link#")[2].split()[0]
            )
        return found


@pytest.fixture
def mailbox(store: Store, tmp_path: Path) -> Mailbox:
    return Mailbox(store, tmp_path)


async def invite(store: Store, email: str = NEW, **given: Any) -> int:
    person = {"email": email, "firstName": "Nora", "lastName": "N", "kind": "ADMINISTRATOR"}
    boss = await caller(store, BOSS, RESELLER)
    named: dict[str, Any] = {"account": f"acc_{CUSTOMER}", "roles": ["CUSTOMER_FULL_ACCESS"], **person, **given}
    payload = await Requests(store)(boss, "userInvite", key=f"inviting {email}", **named)
    assert payload["userErrors"] == []
    return int(payload["user"]["id"].removeprefix("usr_"))


def followed(token: str, password: str = CHOSEN, question: str = "FIRST_PET", answer: str = "Fido") -> Followed:
    return Followed(token, password, question, answer)


async def refusal(store: Store, settings: SignInSettings, given: Followed) -> SignInError:
    with pytest.raises(SignInError) as error:
        await follow(store, settings, given, HOME)
    return error.value


async def status_of(store: Store, user_id: int) -> str:
    ((status,),) = await rows_of(store, f"SELECT status FROM app_user WHERE id = {user_id}")
    return str(status)


# Invitations


async def test_an_invited_user_chooses_a_password_and_a_question_and_is_in(
    store: Store, settings: SignInSettings, mailbox: Mailbox
) -> None:
    user = await invite(store)
    (token,) = (await mailbox.links())[NEW]

    login = await follow(store, settings, followed(token), HOME)

    assert login == NEW_LOGIN
    assert await status_of(store, user) == UserStatus.ACTIVE
    grant = await sign_in.sign_in_with_password(store, settings, login, CHOSEN, HOME)
    assert settings.tokens.verify(grant.access_token).account_id == CUSTOMER
    ((question,),) = await rows_of(store, f"SELECT security_question FROM app_user WHERE id = {user}")
    assert question == "FIRST_PET"
    (row,) = (await logged(store, "invitationFollow"))[-1:]
    assert (row.actor_user_id, row.object_id) == (user, user)


async def test_no_secret_lies_in_a_table(store: Store, settings: SignInSettings, mailbox: Mailbox) -> None:
    await invite(store)
    (token,) = (await mailbox.links())[NEW]
    await follow(store, settings, followed(token), HOME)

    tables = ("mail", "one_time_link", "credential", "security_answer", "audit", "outbox", "job", "idempotency")
    everything = str([await rows_of(store, f"SELECT * FROM {table}") for table in tables])
    for secret in (token, CHOSEN, "fido", "Fido"):
        assert secret not in everything


async def test_the_first_administrator_brings_the_account_to_life(
    store: Store, settings: SignInSettings, mailbox: Mailbox
) -> None:
    await change(store, f"UPDATE account SET status = 'PENDING' WHERE id = {CUSTOMER}")
    await invite(store, "other@example.com", roles=["ACCOUNTANT"])
    await invite(store)
    links = await mailbox.links()

    await follow(store, settings, followed(links["other@example.com"][0]), HOME)
    assert (await rows_of(store, f"SELECT status FROM account WHERE id = {CUSTOMER}"))[0][0] == "PENDING"
    await follow(store, settings, followed(links[NEW][0]), HOME)
    assert (await rows_of(store, f"SELECT status FROM account WHERE id = {CUSTOMER}"))[0][0] == "ACTIVE"


async def test_a_link_is_good_once_also_for_two_at_once(
    store: Store, settings: SignInSettings, mailbox: Mailbox
) -> None:
    await invite(store)
    (token,) = (await mailbox.links())[NEW]

    both = [follow(store, settings, followed(token, f"password {number}"), HOME) for number in (1, 2)]
    outcomes = await asyncio.gather(*both, return_exceptions=True)

    assert sorted(isinstance(outcome, SignInError) for outcome in outcomes) == [False, True]
    assert (await refusal(store, settings, followed(token))).error == Refusal.INVALID_GRANT


async def test_a_newer_link_makes_the_older_void(store: Store, settings: SignInSettings, mailbox: Mailbox) -> None:
    user = await invite(store)
    (first,) = (await mailbox.links())[NEW]
    await Requests(store)(await caller(store, BOSS, RESELLER), "userInvitationSend", user=f"usr_{user}")

    assert (await refusal(store, settings, followed(first))).error == Refusal.INVALID_GRANT
    _, second = (await mailbox.links())[NEW]
    assert await follow(store, settings, followed(second), HOME) == NEW_LOGIN


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=400)])
async def test_links_end_by_the_platforms_clock(
    store: Store, settings: SignInSettings, mailbox: Mailbox, ahead: timedelta
) -> None:
    platform = replace(settings, platform_clock=lambda: now() + ahead + past)
    past = timedelta(0)
    if ahead:
        async with store.unfiltered("a test sets the clock", write=True) as db:
            await clock.advance(db, ahead)
    await invite(store)
    (token,) = (await mailbox.links())[NEW]

    past = timedelta(hours=73)
    assert (await refusal(store, platform, followed(token))).error == Refusal.INVALID_GRANT
    past = timedelta(hours=71)
    assert await follow(store, platform, followed(token), HOME) == NEW_LOGIN


@pytest.mark.parametrize(("hours", "is_good"), [(71, True), (73, False)])
async def test_an_invitation_is_good_for_72_hours(
    hours: int, is_good: bool, store: Store, settings: SignInSettings, mailbox: Mailbox
) -> None:
    await invite(store)
    (token,) = (await mailbox.links())[NEW]
    ((expires_at,),) = await rows_of(store, "SELECT expires_at FROM one_time_link")
    expires = expires_at if isinstance(expires_at, datetime) else datetime.fromisoformat(expires_at)
    await change(store, f"UPDATE one_time_link SET expires_at = '{iso(expires - timedelta(hours=hours))}'")

    if is_good:
        assert await follow(store, settings, followed(token), HOME) == NEW_LOGIN
    else:
        assert (await refusal(store, settings, followed(token))).error == Refusal.INVALID_GRANT


async def test_who_was_deactivated_meanwhile_does_not_come_in(
    store: Store, settings: SignInSettings, mailbox: Mailbox
) -> None:
    user = await invite(store)
    (token,) = (await mailbox.links())[NEW]
    boss = await caller(store, BOSS, RESELLER)
    await Requests(store)(boss, "userDeactivate", user=f"usr_{user}", expectedVersion=1)

    assert (await refusal(store, settings, followed(token))).error == Refusal.INVALID_GRANT
    assert await status_of(store, user) == UserStatus.DEACTIVATED


@pytest.mark.parametrize("status", [AccountStatus.ADMIN_HOLD, AccountStatus.CANCELLED])
async def test_an_account_that_lets_nobody_in_takes_no_links(
    status: AccountStatus, store: Store, settings: SignInSettings, mailbox: Mailbox
) -> None:
    user = await invite(store)
    (token,) = (await mailbox.links())[NEW]
    await change(store, f"UPDATE account SET status = '{status}' WHERE id = {CUSTOMER}")

    assert "account" in (await refusal(store, settings, followed(token))).description
    assert await status_of(store, user) == UserStatus.INVITED


@pytest.mark.parametrize(
    ("given", "what", "about"),
    [
        ({"password": ""}, "password", "password"),
        ({"password": "short"}, "8 characters", "password"),
        ({"password": NEW_LOGIN}, "login", "password"),
        ({"question": ""}, "go together", "question"),
        ({"answer": ""}, "go together", "answer"),
        ({"question": "", "answer": ""}, "security question", "question"),
        ({"question": "MAIDEN_NAME"}, "FIRST_PET", "question"),
        ({"answer": " - "}, "letters", "answer"),
    ],
)
async def test_what_is_chosen_has_to_make_sense_and_the_link_stays_good(
    given: dict[str, str], what: str, about: str, store: Store, settings: SignInSettings, mailbox: Mailbox
) -> None:
    await invite(store)
    (token,) = (await mailbox.links())[NEW]

    refused = await refusal(store, settings, followed(token, **given))

    assert (refused.error, refused.field) == (Refusal.INVALID_REQUEST, about)
    assert what in refused.description
    assert await follow(store, settings, followed(token), HOME) == NEW_LOGIN


async def test_whoever_tries_tokens_has_to_wait(store: Store, settings: SignInSettings) -> None:
    errors = [(await refusal(store, settings, followed("nonsense"))).error for _ in range(12)]

    assert errors[:10] == [Refusal.INVALID_GRANT] * 10
    assert errors[-1] == Refusal.SLOW_DOWN


# A person who is known from another account


async def test_who_has_a_password_keeps_it_and_works_in_either_account(
    store: Store, settings: SignInSettings, mailbox: Mailbox
) -> None:
    login = f"user{OTHER}@example.com"
    user = await invite(store, login)
    (token,) = (await mailbox.links())[login]

    assert "have a password" in (await refusal(store, settings, followed(token))).description
    assert await status_of(store, user) == UserStatus.INVITED
    await follow(store, settings, followed(token, PASSWORD), HOME)

    for account in (SIBLING, CUSTOMER):
        grant = await sign_in.sign_in_with_password(store, settings, login, PASSWORD, HOME, account)
        assert settings.tokens.verify(grant.access_token).account_id == account


async def test_the_invitation_of_a_known_person_goes_to_its_own_address_and_not_to_the_inviters_idea_of_it(
    store: Store, mailbox: Mailbox
) -> None:
    login = f"user{OTHER}@example.com"
    await change(store, f"UPDATE identity SET email = 'own@example.com' WHERE id = {OTHER}")

    await invite(store, login)

    assert list(await mailbox.links()) == ["own@example.com"]


async def test_who_changes_a_users_address_does_not_get_the_link_for_a_new_password(
    store: Store, mailbox: Mailbox
) -> None:
    await keep_user(store, 80, CUSTOMER, RoleCode.CUSTOMER_FULL_ACCESS)
    boss, send = await caller(store, BOSS, RESELLER), Requests(store)
    await send(boss, "userUpdate", user="usr_80", expectedVersion=1, email="attacker@example.com")

    await send(boss, "userPasswordReset", user="usr_80")

    assert list(await mailbox.links()) == ["user80@example.com"]


# Forgotten passwords


async def test_a_forgotten_password_is_chosen_anew_and_all_are_signed_out(
    store: Store, settings: SignInSettings, mailbox: Mailbox
) -> None:
    login = f"user{BOSS}@example.com"
    before = await sign_in.sign_in_with_password(store, settings, login, PASSWORD, HOME)

    await forgotten(store, settings, login.upper(), HOME)
    (token,) = (await mailbox.links())[login]
    assert await follow(store, settings, Followed(token, CHOSEN), HOME) == login

    with pytest.raises(SignInError):
        await sign_in.refresh(store, settings, before.refresh_token or "")
    with pytest.raises(SignInError):
        await sign_in.sign_in_with_password(store, settings, login, PASSWORD, HOME)
    assert (await sign_in.sign_in_with_password(store, settings, login, CHOSEN, HOME)).access_token


async def test_a_forgotten_password_is_mailed_about_three_times_a_day_and_never_to_strangers(
    store: Store, settings: SignInSettings, mailbox: Mailbox
) -> None:
    for login in ["nobody@example.com", *[f"user{BOSS}@example.com"] * 5, ""]:
        await forgotten(store, settings, login, HOME)

    assert {to: len(tokens) for to, tokens in (await mailbox.links()).items()} == {f"user{BOSS}@example.com": 3}


async def test_strangers_do_not_use_up_what_staff_may_send(
    store: Store, settings: SignInSettings, mailbox: Mailbox
) -> None:
    await keep_user(store, 80, CUSTOMER, RoleCode.CUSTOMER_FULL_ACCESS)
    boss, send = await caller(store, BOSS, RESELLER), Requests(store)
    for _ in range(5):
        await forgotten(store, settings, "user80@example.com", HOME)

    payload = await send(boss, "userPasswordReset", user="usr_80")

    assert payload["userErrors"] == []
    assert {to: len(tokens) for to, tokens in (await mailbox.links()).items()} == {"user80@example.com": 4}


async def test_who_can_not_sign_in_is_sent_no_new_password(
    store: Store, settings: SignInSettings, mailbox: Mailbox
) -> None:
    await change(store, f"UPDATE app_user SET status = 'DEACTIVATED' WHERE id = {BOSS}")
    await change(store, f"UPDATE account SET status = 'CANCELLED' WHERE id = {SIBLING}")

    for user in (BOSS, OTHER):
        await forgotten(store, settings, f"user{user}@example.com", HOME)

    assert await mailbox.links() == {}
