"""`canopy documents`: registering documents, and saying which clients may run which."""

import re
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.command_line import Span, with_settings, with_store

if TYPE_CHECKING:
    from edge.documents.checking import Checked
    from edge.settings import Settings
    from models.statement import Row
    from models.store import Store

_CLIENT = re.compile(r"[\w.@/ -]{1,100}", re.ASCII)
_LEVELS = ("performance", "audit", "safelist", "ids")
_SHOWN = 12
"""Characters of an id that tell it from others."""
_PROBLEMS = 50


def _client(_context: click.Context, _parameter: click.Parameter, given: str | None) -> str | None:
    if given is not None and not _CLIENT.fullmatch(given):
        raise click.BadParameter("It takes up to 100 letters, digits, spaces and . @ / _ -")
    return given


_for_client = click.option(
    "--client", callback=_client, help="Only for the client of this name; without it, for all.", metavar="NAME"
)


@click.group()
def documents() -> None:
    """Register documents by which clients ask, and choose which clients may run no others."""


@documents.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILE...")
@_for_client
@click.option("--dry-run", is_flag=True, help="Only look whether they could be registered.")
@with_settings
def import_(settings: "Settings", files: Sequence[Path], client: str | None, *, dry_run: bool) -> None:
    """Register the documents of manifests: all of them, or none if any could not be run.

    Takes what relay-compiler, graphql-codegen's client preset and Apollo's generate-persisted-query-manifest write,
    .graphql files, and folders of them.
    """
    from edge.documents.checking import checked
    from edge.documents.manifests import ManifestError, documents_in
    from resolvers.documents import ALL_CLIENTS, register

    try:
        new = [each for file in files for each in documents_in(file)]
    except ManifestError as error:
        raise click.ClickException(str(error)) from error
    found, problems = checked(new, settings.limits.bounds(is_trusted=True))
    if problems:
        for problem in problems[:_PROBLEMS]:
            click.echo(f"{problem.document}: {problem.what}", err=True)
        click.echo(f"Nothing is registered: {len(problems):,} problems.", err=True)
        sys.exit(1)
    _tell(found)
    if dry_run:
        click.echo(f"{len(new):,} documents could be registered.")
        return
    source = ", ".join(file.name for file in files)
    added = with_store(settings, lambda store: register(store, new, client or ALL_CLIENTS, source))
    click.echo(f"{len(new):,} documents, {added:,} of them new{f' for {client}' if client else ''}.")


def _tell(found: "Sequence[Checked]") -> None:
    click.echo(f"{'id':{_SHOWN}}  {'operation':40} {'kind':12} {'depth':>5} {'selections':>10} {'cost':>6}")
    for each in found:
        cost = "" if each.cost is None else f"{each.cost:,}"
        counts = f"{each.depth:5,} {each.selections:10,} {cost:>6}"
        click.echo(f"{each.document_id[:_SHOWN]}  {each.name:40} {each.kind:12} {counts}")


@documents.command("list")
@click.option("--unused", type=Span(), help="Only those that nobody has used for so long, such as 90d.")
@click.option("--unknown", is_flag=True, help="Those that were asked for without being registered, instead.")
@with_settings
def list_(settings: "Settings", unused: timedelta | None, *, unknown: bool) -> None:
    """List what is registered for whom, how often it was used and when last."""
    from resolvers import documents as registry

    if unknown:
        rows = with_store(settings, registry.unknown)
        for row in rows:
            text = " ".join(row.text.split())[:60] if row.text else "(long)"
            click.echo(f"{row.id[:_SHOWN]}  {row.client or 'no name':20} {row.uses:10,}  {_at(row.last_at)}  {text}")
        click.echo(f"{len(rows):,} unknown documents.")
        return
    rows = [row for row in with_store(settings, registry.listed) if unused is None or _is_unused(row, unused)]
    for row in rows:
        last = _at(row.last_used_at) if row.last_used_at else "never"
        click.echo(f"{row.id[:_SHOWN]}  {row.client or 'all':20} {row.uses:10,}  {last:16}  {row.source}")
    click.echo(f"{len(rows):,} registrations.")


@documents.command()
@with_settings
def forget(settings: "Settings") -> None:
    """Forget the unknown documents, so that there is room for others: at most 10,000 are noted."""
    from resolvers.documents import forget_unknown

    click.echo(f"{with_store(settings, forget_unknown):,} unknown documents forgotten.")


def _is_unused(row: "Row", unused: timedelta) -> bool:
    """Whether nobody has used it for so long, though somebody could have."""
    from models.base import iso, now

    return str(_at(row.last_used_at or row.registered_at)) < _at(iso(now() - unused))


