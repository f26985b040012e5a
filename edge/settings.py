"""Everything that the environment decides."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from resolvers.mail.mail_url import InvalidMailURLError, open_transport
from resolvers.mail.message import AddressError, address
from resolvers.work.connector import ConnectorSettingError, parsed

_OFF = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment decides; `docs/settings.md` lists it.

    Args:
        database_url: `sqlite:///path` or `postgresql://user:password@host:port/database`.
        host: where to listen.
        port: where to listen.
        key_file: holds the secret behind tokens and cursors; made on first use.
        log_level: of Python's levels.
        demo: whether GraphiQL offers the demo logins.
        plans: whether operations are answered by compiled plans; graphql-core does it all if not.
        caller_seconds: how long a caller's user, roles and account are remembered between operations.
        trusted_proxies: addresses of proxies whose `X-Forwarded-For` is believed, separated by commas.
        worker: whether `serve` also does the jobs that operations leave; None: on SQLite it does.
        lease_seconds: how soon another worker takes over the jobs of one that was killed.
        mail_url: how mail leaves, as `resolvers.mail.mail_url.open_transport` takes it.
        mail_from: the address that mail comes from.
        public_url: under which browsers reach the gateway, for links in mails; where it listens unless given.
        connectors: what provisions for which manufacturer, as `resolvers.work.connector.parsed` takes it.
        simulator: whether orders may tell the built-in simulator to be slow or to fail; in a demonstration they may.
    """

    database_url: str = "sqlite:///var/canopy.db"
    host: str = "127.0.0.1"
    port: int = 8000
    key_file: Path = field(default=Path("var/canopy.key"))
    log_level: str = "INFO"
    demo: bool = False
    trusted_proxies: str = ""
    plans: bool = True
    caller_seconds: float = 1.0
    worker: bool | None = None
    lease_seconds: float = 30.0
    mail_url: str = field(default="file:var/mail", repr=False)
    mail_from: str = "canopy@localhost"
    public_url: str = ""
    connectors: str = ""
    simulator: bool = False

    @property
    def address(self) -> str:
        """The gateway's own, as links begin."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read `CANOPY_*`.

        Raises:
            click.UsageError: a value makes no sense.
        """
        given = {
            name: environment[f"CANOPY_{name.upper()}"]
            for name in cls.__slots__
            if environment.get(f"CANOPY_{name.upper()}")
        }
        port = given.get("port", "8000")
        if not port.isdecimal() or int(port) > 65535:
            raise click.UsageError(f"CANOPY_PORT is {port!r}; it takes a number up to 65535.")
        seconds = given.get("caller_seconds", "1.0")
        if not seconds.replace(".", "", 1).isdecimal():
            raise click.UsageError(f"CANOPY_CALLER_SECONDS is {seconds!r}; it takes a number of seconds, such as 0.5.")
        lease = given.get("lease_seconds", "30")
        if not lease.replace(".", "", 1).isdecimal() or not 1 <= float(lease) <= 3600:
            raise click.UsageError(f"CANOPY_LEASE_SECONDS is {lease!r}; it takes a number of seconds from 1 to 3600.")
        level = given.get("log_level", "INFO").upper()
        if level not in logging.getLevelNamesMapping():
            raise click.UsageError(f"CANOPY_LOG_LEVEL is {level!r}; it takes DEBUG, INFO, WARNING or ERROR.")
        mail_url, mail_from = given.get("mail_url", cls().mail_url), given.get("mail_from", cls().mail_from)
        try:
            open_transport(mail_url)
            address(mail_from)
        except InvalidMailURLError as error:
            raise click.UsageError(str(error)) from error
        except AddressError as error:
            raise click.UsageError(f"CANOPY_MAIL_FROM is {mail_from!r}; it takes an address.") from error
        return cls(
            database_url=given.get("database_url", cls().database_url),
            host=given.get("host", "127.0.0.1"),
            port=int(port),
            key_file=Path(given.get("key_file", "var/canopy.key")),
            log_level=level,
            demo=given.get("demo", "").lower() in {"1", "true", "yes"},
            trusted_proxies=given.get("trusted_proxies", ""),
            caller_seconds=float(seconds),
            plans=given.get("plans", "on").lower() not in _OFF,
            worker=given["worker"].lower() not in _OFF if "worker" in given else None,
            lease_seconds=float(lease),
            mail_url=mail_url,
            mail_from=mail_from,
            public_url=_public_url(given.get("public_url", "")),
            connectors=_connectors(given.get("connectors", "")),
            simulator=given.get("simulator", "").lower() in {"1", "true", "yes"},
        )


def _connectors(given: str) -> str:
    try:
        parsed(given)
    except ConnectorSettingError as error:
        raise click.UsageError(f"CANOPY_CONNECTORS: {error}") from error
    return given


def _public_url(given: str) -> str:
    if given and not given.startswith(("https://", "http://")):
        raise click.UsageError(f"CANOPY_PUBLIC_URL is {given!r}; it takes https://host, with a path if there is one.")
    return given
