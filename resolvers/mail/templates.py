"""What mails say: plain text, for each template in each language, signed by the recipient's vendor."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from textwrap import dedent

from models import MailTemplate

DEFAULT_LANGUAGE = "en"
_LONGEST_VALUE = 200
_NOT_PRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")
"""Control characters, line ends, and what turns the direction of writing or can't be seen."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A template in one language; words in braces are filled in.

    Args:
        subject: one line.
        body: the text.
        to_known: the text for who has a password already, if that is another.
    """

    subject: str
    body: str
    to_known: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """The vendor as its customers know it.

    Args:
        name: the brand.
        support_email: None as the others where the vendor has none.
    """

    name: str
    support_email: str | None = None
    support_phone: str | None = None
    support_url: str | None = None


TAKES: Mapping[MailTemplate, frozenset[str]] = {
    MailTemplate.INVITATION: frozenset({"account"}),
    MailTemplate.PASSWORD_RESET: frozenset(),
    MailTemplate.ORDER_CONFIRMATION: frozenset({"account", "order"}),
    MailTemplate.ORDER_ERROR: frozenset({"account", "order", "reason"}),
    MailTemplate.HOLD_NOTICE: frozenset({"account", "reason"}),
    MailTemplate.HOLD_RELEASE: frozenset({"account"}),
}
"""The texts that a mail stores. `recipient`, `vendor`, `link`, `hours` and `minutes` are known when it is sent."""

WITH_LINK = frozenset({MailTemplate.INVITATION, MailTemplate.PASSWORD_RESET})
"""Templates that carry a link that lets their recipient in."""

WORDINGS: Mapping[str, Mapping[MailTemplate, Wording]] = {
    "en": {
        MailTemplate.INVITATION: Wording(
            "Your access to {account} at {vendor}",
            """
            Hello {recipient},

            you are invited to manage {account} at {vendor}. Open this link to choose your password:

            {link}

            It works once, within {hours} hours. If you did not expect this, leave it: nothing happens.
            """,
            to_known="""
            Hello {recipient},

            you are invited to manage {account} at {vendor}. Open this link and give the password that you have here
            already:

            {link}

            It works once, within {hours} hours. If you did not expect this, leave it: nothing happens.
            """,
        ),
        MailTemplate.PASSWORD_RESET: Wording(
            "Choose a new password at {vendor}",
            """
            Hello {recipient},

            somebody, hopefully you, asked for a new password. Open this link to choose it:

            {link}

            It works once, within {minutes} minutes. If it was not you, leave it: your password stays as it is.
            """,
        ),
        MailTemplate.ORDER_CONFIRMATION: Wording(
            "Order {order} has been placed",
            """
            Hello {recipient},

            thank you: order {order} for {account} has been placed.
            """,
        ),
        MailTemplate.ORDER_ERROR: Wording(
            "Order {order} could not be carried out",
            """
            Hello {recipient},

            order {order} for {account} could not be carried out:

            {reason}

            What it cost has been given back.
            """,
        ),
        MailTemplate.HOLD_NOTICE: Wording(
            "{account} is on hold",
            """
            Hello {recipient},

            {account} is on hold, and can't place orders until it is released:

            {reason}

            Please get in touch with us.
            """,
        ),
        MailTemplate.HOLD_RELEASE: Wording(
            "{account} is not on hold any more",
            """
            Hello {recipient},

            {account} is not on hold any more, and can place orders again.
            """,
        ),
    },
}
"""By language, as BCP 47 spells it without a region. A further language is a further entry, complete or not.

So far there is English alone, whatever language a recipient prefers; docs/signing-in.md says so.
"""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a mail says; the subject is one line."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Way:
    """How a mail lets its recipient in.

    Args:
        link: the address; not changed in any way.
        good_for: how long it leads anywhere.
        is_known: whether the recipient has a password already.
    """

    link: str
    good_for: timedelta
    is_known: bool


NO_WAY = Way("", timedelta(), is_known=False)
"""Of mails without a link."""


def render(template: MailTemplate, language: str, values: Mapping[str, str], card: Card, way: Way = NO_WAY) -> Rendered:
    """A mail's subject and body.

    Args:
        template: what it is for.
        language: the recipient's, such as `en-GB`; English where nothing is written in it.
        values: the template's texts and `recipient`. They come from people, so each is made one line of bounded length.
        card: of the vendor that signs.
        way: in, for templates with a link.
    """
    wording = WORDINGS.get(language.partition("-")[0].lower(), {}).get(template) or WORDINGS[DEFAULT_LANGUAGE][template]
    minutes = way.good_for // timedelta(minutes=1)
    filled = {name: one_line(value) for name, value in values.items()} | {"vendor": one_line(card.name)}
    filled |= {"link": way.link, "hours": str(minutes // 60), "minutes": str(minutes)}
    text = wording.to_known if way.is_known and wording.to_known else wording.body
    body = dedent(text).strip().format_map(filled)
    return Rendered(wording.subject.format_map(filled), f"{body}\n\n-- \n{_signature(card)}\n")


def one_line(text: str) -> str:
    """The text as it may stand in a header or within a line: no line ends, nothing invisible, not too long."""
    return " ".join(_NOT_PRINTED.sub(" ", text).split())[:_LONGEST_VALUE]


def _signature(card: Card) -> str:
    return "\n".join(one_line(value) for value in (getattr(card, field.name) for field in fields(card)) if value)
