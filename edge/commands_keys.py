"""`canopy keys`: the secrets behind access tokens and cursors, and how one takes the place of another."""

import time
from typing import TYPE_CHECKING

import click

from edge.command_line import with_settings

if TYPE_CHECKING:
    from edge.settings import Settings

_SECONDS_TO_BE_USED = 3600
"""For which the last of what an old key has signed is good: the tokens of those who work in another account."""


@click.group()
def keys() -> None:
    """Look at the keys that sign, and rotate them. Running gateways follow by themselves.

    Rotate, wait an hour, then drop the old key: nobody notices. A key that may be in others' hands is dropped at once
    (--now): then everybody signs in by their refresh token, and pages are turned from the first one on.
    """


@keys.command("list")
@with_settings
def list_(settings: "Settings") -> None:
    """Name the keys; the first signs, all verify."""
    for place, (kid, _) in enumerate(_kept(settings)):
        click.echo(f"{kid}  {'verifies' if place else 'signs'}")


@keys.command()
@with_settings
def rotate(settings: "Settings") -> None:
    """Let a new key sign from now on; those that there are go on verifying."""
    from resolvers.key_file import new_secret, write_secrets

    new = new_secret()
    write_secrets(settings.key_file, [new, *(secret for _, secret in _kept(settings))])
    click.echo(f"{_named(new)} signs from now on. In an hour, `canopy keys drop` takes away the old one.")


@keys.command()
@click.argument("key")
@click.option("--now", is_flag=True, help="Although what it has signed may still be in use.")
@with_settings
def drop(settings: "Settings", key: str, *, now: bool) -> None:
    """Take a key away: what it has signed is refused. At least one stays."""
    from resolvers.key_file import write_secrets

    kept = _kept(settings)
    left = [secret for kid, secret in kept if kid != key]
    if len(left) == len(kept):
        raise click.ClickException(f"There is no key {key}; `canopy keys list` names those there are.")
    if not left:
        raise click.ClickException("It is the only one. `canopy keys rotate` makes another.")
    seconds = _SECONDS_TO_BE_USED - (time.time() - settings.key_file.stat().st_mtime)
    if seconds > 0 and not now:
        minutes = int(seconds // 60) + 1
        raise click.ClickException(
            f"What it has signed may be in use for {minutes} minutes more. Come back then, or say --now."
        )
    write_secrets(settings.key_file, left)
    click.echo(f"{key} is gone.")


def _kept(settings: "Settings") -> list[tuple[str, bytes]]:
    """The secrets of the key file, by the ids of their keys."""
    from resolvers.key_file import read_secrets

    return [(_named(secret), secret) for secret in read_secrets(settings.key_file)]


def _named(secret: bytes) -> str:
    from resolvers.keys import key_id, signing_key

    return key_id(signing_key(secret).public_key())
