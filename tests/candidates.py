"""Values for conditions, out of the rows of a world: some that many rows fulfil, some that few do, some that none."""

import itertools
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from schema.node import NOUNS
from tests.documents import ROOTS, filter_type, is_connection, node_type, noun_of, snake
from tests.hierarchy import World
from tests.lists import TABLES, global_id

ROOT_LISTS = {name: each for name, each in ROOTS.items() if is_connection(each)}

DAYS = ("2026-11-14", "2026-11-15", "2026-11-16", "2026-12-14", "2026-12-15", "2026-12-16")
INSTANTS = (
    "0999-01-01T00:00:00Z", "2026-10-02T12:30:15.250Z", "2026-10-02T12:30:15.2505Z", "2026-10-02T12:30:15.251Z",
    "2026-10-03T14:30:15.250+02:00", "9999-12-31T23:59:59Z",
)  # fmt: skip
COLUMNS = {
    "country": "country_code", "manufacturer": "code", "purchase_order_number": "po_number", "service": "service_name",
}  # fmt: skip
"""The columns that conditions on texts are about, where they are called otherwise."""

SEARCHES = {
    "Account": ["acme", "ÁCME", "acm", "cloud acme", "  Cloud!  ", "strasse 7", "STRASSE", "zurich", "ünal sohne", "7",
                "oresund", "lodz", "クラウド", "東京", "cme", "acme acme", "o'brien", "a b c d e f g"],
    "Product": ["business", "mpn-001", "MPN 00", "éclair 365", "contoso", "premium premium", "ness"],
    "User": ["byron", "Byron ADA", "muller", "müller zoe", "aesa", "王", "o neil", "yron"],
}  # fmt: skip


def some(texts: list[str]) -> list[list[str]]:
    """Lists of a few of the texts."""
    return [[text] for text in texts[:5]] + [
        texts[:3],
        texts[-1:],
        ["no such thing"],
        ["no such thing", *texts[1:2]],
        [],
    ]


def candidates(world: World, type_name: str, name: str, of: GraphQLInputField) -> list[Any]:
    """Values of one condition, as in a variable: some that many rows fulfil, some that none does."""
    of_type: Any = get_named_type(of.type)
    if isinstance(of_type, GraphQLEnumType):
        return some_enums(list(of_type.values))
    if isinstance(of_type, GraphQLInputObjectType):
        start, end = of_type.fields
        values = DAYS if of_type.name == "DateRange" else INSTANTS
        closed = [{start: low, end: high} for low, high in itertools.pairwise(values)]
        return [*closed, *({start: each} for each in values), *({end: each, start: None} for each in values), {}]
    if of_type.name == "ID":
        return ids(world, type_name, name, of)
    if name == "search":
        return list(SEARCHES[type_name])
    if of_type.name == "Currency":
        return [["USD"], ["EUR"], ["EUR", "CHF"], ["CHF"], []]
    if of_type.name != "String":
        return [True, False] if of_type.name == "Boolean" else list(DAYS)
    column = COLUMNS.get(snake(name), snake(name))
    own = world[TABLES[type_name]]
    texts = {row[column] for rows in ([own] if column in own[0] else world.values()) for row in rows if row.get(column)}
    texts |= {text.swapcase() for text in sorted(texts)[:2]}
    return some(sorted(texts))


def some_enums(values: list[str]) -> list[list[str]]:
    return [[value] for value in values] + [values[:2], []]


def ids(world: World, type_name: str, name: str, of: GraphQLInputField) -> list[Any]:
    """Global ids of the sort that the condition takes, with one of nothing at the end."""
    noun = NOUNS[noun_of(filter_type(ROOT_LISTS[root_of(type_name)]), name)]
    known = [global_id(noun.type_name, record) for record in world[TABLES[noun.type_name]]]
    chosen = [*known[:8], known[len(known) // 2], known[-1], f"{noun.prefix}_987654321"]
    if not is_list_type(get_nullable_type(of.type)):
        return chosen
    return [[each] for each in chosen] + [chosen[2:6], known[:50], [*known[:1], *chosen[-1:]], []]


def root_of(type_name: str) -> str:
    """The list at the root whose rows are of the type."""
    return next(name for name, each in ROOT_LISTS.items() if node_type(each).name == type_name)
