"""Everything that the environment decides."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from edge.documents.settings import DocumentSettings
from edge.exposure.settings import ExposureSettings
from edge.limits.settings import LimitSettings
from edge.limits.sharing import SharingSettings
from edge.protocols.settings import ProtocolSettings
from edge.setting import EVERYBODY, names, number, read, setting, switch, whole
from edge.telemetry.settings import TelemetrySettings
from resolvers.mail import mail_url as mail
from resolvers.mail.message import AddressError, address
from resolvers.work.connector import ConnectorSettingError
from resolvers.work.connector import parsed as parsed_connectors


def _level(text: str) -> str:
    if text.upper() not in logging.getLevelNamesMapping():
        raise ValueError
    return text.upper()


def _mail_url(text: str) -> str:
    try:
        mail.open_transport(text)
    except mail.InvalidMailURLError as error:
        raise ValueError(str(error)) from error
    return text


def _address(text: str) -> str:
    try:
        address(text)
    except AddressError as error:
        raise ValueError(str(error)) from error
    return text


def _connectors(text: str) -> str:
    try:
        parsed_connectors(text)
    except ConnectorSettingError as error:
        raise ValueError(str(error)) from error
    return text


def _proxies(text: str) -> str:
    for each in names(text):
        if each != EVERYBODY:
            ip_network(each)
    return text


def _public_url(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise ValueError
    return text


def _issuer_secrets(text: str) -> tuple[tuple[str, str], ...]:
    pairs = [(url, secret) for url, secret in (line.split() for line in text.splitlines() if line.strip())]
    if not all(url.startswith(("https://", "http://")) for url, _ in pairs):
        raise ValueError
    return tuple(pairs)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment decides; `docs/settings.md` lists it, made from here."""

    database_url: str = setting(
        "sqlite:///var/canopy.db",
        "`sqlite:///path/to/file`, or `postgresql://user:password@host:port/database`",
        str,
        is_secret=True,
    )
    host: str = setting("127.0.0.1", "the address to listen on", str)
    port: int = setting(8000, "the port to listen on", whole(0, 65535), takes="a number up to 65535")
    key_file: Path = setting(
        Path("var/canopy.key"),
        "the secret behind access tokens and page cursors; made on first use. Every process of one gateway needs the"
        " same. `canopy keys` rotates it; `docs/security.md` says how",
        Path,
    )
    log_level: str = setting(
        "INFO", "`DEBUG`, `INFO`, `WARNING` or `ERROR`", _level, takes="DEBUG, INFO, WARNING or ERROR"
    )
    trusted_proxies: str = setting(
        "",
        "addresses of reverse proxies or their networks, such as `10.0.0.0/24`, separated by commas, whose"
        " `X-Forwarded-For` tells the client's address. Behind a proxy that isn't named here all clients share one"
        " address, and so the bounds on failed sign-ins",
        _proxies,
        takes="addresses or networks, separated by commas",
        shown="none",
    )
    caller_seconds: float = setting(
        1.0,
        "how long a caller's user, roles and account are remembered between operations: for so long, at most, goes on"
        " who was deactivated. `0`: looked up for each",
        number(0, 3600),
        takes="a number of seconds, such as 0.5",
    )
    plans: bool = setting(
        True, "`off`: graphql-core executes every operation, field by field; for comparison", switch, takes="on or off"
    )
    demo: bool = setting(False, "`on`: GraphiQL offers the demo logins and their password", switch, takes="on or off")
    worker: bool | None = setting(
        None,
        "whether `serve` also does the jobs that operations leave. On SQLite it does unless this is `off`; on"
        " PostgreSQL only if this is `on`: there any number of `canopy work` share them",
        switch,
        takes="on or off",
        shown="by engine",
    )
    lease_seconds: float = setting(
        30.0,
        "how soon another worker takes over the jobs of one that was killed, from 1 to 3600; running jobs renew their"
        " hold long before",
        number(1, 3600),
        takes="a number of seconds from 1 to 3600",
    )
    mail_url: str = setting(
        "file:var/mail",
        "how mail leaves: `file:folder`, one file for each mail; `smtp://user:password@host:587`, encrypted where the"
        " server offers it, and always before a password is sent; or `smtps://user:password@host:465`. Other characters"
        " than letters and digits in user and password are percent-encoded",
        _mail_url,
        is_secret=True,
    )
    mail_from: str = setting(
        "canopy@localhost",
        "the address that mail comes from. The name beside it, the address for answers and the signature are those of"
        " the recipient's vendor",
        _address,
        takes="an address",
    )
    connectors: str = setting(
        "",
        "what provisions: `manufacturer:connector,...`, the code of a manufacturer and the name of an installed entry"
        " point of the group `canopy.connectors`. What is provisioned for all others is simulated",
        _connectors,
        shown="none",
    )
    simulator: bool = setting(
        False,
        "`on`: orders may tell the simulator what to do by their attribute `simulate`: `slow`, `slow:30` (seconds),"
        " `fail`, `fail-once`, `pending`, `pending:2` (attempts). So they may where `CANOPY_DEMO` is on",
        switch,
        takes="on or off",
    )
    public_url: str = setting(
        "",
        "the address under which browsers reach the gateway, such as `https://panel.example.com`, with a proxy's path"
        " if there is one: links in mails begin with it, and lead to its page `/link`, which `make web` builds;"
        " external issuers send browsers back to it",
        _public_url,
        takes="https://host, with a path if there is one",
        shown="where it listens",
    )
    issuer_secrets: tuple[tuple[str, str], ...] = setting(
        (),
        "our client secrets at external issuers that sign browsers in, each on a line: the issuer's address, a blank,"
        " the secret. An issuer that has given us none is not named here. See `docs/signing-in.md`",
        _issuer_secrets,
        takes="lines of an issuer's address, a blank and a secret",
        shown="none",
        is_secret=True,
    )
    protocols: ProtocolSettings = field(default_factory=ProtocolSettings)

    limits: LimitSettings = field(default_factory=LimitSettings)
    exposure: ExposureSettings = field(default_factory=ExposureSettings)
    sharing: SharingSettings = field(default_factory=SharingSettings)
    documents: DocumentSettings = field(default_factory=DocumentSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)

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
        return read(cls, environment)
