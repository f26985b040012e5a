"""Sending one mail: at least tried, at most once taken by the server as far as anybody can tell.

A mail is marked as being sent, and that is committed, before its text is shown to the server. Whoever finds the mark
later without an answer beside it leaves the mail alone: it is uncertain, which is told, and never sent a second time.
"""

import logging
from dataclasses import dataclass
from email.headerregistry import Address

import orjson
from sqlalchemy import bindparam, case, exists, select, update

from models import (
    Account,
    AccountContact,
    Credential,
    Identity,
    Mail,
    MailStatus,
    MailTemplate,
    SubjectType,
    User,
    VendorCard,
)
from models import path as paths
from models.base import table_of
from models.statement import Statement
from models.store import Unfiltered
from resolvers import clock
from resolvers.links import GOOD_FOR, PURPOSES
from resolvers.mail.message import AddressError, address, compose
from resolvers.mail.templates import NO_WAY, WITH_LINK, Card, Way, render
from resolvers.mail.transport import NotNowError, RefusedError, UnknownOutcomeError
from resolvers.work.claims import Claim, ending, hold
from resolvers.work.handler import FailedAttemptError, Handler, HopelessError, Retry

log = logging.getLogger("canopy.mail")

_NOT_RECORDED = "It was about to be handed to the mail server when the worker died, so it may have been sent."
_GONE = "The recipient is not there any more."

_M, _USER, _CONTACT, _ACCOUNT = table_of(Mail), table_of(User).c, table_of(AccountContact).c, table_of(Account).c
_CARD = table_of(VendorCard).c
_MAIL = Statement(
    select(
        _M.c.key, _M.c.template, _M.c.status, _M.c.to_user_id, _M.c.to_contact_id, _M.c.to_address, _M.c.path, _M.c.data
    ).where(_M.c.id == bindparam("id")),
    is_lookup=True,
)  # fmt: skip  # the columns as a list
_USER_OF = Statement(
    select(_USER.email, _USER.first_name, _USER.last_name, _USER.language).where(_USER.id == bindparam("id")),
    is_lookup=True,
)
_PERSON, _CREDENTIAL = table_of(Identity).c, table_of(Credential).c
_HAS_PASSWORD = exists().where(_CREDENTIAL.subject_type == SubjectType.USER.value, _CREDENTIAL.subject_id == _PERSON.id)
_OWN_ADDRESS = Statement(
    select(_PERSON.email, _HAS_PASSWORD.label("is_known"))
    .join(table_of(User), _USER.login == _PERSON.login)
    .where(_USER.id == bindparam("id")),
    is_lookup=True,
)
"""Where what lets a user in is sent: whoever manages the account can change the user's address, but not this one."""
_CONTACT_OF = Statement(
    select(_CONTACT.email, _CONTACT.first_name, _CONTACT.last_name, _ACCOUNT.language)
    .join(table_of(Account), _ACCOUNT.id == _CONTACT.account_id)
    .where(_CONTACT.id == bindparam("id")),
    is_lookup=True,
)
_CARD_OF = Statement(
    select(_CARD.name, _CARD.support_email, _CARD.support_phone, _CARD.support_url).where(
        _CARD.account_id == bindparam("id")
    ),
    is_lookup=True,
)
_of_id = update(_M).where(_M.c.id == bindparam("mail"))
_SENDING = Statement(_of_id.values(status=MailStatus.SENDING.value, attempts=bindparam("attempt"), last_error=None))
_NOT_SENT = Statement(_of_id.values(status=MailStatus.WAITING.value, last_error=bindparam("why")))
_SENT = Statement(_of_id.values(status=MailStatus.SENT.value, sent_at=bindparam("at"), last_error=None))
_UNCERTAIN = Statement(_of_id.values(status=MailStatus.UNCERTAIN.value, last_error=bindparam("why")))
_GIVEN_UP = Statement(
    _of_id.values(
        status=case(
            (_M.c.status == MailStatus.SENDING.value, MailStatus.UNCERTAIN.value), else_=MailStatus.FAILED.value
        ),
        attempts=bindparam("attempt"),
        last_error=bindparam("why"),
    )
)


@dataclass(frozen=True, slots=True)
class _Letter:
    """A mail with everything that its sending needs but the link; whether a user to be let in has a password."""

    id: int
    key: str
    template: MailTemplate
    status: MailStatus
    user_id: int | None
    is_known: bool
    to: Address
    language: str
    values: dict[str, str]
    card: Card


