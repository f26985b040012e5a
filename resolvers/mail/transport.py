"""How mail leaves, whichever way it does: `resolvers/mail/smtp.py` and `resolvers/mail/folder.py` are the two."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class NotNowError(Exception):
    """The mail was not sent, and may be later; the message has the server's words."""


class RefusedError(Exception):
    """The mail was not sent and never will be; the message has the server's words."""


class UnknownOutcomeError(Exception):
    """The mail was handed over and the answer is lost: it may have been sent."""


class Delivery(Protocol):
    """One mail that will be taken, as far as can be known before its text is shown."""

    async def hand_over(self, message: bytes) -> None:
        """Send it. With this begins what can't be taken back.

        Raises:
            NotNowError: not sent, and may be later.
            RefusedError: not sent, and never will be.
            UnknownOutcomeError: sent or not.
        """


class Transport(Protocol):
    """A way for mail to leave."""

    is_repeatable: bool
    """Whether handing a mail over twice gives one mail."""

    def offer(self, name: str, sender: str, to: str) -> AbstractAsyncContextManager[Delivery]:
        """Ask whether a mail would be taken.

        Args:
            name: of the mail, for a file; the same at each attempt.
            sender: address.
            to: address.

        Raises:
            NotNowError: not now.
            RefusedError: not from this sender, or not to this address.
        """
