"""A day on the platform: who is there, what they remember of each other, and what came of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from models.demo import PASSWORD
from tests.day.client import Gateway, NotGrantedError, Person
from tests.day.listening import Listener
from tests.day.mailbox import Mailbox
from tests.day.platform import Platform

OWN_PASSWORD = "a-day-to-remember"


@dataclass
class Day:
    """What the steps of a day share.

    Args:
        platform: what it happens on.
        gateway: how people reach it.
        show: is given each line of the result as soon as it is known.
        lines: the result: names, states, amounts; no ids and no instants, so that every run has the same.
        people: who is signed in, by login.
        ids: global ids by the names that the steps give them.
        listeners: who listens, by what the steps call them.
    """

    platform: Platform
    gateway: Gateway
    show: Callable[[str], None]
    lines: list[str] = field(default_factory=list)
    people: dict[str, Person] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    listeners: dict[str, Listener] = field(default_factory=dict)

    @cached_property
    def mailbox(self) -> Mailbox:
        """All mail."""
        return Mailbox(self.platform.mail)

    def tell(self, line: str) -> None:
        """Add a line to the result, below the sentence of its step."""
        self._add(f"  {line}")

    def do(self, step: "Step") -> None:
        """Do a step, under its sentence: the first line of its docstring."""
        self._add((step.__doc__ or "").splitlines()[0])
        self.platform.goes_on()
        step(self)

    def _add(self, line: str) -> None:
        self.lines.append(line)
        self.show(line)

    def person(self, login: str) -> Person:
        """Whoever has that login; of the demo, unless they have followed an invitation."""
        if login not in self.people:
            self.people[login] = self.gateway.sign_in(login, PASSWORD)
        return self.people[login]

    def follow(self, login: str, **further: str) -> None:
        """Follow the invitation in somebody's mailbox: choose a password, sign in.

        Args:
            login: whose; also their address.
            further: fields of the form, such as the security question.
        """
        mail = self.mailbox.wait_for(login, "Your access")
        try:
            self.gateway.form("/auth/link", token=mail.token, password=OWN_PASSWORD, **further)
        except NotGrantedError as error:
            # A link is good once: the answer that was lost said so.
            if not error.is_second:
                raise
        self.people[login] = self.gateway.sign_in(login, OWN_PASSWORD)


Step = Callable[[Day], None]


def run(platform: Platform, steps: Sequence[Step], show: Callable[[str], None] = lambda _line: None) -> str:
    """The result of a day: its steps one after the other, each under its sentence.

    Args:
        platform: started, with the demo tree.
        steps: what happens.
        show: is given each line as soon as it is known.
    """
    now = platform.now()
    platform.advance(_morning(now) - now)
    day = Day(platform, Gateway(platform.url), show)
    for step in steps:
        day.do(step)
    day.gateway.close()
    return "\n".join(day.lines) + "\n"


def _morning(now: datetime) -> datetime:
    """The next 4 March at nine: a day that is followed by the same months, whenever the tests run."""
    this_year = datetime(now.year, 3, 4, 9, tzinfo=UTC)
    return this_year if this_year > now else this_year.replace(year=now.year + 1)
