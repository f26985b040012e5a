"""Persisted documents as operators register them: what is registered, for which clients, and how often it is used.

They belong to no account: all of it is read and written without a filter, and none of it ever shows through one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Integer, Select, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert  # whose ON CONFLICT is spelled alike on SQLite

from models import (
    ApiClient,
    ClientLevel,
    Document,
    DocumentAlias,
    DocumentClient,
    DocumentRegistry,
    Endpoint,
    EndpointMethod,
    SafelistLevel,
    UnknownDocument,
)
from models.base import now, table_of
from models.statement import Row, Statement
from models.store import Store, Unfiltered
from resolvers.transaction import change

ALL_CLIENTS = ""
MOST_UNKNOWN = 10_000
"""Documents that are noted although they aren't registered; further ones aren't."""
LONGEST_NOTED = 8_192
"""Characters of such a document's text that are kept; a longer one is known by its id."""

_DOCUMENT, _ALIAS, _CLIENT = table_of(Document).c, table_of(DocumentAlias).c, table_of(DocumentClient).c
_LEVEL, _UNKNOWN, _ENDPOINT = table_of(ClientLevel).c, table_of(UnknownDocument).c, table_of(Endpoint).c
_REGISTRY, _API_CLIENT = table_of(DocumentRegistry).c, table_of(ApiClient).c


def _all(*columns: Any, where: Any = None) -> Statement:
    source: Select[Any] = select(*columns)
    return Statement(source if where is None else source.where(where), is_lookup=True)


_VERSION = _all(_REGISTRY.version)
_RAISE_VERSION = Statement(update(table_of(DocumentRegistry)).values(version=_REGISTRY.version + 1))
_CLIENTS = _all(_CLIENT.document_id, _CLIENT.client)
_ALIASES = _all(_ALIAS.alias, _ALIAS.document_id)
_LEVELS = _all(_LEVEL.client, _LEVEL.level)
_ENDPOINTS = _all(
    _ENDPOINT.method, _ENDPOINT.path, _ENDPOINT.document_id, _ENDPOINT.operation, _ENDPOINT.title, _ENDPOINT.max_age
)
_TEXT = _all(_DOCUMENT.text, where=_DOCUMENT.id == bindparam("id"))
_TEXTS = _all(_DOCUMENT.id, _DOCUMENT.text)
_API_CLIENT_NAME = _all(_API_CLIENT.client_id, where=_API_CLIENT.id == bindparam("id"))
_LIST = Statement(
    select(_DOCUMENT.id, _DOCUMENT.source, _DOCUMENT.registered_at, _CLIENT.client, _CLIENT.uses, _CLIENT.last_used_at)
    .select_from(table_of(Document).join(table_of(DocumentClient), _CLIENT.document_id == _DOCUMENT.id))
    .order_by(_DOCUMENT.registered_at, _DOCUMENT.id, _CLIENT.client)
)
_LIST_UNKNOWN = Statement(
    select(_UNKNOWN.id, _UNKNOWN.client, _UNKNOWN.text, _UNKNOWN.uses, _UNKNOWN.first_at, _UNKNOWN.last_at).order_by(
        _UNKNOWN.uses.desc(), _UNKNOWN.id, _UNKNOWN.client
    )
)

