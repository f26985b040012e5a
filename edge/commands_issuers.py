"""`canopy issuers`: who else may sign users in."""

from typing import TYPE_CHECKING, Any

import click

from edge.command_line import with_settings, with_store

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from edge.settings import Settings
    from models.store import Store


@click.group()
def issuers() -> None:
    """Let external issuers (OpenID Connect) sign users in: docs/signing-in.md tells how."""


@issuers.command()
@click.argument("url")
@click.option("--audience", required=True, help="The client id that the issuer knows us by.")
@click.option("--below", required=True, metavar="ACCOUNT", help="Its word counts for users of this account and below.")
@click.option("--match-email", is_flag=True, help="It may vouch by an e-mail address that is a login and is verified.")
@with_settings
def add(settings: "Settings", url: str, audience: str, below: str, *, match_email: bool) -> None:
    """Let the issuer in whose tokens name URL. Its keys are asked for first."""
    from models.base import now
    from resolvers import issuers as registry
    from resolvers.discovery import Discovery, DiscoveryError

    prefix, _, number = below.partition("_")
    if prefix != "acc" or not number.isdecimal():
        raise click.BadParameter("It takes the id of an account, such as acc_7.", param_hint="--below")
    try:
        keys = Discovery().keys_of(url)
    except DiscoveryError as error:
        raise click.ClickException(str(error)) from error
    _done(
        settings,
        lambda store: registry.add(store, url, audience, int(number), now(), matches_email=match_email),
    )
    click.echo(f"{url} is let in, with {len(keys)} keys, for users of {below} and below.")


@issuers.command("list")
@with_settings
def list_(settings: "Settings") -> None:
    """Tell which are let in."""
    from resolvers import issuers as registry

    for each in with_store(settings, registry.listed):
        how = "linked users, and others by e-mail" if each.matches_email else "linked users"
        click.echo(f"{each.url}  audience {each.audience}  acc_{each.account_id} and below: {how}")


@issuers.command()
@click.argument("url")
@with_settings
def remove(settings: "Settings", url: str) -> None:
    """Let an issuer in no more. Whom it has signed in stays for 15 minutes at most."""
    from resolvers import issuers as registry

    _done(settings, lambda store: registry.remove(store, url))
    click.echo(f"{url} is let in no more.")


def _done(settings: "Settings", work: "Any") -> None:
    """Do it, or say why not."""
    from resolvers.issuers import NoSuchError

    async def run(store: "Store") -> None:
        done: Coroutine[Any, Any, None] = work(store)
        await done

    try:
        with_store(settings, run)
    except NoSuchError as error:
        raise click.ClickException(str(error)) from error
