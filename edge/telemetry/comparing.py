"""Comparing the schema that clients know with this program's."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from graphql import GraphQLError, GraphQLSchema, build_schema, parse, validate

from models.statement import Row
from models.store import Store, open_store
from resolvers import documents, usage
from schema import executor, schema_text
from schema.breaking import changes, coordinates, operations_of

_SHOWN = 12
"""Characters of an id that tell it from others."""


@dataclass(frozen=True, slots=True)
class Told:
    """A change.

    Args:
        what: a sentence.
        is_breaking: for whoever uses what it is about.
        users: who does, a sentence for each.
    """

    what: str
    is_breaking: bool
    users: Sequence[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What changes between two schemas.

    Args:
        since: names the older one.
        changes: all of them, the worst first.
        documents: registered ones that would be refused, a sentence for each.
    """

    since: str
    changes: Sequence[Told]
    documents: Sequence[str]

    @property
    def is_broken(self) -> bool:
        """Whether a client would be."""
        return bool(self.documents) or any(each.users for each in self.changes)


async def compared(url: str, before: str | None, day: date) -> Verdict:
    """Compare a schema with this program's.

    Args:
        url: of the database that tells what clients use.
        before: the older schema's text; None for the one that was served last.
        day: what was used before it doesn't count.

    Raises:
        StoreError: the database can't be read, or is too old to know.
    """
    store = open_store(url)
    try:
        since = "the file" if before is not None else "the first"
        if before is None:
            served = await usage.versions(store)
            before = served[0].text if served else schema_text()
            since = f"{served[0].hash[:_SHOWN]}, served until {served[0].last_served_at}" if served else since
        return await _verdict(store, since, build_schema(before), day)
    finally:
        await store.close()


async def _verdict(store: Store, since: str, old: GraphQLSchema, day: date) -> Verdict:
    new = build_schema(schema_text())
    used = _users(await usage.since(store, day))
    broken = []
    registered = _registrations(await documents.listed(store))
    for document_id, text in sorted((await documents.texts(store)).items()):
        who = f"document {document_id[:_SHOWN]} of {', '.join(registered.get(document_id, ['nobody']))}"
        node = parse(text)
        errors = validate(executor.schema, node, max_errors=1)
        if errors:
            broken.append(f"{who}: {errors[0].message}")
        for coordinate in _mentions(old, text):
            used[coordinate].append(who)
    told = [
        Told(
            each.what, each.breaks, list(dict.fromkeys(user for name in sorted(each.broken_by) for user in used[name]))
        )
        for each in changes(old, new, used)
    ]
    return Verdict(since, sorted(told, key=lambda each: (not each.users, not each.is_breaking)), broken)


def _mentions(old: GraphQLSchema, text: str) -> set[str]:
    """What a document mentions of the older schema, as far as it is valid there."""
    operations, fragments = operations_of(parse(text))
    try:
        return {each for operation in operations for each in coordinates(old, operation, fragments)}
    except (GraphQLError, KeyError):  # a fragment that isn't there
        return set()


def _users(rows: Sequence[Row]) -> defaultdict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        found[row.coordinate].append(
            f"{row.coordinate}: client {row.client}, {row.uses:,} times, last on {row.last_day}"
        )
    return found


def _registrations(rows: Sequence[Row]) -> Mapping[str, list[str]]:
    """By document for whom it is registered, and when it was used last."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        last = f"last used {row.last_used_at}" if row.last_used_at else "never used"
        found[row.id].append(f"{row.client or 'all clients'} ({last})")
    return found
