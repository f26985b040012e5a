"""External issuers: which are let in, for whom, and under which name they sign browsers in."""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, update

from models import Account, ExternalIdentity, Issuer
from models.base import table_of
from models.identifier import new_id
from models.statement import Row, Statement
from models.store import Store, Unfiltered

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_MOST_CHARACTERS = 40
"""On a button."""

_ISSUER, _ACCOUNT = table_of(Issuer).c, table_of(Account).c
_WITH_PATH = select(*_ISSUER, _ACCOUNT.path).join_from(
    table_of(Issuer), table_of(Account), _ACCOUNT.id == _ISSUER.account_id
)
_BY_URL = Statement(_WITH_PATH.where(_ISSUER.url == bindparam("url")))
_BY_NAME = Statement(_WITH_PATH.where(_ISSUER.name == bindparam("name")))
_PATH = Statement(_WITH_PATH.with_only_columns(_ACCOUNT.path).where(_ISSUER.id == bindparam("issuer")))
_ALL = Statement(select(*_ISSUER).order_by(_ISSUER.url))
_OFFERED = Statement(
    select(_ISSUER.name, _ISSUER.button)
    .where(_ISSUER.name.is_not(None), _ISSUER.button.is_not(None))
    .order_by(_ISSUER.button, _ISSUER.name)
)
_COLUMNS = ("id", "url", "audience", "account_id", "matches_email", "created_at", "name", "button")
_ADD = Statement(insert(table_of(Issuer)).values({name: bindparam(name) for name in _COLUMNS}))
_CALL = Statement(
    update(table_of(Issuer))
    .where(_ISSUER.id == bindparam("issuer"))
    .values(name=bindparam("called"), button=bindparam("shown"))
)
_REMOVE_LINKS = Statement(
    delete(table_of(ExternalIdentity)).where(table_of(ExternalIdentity).c.issuer_id == bindparam("issuer"))
)
_REMOVE = Statement(delete(table_of(Issuer)).where(_ISSUER.id == bindparam("issuer")))
_IS_ACCOUNT = Statement(select(_ACCOUNT.id).where(_ACCOUNT.id == bindparam("account")))


class NoSuchError(Exception):
    """What a command names isn't there, or is there already, or can't be; the message says which."""


@dataclass(frozen=True, slots=True)
class Door:
    """How browsers come in by an issuer.

    Args:
        name: in addresses of ours; None where it signs no browsers in.
        button: what it is called where strangers sign in; None for those only who know the address.
    """

    name: str | None = None
    button: str | None = None

    def check(self) -> None:
        """See that it can be so.

        Raises:
            NoSuchError: it can't.
        """
        if self.name is None:
            if self.button is not None:
                raise NoSuchError("A button leads to a name: give both.")
            return
        if not _NAME.fullmatch(self.name):
            raise NoSuchError("A name takes up to 32 small letters and digits, and hyphens between them.")
        if self.button is not None and not (0 < len(self.button) <= _MOST_CHARACTERS and self.button.isprintable()):
            raise NoSuchError(f"A button takes up to {_MOST_CHARACTERS} characters.")


async def by_url(store: Store, url: str) -> Row | None:
    """The issuer whose tokens name that address, with the path of its account; None if it isn't let in."""
    if not url.isprintable():  # which no database is asked for: some can't be
        return None
    async with store.unfiltered("an issuer") as db:
        rows = await db.rows(_BY_URL, {"url": url})
    return rows[0] if rows else None


async def by_name(store: Store, name: str) -> Row | None:
    """The issuer of that name in addresses of ours, likewise."""
    if not _NAME.fullmatch(name):
        return None
    async with store.unfiltered("an issuer") as db:
        rows = await db.rows(_BY_NAME, {"name": name})
    return rows[0] if rows else None


async def vouched_path(db: Unfiltered, issuer_id: int) -> str | None:
    """The path at and below which an issuer's word counts; None once it is let in no more.

    Empty, which is above all others, for 0: for those who need nobody's word.
    """
    if not issuer_id:
        return ""
    rows = await db.rows(_PATH, {"issuer": issuer_id})
    return str(rows[0].path) if rows else None


async def offered(store: Store) -> list[Row]:
    """The names and buttons of those that strangers are shown."""
    async with store.unfiltered("issuers") as db:
        return await db.rows(_OFFERED, {})


# For operators


async def add(
    store: Store,
    url: str,
    audience: str,
    account_id: int,
    at: datetime,
    *,
    matches_email: bool,
    door: Door = Door(),
) -> None:
    """Let an issuer in.

    Raises:
        NoSuchError: it is in already, or there is no such account, or it can't be called that.
    """
    door.check()
    if await by_url(store, url):
        raise NoSuchError(f"{url} is let in already; `canopy issuers remove` first.")
    await _require_free(store, door)
    async with store.unfiltered("let an issuer in", write=True) as db:
        if not await db.rows(_IS_ACCOUNT, {"account": account_id}):
            raise NoSuchError("There is no such account.")
        row = {"id": new_id(), "url": url, "audience": audience, "account_id": account_id, "created_at": at}
        await db.execute(_ADD, row | {"matches_email": matches_email, "name": door.name, "button": door.button})


async def call(store: Store, url: str, door: Door) -> None:
    """Have browsers come in by an issuer under another name, or no more.

    Raises:
        NoSuchError: it isn't in, or can't be called that.
    """
    door.check()
    issuer = await _let_in(store, url)
    if door.name != issuer.name:
        await _require_free(store, door)
    async with store.unfiltered("how browsers come in by an issuer", write=True) as db:
        await db.execute(_CALL, {"issuer": issuer.id, "called": door.name, "shown": door.button})


async def remove(store: Store, url: str) -> None:
    """Let an issuer in no more, and forget whom it has vouched for.

    Raises:
        NoSuchError: it isn't in.
    """
    issuer = await _let_in(store, url)
    async with store.unfiltered("let an issuer in no more", write=True) as db:
        for statement in (_REMOVE_LINKS, _REMOVE):
            await db.execute(statement, {"issuer": issuer.id})


async def listed(store: Store) -> list[Row]:
    """Those that are let in."""
    async with store.unfiltered("issuers") as db:
        return await db.rows(_ALL, {})


async def _let_in(store: Store, url: str) -> Row:
    issuer = await by_url(store, url)
    if issuer is None:
        raise NoSuchError(f"{url} is not let in; `canopy issuers list` tells which are.")
    return issuer


async def _require_free(store: Store, door: Door) -> None:
    if door.name is not None and await by_name(store, door.name):
        raise NoSuchError(f"Another issuer is called {door.name}.")
