"""Mail reaches a real server: once, signed by the vendor, to the address of the moment, with no secret left behind."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from models import MailTemplate, User, VendorCard, base
from models.beyond.post import Recipient
from models.scope import Scope
from models.store import StoreError
from resolvers.mail.message import AddressError, address, message_id
from resolvers.mail.outbox import post
from resolvers.mail.templates import NO_WAY, TAKES, WITH_LINK, WORDINGS, Card, Way, render
from tests.hierarchy import path_of
from tests.jobs import job, jobs, notes
from tests.mail_server import MailServer
from tests.office import CUSTOMER, OWN_ADDRESS, SENDER, VENDOR, Office, advance

# What arrives


async def test_a_mail_reaches_its_recipient_in_the_vendors_name(office: Office, server: MailServer) -> None:
    await office.post(MailTemplate.ORDER_CONFIRMATION, "order:7", data={"account": "Customer", "order": "SO000007"})
    await office.send(server.url)

    (received,) = server.received()
    message = received.message
    assert (received.sender, received.to) == (SENDER, ["ann@customer.example"])
    assert message["From"] == f"Best Reseller <{SENDER}>"
    assert message["To"] == "Ann Lee <ann@customer.example>"
    assert message["Reply-To"] == "Best Reseller <help@reseller.example>"
    assert message["Subject"] == "Order SO000007 has been placed"
    assert message["Message-ID"] == message_id("order:7", SENDER)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"]
    text = received.text
    assert "Hello Ann Lee,\n" in text
    assert "order SO000007 for Customer" in text
    assert text.endswith("\n-- \nBest Reseller\nhelp@reseller.example\nhttps://reseller.example/help\n")
    mail = await office.mail()
    assert (mail.status, mail.attempts, mail.last_error) == ("SENT", 1, None)
    assert mail.sent_at is not None
    assert (await job(office.store)).done_at is not None


async def test_the_address_is_that_of_the_moment_of_sending(office: Office, server: MailServer) -> None:
    await office.post()
    await office.change(User, CUSTOMER, email="new@customer.example")
    await office.send(server.url)

    assert server.received()[0].to == ["new@customer.example"]


async def test_contacts_and_people_without_a_row_get_mail_too(office: Office, server: MailServer) -> None:
    await office.post(key="1", to=office.contact)
    await office.post(key="2", to=Recipient(to_address="eve@elsewhere.example"))
    await office.send(server.url)

    assert {received.to[0] for received in server.received()} == {"bob@customer.example", "eve@elsewhere.example"}


@pytest.mark.parametrize("name", [".hidden", "Ünïcode & Söhne 株式会社", "x" * 190, "a\t b"])
async def test_a_name_arrives_as_it_is(sqlite_office: Office, server: MailServer, name: str) -> None:
    await sqlite_office.post(data={"account": name, "reason": "B"})
    await sqlite_office.send(server.url)

    (received,) = server.received()
    shown = name.replace("\t", "")
    assert received.message["Subject"] == f"{shown} is on hold"
    assert f"\n\n{shown} is on hold, and" in received.text


NASTY = "Evil\r\nBcc: all@world.example\r\n\r\nBuy \u202ethis\x00\u2028now"


async def test_no_name_gets_into_the_headers_or_onto_a_line_of_its_own(
    sqlite_office: Office, server: MailServer
) -> None:
    await sqlite_office.change(User, CUSTOMER, first_name=NASTY.replace("\x00", ""))
    await sqlite_office.change(VendorCard, VENDOR, name=NASTY.replace("\x00", ""))
    await sqlite_office.post(data={"account": NASTY, "reason": "B"})
    await sqlite_office.send(server.url)

    (received,) = server.received()
    told = "Evil Bcc: all@world.example Buy this now"
    assert received.to == ["ann@customer.example"]
    assert set(received.message.keys()) == {
        "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
        "Content-Transfer-Encoding",
    }  # fmt: skip  # the names on two lines
    assert received.message["Subject"] == f"{told} is on hold"
    assert f"Hello {told} Lee,\n" in received.text
    assert not [line for line in received.text.splitlines() if line.startswith(("Bcc", "Buy", "now"))]


@pytest.mark.parametrize(
    "text",
    ["", "ann", "@x.example", "ann@", "a@x.example, b@y.example", "a@x.example\r\nBcc: b@y.example", "<a@x.example>"],
)
async def test_what_is_no_single_address_gets_no_mail(sqlite_office: Office, server: MailServer, text: str) -> None:
    await sqlite_office.change(User, CUSTOMER, email=text)
    await sqlite_office.post()
    await sqlite_office.send(server.url)

    mail = await sqlite_office.mail()
    assert (mail.status, mail.last_error) == ("FAILED", "This is no mail address.")
    assert server.received() == []
    with pytest.raises(AddressError):
        address(text)


async def test_a_card_with_nonsense_on_it_signs_all_the_same(sqlite_office: Office, server: MailServer) -> None:
    await sqlite_office.change(VendorCard, VENDOR, support_email="ask at the desk")
    await sqlite_office.post()
    await sqlite_office.send(server.url)

    (received,) = server.received()
    assert "Reply-To" not in received.message
    assert "ask at the desk" in received.text


@pytest.mark.parametrize("language", list(WORDINGS))
@pytest.mark.parametrize("template", list(MailTemplate))
def test_every_template_is_filled_in(template: MailTemplate, language: str) -> None:
    values = {name: f"[{name}]" for name in TAKES[template]} | {"recipient": "[recipient]"}
    for is_known in (False, True):
        _is_filled_in(template, language, values, is_known=is_known)


def _is_filled_in(template: MailTemplate, language: str, values: dict[str, str], *, is_known: bool) -> None:
    way = Way("https://[link]", timedelta(hours=72), is_known) if template in WITH_LINK else NO_WAY
    rendered = render(template, language, values, Card("[vendor]"), way)

    assert not set("{}") & set(rendered.subject + rendered.body)
    assert all(value in rendered.subject + rendered.body for value in values.values())
    assert ("https://[link]" in rendered.body) == (template in WITH_LINK)
    assert "\n" not in rendered.subject


def test_a_language_in_which_nothing_is_written_is_english() -> None:
    given: Any = (MailTemplate.HOLD_NOTICE, {"account": "A", "reason": "B", "recipient": "R"}, Card("V"))

    assert (
        render(given[0], "tlh", *given[1:]) == render(given[0], "en-GB", *given[1:]) == render(given[0], "", *given[1:])
    )


# Once for an event, and only with it


async def test_the_same_key_is_one_mail_before_and_after_it_is_sent(office: Office, server: MailServer) -> None:
    assert await office.post()
    assert not await office.post()
    await office.send(server.url)
    assert not await office.post()
    await office.send(server.url)

    assert len(server.received()) == 1


async def test_what_is_rolled_back_sends_no_mail(office: Office, server: MailServer) -> None:
    async def fail() -> None:
        async with office.store.writer(Scope(path_of(1))) as writer:
            given: dict[str, Any] = {"to": office.user, "path": path_of(CUSTOMER), "at": base.now()}
            await post(writer, MailTemplate.HOLD_NOTICE, key="1", data={"account": "A", "reason": "B"}, **given)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await office.send(server.url)

    assert (await office.mails(), await jobs(office.store), server.received()) == ([], [], [])


async def test_nobody_has_mail_sent_about_an_account_out_of_scope(office: Office) -> None:
    given: dict[str, Any] = {"key": "1", "to": office.user, "path": path_of(CUSTOMER), "at": base.now()}
    with pytest.raises(StoreError):
        async with office.store.writer(Scope(path_of(9))) as writer:
            await post(writer, MailTemplate.HOLD_NOTICE, data={"account": "A", "reason": "B"}, **given)

    assert await office.mails() == []


async def test_a_mail_takes_exactly_its_texts_and_one_recipient(sqlite_office: Office) -> None:
    for data in ({"account": "A", "password": "p"}, {"order": "1"}):
        with pytest.raises(ValueError, match="HOLD_NOTICE takes"):
            await sqlite_office.post(data=data)
    for template in WITH_LINK:
        with pytest.raises(ValueError, match="goes to a user"):
            await sqlite_office.post(template, to=sqlite_office.contact)
    for recipient in ({}, {"to_user_id": 1, "to_address": "a@x.example"}):
        with pytest.raises(ValueError, match="one recipient"):
            Recipient(**recipient)  # type: ignore[arg-type]  # as many as it takes to be refused


# Links


async def test_a_link_is_made_when_the_mail_is_sent_and_stands_nowhere_else(office: Office, server: MailServer) -> None:
    await office.post(MailTemplate.INVITATION)
    assert office.links == []
    await office.send(server.url)

    assert len(office.links) == 1
    assert server.received()[0].to == [OWN_ADDRESS], "an address that others can change lets nobody in"
    assert f"\n{office.links[0]}\n" in server.received()[0].text
    assert "s3cr3t" not in repr([await office.mails(), await jobs(office.store)])
    assert await notes(office.store) == Counter([1]), "what recognises the link was not committed"


async def test_a_mail_with_a_link_says_how_long_it_is_good(office: Office, server: MailServer) -> None:
    await office.post(MailTemplate.INVITATION, "1")
    await office.post(MailTemplate.PASSWORD_RESET, "2")
    await office.send(server.url)

    invitation, reset = sorted(
        (received.text for received in server.received()), key=lambda text: "invited" not in text
    )
    assert "within 72 hours" in invitation
    assert "within 60 minutes" in reset


async def test_who_has_a_password_is_not_invited_to_choose_one(office: Office, server: MailServer) -> None:
    await office.post(MailTemplate.INVITATION, "1")
    await office.send(server.url)
    await office.give_password()
    await office.post(MailTemplate.INVITATION, "2")
    await office.send(server.url)

    to_new, to_known = (received.text for received in server.received())
    assert "choose your password" in to_new
    assert "choose" not in to_known
    assert "the password that you have" in to_known


async def test_a_link_of_an_attempt_that_failed_is_not_used_again(office: Office, server: MailServer) -> None:
    await office.post(MailTemplate.PASSWORD_RESET)
    server.rule(data="451 come back later")
    await office.send(server.url)
    await advance(office)
    server.rule()
    await office.send(server.url)

    assert len(office.links) == 2
    assert office.links[1] in server.received()[0].text


async def test_no_link_is_made_for_a_recipient_whom_the_server_refuses(
    sqlite_office: Office, server: MailServer
) -> None:
    await sqlite_office.post(MailTemplate.INVITATION)
    server.rule(rcpt="550 no such user here")
    await sqlite_office.send(server.url)

    assert sqlite_office.links == []
