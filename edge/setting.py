"""How a setting is declared: its default, what it takes, what it means; from that it is read, and documented."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

T = TypeVar("T")

EVERYBODY = "*"
"""In a list of addresses: whoever it is."""
_ON = frozenset({"1", "true", "yes", "on"})
_OFF = frozenset({"0", "false", "no", "off"})


def setting(
    default: T,
    meaning: str,
    parse: Callable[[str], T],
    *,
    takes: str = "",
    shown: str = "",
    is_secret: bool = False,
) -> T:
    """A field of a dataclass of settings: `CANOPY_` and its name in upper case, in the environment.

    Args:
        default: unless it is given.
        meaning: for `docs/settings.md`.
        parse: a value from its text; raises `ValueError` for what makes no sense, with a sentence if it has one.
        takes: what a value looks like, for whoever gave another.
        shown: the default, as the document shows it; what it is unless given.
        is_secret: whether the value is never shown.
    """
    about = {"meaning": meaning, "parse": parse, "takes": takes, "shown": shown, "is_secret": is_secret}
    return field(default=default, repr=not is_secret, metadata=about)


def switch(text: str) -> bool:
    """On or off."""
    if text.lower() not in _ON | _OFF:
        raise ValueError
    return text.lower() in _ON


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number within bounds."""
    return lambda text: _within(int(text), low, high)


def number(low: float, high: float) -> Callable[[str], float]:
    """A number within bounds."""
    return lambda text: _within(float(text), low, high)


def names(text: str) -> tuple[str, ...]:
    """Texts, separated by commas."""
    return tuple(filter(None, map(str.strip, text.split(","))))


def _within(value: T, low: T, high: T) -> T:
    if not low <= value <= high:  # type: ignore[operator]  # numbers; also refuses what is none
        raise ValueError
    return value


def read(of: type[T], environment: Mapping[str, str]) -> T:
    """Settings as the environment has them, those in sections included.

    Of each the value may be in a file instead: `CANOPY_X_FILE` names one that holds `CANOPY_X`, as containers are
    given secrets.

    Raises:
        click.UsageError: a value makes no sense.
    """
    given: dict[str, Any] = {}
    for each in _fields(of):
        if not each.metadata:
            given[each.name] = read(each.default_factory, environment)  # type: ignore[arg-type]  # a section's class
            continue
        text = _text(_variable(each), environment)
        if text:
            given[each.name] = _parsed(each, text)
    return of(**given)


def _text(variable: str, environment: Mapping[str, str]) -> str:
    text, file = environment.get(variable, ""), environment.get(f"{variable}_FILE", "")
    if not file or variable.endswith("_FILE"):
        return text
    if text:
        raise click.UsageError(f"{variable} and {variable}_FILE are both set; keep one of them.")
    try:
        return Path(file).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{variable}_FILE: {error}") from error


def _parsed(of: "Field[Any]", text: str) -> Any:
    try:
        return of.metadata["parse"](text)
    except ValueError as error:
        value = "not to be used" if of.metadata["is_secret"] else repr(text)
        why = f"it takes {of.metadata['takes']}." if of.metadata["takes"] else str(error)
        raise click.UsageError(f"{_variable(of)} is {value}; {why}") from None


def table(of: type[object]) -> str:
    """The settings of one class, without its sections, as `docs/settings.md` has them."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for each in _fields(of):
        if each.metadata:
            default = each.metadata["shown"] or f"`{_written(each.default)}`"
            rows.append(f"| `{_variable(each)}` | {default} | {each.metadata['meaning']} |")
    return "\n".join(rows) + "\n"


def variables(of: type[object]) -> Iterator[tuple[str, "Field[Any]"]]:
    """Every variable, of sections too, with the field that it sets."""
    for each in _fields(of):
        if each.metadata:
            yield _variable(each), each
        elif each.default_factory is not MISSING:
            yield from variables(each.default_factory)  # type: ignore[arg-type]  # a section's class


def _fields(of: Any) -> "tuple[Field[Any], ...]":
    assert is_dataclass(of)  # noqa: S101  # for the type checker
    return fields(of)


def _variable(of: "Field[Any]") -> str:
    return f"CANOPY_{of.name.upper()}"


def _written(default: object) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    return ", ".join(default) if isinstance(default, tuple) else str(default)
