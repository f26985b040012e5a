"""Passwords and security questions: who may set them, who may check them, and how often they may guess."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from argon2 import PasswordHasher

from models import RoleCode, SecurityAnswer, SecurityQuestion, UserStatus
from models.store import Store
from resolvers import sign_in
from resolvers.oauth import SignInError
from resolvers.sign_in import SignInSettings
from tests.people import (
    CHEAP,
    CUSTOMER,
    PASSWORD,
    PROVIDER,
    RESELLER,
    SIBLING,
    Clock,
    keep,
    keep_membership,
    keep_user,
    rows_of,
)
from tests.user_requests import Requests, caller, codes, logged, make_settings, told

SUPPORT, ADMIN, NEWCOMER, OTHER_SUPPORT, STAFF = 70, 71, 72, 73, 74
HOME = "192.0.2.1"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(clock: Clock) -> SignInSettings:
    return make_settings(clock)


@pytest.fixture
async def store(few_accounts: Store) -> Store:
    await keep_user(few_accounts, SUPPORT, RESELLER, RoleCode.SUPPORT_ENGINEER)
    await keep_user(few_accounts, ADMIN, CUSTOMER, RoleCode.CUSTOMER_FULL_ACCESS)
    await keep_user(few_accounts, NEWCOMER, CUSTOMER, RoleCode.ACCOUNTANT)
    await keep_user(few_accounts, OTHER_SUPPORT, SIBLING, RoleCode.SUPPORT_ENGINEER)
    await keep_user(few_accounts, STAFF, PROVIDER, RoleCode.SUPPORT_ENGINEER)
    hasher = PasswordHasher(time_cost=CHEAP.passes, memory_cost=CHEAP.memory_kib, parallelism=1)
    answer: dict[str, Any] = {
        "question": SecurityQuestion.FIRST_PET,
        "answer_hash": hasher.hash("fido"),
        "set_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    await keep(few_accounts, SecurityAnswer(identity_id=ADMIN, **answer))
    return few_accounts


@pytest.fixture
def send(store: Store, settings: SignInSettings) -> Requests:
    return Requests(store, sign_in=settings)


async def check(store: Store, send: Requests, answer: str, user: int = ADMIN, by: int = SUPPORT) -> Any:
    """Whether the answer is right, or the codes of the refusal."""
    account = {SUPPORT: RESELLER, OTHER_SUPPORT: SIBLING, STAFF: PROVIDER, ADMIN: CUSTOMER}[by]
    who = await caller(store, by, account)
    payload = await send(who, "userSecurityAnswerCheck", "isRight", user=f"usr_{user}", answer=answer)
    if isinstance(payload, str):
        return payload
    return payload["isRight"] if not payload["userErrors"] else codes(payload)


# Checking answers


@pytest.mark.parametrize("answer", ["Fido", " FÍDO ", "fido"])
async def test_support_learns_that_an_answer_is_right_however_it_is_written(
    answer: str, store: Store, send: Requests
) -> None:
    assert await check(store, send, answer) is True


async def test_support_learns_that_an_answer_is_wrong_and_nothing_else(store: Store, send: Requests) -> None:
    assert await check(store, send, "Rex") is False
    assert await check(store, send, "Rex", NEWCOMER) is False


async def test_each_check_is_recorded_without_the_answer(store: Store, send: Requests) -> None:
    await check(store, send, "Rex")
    await check(store, send, "Fido")

    rows = (await logged(store, "userSecurityAnswerCheck"))[-2:]
    assert [told(row) for row in rows] == [({}, {"is_right": False}), ({}, {"is_right": True})]
    assert {row.actor_user_id for row in rows} == {SUPPORT}


async def test_who_is_out_of_sight_can_not_be_checked(store: Store, send: Requests) -> None:
    expected = [("NOT_FOUND", "user")]

    assert await check(store, send, "Fido", by=OTHER_SUPPORT) == expected
    assert await check(store, send, "Fido", user=999) == expected
    assert await check(store, send, "Fido", by=ADMIN) == "FORBIDDEN"


@pytest.mark.parametrize("status", [UserStatus.INVITED, UserStatus.DEACTIVATED])
async def test_who_invites_somebody_can_not_check_their_answer_nor_use_their_guesses_up(
    status: UserStatus, store: Store, send: Requests
) -> None:
    await keep_membership(store, 90, ADMIN, SIBLING, RoleCode.ACCOUNTANT, status=status)

    guesses = [await check(store, send, answer, 90, OTHER_SUPPORT) for answer in ("Fido", *["Rex"] * 4)]

    assert guesses == [False] * 5
    assert await check(store, send, "Fido") is True


async def test_after_five_wrong_answers_none_is_looked_at_that_day_whoever_checks(
    store: Store, send: Requests, clock: Clock
) -> None:
    for number in range(5):
        assert await check(store, send, "Rex", by=STAFF if number % 2 else SUPPORT) is False

    too_many = [("TOO_MANY_ATTEMPTS", "answer")]
    assert await check(store, send, "Fido") == too_many
    assert await check(store, send, "Fido", by=STAFF) == too_many
    tried = [(row.actor_user_id, row.before, row.after) for row in await logged(store, "userSecurityAnswerCheck")]
    assert tried[-3:] == [
        (SUPPORT, "{}", '{"is_right":false}'),
        (SUPPORT, "{}", '{"is_looked_at":false}'),
        (STAFF, "{}", '{"is_looked_at":false}'),
    ]
    assert not any("Fido" in str(row) or "Rex" in str(row) for row in tried)
    clock.forward(hours=4)
    assert await check(store, send, "Fido") == too_many
    clock.forward(hours=1)
    assert await check(store, send, "Fido") is True


async def test_a_right_answer_makes_up_for_the_wrong_ones(store: Store, send: Requests) -> None:
    for _ in range(3):
        for _ in range(3):
            assert await check(store, send, "Rex") is False
        assert await check(store, send, "Fido") is True


async def test_of_fifty_guesses_at_once_five_are_looked_at(
    store: Store, settings: SignInSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified = 0
    verify = settings.passwords.verify

    async def counted(secret: bytes, stored: str | None) -> bool:
        nonlocal verified
        verified += 1
        return await verify(secret, stored)

    monkeypatch.setattr(settings.passwords, "verify", counted)
    who = await caller(store, SUPPORT, RESELLER)
    send = Requests(store, sign_in=settings)
    guesses = [
        send(who, "userSecurityAnswerCheck", "isRight", user=f"usr_{ADMIN}", answer=f"guess {number}")
        for number in range(50)
    ]

    payloads = await asyncio.gather(*guesses)

    assert verified <= 5
    assert [payload["isRight"] for payload in payloads].count(True) == 0


async def test_who_checks_too_many_wrong_answers_of_many_checks_none(store: Store, send: Requests) -> None:
    for number in range(100, 107):
        await keep_user(store, number, CUSTOMER, RoleCode.ACCOUNTANT)

    results = [await check(store, send, "Rex", user) for user in range(100, 106) for _ in range(5)]

    assert results == [False] * 30
    assert await check(store, send, "Rex", 106) == [("TOO_MANY_ATTEMPTS", "answer")]
    assert await check(store, send, "Rex", 106, by=STAFF) is False


# Setting the question


async def test_a_user_chooses_a_question_that_support_can_read(store: Store, send: Requests) -> None:
    own = await caller(store, NEWCOMER, CUSTOMER)
    given = {"question": "FIRST_CAR", "answer": "A red Käfer"}

    payload = await send(own, "userSecurityQuestionSet", password=PASSWORD, **given)

    assert codes(payload) == []
    assert await check(store, send, "a RED kafer", NEWCOMER) is True
    ((question,),) = await rows_of(store, f"SELECT security_question FROM app_user WHERE id = {NEWCOMER}")
    assert question == "FIRST_CAR"
    ((stored,),) = await rows_of(store, f"SELECT answer_hash FROM security_answer WHERE identity_id = {NEWCOMER}")
    assert stored.startswith("$argon2id$")


async def test_a_question_is_set_only_with_the_password(store: Store, send: Requests) -> None:
    own = await caller(store, ADMIN, CUSTOMER)

    payload = await send(
        own, "userSecurityQuestionSet", password="wrong password", question="FIRST_CAR", answer="a Käfer"
    )

    assert codes(payload) == [("INVALID", "password")]
    assert await check(store, send, "Fido") is True


# Changing the password


async def signs_in(store: Store, settings: SignInSettings, password: str, user: int = ADMIN) -> bool:
    try:
        await sign_in.sign_in_with_password(store, settings, f"user{user}@example.com", password, HOME)
    except SignInError:
        return False
    return True


async def test_a_user_changes_its_password_and_is_signed_out_everywhere(
    store: Store, send: Requests, settings: SignInSettings
) -> None:
    own = await caller(store, ADMIN, CUSTOMER)
    grant = await sign_in.sign_in_with_password(store, settings, f"user{ADMIN}@example.com", PASSWORD, HOME)

    payload = await send(own, "userPasswordChange", old=PASSWORD, new="a new password")

    assert codes(payload) == []
    assert await signs_in(store, settings, "a new password")
    assert not await signs_in(store, settings, PASSWORD)
    with pytest.raises(SignInError):
        await sign_in.refresh(store, settings, grant.refresh_token or "")


async def test_the_same_request_again_gives_the_same_answer_though_the_old_password_is_gone(
    store: Store, send: Requests, settings: SignInSettings
) -> None:
    own = await caller(store, ADMIN, CUSTOMER)

    for _ in range(2):
        payload = await send(own, "userPasswordChange", key="one and the same", old=PASSWORD, new="a new password")
        assert codes(payload) == []
    assert await signs_in(store, settings, "a new password")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("wrong password", "a new password", ("INVALID", "old")),
        (PASSWORD, "short", ("INVALID", "new")),
        (PASSWORD, "x" * 1025, ("INVALID", "new")),
    ],
)
async def test_a_password_is_changed_by_its_owner_to_one_that_is_hard_to_guess(
    old: str, new: str, expected: tuple[str, str], store: Store, send: Requests, settings: SignInSettings
) -> None:
    payload = await send(await caller(store, ADMIN, CUSTOMER), "userPasswordChange", old=old, new=new)

    assert codes(payload) == [expected]
    assert await signs_in(store, settings, PASSWORD)


async def test_whoever_guesses_at_the_password_of_a_session_is_stopped(store: Store, send: Requests) -> None:
    own = await caller(store, ADMIN, CUSTOMER)

    guesses = [codes(await send(own, "userPasswordChange", old=f"guess {n}", new="a new password")) for n in range(11)]

    assert guesses == [[("INVALID", "old")]] * 10 + [[("TOO_MANY_ATTEMPTS", "old")]]


async def test_no_input_can_be_guessed_from_what_is_kept_to_know_it_again(
    store: Store, settings: SignInSettings
) -> None:
    own = await caller(store, ADMIN, CUSTOMER)
    for key in (b"one key", b"another"):
        send = Requests(store, sign_in=settings, input_key=key)
        await send(own, "userPasswordChange", key=f"key of {key!r}", old="wrong password", new="a new password")
    hashes = [row[0] for row in await rows_of(store, "SELECT input_hash FROM idempotency")]

    assert len(set(hashes)) == len(hashes) == 2
