"""What a check finds, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    ERROR = "error"
    """It does not work, or isn't safe."""
    WARNING = "warning"
    """It works, but somebody should know."""
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. Never holds a secret.

    Args:
        level: how bad it is.
        about: what was looked at.
        what: a sentence.
        do: what to do about it, a sentence; empty where there is nothing to do.
    """

    level: Level
    about: str
    what: str
    do: str = ""


def error(about: str, what: str, do: str) -> Finding:
    """Something that does not work, or isn't safe."""
    return Finding(Level.ERROR, about, what, do)


def warning(about: str, what: str, do: str) -> Finding:
    """Something that somebody should know."""
    return Finding(Level.WARNING, about, what, do)


def fine(about: str, what: str) -> Finding:
    """Something that is as it should be."""
    return Finding(Level.FINE, about, what)
