"""Mail by an SMTP server (RFC 5321), one connection for each mail, in a thread."""

import asyncio
import re
import smtplib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

from resolvers.mail.transport import Delivery, NotNowError, RefusedError, UnknownOutcomeError

T = TypeVar("T")

_SECONDS = 20.0
_SECONDS_FOR_THE_LAST_ANSWER = 60.0
"""The server has the mail by then, so that giving up leaves the question whether it was sent (RFC 5321 §4.5.3.2.6)."""
_SECONDS_FOR_GOODBYE = 2.0
_AT_THE_START_OF_A_LINE = re.compile(rb"^\.", re.MULTILINE)
_START_DATA = 354
_LONGEST_WORDS = 500


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server.

    Args:
        host: its name.
        port: 0 for the usual one: 465 for TLS from the start, 587 with a user, 25 without.
        user: empty to send without signing in.
        password: the user's.
        is_tls: whether the connection is encrypted from the start.
    """

    host: str
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    is_tls: bool = False

    def usual_port(self) -> int:
        """The port to connect to."""
        return self.port or (465 if self.is_tls else 587 if self.user else 25)


class SmtpTransport:
    """See `resolvers.mail.transport.Transport`."""

    is_repeatable = False

    def __init__(self, server: Server) -> None:
        self._server = server

    @asynccontextmanager
    async def offer(self, name: str, sender: str, to: str) -> AsyncIterator[Delivery]:
        """See `Transport`."""
        del name  # for files
        session = _Session(self._server, to)
        try:
            await session.apart(session.open)
            await session.apart(lambda: session.address(sender))
            yield session
        finally:
            await asyncio.shield(asyncio.to_thread(session.close))


class _Session:
    """A connection with one mail to one recipient. All but `apart` and `hand_over` block, and run in a thread."""

    def __init__(self, server: Server, to: str) -> None:
        self._server = server
        self._to = to
        self._smtp: smtplib.SMTP | None = None

    async def apart(self, step: Callable[[], T]) -> T:
        """Run a step in a thread. When its caller is cancelled, so is the connection, and with it the thread."""
        try:
            return await asyncio.to_thread(step)
        except asyncio.CancelledError:
            self._cut()
            raise

    async def hand_over(self, message: bytes) -> None:
        """See `Delivery`."""
        await self.apart(lambda: self._send(message))

    def open(self) -> None:
        """Connect, encrypt, sign in. Whatever goes wrong is about us and the server, not about this mail."""
        try:
            self._smtp = smtp = self._connect()
            smtp.ehlo_or_helo_if_needed()
            if not self._server.is_tls:
                self._start_tls(smtp)
            if self._server.user:
                smtp.login(self._server.user, self._server.password)
        except smtplib.SMTPResponseException as error:
            raise NotNowError(self._words(error.smtp_code, error.smtp_error)) from error
        except (OSError, smtplib.SMTPException) as error:
            raise NotNowError(f"The mail server can't be used: {error}") from error

    def _connect(self) -> smtplib.SMTP:
        host, port = self._server.host, self._server.usual_port()
        if self._server.is_tls:
            return smtplib.SMTP_SSL(host, port, timeout=_SECONDS, context=ssl.create_default_context())
        return smtplib.SMTP(host, port, timeout=_SECONDS)

    def _start_tls(self, smtp: smtplib.SMTP) -> None:
        """Encrypt where the server offers it.

        A password is sent only to a server that proved its name. Without one, encryption to whoever answers is still
        better than none (RFC 7435).
        """
        if not smtp.has_extn("starttls"):
            if self._server.user:
                raise NotNowError("The mail server offers no encryption, so it gets no password.")
            return
        context = ssl.create_default_context()
        if not self._server.user:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        smtp.starttls(context=context)
        smtp.ehlo()

    def address(self, sender: str) -> None:
        """Tell the server from whom and to whom."""
        smtp = self._opened()
        options = []
        if not self._to.isascii():
            if not smtp.has_extn("smtputf8"):
                raise RefusedError("The mail server takes no address beyond ASCII.")
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        self._ask(lambda: smtp.mail(sender, options))
        self._ask(lambda: smtp.rcpt(self._to))

    def _send(self, message: bytes) -> None:
        """Send the text.

        Until its end has been sent the server must not deliver it; from then until its answer nobody knows.
        """
        smtp = self._opened()
        self._ask(lambda: smtp.docmd("DATA"), expected=_START_DATA)
        try:
            smtp.send(_AT_THE_START_OF_A_LINE.sub(b"..", message))
        except (OSError, smtplib.SMTPException) as error:
            raise NotNowError(f"The connection broke: {error}") from error
        try:
            if smtp.sock:
                smtp.sock.settimeout(_SECONDS_FOR_THE_LAST_ANSWER)
            smtp.send(b".\r\n")
            code, words = smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise UnknownOutcomeError(f"The mail was handed over, but not confirmed: {error}") from error
        self._insist(code, words)

    def _ask(self, command: Callable[[], tuple[int, bytes]], expected: int = 250) -> None:
        try:
            code, words = command()
        except (OSError, smtplib.SMTPException) as error:
            raise NotNowError(f"The connection broke: {error}") from error
        self._insist(code, words, expected)

    def _insist(self, code: int, words: bytes, expected: int = 250) -> None:
        """Accept the server's answer, or raise its words. 251 is another way to say that the recipient will get it."""
        if code == expected or (expected == 250 and code == 251):
            return
        raise (RefusedError if 500 <= code < 600 else NotNowError)(self._words(code, words))

    def _words(self, code: int, words: bytes | str) -> str:
        """The server's words without the recipient's address, which may not be stored."""
        text = words if isinstance(words, str) else words.decode("utf-8", "replace")
        return f"{code} {text.replace(self._to, 'the recipient')}"[:_LONGEST_WORDS]

    def _opened(self) -> smtplib.SMTP:
        if self._smtp is None:
            raise NotNowError("The connection is not open.")
        return self._smtp

    def _cut(self) -> None:
        """Wake a thread that waits for the server."""
        sock = self._smtp.sock if self._smtp else None
        if sock:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Say goodbye; the mail's fate is decided by now, whatever the server answers."""
        if self._smtp:
            with suppress(OSError, smtplib.SMTPException):
                if self._smtp.sock:
                    self._smtp.sock.settimeout(_SECONDS_FOR_GOODBYE)
                    self._smtp.quit()
            self._smtp.close()
