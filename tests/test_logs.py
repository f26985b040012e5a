"""Logs: under which request, for whom and as whom, in ids; slow operations with what they did; nobody's name."""

import io
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from edge.exposure.secrets import without_secrets
from edge.serving import options
from edge.settings import Settings
from edge.telemetry.logs import JsonLines, TextLines, configure
from edge.telemetry.seen import SEEN, Seen
from edge.telemetry.settings import TelemetrySettings
from models.path import account_id
from resolvers.caller import Actor, Caller
from resolvers.record import Record
from resolvers.request_id import REQUEST_ID
from tests.databases import Databases
from tests.hierarchy import World, path_of
from tests.transports import Gateway, gateway

SECRET_ALIAS = "written_by_a_client"
QUERY = "query WrittenByAClient($id: ID!) { %s: account(id: $id) { name users(first: 2) { nodes { login } } } }"


class Lines(logging.Handler):
    """Keeps what the gateway logs, as JSON lines."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.told: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(orjson.loads(self.format(record)))


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, of = Lines(), logging.getLogger("canopy")
    before = of.level
    of.addHandler(handler)
    of.setLevel(logging.INFO)
    yield handler
    of.removeHandler(handler)
    of.setLevel(before)


@pytest.fixture(scope="module")
async def telling(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """A gateway to which every operation is slow."""
    settings = TelemetrySettings(slow_seconds=0)
    async with gateway(sqlite_databases, world, tmp_path_factory.mktemp("logs"), telemetry=settings) as served:
        yield served


async def test_a_slow_operation_is_logged_with_its_plan_and_its_statements(telling: Gateway, lines: Lines) -> None:
    query = QUERY % SECRET_ALIAS
    await telling.post({"query": query, "variables": {"id": "acc_2"}}, x_request_id="the-slow-one")

    (line,) = [each for each in lines.told if each["message"] == "slow operation"]
    assert (line["request_id"], line["level"], line["kind"]) == ("the-slow-one", "WARNING", "query")
    assert (line["executor"], line["outcome"]) == ("plan", "answered")
    assert [each["step"] for each in line["plan"]] == [
        "account: lookup of lookup",
        "account.users: page of app_user.by.account_id",
    ]
    assert [each["rows"] for each in line["statements"]] != []
    assert all("SELECT" in each["sql"] for each in line["statements"])
    assert line["statement_count"] == len(line["statements"])
    assert line["cost"] <= line["estimate"]


async def test_nothing_that_a_client_wrote_and_nobodys_name_is_logged(telling: Gateway, lines: Lines) -> None:
    query = QUERY % SECRET_ALIAS
    answer = await telling.post({"query": query, "variables": {"id": "acc_2"}})
    found = answer.json()["data"][SECRET_ALIAS]
    names = {found["name"], *(user["login"] for user in found["users"]["nodes"]), SECRET_ALIAS, "WrittenByAClient"}

    logged = orjson.dumps(lines.told).decode()
    assert len(names) >= 4
    assert not [name for name in names if name in logged]
    assert "acc_2" not in logged
    assert telling.http.headers["authorization"].split()[1] not in logged


async def test_a_line_says_for_whom_it_was_written(telling: Gateway, lines: Lines) -> None:
    await telling.ask("{ viewer { account { id } } }")

    (line,) = [each for each in lines.told if each["message"] == "slow operation"]
    assert line["account"] == "2"
    assert line["caller"].startswith("user:")
    assert "acting_as" not in line
    assert len(line["document_id"]) == 64


async def test_by_default_quick_operations_are_not_logged(
    sqlite_databases: Databases, world: World, tmp_path: Path, lines: Lines
) -> None:
    async with gateway(sqlite_databases, world, tmp_path) as served:
        await served.ask("{ viewer { account { id } } }")
    assert not [each for each in lines.told if each["logger"] == "canopy.operations"]

    all_of_them = TelemetrySettings(log_operations="all", slow_seconds=60)
    async with gateway(sqlite_databases, world, tmp_path, telemetry=all_of_them) as served:
        await served.ask("{ viewer { account { id } } }")
    (line,) = [each for each in lines.told if each["logger"] == "canopy.operations"]
    assert (line["message"], line["level"]) == ("operation", "INFO")
    assert "statements" not in line


def test_who_works_in_another_account_is_named_with_it() -> None:
    caller = Caller(path=path_of(3), privileges=frozenset(), actor=Actor(7, path_of(2), "Anna Secret", "Secret Ltd."))
    seen = Seen("http", None, Record(), caller=caller)
    logged = _logged(JsonLines(), seen)

    line = orjson.loads(logged)
    assert (line["caller"], line["acting_as"], line["account"]) == ("user:7", f"account:{account_id(path_of(3))}", "3")
    assert "Secret" not in logged


def _logged(formatter: logging.Formatter, seen: Seen | None = None, **more: Any) -> str:
    """A line that is written while something is seen."""
    before, request = SEEN.set(seen), REQUEST_ID.set("r-1")
    try:
        return formatter.format(logging.LogRecord("canopy", logging.INFO, "", 1, "it is %s", ("so",), None, **more))
    finally:
        SEEN.reset(before)
        REQUEST_ID.reset(request)


def test_a_line_of_json_holds_time_level_logger_message_and_request() -> None:
    line = orjson.loads(_logged(JsonLines()))

    assert line.pop("time").endswith("Z")
    assert line == {"level": "INFO", "logger": "canopy", "message": "it is so", "request_id": "r-1"}


def test_a_line_of_text_ends_with_what_is_known() -> None:
    assert _logged(TextLines()).endswith("INFO canopy: it is so [request_id=r-1]")


def test_an_exception_stays_on_its_line_in_json() -> None:
    try:
        raise ValueError("lost")
    except ValueError as error:
        record = logging.LogRecord("canopy", logging.ERROR, "", 1, "failed", (), (type(error), error, None))
    line = JsonLines().format(record)

    assert "\n" not in line
    assert "ValueError: lost" in orjson.loads(line)["exception"]


@pytest.mark.parametrize(("form", "is_json"), [("auto", True), ("json", True), ("text", False)])
def test_what_is_no_terminal_gets_json_unless_told_otherwise(form: str, is_json: bool) -> None:
    root, stream = logging.getLogger(), io.StringIO()
    before, level = root.handlers[:], root.level
    try:
        root.handlers[:] = []
        configure("INFO", form, stream)
        logging.getLogger("canopy.test").info("hello")
    finally:
        root.handlers[:] = before
        root.setLevel(level)

    assert stream.getvalue().startswith("{") is is_json


def test_what_uvicorn_says_of_sockets_is_not_logged_for_addresses_and_query_strings_stand_in_it() -> None:
    root, stream = logging.getLogger(), io.StringIO()
    before, level = root.handlers[:], root.level
    try:
        root.handlers[:] = []
        configure("INFO", "json", stream)
        (handler,) = root.handlers
        for message, values in [
            ('%s - "WebSocket %s" [accepted]', ("192.0.2.7", "/graphql?token=t")),
            ("complete", ()),
        ]:
            handler.handle(logging.LogRecord("uvicorn.error", logging.INFO, "", 1, message, values, None))
    finally:
        root.handlers[:] = before
        root.setLevel(level)

    assert "192.0.2.7" not in stream.getvalue()
    assert '"complete"' in stream.getvalue()


def test_however_much_is_logged_the_server_says_nothing_of_what_sockets_carry() -> None:
    assert options(Settings(log_level="DEBUG"))["log_level"] == "info"
    assert options(Settings(log_level="WARNING"))["log_level"] == "warning"


@pytest.mark.parametrize(
    ("written", "logged"),
    [
        ("550 <Anna.Bell+x@mail.example.com>: no such user", "550 <***>: no such user"),
        ("to anna@example.com, again", "to ***, again"),
        ("postgresql://canopy@db.example.com/canopy", "postgresql://canopy@db.example.com/canopy"),
        ("a @defer in x@y", "a @defer in x@y"),
    ],
)
def test_nobodys_mail_address_is_logged(written: str, logged: str) -> None:
    assert without_secrets(written) == logged
