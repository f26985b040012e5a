"""What is shown to whom: the settings of exposure."""

import re
from dataclasses import dataclass

from edge.setting import names, setting, switch

_ORIGIN = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


def _origins(text: str) -> tuple[str, ...]:
    return _all(_ORIGIN, text)


def _hosts(text: str) -> tuple[str, ...]:
    return _all(_HOST, text)


def _all(shape: re.Pattern[str], text: str) -> tuple[str, ...]:
    """The names in a list, each of the shape: no patterns, for what they let in is seldom what was meant."""
    listed = names(text)
    if not all(map(shape.fullmatch, listed)):
        raise ValueError
    return listed


@dataclass(frozen=True, slots=True)
class ExposureSettings:
    """What is shown to whom."""

    introspection: bool = setting(
        True,
        "whether callers may ask about the schema: they are told of what they can use. `off`: nobody is told anything",
        switch,
        takes="on or off",
    )
    suggestions: bool | None = setting(
        None,
        "whether errors about documents say what else could have been meant. On where `CANOPY_DEMO` is, unless this is"
        " `off`",
        switch,
        takes="on or off",
        shown="off",
    )
    origins: tuple[str, ...] = setting(
        (),
        "origins of other sites whose pages may use the gateway from a browser, separated by commas, such as"
        " `https://panel.example.com`; each exactly, no patterns. Pages of the gateway's own address always may",
        _origins,
        takes="https://host or https://host:port, separated by commas",
        shown="none",
    )
    hosts: tuple[str, ...] = setting(
        (),
        "further names, separated by commas and without ports, by which the gateway may be asked for. That of"
        " `CANOPY_PUBLIC_URL`, what it listens on, and those of the machine itself are known anyway; whoever asks for"
        " another name is answered 400, but for `/health/`",
        _hosts,
        takes="names without ports, separated by commas",
        shown="none",
    )