_ADD = Statement(
    insert(table_of(Document))
    .values({name: bindparam(name) for name in ("id", "text", "source", "registered_at")})
    .on_conflict_do_nothing(index_elements=[_DOCUMENT.id])
    .returning(_DOCUMENT.id)
)
_ADD_ALIAS = Statement(
    insert(table_of(DocumentAlias))
    .values(alias=bindparam("alias"), document_id=bindparam("id"))
    .on_conflict_do_update(index_elements=[_ALIAS.alias], set_={"document_id": bindparam("id")})
)
_ADD_CLIENT = Statement(
    insert(table_of(DocumentClient))
    .values(document_id=bindparam("id"), client=bindparam("client"), uses=0, last_used_at=None)
    .on_conflict_do_nothing(index_elements=[_CLIENT.document_id, _CLIENT.client])
    .returning(_CLIENT.client)
)
_ADD_USES = Statement(
    update(table_of(DocumentClient))
    .where(_CLIENT.document_id == bindparam("id"), _CLIENT.client == bindparam("of_client"))
    .values(uses=_CLIENT.uses + bindparam("more", type_=BigInteger), last_used_at=bindparam("at"))
)
_ADD_UNKNOWN_USES = Statement(
    update(table_of(UnknownDocument))
    .where(_UNKNOWN.id == bindparam("of_id"), _UNKNOWN.client == bindparam("of_client"))
    .values(uses=_UNKNOWN.uses + bindparam("more", type_=BigInteger), last_at=bindparam("at"))
    .returning(_UNKNOWN.id)
)
_ADD_UNKNOWN = Statement(
    insert(table_of(UnknownDocument))
    .values(
        {name: bindparam(name) for name in ("id", "client", "text")}
        | {"uses": bindparam("more", type_=BigInteger), "first_at": bindparam("at"), "last_at": bindparam("at")}
    )
    .on_conflict_do_nothing(index_elements=[_UNKNOWN.id, _UNKNOWN.client])
)
_FORGET_UNKNOWN = Statement(delete(table_of(UnknownDocument)).returning(_UNKNOWN.id))
_COUNT_UNKNOWN = Statement(select(func.count().label("rows")).select_from(table_of(UnknownDocument)))
_SET_LEVEL = Statement(
    insert(table_of(ClientLevel))
    .values(client=bindparam("client"), level=bindparam("level"))
    .on_conflict_do_update(index_elements=[_LEVEL.client], set_={"level": bindparam("level")})
)
_FORGET_LEVEL = Statement(delete(table_of(ClientLevel)).where(_LEVEL.client == bindparam("client")))
_EXPOSE = Statement(
    insert(table_of(Endpoint))
    .values(
        {name: bindparam(name) for name in ("method", "path", "operation", "title")}
        | {"document_id": bindparam("id"), "max_age": bindparam("max_age", type_=Integer)}
    )
    .on_conflict_do_update(
        index_elements=[_ENDPOINT.method, _ENDPOINT.path],
        set_={name: bindparam(name) for name in ("operation", "title")}
        | {"document_id": bindparam("id"), "max_age": bindparam("max_age", type_=Integer)},
    )
)
_HIDE = Statement(
    delete(table_of(Endpoint))
    .where(_ENDPOINT.method == bindparam("method"), _ENDPOINT.path == bindparam("path"))
    .returning(_ENDPOINT.path)
)
_REMOVE_CLIENT = Statement(
    delete(table_of(DocumentClient))
    .where(_CLIENT.document_id == bindparam("id"), _CLIENT.client == bindparam("client"))
    .returning(_CLIENT.client)
)
_REMOVE = [
    Statement(delete(table).where(column == bindparam("id")))
    for table, column in (
        (table_of(Endpoint), _ENDPOINT.document_id),
        (table_of(DocumentAlias), _ALIAS.document_id),
        (table_of(DocumentClient), _CLIENT.document_id),
        (table_of(Document), _DOCUMENT.id),
    )
]
"""In the order in which rows let go of each other."""


@dataclass(frozen=True, slots=True)
class ExposedOperation:
    """An operation of a registered document that is offered under an address of its own.

    Args:
        method: how it is called.
        path: below `/api`, variables in braces.
        document_id: the document's.
        operation: which of the document's; None where it has one only.
        title: for people.
        max_age: seconds for which its caller may keep an answer.
    """

    method: EndpointMethod
    path: str
    document_id: str
    operation: str | None
    title: str
    max_age: int


@dataclass(frozen=True, slots=True)
class Registered:
    """All that is registered, but for the texts.

    Args:
        version: raised with each change.
        clients: of each document, by its id.
        aliases: the documents' ids by other ids.
        levels: of the clients that have one of their own.
        endpoints: see there.
    """

    version: int = -1
    clients: Mapping[str, frozenset[str]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, SafelistLevel] = field(default_factory=dict)
    endpoints: tuple[ExposedOperation, ...] = ()


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document to be registered.

    Args:
        id: SHA-256 of its text, hexadecimal.
        text: as its client would send it.
        aliases: other ids by which clients know it.
    """

    id: str
    text: str
    aliases: tuple[str, ...] = ()


@dataclass(slots=True)
class Noted:
    """How often something was asked for lately."""

    uses: int = 0
    text: str | None = None


async def registered(store: Store, known: Registered) -> Registered:
    """What is registered now; what is known already, if nothing has changed since.

    Raises:
        StoreError: the database can't be reached.
    """
    async with store.unfiltered("registered documents") as db:
        ((version,),) = await db.rows(_VERSION)
        if version == known.version:
            return known
        clients: dict[str, set[str]] = {}
        for row in await db.rows(_CLIENTS):
            clients.setdefault(row.document_id, set()).add(row.client)
        return Registered(
            version,
            {document: frozenset(names) for document, names in clients.items()},
            {row.alias: row.document_id for row in await db.rows(_ALIASES)},
            {row.client: SafelistLevel(row.level) for row in await db.rows(_LEVELS)},
            tuple(
                ExposedOperation(
                    EndpointMethod(row.method), row.path, row.document_id, row.operation, row.title, row.max_age
                )
                for row in await db.rows(_ENDPOINTS)
            ),
        )


async def text_of(store: Store, document_id: str) -> str | None:
    """The text of a document; None if it was removed."""
    async with store.unfiltered("a registered document") as db:
        return next((str(row.text) for row in await db.rows(_TEXT, {"id": document_id})), None)


async def texts(store: Store) -> dict[str, str]:
    """The texts of all registered documents, by id."""
    async with store.unfiltered("registered documents") as db:
        return {row.id: row.text for row in await db.rows(_TEXTS)}


async def name_of_client(store: Store, client_id: int) -> str:
    """The name under which an API client signs in, by its row's id; empty if it was removed."""
    async with store.unfiltered("the name of an API client") as db:
        return next((str(row.client_id) for row in await db.rows(_API_CLIENT_NAME, {"id": client_id})), "")


