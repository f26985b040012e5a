"""What commands share: the settings, an open store, and spans of time. Imports what it needs when it is needed."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from edge.settings import Settings
    from models.store import Store

T = TypeVar("T")
P = ParamSpec("P")

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def with_settings(command: Callable[Concatenate["Settings", P], None]) -> Callable[P, None]:
    """The command with the settings as its first argument."""

    @wraps(command)
    def run(*given: P.args, **options: P.kwargs) -> None:
        from edge.exposure.secrets import keep_secrets_out_of_logs
        from edge.settings import Settings
        from edge.telemetry.logs import configure

        settings = Settings.from_environment()
        configure(settings.log_level, settings.telemetry.log_format)
        keep_secrets_out_of_logs()
        command(settings, *given, **options)

    return run


def with_store(settings: "Settings", work: Callable[["Store"], Awaitable[T]]) -> T:
    """What some work with the store comes to, on a database of the present version."""
    from models.migrations import is_current
    from models.store import open_store

    async def run() -> T:
        store = open_store(settings.database_url)
        try:
            async with store.unfiltered("look at the version") as db:
                current = await is_current(db)
        except Exception as error:
            await store.close()
            raise click.ClickException(
                f"The database can't be used ({error}). Is it there? `canopy migrate` brings it up to date."
            ) from error
        try:
            if not current:
                raise click.ClickException("The database is of another version: run `canopy migrate`.")
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


class Span(click.ParamType[timedelta]):
    """A length of time: a number and a unit."""

    name = "SPAN"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> timedelta:
        """The length that a text stands for."""
        found = re.fullmatch(r"(\d{1,9})([smhdw])", value) if isinstance(value, str) else None
        if found is None:
            self.fail(f"{value!r}: it takes a number and s, m, h, d or w, such as 30d.", param, context)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})
