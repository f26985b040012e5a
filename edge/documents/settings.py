"""What the environment decides about persisted documents."""

from dataclasses import dataclass

from edge.setting import number, setting
from models import SafelistLevel


def _level(text: str) -> SafelistLevel:
    return SafelistLevel(text.strip().upper())


@dataclass(frozen=True, slots=True)
class DocumentSettings:
    """What the environment decides about persisted documents."""

    safelist: SafelistLevel = setting(
        SafelistLevel.PERFORMANCE,
        "which documents may run, where a client has no level of its own: `performance`, any; `audit`, any, and those"
        " that aren't registered are noted; `safelist`, registered ones; `ids`, registered ones, by their id only",
        _level,
        takes="performance, audit, safelist or ids",
        shown="`performance`",
    )
    document_seconds: float = setting(
        10.0,
        "how soon a process knows of documents, levels and endpoints that were registered or removed, in seconds",
        number(0, 3600),
        takes="a number of seconds",
    )
