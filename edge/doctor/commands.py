"""`canopy doctor`: whether the gateway could do its work here, and what to do if not."""

import asyncio
import os
import sys
from collections.abc import Mapping

import click

from edge.doctor.finding import Finding, Level, error

_MARKS = {Level.ERROR: "error  ", Level.WARNING: "warning", Level.FINE: "fine   "}
_ORDER = list(Level)


@click.command()
@click.option("--all", "is_all", is_flag=True, help="Also tell what is fine, and every setting with its reason.")
@click.option("--json", "is_json", is_flag=True, help="Tell everything as JSON.")
def doctor(*, is_all: bool, is_json: bool) -> None:
    """Look at settings, keys, database, clock and surroundings, and say what to do. Changes nothing."""
    findings = sorted(asyncio.run(found(os.environ, is_all=is_all)), key=lambda each: _ORDER.index(each.level))
    if is_json:
        import orjson

        click.echo(orjson.dumps(findings, option=orjson.OPT_INDENT_2).decode())
    else:
        _tell(findings, is_all=is_all)
    if any(each.level is Level.ERROR for each in findings):
        sys.exit(1)


def _tell(findings: list[Finding], *, is_all: bool) -> None:
    for each in findings:
        if is_all or each.level is not Level.FINE:
            click.echo(f"{_MARKS[each.level]}  {each.about}: {each.what}")
            if each.do:
                click.echo(f"{'':9}{each.do}")
    errors, warnings = (sum(each.level is level for each in findings) for level in (Level.ERROR, Level.WARNING))
    click.echo(f"{len(findings):,} things looked at: {errors:,} errors, {warnings:,} warnings.")


async def found(environment: Mapping[str, str], *, is_all: bool = False) -> list[Finding]:
    """What there is to be found in an environment."""
    from edge.doctor import database, keys, settings, surroundings
    from edge.settings import Settings

    try:
        given = Settings.from_environment(environment)
    except click.UsageError as failure:
        return [error("settings", failure.message, "docs/settings.md says what each setting takes.")]
    return [
        *settings.check(given, environment),
        *keys.check(given.key_file),
        *await database.check(given.database_url, given),
        *await surroundings.check_redis(given.sharing.redis_url),
        *surroundings.check(given),
        *(settings.values(given) if is_all else ()),
    ]
