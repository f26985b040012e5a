"""The lives of accounts, orders and subscriptions: what their tables say happens, and nothing else does.

`pytest tests/test_life.py --update` rewrites `docs/life.md`; read the diff.
"""

import re
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from models import AccountStatus, OrderStatus, SubscriptionStatus
from models.life import account, order, subscription
from models.life.account import AccountEvent, released_to
from models.life.diagram import render
from models.life.machine import Life, Move, WrongStateError
from models.life.order import OrderEvent
from models.life.subscription import HoldReason, SubscriptionEvent, event_of_reasons, is_renewable

DOCUMENT = Path(__file__).parent.parent / "docs/life.md"

# Written down a second time and by state, so that a slip in a table shows: state → event → where it may lead.
ACCOUNT = {
    None: {"CREATE": "PENDING ACTIVE"},
    "PENDING": {"ACTIVATE": "ACTIVE", "ADMIN_HOLD": "ADMIN_HOLD", "CANCEL": "CANCELLED", "FAIL": "ERROR"},
    "ACTIVE": {
        "CREDIT_HOLD": "CREDIT_HOLD",
        "ADMIN_HOLD": "ADMIN_HOLD",
        "CANCEL": "CANCELLED",
        "FAIL": "ERROR",
        "TRANSFER": "ACTIVE",
        "PROMOTE": "ACTIVE",
    },
    "CREDIT_HOLD": {
        "CREDIT_RELEASE": "ACTIVE",
        "ADMIN_HOLD": "ADMIN_HOLD",
        "CANCEL": "CANCELLED",
        "TRANSFER": "CREDIT_HOLD",
    },
    "ADMIN_HOLD": {
        "ADMIN_RELEASE": "ACTIVE CREDIT_HOLD PENDING",
        "CANCEL": "CANCELLED",
        "TRANSFER": "ADMIN_HOLD",
    },
    "CANCELLED": {"REACTIVATE": "ACTIVE"},
    "ERROR": {"REPAIR": "ACTIVE", "CANCEL": "CANCELLED"},
}
ORDER = {
    None: {"PLACE": "SUBMITTED"},
    "SUBMITTED": {"APPROVE": "SUBMITTED", "REJECT": "CANCELLED", "START": "PROCESSING", "CANCEL": "CANCELLED"},
    "PROCESSING": {"COMPLETE": "COMPLETED", "FAIL": "ERROR", "CANCEL": "CANCELLED"},
    "COMPLETED": {},
    "ERROR": {"RESUBMIT": "SUBMITTED", "CANCEL": "CANCELLED"},
    "CANCELLED": {},
}
SUBSCRIPTION = {
    None: {"CREATE": "PENDING"},
    "PENDING": {"PROVISIONED": "ACTIVE", "TERMINATE": "TERMINATED"},
    "ACTIVE": {"HOLD": "HOLD", "RENEW": "ACTIVE", "TERMINATE": "TERMINATED"},
    "HOLD": {"RELEASE": "ACTIVE", "RENEW": "ACTIVE", "TERMINATE": "TERMINATED"},
    "TERMINATED": {"REVIVE": "ACTIVE HOLD", "REMOVE": "REMOVED"},
    "REMOVED": {},
    "UNKNOWN": {},
}

Expected = dict[str | None, dict[str, str]]
LIVES: tuple[tuple[Life[Any, Any], type[StrEnum], type[StrEnum], Any], ...] = (
    (account.LIFE, AccountStatus, AccountEvent, ACCOUNT),
    (order.LIFE, OrderStatus, OrderEvent, ORDER),
    (subscription.LIFE, SubscriptionStatus, SubscriptionEvent, SUBSCRIPTION),
)
PAIRS = [
    pytest.param(life, status, event, expected[status].get(event, "").split(), id=f"{event}-in-{status}")
    for life, states, events, expected in LIVES
    for status, event in product((None, *states), events)
]


@pytest.mark.parametrize(("life", "status", "event", "outcomes"), PAIRS)
def test_an_event_happens_in_a_state_or_is_refused_as_the_table_says(
    life: Life[Any, Any], status: StrEnum | None, event: StrEnum, outcomes: list[str]
) -> None:
    assert life.can(status, event) is bool(outcomes)
    if not outcomes:
        with pytest.raises(WrongStateError):
            life.after(status, event)
        return

    assert life.after(status, event) == outcomes[0]
    assert [life.after(status, event, to) for to in outcomes] == outcomes


