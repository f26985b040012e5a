"""Mail that isn't taken: tried again, given up with the server's words, never sent twice whoever dies meanwhile."""

import asyncio
import random
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import update

from models import Mail, MailStatus
from models.base import table_of
from models.beyond.post import Recipient
from models.statement import Statement
from resolvers.mail import smtp
from resolvers.mail.message import message_id
from tests.jobs import job, jobs
from tests.mail_server import MailServer
from tests.office import Machine, Office, advance
from tests.work_processes import worker_processes

_MAIL = table_of(Mail)


@pytest.mark.parametrize(
    "rule",
    [{"rcpt": "451 try later"}, {"data": "451 try later"}, {"rcpt": "421 going down"}, {"cut": "rcpt"}],
    ids=lambda rule: "-".join(*rule.items()),
)
async def test_a_mail_that_is_not_taken_for_now_is_tried_again(
    sqlite_office: Office, server: MailServer, rule: dict[str, str]
) -> None:
    await sqlite_office.post()
    server.rule(**rule)
    await sqlite_office.send(server.url)
    waiting = await sqlite_office.mail()
    assert (waiting.status, server.received()) == ("WAITING", [])
    assert (await job(sqlite_office.store)).last_error

    server.rule()
    await sqlite_office.send(server.url)
    assert server.received() == [], "it was tried again without waiting"
    await advance(sqlite_office)
    await sqlite_office.send(server.url)
    assert (await sqlite_office.mail()).status == "SENT"
    assert len(server.received()) == 1


@pytest.mark.parametrize("rule", [{"rcpt": "550 {} is unknown"}, {"data": "554 {} gets no such thing"}], ids=str)
async def test_a_mail_that_is_refused_fails_with_the_servers_words(
    office: Office, server: MailServer, rule: dict[str, str]
) -> None:
    await office.post()
    server.rule(**{where: words.format("ann@customer.example") for where, words in rule.items()})
    await office.send(server.url)

    mail = await office.mail()
    (words,) = rule.values()
    assert (mail.status, mail.last_error) == ("FAILED", words.format("the recipient"))
    assert (await job(office.store)).done_at is not None


async def test_a_server_that_stays_away_is_tried_for_hours_and_then_the_mail_fails(
    sqlite_office: Office, machine: Machine
) -> None:
    await sqlite_office.post()
    begun = machine.now
    while (await job(sqlite_office.store)).done_at is None:
        await sqlite_office.send("smtp://127.0.0.1:1")
        machine.now += timedelta(minutes=61)

    mail = await sqlite_office.mail()
    assert mail.status == "FAILED"
    assert "can't be used" in mail.last_error
    assert machine.now - begun > timedelta(hours=12)


async def test_a_mail_whose_recipient_is_gone_fails(sqlite_office: Office, server: MailServer) -> None:
    await sqlite_office.post(to=Recipient(to_contact_id=1))
    await sqlite_office.send(server.url)

    assert (await sqlite_office.mail()).last_error == "The recipient is not there any more."


async def test_a_mail_whose_answer_got_lost_is_uncertain_and_not_sent_again(office: Office, server: MailServer) -> None:
    await office.post()
    server.rule(cut="data")
    await office.send(server.url)
    server.rule()
    await advance(office)
    await office.send(server.url)

    mail = await office.mail()
    assert mail.status == "UNCERTAIN"
    assert "not confirmed" in mail.last_error
    assert len(server.received()) == 1


async def test_a_mail_marked_by_a_worker_that_died_is_uncertain_and_not_sent(
    office: Office, server: MailServer
) -> None:
    await office.post()
    marking = Statement(update(_MAIL).values(status=MailStatus.SENDING.value))
    async with office.store.unfiltered("a test marks the mail", write=True) as db:
        await db.execute(marking)
    await office.send(server.url)

    assert ((await office.mail()).status, server.received()) == ("UNCERTAIN", [])


async def test_killing_workers_sends_no_mail_twice_and_forgets_none(office: Office, server: MailServer) -> None:
    dice = random.Random(5)
    count, kills = 40, 0
    for n in range(count):
        await office.post(key=f"hold:{n:02}")
    server.rule(slow="0.1")
    with worker_processes(office.store.url, server.url) as processes:
        for _ in range(4):  # so that who is killed next has had time to take something
            processes.start()
        async with asyncio.timeout(60):
            while None in [each.done_at for each in await jobs(office.store)]:
                await asyncio.sleep(0.05 + dice.random() * 0.15)
                if kills < 10:
                    processes.start()
                    processes.kill_oldest()
                    kills += 1

    mails = await office.mails()
    sent = {message_id(mail.key, "canopy@localhost") for mail in mails if mail.status == "SENT"}
    uncertain = {message_id(mail.key, "canopy@localhost") for mail in mails if mail.status == "UNCERTAIN"}
    received = Counter(each.message["Message-ID"] for each in server.received())
    assert kills > 3
    assert len(sent) + len(uncertain) == count
    assert max(received.values()) == 1
    assert sent <= set(received) <= sent | uncertain


async def test_the_mark_is_committed_before_the_text_is_shown(
    office: Office, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    hand_over = smtp._Session.hand_over

    async def look_first(session: smtp._Session, message: bytes) -> None:
        seen.append((await office.mail()).status)
        await hand_over(session, message)

    monkeypatch.setattr(smtp._Session, "hand_over", look_first)
    await office.post()
    await office.send(server.url)

    assert seen == ["SENDING"]