def _at(moment: Any) -> str:
    """A moment of either engine, to the minute."""
    return str(moment).replace("T", " ")[:16]


@documents.command()
@click.argument("document", metavar="ID")
@with_settings
def show(settings: "Settings", document: str) -> None:
    """Print a document. Of its id the beginning is enough."""

    async def run(store: "Store") -> str:
        from resolvers.documents import text_of

        return await text_of(store, await _whole(store, document)) or ""

    click.echo(with_store(settings, run))


@documents.command()
@click.argument("document", metavar="ID")
@_for_client
@with_settings
def remove(settings: "Settings", document: str, client: str | None) -> None:
    """Remove a document with its endpoints, or only what registers it for a client."""

    async def run(store: "Store") -> bool:
        from resolvers.documents import remove

        return await remove(store, await _whole(store, document), client)

    if not with_store(settings, run):
        raise click.ClickException("It is not registered for that client.")
    click.echo("Removed.")


async def _whole(store: "Store", beginning: str) -> str:
    """The one document whose id, or alias, begins so.

    Raises:
        click.ClickException: there is none, or there are several.
    """
    from resolvers.documents import Registered, registered

    known = await registered(store, Registered())
    beginning = beginning.removeprefix("sha256:")
    found = {each for each in known.clients if each.startswith(beginning)}
    found |= {known.aliases[beginning]} if beginning in known.aliases else set()
    if len(found) != 1:
        raise click.ClickException("No document has that id." if not found else "Several documents begin so.")
    return found.pop()


@documents.command()
@click.argument("name", callback=_client)
@click.option("--level", type=click.Choice([*_LEVELS, "default"], case_sensitive=False), help="Which it may run.")
@with_settings
def client(settings: "Settings", name: str, level: str | None) -> None:
    """Tell which documents a client may run, or set it.

    performance: any. audit: any, and those that aren't registered are noted. safelist: registered ones. ids:
    registered ones, by their id only. default: as CANOPY_SAFELIST says.
    """

    async def run(store: "Store") -> str:
        from models import SafelistLevel
        from resolvers.documents import Registered, registered, set_level

        if level is not None:
            await set_level(store, name, None if level == "default" else SafelistLevel(level.upper()))
        found = (await registered(store, Registered())).levels.get(name)
        return found.value.lower() if found else f"default ({settings.documents.safelist.value.lower()})"

    click.echo(f"{name}: {with_store(settings, run)}")


@documents.command()
@click.argument("document", metavar="ID")
@click.argument("method", type=click.Choice(["GET", "POST"], case_sensitive=False))
@click.argument("path")
@click.option("--operation", help="Which of the document's operations, if it has several.", metavar="NAME")
@click.option("--title", default="", help="What it is, for the OpenAPI description.")
@click.option("--max-age", default=0, type=click.IntRange(0, 31_536_000), help="Seconds for which callers may keep it.")
@with_settings
def expose(
    settings: "Settings", document: str, method: str, path: str, operation: str | None, title: str, max_age: int
) -> None:
    """Offer an operation of a registered document as REST, below /api: such as GET '/accounts/{id}'.

    What stands in braces is one of the operation's variables, or a field of its only one. Every other variable is
    given in the query string or the body.
    """

    async def run(store: "Store") -> str:
        from edge.rest.endpoints import EndpointError, endpoint
        from models import EndpointMethod
        from resolvers.documents import ExposedOperation, expose, text_of

        document_id = await _whole(store, document)
        try:
            text = await text_of(store, document_id) or ""
            made = endpoint(EndpointMethod(method.upper()), path, text, operation, title, max_age)
        except EndpointError as error:
            raise click.ClickException(str(error)) from error
        offered = ExposedOperation(made.method, made.path, document_id, made.name, made.title, made.max_age)
        await expose(store, offered)
        return f"{made.method.value} /api{made.path}: {made.title}"

    click.echo(with_store(settings, run))


@documents.command()
@click.argument("method", type=click.Choice(["GET", "POST"], case_sensitive=False))
@click.argument("path")
@with_settings
def hide(settings: "Settings", method: str, path: str) -> None:
    """Offer nothing there any more; or what the gateway itself does, where it has an endpoint of that address."""

    async def run(store: "Store") -> bool:
        from models import EndpointMethod
        from resolvers.documents import hide

        return await hide(store, EndpointMethod(method.upper()), path)

    if not with_store(settings, run):
        raise click.ClickException("Nothing was exposed there.")
    click.echo("Hidden.")
