"""The ways by which mail leaves: encrypted to a server, or into a folder."""

import stat
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import update

from models import Mail, MailStatus, MailTemplate, User
from models.base import table_of
from models.statement import Statement
from resolvers.mail.mail_url import InvalidMailURLError, open_transport
from tests.jobs import job
from tests.mail_server import PASSWORD, USER, MailServer, mail_server
from tests.office import CUSTOMER, OWN_ADDRESS, Office, advance, contents

_MAIL = table_of(Mail)


# Encryption


def with_user(server: MailServer, password: str = PASSWORD) -> str:
    return server.url.replace("://", f"://{quote(USER, safe='')}:{quote(password, safe='')}@")


def trust(server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))


async def test_a_password_goes_to_a_server_that_proved_its_name(
    sqlite_office: Office, guarded: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(guarded, monkeypatch)
    await sqlite_office.post()
    await sqlite_office.send(with_user(guarded))

    (received,) = guarded.received()
    assert (received.is_encrypted, received.user) == (True, USER)


async def test_a_password_goes_to_no_server_that_nobody_vouches_for(sqlite_office: Office, guarded: MailServer) -> None:
    await sqlite_office.post()
    await sqlite_office.send(with_user(guarded))

    assert ((await sqlite_office.mail()).status, guarded.received()) == ("WAITING", [])
    assert "CERTIFICATE_VERIFY_FAILED" in (await job(sqlite_office.store)).last_error


async def test_a_password_goes_to_no_server_that_does_not_encrypt(sqlite_office: Office, server: MailServer) -> None:
    await sqlite_office.post()
    await sqlite_office.send(with_user(server))

    assert ((await sqlite_office.mail()).status, server.received()) == ("WAITING", [])
    assert "no password" in (await job(sqlite_office.store)).last_error


async def test_a_wrong_password_is_ours_to_mend_and_costs_no_mail(
    sqlite_office: Office, guarded: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(guarded, monkeypatch)
    await sqlite_office.post()
    await sqlite_office.send(with_user(guarded, "wrong"))
    assert (await sqlite_office.mail()).status == "WAITING"

    await advance(sqlite_office)
    await sqlite_office.send(with_user(guarded))
    assert (await sqlite_office.mail()).status == "SENT"


async def test_without_a_password_whatever_encryption_there_is_is_used(
    sqlite_office: Office, guarded: MailServer
) -> None:
    await sqlite_office.post()
    await sqlite_office.send(guarded.url)

    assert [received.is_encrypted for received in guarded.received()] == [True]


async def test_a_server_that_encrypts_from_the_start_is_reached(
    sqlite_office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mail_server(tmp_path, "tls") as server:
        trust(server, monkeypatch)
        await sqlite_office.post()
        await sqlite_office.send(server.url)

        assert [received.is_encrypted for received in server.received()] == [True]


async def test_an_address_beyond_ascii_needs_a_server_that_takes_it(
    sqlite_office: Office, server: MailServer, guarded: MailServer
) -> None:
    await sqlite_office.change(User, CUSTOMER, email="jürgen@bücher.example")
    await sqlite_office.post(key="1")
    await sqlite_office.send(server.url)
    await sqlite_office.post(key="2")
    await sqlite_office.send(guarded.url)

    assert [received.to for received in server.received()] == [["jürgen@bücher.example"]]
    assert [mail.status for mail in await sqlite_office.mails()] == ["SENT", "FAILED"]


# The folder


async def test_mail_in_a_folder_is_a_file_for_its_owner_only(sqlite_office: Office, tmp_path: Path) -> None:
    await sqlite_office.post(MailTemplate.INVITATION)
    await sqlite_office.send(f"file:{tmp_path}/mail")

    (file,) = (tmp_path / "mail").iterdir()
    assert file.name == f"{(await sqlite_office.mail()).id}-invitation.eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert message["To"] == f"Ann Lee <{OWN_ADDRESS}>"
    assert sqlite_office.links[0] in message.get_content()


async def test_a_mail_that_comes_twice_into_a_folder_is_one_file(sqlite_office: Office, tmp_path: Path) -> None:
    await sqlite_office.post()
    marking = Statement(update(_MAIL).values(status=MailStatus.SENDING.value))
    async with sqlite_office.store.unfiltered("a test marks the mail", write=True) as db:
        await db.execute(marking)
    delivery = open_transport(f"file:{tmp_path}")
    async with delivery.offer(f"{(await sqlite_office.mail()).id}-hold-notice", "", "") as offered:
        await offered.hand_over(b"half of it\r\n")
    await sqlite_office.send(f"file:{tmp_path}")

    assert (await sqlite_office.mail()).status == "SENT"
    assert [b"is on hold" in file for file in contents(tmp_path)] == [True]


async def test_a_folder_that_can_not_be_written_is_tried_again(sqlite_office: Office, tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file where the folder should be")
    await sqlite_office.post()
    await sqlite_office.send(f"file:{tmp_path}/mail")

    assert (await sqlite_office.mail()).status == "WAITING"


@pytest.mark.parametrize(
    "url",
    ["", "mail.example", "http://u:s3cr3t@mail.example", "smtp://", "smtp://u:s3cr3t@mail.example:no", "file:",
     "file://var/mail", "smtp://mail.example/path"],
)  # fmt: skip  # a list
def test_a_setting_that_names_no_way_for_mail_is_refused_without_telling_its_password(url: str) -> None:
    with pytest.raises(InvalidMailURLError, match="CANOPY_MAIL_URL takes") as refused:
        open_transport(url)

    assert "s3cr3t" not in str(refused.value)
