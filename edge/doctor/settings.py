"""Settings: names that mean nothing, values that contradict each other, limits that are off."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches

from edge.doctor.finding import Finding, error, fine, warning
from edge.setting import variables
from edge.settings import Settings

_OURS = "CANOPY_"
_TESTS = "CANOPY_TEST_"
_FILE = "_FILE"


def check(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Look at what the environment says, and at what it comes to."""
    yield from _unknown(environment)
    yield from _contradictions(settings)
    yield from _off(settings)


def _unknown(environment: Mapping[str, str]) -> Iterator[Finding]:
    known = {name for name, _ in variables(Settings)}
    given = sorted(name for name in environment if name.startswith(_OURS) and not name.startswith(_TESTS))
    for name in given:
        if name not in known and name.removesuffix(_FILE) not in known:
            close = get_close_matches(name, known, 1)
            meant = f"Is {close[0]} meant?" if close else "docs/settings.md has all that there are."
            yield warning("settings", f"{name} is set, but there is no such setting.", meant)
    yield fine("settings", f"{len(given)} are set, {len(known)} there are.")


def _contradictions(settings: Settings) -> Iterator[Finding]:
    limits = settings.limits
    for each in fields(limits):
        wide = getattr(limits, f"trusted_{each.name}", None)
        if wide is not None and wide < getattr(limits, each.name):
            name = each.name.upper()
            yield warning(
                "settings",
                f"CANOPY_TRUSTED_{name} is {wide}, less than CANOPY_{name}: registered ones have less.",
                f"Raise CANOPY_TRUSTED_{name}.",
            )
    if settings.demo and settings.public_url.startswith("https:"):
        yield error(
            "settings",
            "CANOPY_DEMO is on, and GraphiQL tells everybody the demo logins' password, at a public address.",
            "Set CANOPY_DEMO=off.",
        )
    if settings.simulator and not settings.demo:
        yield warning(
            "settings",
            "CANOPY_SIMULATOR is on: orders may tell the simulator to fail.",
            "Set CANOPY_SIMULATOR=off where orders are meant.",
        )


def _off(settings: Settings) -> Iterator[Finding]:
    for section in (settings.limits, settings.sharing):
        for each in fields(section):
            if getattr(section, each.name) == 0 and "`0`" in each.metadata.get("meaning", ""):
                name = f"{_OURS}{each.name.upper()}"
                yield warning("limits", f"{name} is off. It bounds: {each.metadata['meaning']}.", f"Unset {name}.")


def values(settings: object) -> Iterator[Finding]:
    """Every setting with what it is set to, and why there is such a thing; of secrets only whether they are set."""
    for each in fields(settings):  # type: ignore[arg-type]  # settings are dataclasses
        value = getattr(settings, each.name)
        if not each.metadata:
            yield from values(value)
            continue
        shown = ("set" if value else "not set") if each.metadata["is_secret"] else str(value)
        is_default = " (the default)" if value == each.default and not each.metadata["is_secret"] else ""
        name = f"{_OURS}{each.name.upper()}"
        yield fine("settings", f"{name} is {shown or 'not set'}{is_default}: {each.metadata['meaning']}")
