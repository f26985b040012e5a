"""Usage as operators ask for it: which parts of the schema which clients use, and which schemas were served.

It belongs to no account: all of it is read and written without a filter, and none of it ever shows through one.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256

from sqlalchemy import BigInteger, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert  # whose ON CONFLICT is spelled alike on SQLite

from models import FieldUse, SchemaVersion
from models.base import now, table_of
from models.statement import Row, Statement
from models.store import Store
from resolvers.transaction import change

_USE, _VERSION = table_of(FieldUse).c, table_of(SchemaVersion).c

_ADD = Statement(
    update(table_of(FieldUse))
    .where(
        _USE.coordinate == bindparam("of_coordinate"),
        _USE.client == bindparam("of_client"),
        _USE.day == bindparam("of_day", type_=_USE.day.type),
    )
    .values(uses=_USE.uses + bindparam("more", type_=BigInteger))
    .returning(_USE.coordinate)
)
_BEGIN = Statement(
    insert(table_of(FieldUse))
    .values({name: bindparam(name, type_=_USE[name].type) for name in ("coordinate", "client", "day")} | {"uses": 0})
    .on_conflict_do_nothing(index_elements=[_USE.coordinate, _USE.client, _USE.day])
)
_FORGET = Statement(
    delete(table_of(FieldUse)).where(_USE.day < bindparam("before", type_=_USE.day.type)).returning(_USE.day)
)
_SINCE = Statement(
    select(_USE.coordinate, _USE.client, func.sum(_USE.uses).label("uses"), func.max(_USE.day).label("last_day"))
    .where(_USE.day >= bindparam("since", type_=_USE.day.type))
    .group_by(_USE.coordinate, _USE.client)
    .order_by(_USE.coordinate, _USE.client)
)
_FIRST_DAY = Statement(select(func.min(_USE.day).label("day")))
_SERVED = Statement(
    update(table_of(SchemaVersion))
    .where(_VERSION.hash == bindparam("of_hash"))
    .values(last_served_at=bindparam("at", type_=_VERSION.last_served_at.type))
    .returning(_VERSION.hash)
)
_SERVED_FIRST = Statement(
    insert(table_of(SchemaVersion))
    .values(
        hash=bindparam("hash"),
        text=bindparam("text"),
        first_served_at=bindparam("at", type_=_VERSION.first_served_at.type),
        last_served_at=bindparam("at", type_=_VERSION.last_served_at.type),
    )
    .on_conflict_do_nothing(index_elements=[_VERSION.hash])
)
_VERSIONS = Statement(
    select(_VERSION.hash, _VERSION.text, _VERSION.last_served_at).order_by(
        _VERSION.last_served_at.desc(), _VERSION.first_served_at.desc(), _VERSION.hash
    )
)


async def add(store: Store, uses: Mapping[tuple[str, str], int], day: date) -> None:
    """Add up how often parts of the schema were used, by coordinate and client.

    Processes that do so at the same time do it in the same order, so that none waits for one that waits for it.

    Raises:
        StoreError: the database can't be reached.
    """
    async with store.unfiltered("count uses of fields", write=True) as db:
        for (coordinate, client), more in sorted(uses.items()):
            values = {"of_coordinate": coordinate, "of_client": client, "of_day": day, "more": more}
            if not await change(db, _ADD, values):
                await db.execute(_BEGIN, {"coordinate": coordinate, "client": client, "day": day})
                await change(db, _ADD, values)


async def forget(store: Store, before: date) -> None:
    """Forget what was used before a day.

    Raises:
        StoreError: the database can't be reached.
    """
    async with store.unfiltered("forget old uses of fields", write=True) as db:
        await change(db, _FORGET, {"before": before})


async def since(store: Store, day: date) -> Sequence[Row]:
    """What was used on a day or later: `coordinate client uses last_day`."""
    async with store.unfiltered("which fields are used") as db:
        return await db.rows(_SINCE, {"since": day})


async def first_day(store: Store) -> str | None:
    """The day on which counting began; None if nothing was counted yet."""
    async with store.unfiltered("since when fields are counted") as db:
        ((day,),) = await db.rows(_FIRST_DAY)
        return None if day is None else str(day)


async def served(store: Store, text: str) -> None:
    """A schema is served from now on.

    Raises:
        StoreError: the database can't be reached.
    """
    found, at = sha256(text.encode()).hexdigest(), now()
    async with store.unfiltered("the schema that is served", write=True) as db:
        if not await change(db, _SERVED, {"of_hash": found, "at": at}):
            await db.execute(_SERVED_FIRST, {"hash": found, "text": text, "at": at})


async def versions(store: Store) -> Sequence[Row]:
    """The schemas that were served, the last one first: `hash text last_served_at`."""
    async with store.unfiltered("the schemas that were served") as db:
        return await db.rows(_VERSIONS)
