"""Who may import whom, and who may get past the filter: short lists, and the source is searched for anyone else."""

import ast
import gc
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = [
    *ROOT.glob("*.py"),
    *(path for part in ("models", "resolvers", "schema", "edge") for path in (ROOT / part).rglob("*.py")),
]


@cache
def sources() -> dict[str, ast.Module]:
    """What stands in each, read when it is first asked for."""
    gc.disable()  # what it ends meanwhile can make CPython 3.11's parser lose count of its depth: a SystemError
    try:
        return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
    finally:
        gc.enable()


MAY_GO_UNFILTERED = {
    "commands.py",  # is there anything in it
    "edge/command_line.py",  # is the database ready
    "edge/telemetry/health.py",  # readiness
    "models/check.py",
    "models/diagnosis.py",
    "models/demo/credentials.py",
    "models/demo/history.py",
    "models/demo/open_orders.py",
    "models/demo/seeding.py",
    "models/demo/switches.py",
    "models/exchange/export.py",
    "models/exchange/stage.py",  # imports
    "models/roles.py",
    "models/outbox_window.py",  # as the next
    "models/tail.py",  # listeners look at each event through a scope of their own
    "resolvers/clock.py",
    "resolvers/documents.py",  # registered by operators, for whole clients
    "resolvers/forgotten.py",  # by a login, before there is a scope
    "resolvers/browser_sign_in.py",  # as who signs in by a password
    "resolvers/issuers.py",  # let in by operators
    "resolvers/identity.py",  # who asks is found out before there is a scope
    "resolvers/link_following.py",  # by a link, likewise
    "resolvers/mail/sending.py",
    "resolvers/security.py",  # secrets and how often they were guessed at, before the transaction
    "resolvers/sign_in.py",
    "resolvers/vouching.py",  # likewise, by what another vouches for
    "resolvers/usage.py",  # counted of all callers
    "resolvers/work/backlog.py",  # how much waits
    "resolvers/work/claims.py",
    "resolvers/work/pruning.py",  # what is past its time, wherever it lies
    "resolvers/work/invoicing.py",  # what time it is, and whether the job is still its own
    "resolvers/work/simulator.py",  # its own memory
}
"""Who may open a transaction that sees everything."""

MAY_CONNECT = {
    "models/exchange/stage.py",  # a staging file of its own
    "models/migrations/__init__.py",
    "models/postgres.py",
    "models/postgres_bell.py",
    "models/sqlite.py",
    "models/sqlite_writer.py",
}
"""Who may open a database."""

MAY_KNOW_A_DRIVER = MAY_CONNECT | {
    "commands.py",
    "models/exchange/load.py",
    "models/postgres_failure.py",
    "models/postgres_writer.py",
}  # by errors
MAY_HOLD_A_CONNECTION = {
    "models/exchange/export.py",
    "models/exchange/stage.py",
    "models/sqlite.py",
    "models/sqlite_writer.py",
}
MAY_SEND_TEXT = {
    "commands.py",
    "models/check.py",
    "models/diagnosis.py",
    "models/migrations/__init__.py",
    "models/migrations/versions/0001_hierarchy.py",
    "models/migrations/versions/0004_writing.py",
    "models/migrations/versions/0005_mail.py",
    "models/migrations/versions/0006_accounts.py",
    "models/migrations/versions/0007_people.py",
    "models/migrations/versions/0008_trade.py",
    "models/migrations/versions/0009_work.py",
    "models/migrations/versions/0010_money.py",
    "models/migrations/versions/0011_switches.py",
    "models/migrations/versions/0012_holds.py",
    "models/migrations/versions/0013_mails.py",
    "models/migrations/versions/0015_order_lines.py",
    "models/migrations/versions/0016_invoices.py",
    "models/migrations/versions/0019_documents.py",
    "models/migrations/versions/0020_usage.py",
    "models/migrations/versions/0021_issuers.py",
    "models/migrations/versions/0022_browser_sign_in.py",
    "models/policy/present.py",  # policies, as PostgreSQL spells them
}
MAY_GO_BEYOND = "models/beyond/"
"""Where the functions are that see and change rows outside a writer's scope, each of which says why."""

Detector = Callable[[ast.AST], bool]


