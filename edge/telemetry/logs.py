"""Logs: a line says under which request it was written, for whom and as whom, in ids; never in names."""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

from edge.telemetry.seen import SEEN
from resolvers.request_id import REQUEST_ID


def about() -> dict[str, str]:
    """Under which request, for whom and as whom this is done, as far as it is known."""
    seen, request_id = SEEN.get(), REQUEST_ID.get()
    told = {"request_id": request_id} if request_id else {}
    return told | (seen.about() if seen is not None else {})


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= about()
        line |= _told(record)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class TextLines(logging.Formatter):
    """Lines for a person at a terminal: the message, then what is known about it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """The line of a record, before an exception's lines."""
        more = " ".join(f"{name}={value}" for name, value in (about() | dict(_told(record))).items())
        return super().formatMessage(record) + (f" [{more}]" if more else "")


def _told(record: logging.LogRecord) -> Mapping[str, Any]:
    told: Mapping[str, Any] = getattr(record, "told", {})
    return told


def _is_of_a_socket(record: logging.LogRecord) -> bool:
    """Whether uvicorn says of a socket from where and for what it came: addresses and query strings aren't logged."""
    return record.name == "uvicorn.error" and '"WebSocket %s"' in str(record.msg)


def configure(level: str, form: str, stream: TextIO | None = None) -> None:
    """Have everything that is logged go to standard error, in one form.

    Args:
        level: from which on.
        form: see `LOG_FORMATS`.
        stream: instead of standard error.
    """
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    is_text = form == "text" or (form == "auto" and stream.isatty())
    handler.addFilter(lambda record: not _is_of_a_socket(record))
    handler.setFormatter(TextLines() if is_text else JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel("WARNING")
