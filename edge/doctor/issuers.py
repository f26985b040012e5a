"""External issuers: whether each tells where its keys are, and the keys; and what browsers need that sign in by it."""

import asyncio
from collections.abc import Iterator, Sequence

from edge.doctor.finding import Finding, error, fine, warning
from edge.settings import Settings
from models.statement import Row
from models.store import Store, StoreError
from resolvers import issuers
from resolvers.discovery import DiscoveryError, told_by


async def check(store: Store, settings: Settings | None = None) -> list[Finding]:
    """Ask the issuers that are let in what they tell of themselves, all at once, as signing in by them does.

    Args:
        store: where they are.
        settings: with which they are compared; None for not at all.
    """
    try:
        rows = await issuers.listed(store)
    except (StoreError, OSError):
        return []  # what is wrong with the database is told by who looks at that
    told = await asyncio.gather(*(asyncio.to_thread(_asked, row) for row in rows))
    return [*told, *(_unfit(rows, settings) if settings else ())]


def _unfit(rows: Sequence[Row], settings: Settings) -> Iterator[Finding]:
    """What in the settings does not fit those that are let in."""
    for url in sorted(dict(settings.issuer_secrets).keys() - {row.url for row in rows}):
        yield warning(
            "issuers",
            f"CANOPY_ISSUER_SECRETS holds a secret for {url}, which is not let in.",
            "Give the address as `canopy issuers list` tells it, to the letter; or take the line out.",
        )
    for row in rows:
        if row.name and not settings.public_url:
            yield warning(
                "issuers",
                f"{row.url} sends browsers back to {settings.address}, for CANOPY_PUBLIC_URL is not set.",
                "Set it to the address under which browsers reach the gateway, and tell the issuer.",
            )


def _asked(issuer: Row) -> Finding:
    try:
        told = told_by(issuer.url)
    except DiscoveryError as failure:
        return _unusable(issuer.url, str(failure))
    if not told.keys:
        return _unusable(issuer.url, "It has no key to sign by.")
    if issuer.name and not (told.authorization_endpoint and told.token_endpoint):
        return _unusable(issuer.url, "It does not say where browsers go.")
    return fine("issuers", f"{issuer.url} has {len(told.keys)} keys.")


def _unusable(url: str, why: str) -> Finding:
    return error(
        "issuers",
        f"Nobody can sign in by {url}: {why}",
        f"Is it running, and may this machine reach it? If it is gone: canopy issuers remove {url}",
    )
