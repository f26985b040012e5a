"""The database: reachable, of this version, its filter as it should be, its clock with ours."""

from collections.abc import Iterator
from pathlib import Path

from edge.doctor import issuers
from edge.doctor.finding import Finding, error, fine, warning
from edge.settings import Settings
from models.diagnosis import Diagnosis, diagnose
from models.store import InvalidDatabaseURLError, StoreError, open_store

_MOST_SECONDS_APART = 2.0


async def check(url: str, settings: Settings | None = None) -> list[Finding]:
    """Look at the database at an address.

    Args:
        url: the address.
        settings: with which issuers are compared; None for not at all.
    """
    try:
        store = open_store(url)
    except InvalidDatabaseURLError as failure:
        return [error("database", f"{failure}.", "docs/settings.md says what CANOPY_DATABASE_URL takes.")]
    if store.engine == "sqlite" and not _is_there(url):
        return [error("database", f"There is no file {_file(url)}.", "`canopy migrate` makes it.")]
    try:
        return [*_judged(await diagnose(store)), *await issuers.check(store, settings)]
    except (StoreError, OSError) as failure:
        return [
            error(
                "database",
                f"It does not answer: {failure}",
                "Is it running, and are address, login and password in CANOPY_DATABASE_URL right?",
            )
        ]
    finally:
        await store.close()


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _is_there(url: str) -> bool:
    """Whether SQLite's file is there; to look into it would make it."""
    return _file(url).exists()


def _judged(found: Diagnosis) -> Iterator[Finding]:
    if found.version != found.wanted:
        is_at = f"at version {found.version}" if found.version else "empty"
        yield error("database", f"It is {is_at}; this program takes {found.wanted}.", "`canopy migrate`")
    if abs(found.seconds_ahead) > _MOST_SECONDS_APART:
        apart = f"{abs(found.seconds_ahead):.1f} s {'ahead of' if found.seconds_ahead > 0 else 'behind'}"
        yield error("clock", f"The database's clock is {apart} this machine's.", "Have both follow a time server.")
    for each in found.unguarded:
        yield error(
            "database",
            f"Rows aren't guarded as they should be: {each}.",
            "Somebody has changed that by hand. A newly migrated, empty database says how it was (`pg_dump -s`).",
        )
    if found.uncompared:
        yield warning(
            "database",
            f"Whether rows are guarded as they should be can't be seen: {found.uncompared}.",
            "GRANT TEMPORARY ON DATABASE … TO canopy_system, for which policies are compared on temporary tables.",
        )
    for each in found.mighty_roles:
        yield error("database", f"The role {each} passes the filter by.", f"ALTER ROLE {each} NOSUPERUSER NOBYPASSRLS")
    for each in found.owning_roles:
        yield error("database", f"The role {each} owns tables.", "Have the login own them: REASSIGN OWNED.")
    if found.mighty_login:
        yield warning(
            "database",
            "The login is a superuser's, or may pass row-level security by; only the roles that it takes are bound.",
            "Give the gateway a login of its own: CREATE ROLE canopy LOGIN CREATEROLE.",
        )
    if found.journal and found.journal != "wal":
        yield error("database", f"SQLite's journal is {found.journal}: readers wait for writers.", "`canopy migrate`")
    if found.is_open_to_others:
        yield warning("database", "Other users of this machine may read the database's file.", "chmod 600 the file.")
    yield fine("database", f"{found.engine}, version {found.version or 'none'}.")
