"""Mail that an operation has sent."""

from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert  # whose ON CONFLICT is spelled alike on SQLite

from models.base import table_of
from models.beyond import announce
from models.identifier import new_id
from models.job import JobKind
from models.mail import Mail, MailStatus, MailTemplate
from models.statement import Statement
from models.store import StoreError
from models.writer import Writer

_MAIL = table_of(Mail)
_GIVEN = ("id", "key", "template", "to_user_id", "to_contact_id", "to_address", "path", "data", "created_at")
_POST = Statement(
    insert(_MAIL)
    .values({name: bindparam(name) for name in _GIVEN} | {"status": MailStatus.WAITING.value, "attempts": 0})
    .on_conflict_do_nothing(index_elements=[_MAIL.c.key])
    .returning(_MAIL.c.id)
)

_TO = Statement(
    select(_MAIL.c.to_user_id, _MAIL.c.to_contact_id, _MAIL.c.to_address).where(_MAIL.c.key == bindparam("key")),
    is_lookup=True,
)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets a mail: one of the three.

    Args:
        to_user_id: a user, at the address that they have when the mail is sent.
        to_contact_id: a contact of an account, likewise.
        to_address: of somebody who has no row.

    Raises:
        ValueError: none of them, or several.
    """

    to_user_id: int | None = None
    to_contact_id: int | None = None
    to_address: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if [self.to_user_id, self.to_contact_id, self.to_address].count(None) != 2:
            raise ValueError("a mail has one recipient")


async def add(
    writer: Writer, template: MailTemplate, key: str, to: Recipient, path: str, data: str, at: datetime
) -> bool:
    """Write down a mail and the job of sending it.

    Args:
        writer: the transaction of what the mail is about.
        template: what it is for.
        key: of the event.
        to: the recipient.
        path: of the account that it is about.
        data: JSON object of texts.
        at: the platform's present.

    Returns:
        Whether it is new: of a key there is one.

    Raises:
        StoreError: the account is out of scope.
    """
    if not writer.scope.holds(path):
        raise StoreError("a mail is about an account in scope")
    mail_id = new_id()
    mail = {"id": mail_id, "key": key, "template": template.value, "path": path, "data": data, "created_at": at}
    async with writer.beyond("leaving mail to the worker") as db:
        is_new = bool(await db.write(_POST, mail | asdict(to)))
    if is_new:
        await announce.enqueue(writer, JobKind.SEND_MAIL, key, mail_id, path, at)
    return is_new


async def recipient_of(writer: Writer, key: str, path: str) -> Recipient | None:
    """Who was sent a mail about an account, to send them another; None if nobody was, or it isn't known any more.

    Args:
        writer: the transaction.
        key: of that mail.
        path: of the account.

    Raises:
        StoreError: the account is out of scope.
    """
    if not writer.scope.holds(path):
        raise StoreError("a mail is about an account in scope")
    async with writer.beyond("who was sent a mail") as db:
        rows = await db.rows(_TO, {"key": key})
    return Recipient(*rows[0]) if rows and rows[0].to_address != "" else None