def last_name(node: ast.AST) -> str:
    """The last part of a name as it is written: `connect` of `sqlite3.connect`; empty for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def goes_unfiltered(node: ast.AST) -> bool:
    return last_name(node) == "unfiltered"


def goes_beyond(node: ast.AST) -> bool:
    """Leaves the scope of a writer, by whatever name it is held."""
    is_package = isinstance(node, ast.Attribute) and ast.unparse(node.value) == "models"
    return isinstance(node, ast.Attribute) and node.attr in {"beyond", "_leave_scope", "_is_beyond"} and not is_package


def connects(node: ast.AST) -> bool:
    written = ast.unparse(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""
    names = {"create_engine", "create_async_engine", "create_pool", "open_database"}
    return last_name(node) in names or written in {"asyncpg.connect", "sqlite3.connect"}


def knows_a_driver(node: ast.AST) -> bool:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    return any(name.split(".")[0] in {"asyncpg", "sqlite3", "aiosqlite", "psycopg"} for name in names)


def holds_a_connection(node: ast.AST) -> bool:
    """The unfiltered transaction's own connection, or what another store or reader keeps to itself."""
    if not isinstance(node, ast.Attribute) or ast.unparse(node.value) == "self":
        return False
    return node.attr in {"driver", "_connection", "_idle", "_idle_unfiltered", "_pool", "_pools", "_writer"}


def sends_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) in {"sql", "exec_driver_sql"}


def builds_text(node: ast.AST) -> bool:
    """Text as a statement or a part of one, and the function by which a statement could change its own scope."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
        return any(alias.name in {"text", "TextClause"} for alias in node.names)
    written = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
    return written == "sqlalchemy.text" or last_name(node) in {"set_config", "from_statement"}


def builds_a_query_of_text(node: ast.AST) -> bool:
    """More than a constant in a literal."""
    return (
        isinstance(node, ast.Call)
        and last_name(node.func) == "literal_column"
        and any(word in ast.unparse(node).lower() for word in ("select", " from ", ";", "canopy."))
    )


def reads_a_body(node: ast.AST) -> bool:
    """Reads what a client sends, however much that is."""
    call = node.func if isinstance(node, ast.Call) else None
    is_reading = isinstance(call, ast.Attribute) and call.attr in {"body", "json", "form", "stream"}
    return is_reading and last_name(getattr(call, "value", None) or node) in {"request", "_request"}


def modules_where(detector: Detector, under: str = "") -> set[str]:
    """The modules in which something is found."""
    return {
        name for name, tree in sources().items() if name.startswith(under) and any(detector(n) for n in ast.walk(tree))
    }


def test_imports_go_down_only() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("detector", "allowed"),
    [
        (goes_unfiltered, MAY_GO_UNFILTERED),
        (connects, MAY_CONNECT),
        (knows_a_driver, MAY_KNOW_A_DRIVER),
        (holds_a_connection, MAY_HOLD_A_CONNECTION),
        (sends_text, MAY_SEND_TEXT),
        (reads_a_body, {"edge/limits/body.py"}),
    ],
)
def test_only_named_modules(detector: Detector, allowed: set[str]) -> None:
    assert modules_where(detector) == allowed


def test_only_named_functions_go_beyond_the_scope_of_a_writer() -> None:
    writers = {"models/writer.py"}

    assert {name for name in modules_where(goes_beyond) - writers if not name.startswith(MAY_GO_BEYOND)} == set()
    assert "models/beyond/announce.py" in modules_where(goes_beyond)


@pytest.mark.parametrize("under", ["resolvers/", "schema/"])
def test_resolvers_and_schema_write_no_text_into_statements(under: str) -> None:
    assert modules_where(builds_text, under) == set()
    assert modules_where(builds_a_query_of_text, under) == set()


@pytest.mark.parametrize(
    ("detector", "source"),
    [
        (goes_unfiltered, "async with context.store.unfiltered('why') as db: pass"),
        (goes_unfiltered, "open = store.unfiltered"),
        (goes_beyond, "async with writer.beyond('why') as db: pass"),
        (goes_beyond, "leave = act.writer.beyond"),
        (goes_beyond, "await writer._leave_scope()"),
        (connects, "asyncpg.connect(url)"),
        (connects, "functools.partial(sqlite3.connect, file)"),
        (connects, "sqlalchemy.create_engine(url)"),
        (connects, "from asyncpg import create_pool\ncreate_pool(url)"),
        (knows_a_driver, "import sqlite3"),
        (knows_a_driver, "from asyncpg.pool import Pool"),
        (holds_a_connection, "db.driver.execute('SELECT 1')"),
        (holds_a_connection, "reader._connection.fetch('SELECT 1')"),
        (sends_text, "await db.sql('SELECT 1')"),
        (sends_text, "connection.exec_driver_sql('SELECT 1')"),
        (reads_a_body, "await request.json()"),
        (reads_a_body, "async for chunk in self._request.stream(): pass"),
        (builds_text, "from sqlalchemy import select, text"),
        (builds_text, "import sqlalchemy\nsqlalchemy.text('1 = 1')"),
        (builds_text, "select(func.set_config('canopy.lo', '', true))"),
        (builds_a_query_of_text, "literal_column(f'(SELECT max({name}) FROM account)')"),
    ],
)
def test_what_is_searched_for_is_found(detector: Detector, source: str) -> None:
    assert any(detector(node) for node in ast.walk(ast.parse(source)))
