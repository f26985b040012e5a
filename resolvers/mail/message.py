"""A mail as it leaves: headers and text in the form of the internet (RFC 5322)."""

import re
from contextlib import suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from hashlib import sha256

from resolvers.mail.templates import Card, Rendered, one_line

_ID_CHARACTERS = 32
_ADDRESS = re.compile(r"([^\s\x00-\x1f\x7f@<>()\[\],;:\\\"]{1,64})@([^\s\x00-\x1f\x7f@<>()\[\],;:\\\"]{1,255})")
"""Without the quoted forms, which nobody has."""


class AddressError(ValueError):
    """The text is no address that mail can be sent to."""


def address(text: str, name: str = "") -> Address:
    """An address with the name that is shown for it.

    Raises:
        AddressError: it is none; a list of addresses and one with line ends are none.
    """
    parts = _ADDRESS.fullmatch(text.strip())
    if parts is None:
        raise AddressError("This is no mail address.")
    return Address(one_line(name), username=parts[1], domain=parts[2])


def message_id(key: str, sender: str) -> str:
    """The mail's id: the same at each attempt, so that whoever gets two can tell that they are one."""
    return f"<{sha256(key.encode()).hexdigest()[:_ID_CHARACTERS]}@{sender.rpartition('@')[2]}>"


def compose(rendered: Rendered, *, key: str, sender: str, to: Address, card: Card) -> bytes:
    """The mail as bytes, its lines ended by CR LF.

    Args:
        rendered: subject and body.
        key: the mail's.
        sender: the address that it comes from.
        to: the recipient.
        card: the vendor's, in whose name it comes and to whom an answer goes.
    """
    message = EmailMessage(policy=SMTP if to.addr_spec.isascii() else SMTPUTF8)
    message["From"] = address(sender, card.name)
    message["To"] = to
    with suppress(AddressError):  # vendors write what they like on their cards
        message["Reply-To"] = address(card.support_email or "", card.name)
    message["Subject"] = rendered.subject
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = message_id(key, sender)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(rendered.body)
    return message.as_bytes()
