"""Mail that is to be sent: what it is about and to whom, never what must not lie in a table."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Instant, one_of


class MailTemplate(StrEnum):
    """What a mail is for."""

    INVITATION = "INVITATION"
    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105  # the name of a template
    ORDER_CONFIRMATION = "ORDER_CONFIRMATION"
    ORDER_ERROR = "ORDER_ERROR"
    HOLD_NOTICE = "HOLD_NOTICE"
    HOLD_RELEASE = "HOLD_RELEASE"


class MailStatus(StrEnum):
    """How far a mail got."""

    WAITING = "WAITING"
    """To be sent, or to be tried again."""
    SENDING = "SENDING"
    """About to be handed to the server. Whoever finds it so, and didn't write it, can't know whether it was."""
    SENT = "SENT"
    """The server has taken it."""
    FAILED = "FAILED"
    """The server refused it for good, or was away for too long, or there is nobody to send it to."""
    UNCERTAIN = "UNCERTAIN"
    """Sent or not: the answer got lost, and it is not sent again because that might be the second time."""


class Mail(SQLModel, table=True):
    """One mail for one event; the same key is the same mail, however often it is asked for.

    It names its recipient by a row, whose address is read when it is sent; an address stands here only for somebody
    without one. Links that let somebody in are made when it is sent.
    """

    __tablename__ = "mail"
    __table_args__ = (
        one_of("template", MailTemplate),
        one_of("status", MailStatus),
        CheckConstraint(
            "CASE WHEN to_user_id IS NULL THEN 0 ELSE 1 END + CASE WHEN to_contact_id IS NULL THEN 0 ELSE 1 END"
            " + CASE WHEN to_address IS NULL THEN 0 ELSE 1 END = 1",
            name="one_recipient",
        ),
        Index("mail_key", "key", unique=True),
        Index("mail_status", "status", "created_at"),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    key: str = Field(sa_type=Bytewise)
    """Of the event, such as `order-confirmation:1234`."""
    template: MailTemplate = Field(sa_type=Bytewise)
    to_user_id: int | None = Field(default=None, sa_type=BigId)
    to_contact_id: int | None = Field(default=None, sa_type=BigId)
    to_address: str | None = None
    """Personal data."""
    path: str = Field(sa_type=Bytewise)
    """Of the account that it is about, as it was then: the vendor above signs it."""
    data: str
    """JSON object of texts, as the template takes them."""
    status: MailStatus = Field(default=MailStatus.WAITING, sa_type=Bytewise)
    attempts: int = 0
    sent_at: datetime | None = Field(default=None, sa_type=Instant)
    last_error: str | None = None
    created_at: datetime = Field(sa_type=Instant)
