"""The mail of a day, read from the files that it is written into."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import TypeVar

from tests.day.client import PATIENCE

T = TypeVar("T")

_LINK = re.compile(r"https?://\S+#(\S+)")


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as its reader sees it."""

    sender: str
    to: str
    subject: str
    body: str

    @property
    def token(self) -> str:
        """What stands behind `#` in its link."""
        found = _LINK.search(self.body)
        assert found, self.body
        return found[1]


class Mailbox:
    """The folder that all mail is written into.

    Args:
        folder: the folder; it may not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, Mail] = {}

    def all(self) -> Iterator[Mail]:
        """What has come so far, in no order."""
        for file in sorted(self._folder.glob("*.eml")):
            if file not in self._read:
                self._read[file] = _mail(file.read_bytes())
            yield self._read[file]

    def wait_for(self, to: str, subject: str = "") -> Mail:
        """The mail to somebody whose subject has these words, as soon as it is there.

        Raises:
            TimeoutError: it doesn't come.
        """

        def found() -> Mail | None:
            return next((mail for mail in self.all() if mail.to == to and subject in mail.subject), None)

        return wait_for(found, f"a mail to {to}: {subject}")


def _mail(written: bytes) -> Mail:
    """The mail in a file."""
    message = message_from_bytes(written, policy=default)
    body = message.get_body()
    assert body is not None
    text: str = body.get_content()
    sender, to = message["From"].addresses[0].display_name, message["To"].addresses[0].addr_spec
    return Mail(sender, to, message["Subject"], text)


def wait_for(look: Callable[[], T | None], what: str) -> T:
    """What a look finds, as soon as it finds anything.

    Raises:
        TimeoutError: it finds nothing for long.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"never came: {what}")
        time.sleep(0.03)
