"""The setting that says how mail leaves."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from resolvers.mail.folder import FolderTransport
from resolvers.mail.smtp import Server, SmtpTransport
from resolvers.mail.transport import Transport


class InvalidMailURLError(ValueError):
    """The setting names no way for mail to leave."""


def open_transport(url: str) -> Transport:
    """A transport for `smtp://user:password@host:587`, `smtps://host`, or `file:folder`.

    Raises:
        InvalidMailURLError: none of these; the message doesn't repeat what may hold a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme == "file" and not parts.netloc and parts.path:
        return FolderTransport(Path(unquote(parts.path)))
    if parts.scheme in {"smtp", "smtps"} and parts.hostname and parts.path in {"", "/"}:
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return SmtpTransport(Server(parts.hostname, port or 0, user, password, is_tls=parts.scheme == "smtps"))
    raise InvalidMailURLError(
        "CANOPY_MAIL_URL takes smtp://user:password@host:587, smtps://user:password@host:465 or file:folder."
    )
