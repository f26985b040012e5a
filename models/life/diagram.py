"""The tables of this package as a document: docs/life.md is what is rendered here, and a test keeps the two equal."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from models.account import AccountStatus
from models.life import account, order, subscription
from models.life.machine import Life
from models.life.standing import EFFECTS, TAKES_NO_CHARGES, UNDER_HELD_VENDOR, Standing, services_event
from models.life.subscription import SubscriptionEvent

_INTRODUCTION = """\
# Lives

Which states accounts, orders and subscriptions pass through, by which events, and what an account's state entails. This
file is rendered from the tables in `models/life/`, which decide; `make schema` writes it anew. What isn't in a table is
refused with `WRONG_STATE`."""

_LIVES: dict[str, Life[Any, Any]] = {"Account": account.LIFE, "Order": order.LIFE, "Subscription": subscription.LIFE}

_SERVICES = {SubscriptionEvent.HOLD: "are held", SubscriptionEvent.TERMINATE: "are terminated", None: "none yet"}


def render() -> str:
    """The document, in Markdown with Mermaid diagrams."""
    lives = ((f"## {name}", _diagram(life), _table(life)) for name, life in _LIVES.items())
    return "\n\n".join((_INTRODUCTION, *chain.from_iterable(lives), *_standings())) + "\n"


def _diagram(life: Life[Any, Any]) -> str:
    """Arrows between states, with the events that lead along them; what never changes again ends."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for before, event, after in life.steps():
        arrows.setdefault((before or "[*]", after), []).append(event)
    left = {before for before, _ in arrows if before != "[*]"}
    ends = dict.fromkeys(after for _, after in arrows if after not in left)
    return "\n".join(
        (
            "```mermaid",
            "stateDiagram-v2",
            *(f"    {before} --> {after} : {', '.join(events)}" for (before, after), events in arrows.items()),
            *(f"    {last} --> [*]" for last in ends),
            "```",
        )
    )


def _table(life: Life[Any, Any]) -> str:
    header = ("event", "from", "to", "by", "when", "what happens beside")
    rows = (
        (
            f"`{move.event}`",
            _names(move.from_),
            _names(move.to) if move.to else "stays",
            move.by,
            move.when,
            move.effect,
        )
        for move in life.moves
    )
    return _markdown(header, rows)


def _standings() -> Iterator[str]:
    yield "## What an account's state entails"
    yield _markdown(
        ("state", "orders that add", "orders that take away", "renewals", "services", "sign-in"),
        chain(
            ((f"`{status}`", *_effects(effect, status)) for status, effect in EFFECTS.items()),
            [("an account above takes no charges", *_effects(UNDER_HELD_VENDOR, AccountStatus.ACTIVE))],
        ),
    )
    yield (
        f"An account takes no charges in {_names(sorted(TAKES_NO_CHARGES))}. Those below it are told one\n"
        "sentence, whichever state and account it is. What either row refuses is refused."
    )


def _effects(effect: Standing, status: AccountStatus) -> Iterator[str]:
    yield from ("no" if why else "yes" for why in (effect.orders, effect.decreases, effect.renewals))
    yield "run" if effect.services else _SERVICES[services_event(AccountStatus.ACTIVE, status)]
    yield "no" if effect.sign_in else "yes"


def _names(states: Iterable[str]) -> str:
    return ", ".join(f"`{state}`" for state in states) or "nothing"


def _markdown(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (header, ("---",) * len(header), *rows)
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |").replace("|  |", "| |") for line in lines)
