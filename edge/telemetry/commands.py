"""`canopy usage` and `canopy schema diff`: what clients use, and what a new version would take from them."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.command_line import Span, with_settings, with_store

if TYPE_CHECKING:
    from edge.settings import Settings
    from edge.telemetry.comparing import Verdict

_DAYS = 90
_SHOWN = 20
"""Clients that are named of one change."""


def _first_day(length: timedelta) -> str:
    return (datetime.now(UTC) - length).date().isoformat()


@click.command()
@click.argument("field", required=False, metavar="[FIELD]")
@click.option("--since", type=Span(), default=f"{_DAYS}d", show_default=True, help="How far to look back.")
@click.option("--unused", type=Span(), help="What nobody has used for so long, such as 90d, instead.")
@with_settings
def usage(settings: "Settings", field: str | None, since: timedelta, unused: timedelta | None) -> None:
    """Tell which clients use which parts of the schema, and so what may be deprecated.

    FIELD is Type, Type.field, Type.field(argument:), Input.field or Enum.VALUE.
    """
    from resolvers import usage as uses
    from schema import executor
    from schema.breaking import all_coordinates

    day = datetime.fromisoformat(_first_day(unused or since)).date()
    rows = with_store(settings, lambda store: uses.since(store, day))
    if unused is not None:
        began = with_store(settings, uses.first_day)
        used = {row.coordinate for row in rows}
        left = [each for each in all_coordinates(executor.schema) if each not in used and _is_of(field, each)]
        for each in left:
            click.echo(each)
        counted = f"counted since {began}" if began else "nothing was counted yet"
        click.echo(f"{len(left):,} parts of the schema that no operation has named since {day}; {counted}.")
        return
    found = [row for row in rows if _is_of(field, row.coordinate)]
    for row in found:
        click.echo(f"{row.coordinate:60} {row.client:20} {row.uses:12,}  {row.last_day}")
    click.echo(f"{len(found):,} uses since {day}.")


def _is_of(field: str | None, coordinate: str) -> bool:
    return field is None or coordinate == field or coordinate.startswith((f"{field}.", f"{field}("))


@click.group(invoke_without_command=True)
@click.pass_context
def schema(context: click.Context) -> None:
    """Print the GraphQL schema."""
    if context.invoked_subcommand is None:
        from schema import schema_text

        click.echo(schema_text())


@schema.command()
@click.argument(
    "before", required=False, metavar="[FILE]", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--days", default=_DAYS, show_default=True, type=click.IntRange(1, 3650), help="Who counts as a client.")
@with_settings
def diff(settings: "Settings", before: Path | None, days: int) -> None:
    """Compare the schema that was last served, or FILE, with this program's, and fail if that breaks a client.

    Clients are registered documents, and whoever has used a part of the schema within the days. The database may be of
    another version: run this before `canopy migrate`.
    """
    import asyncio

    from edge.telemetry.comparing import compared
    from models.store import StoreError

    first = datetime.fromisoformat(_first_day(timedelta(days=days))).date()
    text = before.read_text(encoding="utf-8") if before else None
    try:
        verdict = asyncio.run(compared(settings.database_url, text, first))
    except (StoreError, OSError) as error:
        raise click.ClickException(
            f"Which clients there are is in the database, which can't be read: {error}"
        ) from error
    _tell(verdict)
    if verdict.is_broken:
        sys.exit(1)


def _tell(verdict: "Verdict") -> None:
    for change in verdict.changes:
        kind = "breaks" if change.users else "unused" if change.is_breaking else "beware"
        click.echo(f"{kind}  {change.what}")
        for user in change.users[:_SHOWN]:
            click.echo(f"        {user}")
        if len(change.users) > _SHOWN:
            click.echo(f"        and {len(change.users) - _SHOWN:,} more")
    for broken in verdict.documents:
        click.echo(f"breaks  {broken}")
    ends = "Clients would be broken." if verdict.is_broken else "No client that is known would be broken."
    click.echo(f"{len(verdict.changes):,} changes since {verdict.since}. {ends}")
