"""Work as an operator has it done: by its own command, or by the server."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from edge.settings import Settings
from tests.gateways import create_app
from tests.office import Office, contents


def environment(office: Office, folder: Path, **further: str) -> dict[str, str]:
    own = {"CANOPY_DATABASE_URL": office.store.url, "CANOPY_MAIL_URL": f"file:{folder}/mail"}
    return {name: value for name, value in os.environ.items() if not name.startswith("CANOPY_")} | own | further


def canopy(*arguments: str, **settings: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", "from commands import canopy; canopy()", *arguments]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=Path(__file__).parent.parent, **pipes, **settings)


async def sent(folder: Path) -> None:
    """Wait until a mail is in the folder."""
    async with asyncio.timeout(30):
        while not list(folder.glob("mail/*.eml")):  # noqa: ASYNC110, ASYNC240  # another process writes it
            await asyncio.sleep(0.02)


async def test_the_worker_command_ends_once_nothing_is_due(office: Office, tmp_path: Path) -> None:
    await office.post()
    worker = canopy("work", "--once", env=environment(office, tmp_path))
    told, _ = await asyncio.to_thread(worker.communicate, timeout=60)

    assert (worker.returncode, told) == (0, "1 done, 0 to be tried again, 0 given up.\n")
    assert [b"is on hold" in file for file in contents(tmp_path / "mail")] == [True]


async def test_the_worker_command_ends_in_good_order_when_it_is_asked_to(office: Office, tmp_path: Path) -> None:
    worker = canopy("work", env=environment(office, tmp_path))
    await office.post()
    await sent(tmp_path)
    worker.terminate()
    told, _ = await asyncio.to_thread(worker.communicate, timeout=60)

    assert (worker.returncode, told) == (0, "1 done, 0 to be tried again, 0 given up.\n")


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
