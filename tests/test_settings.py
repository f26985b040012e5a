"""Settings: read from the environment or from files, refused in sentences, documented as they are.

`pytest tests/test_settings.py --update` rewrites the tables of `docs/settings.md`.
"""

import os
import re
from dataclasses import fields
from pathlib import Path

import click
import pytest

from edge.setting import table, variables
from edge.settings import Settings

DOCUMENT = Path(__file__).parent.parent / "docs/settings.md"
_TABLES = re.compile(r"<!-- (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def _written() -> str:
    sections = {"core": Settings} | {each.name: each.default_factory for each in fields(Settings) if not each.metadata}
    document = DOCUMENT.read_text(encoding="utf-8")
    return _TABLES.sub(lambda found: f"<!-- {found[1]} -->\n{table(sections[found[1]])}<!-- end -->", document)  # type: ignore[arg-type]  # sections have classes


def test_the_document_says_what_the_settings_are(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update"):
        DOCUMENT.write_text(_written(), encoding="utf-8")
    documented = re.findall(r"^\| `(CANOPY_[A-Z_]+)`", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)

    assert DOCUMENT.read_text(encoding="utf-8") == _written()
    assert documented == [name for name, _ in variables(Settings)]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CANOPY_PORT", "70000", "CANOPY_PORT is '70000'; it takes a number up to 65535."),
        ("CANOPY_PORT", "http", "CANOPY_PORT is 'http'; it takes a number up to 65535."),
        ("CANOPY_CALLER_SECONDS", "nan", "CANOPY_CALLER_SECONDS is 'nan'; it takes a number of seconds, such as 0.5."),
        ("CANOPY_LEASE_SECONDS", "0", "CANOPY_LEASE_SECONDS is '0'; it takes a number of seconds from 1 to 3600."),
        ("CANOPY_LOG_LEVEL", "LOUD", "CANOPY_LOG_LEVEL is 'LOUD'; it takes DEBUG, INFO, WARNING or ERROR."),
        ("CANOPY_PLANS", "perhaps", "CANOPY_PLANS is 'perhaps'; it takes on or off."),
        ("CANOPY_PUBLIC_URL", "ftp://x", "CANOPY_PUBLIC_URL is 'ftp://x'; it takes https://host"),
        ("CANOPY_MAIL_FROM", "nobody", "CANOPY_MAIL_FROM is 'nobody'; it takes an address."),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_with_what_would(name: str, value: str, says: str) -> None:
    with pytest.raises(click.UsageError, match=re.escape(says)):
        Settings.from_environment({name: value})


def test_a_secret_may_be_in_a_file_and_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://canopy:hunter2@db/canopy\n")
    settings = Settings.from_environment({"CANOPY_DATABASE_URL_FILE": str(tmp_path / "url")})

    assert settings.database_url == "postgresql://canopy:hunter2@db/canopy"
    assert "hunter2" not in repr(settings)
    with pytest.raises(click.UsageError, match="both set"):
        Settings.from_environment({"CANOPY_PORT": "1", "CANOPY_PORT_FILE": str(tmp_path / "url")})
    with pytest.raises(click.UsageError, match=r"CANOPY_PORT_FILE: .*No such file"):
        Settings.from_environment({"CANOPY_PORT_FILE": str(tmp_path / "none")})
    with pytest.raises(click.UsageError) as refused:
        Settings.from_environment({"CANOPY_MAIL_URL": "gopher://user:hunter2@host"})
    assert "hunter2" not in str(refused.value)


def test_every_setting_whose_name_sounds_secret_is_hidden() -> None:
    sounds = re.compile(r"SECRET|PASSWORD|TOKEN(?!S)|_URL")
    for name, of in variables(Settings):
        if sounds.search(name) and name not in {"CANOPY_PUBLIC_URL", "CANOPY_MAX_URL"}:
            assert not of.repr, name


def test_the_environment_of_this_process_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "CANOPY_PORT", "8123")

    assert Settings.from_environment().port == 8123
