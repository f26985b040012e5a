"""A real SMTP server in a process of its own, which keeps what it takes and answers as tests tell it to."""

import asyncio
import email.policy
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).parent.parent
USER, PASSWORD = "canopy@relay", "p@ss/word:1"
_RULES = ("rcpt", "data", "cut", "slow")


class _Keeper:
    """Keeps each mail as a file with its envelope beside it; files named after `_RULES` say what to do instead."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _rule(self, name: str) -> str:
        file = self._folder / name
        return file.read_text() if file.exists() else ""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802  # as aiosmtpd calls it
        del session, options
        if self._rule("cut") == "rcpt":
            server.transport.abort()
        if answer := self._rule("rcpt"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # as aiosmtpd calls it
        if answer := self._rule("data"):
            return answer
        told = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": server.transport.get_extra_info("sslcontext") is not None,
        }
        told |= {"user": session.auth_data.login.decode() if session.auth_data else ""}
        name = uuid4().hex
        (self._folder / f"{name}.eml").write_bytes(envelope.content)
        (self._folder / f"{name}.part").write_text(json.dumps(told))
        (self._folder / f"{name}.part").rename(self._folder / f"{name}.json")
        if self._rule("cut") == "data":
            server.transport.abort()
        await asyncio.sleep(float(self._rule("slow") or 0))
        return "250 taken"


def _authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: LoginPassword) -> AuthResult:
    right = LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=given == right, auth_data=given, handled=False)


async def _serve(folder: Path, encryption: str, *, utf8: bool) -> None:
    context = None
    if encryption != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")

    def protocol() -> SMTP:
        return SMTP(
            _Keeper(folder),
            hostname="localhost",
            enable_SMTPUTF8=utf8,
            tls_context=context if encryption == "starttls" else None,
            auth_require_tls=encryption == "starttls",
            authenticator=_authenticate,
        )

    implicit = context if encryption == "tls" else None
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, ssl=implicit)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main(folder: str, encryption: str, utf8: str) -> None:
    """The process."""
    asyncio.run(_serve(Path(folder), encryption, utf8=utf8 == "utf8"))


@dataclass(frozen=True)
class Received:
    """A mail that the server took."""

    sender: str
    to: list[str]
    is_encrypted: bool
    user: str
    message: EmailMessage

    @property
    def text(self) -> str:
        """The body, its lines as Python has them."""
        text: str = self.message.get_content()
        return text.replace("\r\n", "\n")


class MailServer:
    """A running server."""

    def __init__(self, folder: Path, port: int, encryption: str) -> None:
        self._folder = folder
        self.port = port
        self.url = f"{'smtps' if encryption == 'tls' else 'smtp'}://localhost:{port}"
        self.certificate = folder / "certificate.pem"

    def rule(self, **answers: str) -> None:
        """What to do with the mails to come: `rcpt` and `data` are answers, `cut` where to hang up, `slow` seconds."""
        for name in _RULES:
            (self._folder / name).unlink(missing_ok=True)
        for name, answer in answers.items():
            (self._folder / name).write_text(answer)

    def received(self) -> list[Received]:
        """What the server took since the last test."""
        return [self._read(file) for file in sorted(self._folder.glob("*.json"), key=os.path.getmtime)]

    def _read(self, file: Path) -> Received:
        told = json.loads(file.read_text())
        raw = file.with_suffix(".eml").read_bytes()
        message: EmailMessage = BytesParser(policy=email.policy.default).parsebytes(raw)
        return Received(told["from"], told["to"], told["tls"], told["user"], message)

    def forget(self) -> None:
        """As new."""
        self.rule()
        for file in [*self._folder.glob("*.json"), *self._folder.glob("*.eml")]:
            file.unlink()


@contextmanager
def mail_server(folder: Path, encryption: str = "none", *, utf8: bool = True) -> Iterator[MailServer]:
    """A server that lasts as long as the block; `encryption` is none, starttls or tls."""
    certify(folder)
    command = [sys.executable, "-c", f"import tests.{Path(__file__).stem} as s, sys; s.main(*sys.argv[1:])"]
    arguments = [str(folder), encryption, "utf8" if utf8 else "ascii"]
    process = subprocess.Popen([*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield MailServer(folder, int(process.stdout.readline()), encryption)
    finally:
        process.terminate()
        process.communicate()


def certify(folder: Path) -> None:
    """A certificate for this machine that nobody trusts unless told to."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    yesterday = datetime.now(UTC) - timedelta(days=1)
    builder = builder.not_valid_before(yesterday).not_valid_after(yesterday + timedelta(days=30))
    certificate = builder.add_extension(names, critical=False).sign(key, SHA256())
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(private)
