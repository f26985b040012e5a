"""The file of secrets: one a line, 32 bytes in base64url, the newest first. Made on first use; rotated by hand."""

import logging
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path

log = logging.getLogger("canopy.keys")

SECRET_BYTES = 32
_OTHERS = 0o077
_STRANGERS = 0o027
"""Anybody may read it, or its group write it. That its group may read it is how orchestrators hand files out."""


class KeyFileError(Exception):
    """The key file can't be used; the message names it, never what is in it."""


def read_secrets(path: Path, *, is_strict: bool = False) -> list[bytes]:
    """The secrets of a file, the newest first. Where there is no file, one is made.

    Of several processes that make it at once one wins, and all use that one's.

    Args:
        path: of the file.
        is_strict: whether a file that any user of the machine can read is refused, instead of warned about.

    Raises:
        KeyFileError: what is there is no key file, or it can't be read or written, or others can read it.
    """
    try:
        if not path.exists():
            _create(path)
        lines = path.read_bytes().split() or [b""]
        mode = path.stat().st_mode if os.name == "posix" else 0
    except OSError as error:
        raise KeyFileError(f"the key file {path} can't be read or made: {error.strerror}") from error
    if mode & _OTHERS:
        message = f"the key file {path} can be read by other users of this machine; chmod 600 closes it"
        if is_strict and mode & _STRANGERS:
            raise KeyFileError(message)
        log.warning("%s", message)
    return [_secret(line, path) for line in lines]


def write_secrets(path: Path, all_: Sequence[bytes]) -> None:
    """Put other secrets into the file's place: it is there whole, before and after.

    Raises:
        KeyFileError: it can't be written.
    """
    try:
        _draft(path, all_).replace(path)
    except OSError as error:
        raise KeyFileError(f"the key file {path} can't be written: {error.strerror}") from error


def new_secret() -> bytes:
    """A fresh one."""
    return secrets.token_bytes(SECRET_BYTES)


def base64_of(raw: bytes) -> str:
    """In base64url, without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _secret(line: bytes, path: Path) -> bytes:
    try:
        secret = urlsafe_b64decode(line + b"=" * (-len(line) % 4))
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise KeyFileError(
            f"the key file {path} holds something else than keys (32 bytes each in base64url, one a line). Put the"
            " right file there, or remove it to start afresh: everyone then has to sign in again"
        )
    return secret


def _create(path: Path) -> None:
    """Write a fresh secret beside the place and link it there: a file appears whole or not at all, and never twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(path, [new_secret()])
    try:
        os.link(draft, path)
        log.info("made the key file %s", path)
    except FileExistsError:
        pass  # another process was first; its key is the key
    finally:
        draft.unlink()


def _draft(path: Path, all_: Sequence[bytes]) -> Path:
    """A file beside the place, for its owner only."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{base64_of(each)}\n" for each in all_)
        file.flush()
        os.fsync(file.fileno())
    return draft
