"""Work as an operator has it done: by its own command, or by the server."""

import asyncio
from pathlib import Path
from typing import Any

import click
import pytest

from edge.settings import Settings
from tests.gateways import create_app
from tests.nursery import Nursery, Server
from tests.office import Office, contents


def environment(office: Office, folder: Path) -> dict[str, str]:
    return {"CANOPY_DATABASE_URL": office.store.url, "CANOPY_MAIL_URL": f"file:{folder}/mail"}


async def sent(folder: Path) -> None:
    """Wait until a mail is in the folder."""
    async with asyncio.timeout(30):
        while not list(folder.glob("mail/*.eml")):  # noqa: ASYNC110, ASYNC240  # another process writes it
            await asyncio.sleep(0.02)


async def test_the_worker_command_ends_once_nothing_is_due(office: Office, nursery: Nursery, tmp_path: Path) -> None:
    await office.post()
    worker = await asyncio.to_thread(nursery.canopy, "work", "--once", **environment(office, tmp_path))

    assert (worker.returncode, worker.stdout) == (0, "1 done, 0 to be tried again, 0 given up.\n")
    assert [b"is on hold" in file for file in contents(tmp_path / "mail")] == [True]


async def test_the_worker_command_ends_in_good_order_when_it_is_asked_to(
    office: Office, nursery: Nursery, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    worker = Server(nursery, nursery.start(["work"], environment(office, tmp_path), told))
    await office.post()
    await sent(tmp_path)
    await asyncio.to_thread(worker.end)

    assert (worker.poll(), told.read_text()) == (0, "1 done, 0 to be tried again, 0 given up.\n")


@pytest.mark.parametrize(("wanted", "works"), [(None, "sqlite"), (False, ""), (True, "sqlite postgresql")])
async def test_a_server_works_too_where_it_should(
    office: Office, tmp_path: Path, wanted: bool | None, works: str
) -> None:
    settings = Settings(office.store.url, key_file=tmp_path / "key", mail_url=f"file:{tmp_path}/mail", worker=wanted)
    app: Any = create_app(settings)
    await office.post()
    async with app.app.router.lifespan_context(app.app):
        if office.store.engine in works:
            await sent(tmp_path)

    assert (await office.mail()).status == ("SENT" if office.store.engine in works else "WAITING")


@pytest.mark.parametrize(
    ("variable", "value"), [("CANOPY_MAIL_URL", "mail.example"), ("CANOPY_MAIL_FROM", "a@x.example\nBcc: b@y.example")]
)
def test_a_setting_of_mail_that_makes_no_sense_is_told_before_anything_starts(variable: str, value: str) -> None:
    with pytest.raises(click.UsageError, match=variable):
        Settings.from_environment({variable: value})
