"""What does the jobs of one kind, and what it has to work with."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from models import MailTemplate
from models.store import Store
from resolvers.mail.links import LinkMaker
from resolvers.mail.transport import Transport
from resolvers.work.claims import Claim
from resolvers.work.connector import Connectors

_ENOUGH_DOUBLINGS = 32
"""More would only make numbers that no date can hold."""


class FailedAttemptError(Exception):
    """What was to be done did not work this time, for a reason outside of us; the message says it for the record."""


class HopelessError(Exception):
    """Trying again would not help; the message says why, for the record and for people."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How patient a handler is.

    Args:
        attempts: how many, those included that died without a word.
        first: how long the second attempt waits for; each further one twice as long.
        longest: and no longer than this.
    """

    attempts: int = 8
    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(hours=1)

    def wait(self, attempt: int, chance: float) -> timedelta:
        """How long to wait after an attempt: between half the time and all of it, so that jobs don't come in herds.

        Args:
            attempt: the one that failed, from 1.
            chance: between 0 and 1.
        """
        doublings = min(attempt - 1, _ENOUGH_DOUBLINGS)
        return min(self.first * (1 << doublings), self.longest) * (0.5 + chance / 2)


@dataclass(frozen=True, slots=True)
class Workplace:
    """What handlers work with, made once for a process.

    Args:
        store: the database.
        transport: how mail leaves.
        sender: the address from which it comes.
        links: who makes the link of a mail that has one.
        connectors: what provisions; None: all is simulated.
    """

    store: Store
    transport: Transport
    sender: str
    links: Mapping[MailTemplate, LinkMaker] = field(default_factory=dict)
    connectors: Connectors | None = None


class Handler(ABC):
    """Does the jobs of one kind.

    Each of its methods has to end the job: in the transaction that `resolvers.work.claims.ending` opens, or by `end` as
    the first statement of one of its own. An attempt may be cut off at any point and made again, by another process;
    what lies outside of the database has to bear that.
    """

    retry = Retry()
    seconds = 120.0
    """After which an attempt has failed."""

    def __init__(self, place: Workplace) -> None:
        self.place = place

    async def begin(self) -> None:
        """Called when a worker begins to work, before it takes jobs: plan those that nobody asks for."""
        return

    @abstractmethod
    async def run(self, job: Claim) -> None:
        """Do it.

        Raises:
            HopelessError: it can't be done, now or later.
            FailedAttemptError: it may work later. Anything else that is raised is tried again too, and is a defect.
        """

    @abstractmethod
    async def give_up(self, job: Claim, reason: str) -> None:
        """Say the last word about a job that can't be done, or failed too often."""
