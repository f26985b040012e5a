"""The secret behind everything that Canopy signs: one file, made on first use, and the keys drawn from it."""

import logging
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

log = logging.getLogger("canopy.keys")

_SECRET_BYTES = 32
_OTHERS = 0o077


class KeyFileError(Exception):
    """The key file can't be used; the message names it, never what is in it."""


class KeyRing:
    """The keys drawn from one or several secrets: the newest signs, all of them verify.

    Args:
        secrets_: 32 bytes each, the newest first. To rotate, put a new one before the old, and take the old one away
            once what it signed has expired.
    """

    def __init__(self, secrets_: Sequence[bytes]) -> None:
        self._newest = secrets_[0]
        self.signing_key = _signing_key(self._newest)
        """Signs access tokens (Ed25519)."""
        self._public = {key_id(public): public for public in (_signing_key(each).public_key() for each in secrets_)}
        self.key_id = key_id(self.signing_key.public_key())
        """Names the signing key in the header of what it signs."""

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._public)})"

    def public_key(self, named: str) -> Ed25519PublicKey | None:
        """The verifying key of that id, if it is one of ours."""
        return self._public.get(named)

    def cursor_key(self) -> bytes:
        """32 bytes that sign the cursors of pages."""
        return _derived(self._newest, b"canopy page cursors")

    def input_key(self) -> bytes:
        """32 bytes under which the inputs of changes are hashed, to know them again: some hold secrets."""
        return _derived(self._newest, b"canopy inputs of changes")

    def source_key(self) -> bytes:
        """32 bytes under which sources of failed sign-ins are stored, so that the table holds no name or address."""
        return _derived(self._newest, b"canopy sources of failed sign-ins")


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_SECRET_BYTES, salt=None, info=purpose).derive(secret)


def _signing_key(secret: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(_derived(secret, b"canopy access tokens"))


def key_id(public: Ed25519PublicKey) -> str:
    """The key's thumbprint.

    Source: RFC 7638 §3, with the members that RFC 8037 §2 requires of an Ed25519 key.
    """
    x = _base64(public.public_bytes_raw())
    return _base64(sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest())


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def open_key_ring(path: Path) -> KeyRing:
    """The key ring of a file: one secret a line, the newest first. Where there is no file, one is made.

    Of several processes that make it at once one wins, and all use that one's.

    Raises:
        KeyFileError: what is there is no key file, or it can't be read or written.
    """
    try:
        if not path.exists():
            _create(path)
        lines = path.read_bytes().split() or [b""]
        open_to_others = os.name == "posix" and path.stat().st_mode & _OTHERS
    except OSError as error:
        raise KeyFileError(f"the key file {path} can't be read or made: {error.strerror}") from error
    if open_to_others:
        log.warning("the key file %s can be read by other users of this machine; chmod 600 closes it", path)
    return KeyRing([_secret(line, path) for line in lines])


def _secret(line: bytes, path: Path) -> bytes:
    try:
        secret = urlsafe_b64decode(line + b"=" * (-len(line) % 4))
    except ValueError:
        secret = b""
    if len(secret) != _SECRET_BYTES:
        raise KeyFileError(
            f"the key file {path} holds something else than keys (32 bytes each in base64url, one a line). Put the"
            " right file there, or remove it to start afresh: everyone then has to sign in again"
        )
    return secret


def _create(path: Path) -> None:
    """Write a fresh secret beside the place and link it there: a file appears whole or not at all, and never twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(_base64(secrets.token_bytes(_SECRET_BYTES)) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
        log.info("made the key file %s", path)
    except FileExistsError:
        pass  # another process was first; its key is the key
    finally:
        draft.unlink()
