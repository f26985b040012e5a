"""Databases for tests on either engine: each filled once as a template and copied as often as needed."""

import secrets
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.postgres import Server, ThrowAwayServer


class Databases(ABC):
    """Makes databases. All of a run are dropped by its end."""

    def __init__(self) -> None:
        self._templates: dict[str, str] = {}

    @abstractmethod
    def create(self) -> str:
        """The URL of a new, empty database."""

    @abstractmethod
    def copy_of(self, url: str) -> str:
        """The URL of a new copy of a database which nobody has open."""

    @abstractmethod
    def drop(self, url: str) -> None:
        """Drop the database, whoever is still connected to it."""

    def template(self, name: str, fill: Callable[[str], object], *, of: str = "") -> str:
        """The URL of the template of that name, filled when it is first asked for; only to be copied.

        Args:
            name: what to remember it by.
            fill: fills the database at a URL; called in a thread, so it may bring an event loop of its own.
            of: the template that it starts as a copy of; empty for an empty database.
        """
        if name not in self._templates:
            url = self.copy_of(of) if of else self.create()
            with ThreadPoolExecutor(1) as apart:
                apart.submit(fill, url).result()
            self._templates[name] = url
        return self._templates[name]

    @contextmanager
    def copied(self, url: str) -> Iterator[str]:
        """A copy of the template for as long as the block lasts."""
        copy = self.copy_of(url)
        try:
            yield copy
        finally:
            self.drop(copy)

    def close(self) -> None:
        """Drop the templates."""
        for url in self._templates.values():
            self.drop(url)


class SqliteDatabases(Databases):
    """Files in a directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory

    def create(self) -> str:
        return f"sqlite:///{self._directory / secrets.token_hex(8)}.db"

    def copy_of(self, url: str) -> str:
        copy = self.create()
        # All of it is in the one file: the last connection to close has emptied the write-ahead log.
        shutil.copy(_file(url), _file(copy))
        return copy

    def drop(self, url: str) -> None:
        for suffix in ("", "-wal", "-shm"):
            _file(url + suffix).unlink(missing_ok=True)


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


class PostgresDatabases(Databases):
    """Databases of one server."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server

    @property
    def are_ours(self) -> bool:
        """Whether the tests may do everything in them: on a server that was given, the login may have to keep rules."""
        return isinstance(self._server, ThrowAwayServer)

    def create(self) -> str:
        return self._server.create_database(f"canopy_test_{secrets.token_hex(8)}")

    def copy_of(self, url: str) -> str:
        return self._server.create_database(f"canopy_test_{secrets.token_hex(8)}", url.rpartition("/")[2])

    def drop(self, url: str) -> None:
        self._server.drop_database(url.rpartition("/")[2])