async def register(store: Store, documents: Iterable[NewDocument], client: str, source: str) -> int:
    """Register documents for a client, or for all: all of them, or none.

    Returns:
        How many the client didn't have before.
    """
    at, added = now(), 0
    async with store.unfiltered("register documents", write=True) as db:
        for each in documents:
            await change(db, _ADD, {"id": each.id, "text": each.text, "source": source, "registered_at": at})
            added += len(await change(db, _ADD_CLIENT, {"id": each.id, "client": client}))
            for alias in each.aliases:
                await db.execute(_ADD_ALIAS, {"alias": alias, "id": each.id})
        await db.execute(_RAISE_VERSION)
    return added


async def remove(store: Store, document_id: str, client: str | None = None) -> bool:
    """Remove a document, with its endpoints; or only its registration for one client, and it with the last of these.

    Returns:
        Whether there was any.
    """
    async with store.unfiltered("remove a document", write=True) as db:
        before = await _clients_of(db, document_id)
        if client is not None:
            await change(db, _REMOVE_CLIENT, {"id": document_id, "client": client})
        left = before - ({client} if client is not None else before)
        for statement in () if left else _REMOVE:
            await db.execute(statement, {"id": document_id})
        await db.execute(_RAISE_VERSION)
    return left != before


async def _clients_of(db: Unfiltered, document_id: str) -> set[str]:
    return {row.client for row in await db.rows(_CLIENTS) if row.document_id == document_id}


async def set_level(store: Store, client: str, level: SafelistLevel | None) -> None:
    """Set the level of a client; None for that of all."""
    async with store.unfiltered("the level of a client", write=True) as db:
        if level is None:
            await db.execute(_FORGET_LEVEL, {"client": client})
        else:
            await db.execute(_SET_LEVEL, {"client": client, "level": level.value})
        await db.execute(_RAISE_VERSION)


async def expose(store: Store, operation: ExposedOperation) -> None:
    """Offer an operation under an address, instead of what was there before."""
    async with store.unfiltered("an endpoint", write=True) as db:
        values = {"method": operation.method.value, "path": operation.path, "id": operation.document_id}
        more = {"operation": operation.operation, "title": operation.title, "max_age": operation.max_age}
        await db.execute(_EXPOSE, values | more)
        await db.execute(_RAISE_VERSION)


async def hide(store: Store, method: EndpointMethod, path: str) -> bool:
    """Offer nothing there any more; returns whether anything was."""
    async with store.unfiltered("an endpoint", write=True) as db:
        gone = await change(db, _HIDE, {"method": method.value, "path": path})
        await db.execute(_RAISE_VERSION)
    return bool(gone)


async def listed(store: Store) -> Sequence[Row]:
    """Each document for each of its clients: `id source registered_at client uses last_used_at`."""
    async with store.unfiltered("list documents") as db:
        return await db.rows(_LIST)


async def unknown(store: Store) -> Sequence[Row]:
    """What was asked for without being registered, the most used first: `id client text uses first_at last_at`."""
    async with store.unfiltered("list unknown documents") as db:
        return await db.rows(_LIST_UNKNOWN)


async def forget_unknown(store: Store) -> int:
    """Forget all of these; returns how many there were."""
    async with store.unfiltered("forget unknown documents", write=True) as db:
        return len(await change(db, _FORGET_UNKNOWN, {}))


async def count(
    store: Store,
    uses: Mapping[tuple[str, str], int],
    unknown: Mapping[tuple[str, str], Noted],
    at: datetime,
) -> None:
    """Add up how often documents were used, by their ids and the clients that they are registered for, or that asked.

    Processes that count at the same time do so in the same order, so that none waits for one that waits for it.
    """
    async with store.unfiltered("count uses of documents", write=True) as db:
        for (document_id, client), more in sorted(uses.items()):
            await db.execute(_ADD_USES, {"id": document_id, "of_client": client, "more": more, "at": at})
        room = MOST_UNKNOWN - (await db.rows(_COUNT_UNKNOWN))[0].rows if unknown else 0
        for (document_id, client), noted in sorted(unknown.items()):
            values = {"more": noted.uses, "at": at}
            if await change(db, _ADD_UNKNOWN_USES, values | {"of_id": document_id, "of_client": client}):
                continue
            if room > 0:
                room -= 1
                await db.execute(_ADD_UNKNOWN, values | {"id": document_id, "client": client, "text": noted.text})