class SendMail(Handler):
    """Sends mail; a server that is away is tried for about a day."""

    retry = Retry(attempts=20)
    seconds = 300.0

    async def run(self, job: Claim) -> None:
        """See `Handler`."""
        async with self.place.store.unfiltered("read a mail") as db:
            letter = await _read(db, job.subject_id)
        if letter.status is MailStatus.SENDING and not self.place.transport.is_repeatable:
            await self._end_uncertain(job, _NOT_RECORDED)
            return
        try:
            await self._send(job, letter)
        except UnknownOutcomeError as error:
            await self._end_uncertain(job, str(error))
        except NotNowError as error:
            raise FailedAttemptError(str(error)) from error
        except RefusedError as error:
            raise HopelessError(str(error)) from error
        else:
            async with ending(self.place.store, job) as db:
                await db.execute(_SENT, {"mail": letter.id, "at": await clock.now(db)})

    async def give_up(self, job: Claim, reason: str) -> None:
        """See `Handler`."""
        async with ending(self.place.store, job, failed=reason) as db:
            await db.execute(_GIVEN_UP, {"mail": job.subject_id, "attempt": job.attempt, "why": reason})

    async def _send(self, job: Claim, letter: _Letter) -> None:
        """Have the server agree to the recipient, mark the mail, and only then show its text."""
        place = self.place
        name = f"{letter.id}-{letter.template.lower().replace('_', '-')}"
        async with place.transport.offer(name, place.sender, letter.to.addr_spec) as delivery:
            way = await self._way(job, letter)
            rendered = render(letter.template, letter.language, letter.values, letter.card, way)
            message = compose(rendered, key=letter.key, sender=place.sender, to=letter.to, card=letter.card)
            await self._mark(job, letter)
            try:
                await delivery.hand_over(message)
            except (NotNowError, RefusedError) as error:
                await self._unmark(job, letter, str(error))
                raise

    async def _way(self, job: Claim, letter: _Letter) -> Way:
        """The mail's link, if it has one; what recognises it is committed before the mail leaves."""
        if letter.template not in WITH_LINK or letter.user_id is None:
            return NO_WAY
        if letter.template not in self.place.links:
            raise HopelessError(f"Nobody makes links for {letter.template}.")
        async with self.place.store.unfiltered("make the link of a mail", write=True) as db:
            await hold(db, job)
            link = await self.place.links[letter.template](db, letter.user_id)
        return Way(link, GOOD_FOR[PURPOSES[letter.template]], letter.is_known)

    async def _mark(self, job: Claim, letter: _Letter) -> None:
        """Write down that the mail is being sent, if this claim still holds."""
        async with self.place.store.unfiltered("mark a mail as being sent", write=True) as db:
            await hold(db, job)
            await db.execute(_SENDING, {"mail": letter.id, "attempt": job.attempt})

    async def _unmark(self, job: Claim, letter: _Letter, why: str) -> None:
        async with self.place.store.unfiltered("a mail was not sent", write=True) as db:
            await hold(db, job)
            await db.execute(_NOT_SENT, {"mail": letter.id, "why": why})

    async def _end_uncertain(self, job: Claim, why: str) -> None:
        log.error("mail %s: %s", job.subject_id, why)
        async with ending(self.place.store, job, failed=why) as db:
            await db.execute(_UNCERTAIN, {"mail": job.subject_id, "why": why})


async def _read(db: Unfiltered, mail_id: int) -> _Letter:
    """The mail, its recipient's address as it is now, and the card of the vendor who signs.

    Raises:
        HopelessError: there is nobody to send it to.
    """
    (mail,) = await db.rows(_MAIL, {"id": mail_id})
    email, name, language = await _recipient(db, mail.to_user_id, mail.to_contact_id, mail.to_address)
    is_known = False
    if mail.template in WITH_LINK:
        email, is_known = await _own_address(db, mail.to_user_id)
    (card,) = await db.rows(_CARD_OF, {"id": paths.parent_id(mail.path) or paths.account_id(mail.path)})
    try:
        to = address(email, name)
    except AddressError as error:
        raise HopelessError(str(error)) from error
    values = orjson.loads(mail.data) | {"recipient": name or email}
    template, status = MailTemplate(mail.template), MailStatus(mail.status)
    return _Letter(mail_id, mail.key, template, status, mail.to_user_id, is_known, to, language, values, Card(*card))


async def _own_address(db: Unfiltered, user_id: int) -> tuple[str, bool]:
    """A person's own address, and whether they have a password."""
    rows = await db.rows(_OWN_ADDRESS, {"id": user_id})
    if not rows:
        raise HopelessError(_GONE)
    return str(rows[0].email), bool(rows[0].is_known)


async def _recipient(
    db: Unfiltered, user_id: int | None, contact_id: int | None, given: str | None
) -> tuple[str, str, str]:
    """Address, name and language."""
    if given is not None:
        return given, "", ""
    rows = await db.rows(_USER_OF, {"id": user_id}) if user_id else await db.rows(_CONTACT_OF, {"id": contact_id})
    if not rows:
        raise HopelessError(_GONE)
    return rows[0].email, f"{rows[0].first_name} {rows[0].last_name}".strip(), rows[0].language
