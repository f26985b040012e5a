"""External issuers: whether each tells where its keys are, and the keys; and where browsers go that sign in by it."""

import asyncio

from edge.doctor.finding import Finding, error, fine
from models.statement import Row
from models.store import Store, StoreError
from resolvers import issuers
from resolvers.discovery import DiscoveryError, told_by


async def check(store: Store) -> list[Finding]:
    """Ask the issuers that are let in what they tell of themselves, all at once, as signing in by them does."""
    try:
        rows = await issuers.listed(store)
    except (StoreError, OSError):
        return []  # what is wrong with the database is told by who looks at that
    return list(await asyncio.gather(*(asyncio.to_thread(_asked, row) for row in rows)))


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
