"""`canopy issuers`: who else may sign users in."""

from typing import TYPE_CHECKING, Any

import click

from edge.command_line import with_settings, with_store

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from edge.settings import Settings
    from models.store import Store
    from resolvers.issuers import Door

_NAME = click.option("--name", help="Browsers sign in by it, at /sign-in/NAME.")
_BUTTON = click.option("--button", help="With --name: strangers are shown this where they sign in.")


@click.group()
def issuers() -> None:
    """Let external issuers (OpenID Connect) sign users in: docs/signing-in.md tells how."""


@issuers.command()
@click.argument("url")
@click.option("--audience", required=True, help="The client id that the issuer knows us by.")
@click.option("--below", required=True, metavar="ACCOUNT", help="Its word counts for users of this account and below.")
@click.option("--match-email", is_flag=True, help="It may vouch by an e-mail address that is a login and is verified.")
@_NAME
@_BUTTON
@with_settings
def add(
    settings: "Settings",
    url: str,
    audience: str,
    below: str,
    name: str | None,
    button: str | None,
    *,
    match_email: bool,
) -> None:
    """Let the issuer in whose tokens name URL. Its keys are asked for first.

    With --name browsers sign in by it too. Our client secret there, if it has given us one, is read from
    CANOPY_ISSUER_SECRETS, or from the file that CANOPY_ISSUER_SECRETS_FILE names: `URL SECRET`, one a line.
    """
    from models.base import now
    from resolvers import issuers as registry
    from resolvers.issuers import Door

    prefix, _, number = below.partition("_")
    if prefix != "acc" or not number.isdecimal():
        raise click.BadParameter("It takes the id of an account, such as acc_7.", param_hint="--below")
    door = Door(name, button)
    keys = _asked(url, door)
    _done(
        settings,
        lambda store: registry.add(store, url, audience, int(number), now(), matches_email=match_email, door=door),
    )
    click.echo(f"{url} is let in, with {keys} keys, for users of {below} and below.")
    _tell_door(settings, url, door)


@issuers.command()
@click.argument("url")
@_NAME
@_BUTTON
@with_settings
def browsers(settings: "Settings", url: str, name: str | None, button: str | None) -> None:
    """Have browsers sign in by the issuer URL, which is let in; without --name no more."""
    from resolvers import issuers as registry
    from resolvers.issuers import Door

    door = Door(name, button)
    if name:
        _asked(url, door)
    _done(settings, lambda store: registry.call(store, url, door))
    _tell_door(settings, url, door)
    if not name:
        click.echo(f"Browsers sign in by {url} no more.")


@issuers.command("list")
@with_settings
def list_(settings: "Settings") -> None:
    """Tell which are let in."""
    from resolvers import issuers as registry

    for each in with_store(settings, registry.listed):
        how = "linked users, and others by e-mail" if each.matches_email else "linked users"
        click.echo(f"{each.url}  audience {each.audience}  acc_{each.account_id} and below: {how}{_way(each)}")


@issuers.command()
@click.argument("url")
@with_settings
def remove(settings: "Settings", url: str) -> None:
    """Let an issuer in no more. Whom it has signed in is out at once."""
    from resolvers import issuers as registry

    _done(settings, lambda store: registry.remove(store, url))
    click.echo(f"{url} is let in no more.")


def _asked(url: str, door: "Door") -> int:
    """How many keys an issuer has, which is asked what it has to tell."""
    from resolvers.discovery import DiscoveryError, told_by

    try:
        told = told_by(url)
    except DiscoveryError as error:
        raise click.ClickException(str(error)) from error
    if door.name and not (told.authorization_endpoint and told.token_endpoint):
        raise click.ClickException(f"{url} does not say where browsers sign in: leave out --name.")
    return len(told.keys)


def _tell_door(settings: "Settings", url: str, door: "Door") -> None:
    """What has to be done there, and what is given."""
    from resolvers.browser_sign_in import callback_of

    if door.name is None:
        return
    click.echo(f"Browsers sign in by it at {settings.address}/sign-in/{door.name}.")
    click.echo(f"It has to know this redirect URI: {callback_of(settings.address, door.name)}")
    if url in dict(settings.issuer_secrets):
        click.echo("Our client secret there is given.")
    else:
        click.echo("CANOPY_ISSUER_SECRETS has no client secret for it: it is asked without one, by PKCE alone.")


def _way(issuer: Any) -> str:
    """How browsers come in by an issuer, as `list` tells it."""
    if issuer.name is None:
        return ""
    return f"; browsers at /sign-in/{issuer.name}" + (f", by the button {issuer.button!r}" if issuer.button else "")


def _done(settings: "Settings", work: "Callable[[Store], Coroutine[Any, Any, None]]") -> None:
    """Do it, or say why not."""
    from resolvers.issuers import NoSuchError

    async def run(store: "Store") -> None:
        await work(store)

    try:
        with_store(settings, run)
    except NoSuchError as error:
        raise click.ClickException(str(error)) from error