@pytest.mark.parametrize(("life", "status", "event", "outcomes"), [pair for pair in PAIRS if pair.values[3]])
def test_an_event_leads_nowhere_but_where_the_table_says(
    life: Life[Any, Any], status: StrEnum | None, event: StrEnum, outcomes: list[str]
) -> None:
    states = next(states for known, states, _, _ in LIVES if known is life)

    for other in states:
        if other not in outcomes:
            with pytest.raises(WrongStateError):
                life.after(status, event, other)


@pytest.mark.parametrize(("life", "states", "events", "expected"), LIVES)
def test_every_event_is_in_the_table_and_every_state_is_reached(
    life: Life[Any, Any], states: type[StrEnum], events: type[StrEnum], expected: Expected
) -> None:
    assert {move.event for move in life.moves} == set(events)
    assert set(expected) == {None, *states}
    reached: set[StrEnum | None] = {None}
    while further := {after for before, _, after in life.steps() if before in reached} - reached:
        reached |= further

    # UNKNOWN is what an import may bring.
    assert {status for status in states if status not in reached} == {
        status for status in states if status == SubscriptionStatus.UNKNOWN
    }


@pytest.mark.parametrize(("life", "states", "events", "expected"), LIVES)
def test_a_step_from_state_to_state_is_known_by_the_events_that_may_have_led_along_it(
    life: Life[Any, Any], states: type[StrEnum], events: type[StrEnum], expected: Expected
) -> None:
    for before, after in product((None, *states), states):
        known = any(after in outcomes.split() for outcomes in expected[before].values())
        assert life.leads(before, after) is known, (before, after)


def test_a_table_with_two_rows_for_an_event_is_none() -> None:
    row = Move(OrderEvent.PLACE, (), (OrderStatus.SUBMITTED,), by="anyone")

    with pytest.raises(ValueError, match="two rows"):
        Life((row, row))


@pytest.mark.parametrize(
    ("activated", "was_held", "balance_requires", "expected"),
    [
        (False, False, False, AccountStatus.PENDING),
        (False, False, True, AccountStatus.PENDING),
        (True, False, False, AccountStatus.ACTIVE),
        (True, True, False, AccountStatus.CREDIT_HOLD),
        (True, False, True, AccountStatus.CREDIT_HOLD),
        (True, True, True, AccountStatus.CREDIT_HOLD),
    ],
)
def test_an_administrative_release_leads_back_to_where_the_account_would_be(
    activated: bool, was_held: bool, balance_requires: bool, expected: AccountStatus
) -> None:
    to = released_to(activated=activated, was_on_credit_hold=was_held, balance_requires_hold=balance_requires)

    assert account.after(AccountStatus.ADMIN_HOLD, AccountEvent.ADMIN_RELEASE, to) is expected


PERSON, ACCOUNT_HELD, UNPAID = HoldReason.PERSON, HoldReason.ACCOUNT, HoldReason.UNPAID_RENEWAL


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (set(), {PERSON}, SubscriptionEvent.HOLD),
        ({PERSON}, {PERSON, ACCOUNT_HELD}, None),
        ({PERSON, ACCOUNT_HELD}, {PERSON}, None),
        ({PERSON}, set(), SubscriptionEvent.RELEASE),
        (set(), set(), None),
    ],
)
def test_a_subscription_is_held_with_its_first_reason_and_released_with_its_last(
    before: set[HoldReason], after: set[HoldReason], expected: SubscriptionEvent | None
) -> None:
    assert event_of_reasons(before, after) is expected


def test_a_subscription_renews_while_it_runs_or_while_nothing_but_its_renewal_is_unpaid() -> None:
    assert is_renewable(SubscriptionStatus.ACTIVE, set())
    assert is_renewable(SubscriptionStatus.HOLD, {UNPAID})
    assert not is_renewable(SubscriptionStatus.HOLD, {PERSON})
    assert not is_renewable(SubscriptionStatus.HOLD, {UNPAID, ACCOUNT_HELD})
    assert not is_renewable(SubscriptionStatus.TERMINATED, set())


def test_the_document_is_what_the_tables_render(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update"):
        DOCUMENT.write_text(render(), encoding="utf-8")

    assert DOCUMENT.read_text(encoding="utf-8") == render()


def test_the_document_draws_every_step_and_no_other() -> None:
    diagrams = re.findall(r"```mermaid\n(.*?)```", render(), re.DOTALL)

    for diagram, (*_, expected) in zip(diagrams, LIVES, strict=True):
        arrows = re.findall(r"(\S+) --> (\S+) : (.+)", diagram)
        assert {(before, event, after) for before, after, events in arrows for event in events.split(", ")} == {
            (before or "[*]", event, after)
            for before, by_event in expected.items()
            for event, outcomes in by_event.items()
            for after in outcomes.split()
        }
