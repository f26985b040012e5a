"""The change log speaks as the API does: kinds by their types' names, values by their fields' names."""

from collections.abc import Iterator

from graphql import GraphQLEnumType, GraphQLObjectType, get_named_type
from sqlalchemy import MetaData

from models.audit import NOUNS
from models.base import table_of
from models.user import User
from resolvers.act import _NOT_LOGGED
from resolvers.changes import _PLACES
from schema import schema
from schema.change_words import field_of, noun_of, told

TYPES = schema._schema.type_map
TABLES: MetaData = table_of(User).metadata
TYPE_NAMES = {"".join(f"_{each}" if each.isupper() else each for each in name)[1:].upper(): name for name in TYPES}

HERE_ALONE = {
    "ORDER_LINE.order",
    "PAYMENT.balance",
    "SUBSCRIPTION.endedAt",
    "SUBSCRIPTION_HISTORY.subscription",
    "SUBSCRIPTION_ITEM.subscription",
    "SUBSCRIPTION_LOT.subscription",
}
"""What is told though the type has no field for it: mostly, to what an object belongs."""


def columns() -> Iterator[tuple[str, str]]:
    """The columns whose values the change log may tell, with their tables."""
    for table in NOUNS:
        for name in {*TABLES.tables[table].c.keys()} - _NOT_LOGGED - _PLACES:
            if not name.endswith(("_key", "_path")):
                yield table, name


def test_every_kind_is_called_as_its_type() -> None:
    kinds = TYPES["ChangeNoun"]
    assert isinstance(kinds, GraphQLEnumType)

    assert set(kinds.values) == {noun_of(table) for table in NOUNS}
    assert set(kinds.values) <= TYPE_NAMES.keys()


def _is_field(table: str, name: str) -> bool:
    found = TYPES[TYPE_NAMES[noun_of(table)]]
    for part in name.split("."):
        if not isinstance(found, GraphQLObjectType) or part not in found.fields:
            return False
        found = get_named_type(found.fields[part].type)
    return True


def test_every_value_is_called_as_its_field() -> None:
    names = {(table, name) for table, column in columns() if (name := field_of(table, column))}

    assert {f"{noun_of(table)}.{name}" for table, name in names if not _is_field(table, name)} == HERE_ALONE


def test_values_are_written_as_the_api_writes_them() -> None:
    values = [
        ("currency", None, "EUR"),
        ("depends_on", [1, 2], []),
        ("is_published", True, False),
        ("plan_id", None, 7),
        ("tiers", None, "[[10,9500000]]"),
        ("unit_micros", 1_250_000, 1_100_001),
    ]

    assert list(told("order_line", values)) == [
        ("dependsOn", '["prd_1","prd_2"]', "[]"),
        ("isPublished", "true", "false"),
        ("plan", None, "pln_7"),
        ("tiers", None, '[{"lowerLimit":10,"amount":"9.50"}]'),
        ("unitPrice", "1.25", "1.100001 EUR"),
    ]
