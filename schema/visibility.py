"""What of the schema a caller can use: the fields whose privileges it has, and the types that they lead to.

What is asked about the schema is answered with that alone. Documents are validated and run against the whole schema:
its names are no secret, and a field that takes a privilege says so where it is asked for.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
)

from resolvers.privileges import Privilege
from schema.execution.declaration import DECLARATION
from schema.field import Requires
from schema.node import NOUNS

Privileges = frozenset[Privilege]
_KEPT = 64


@dataclass(frozen=True, slots=True)
class Visible:
    """What can be used.

    Args:
        types: by name.
        fields: the type's name and the field's.
    """

    types: frozenset[str]
    fields: frozenset[tuple[str, str]]


@lru_cache(_KEPT)
def visible(schema: GraphQLSchema, privileges: Privileges) -> Visible:
    """What callers with some privileges can use of a schema, found out by following every field from the roots."""
    types: set[str] = set()
    fields: set[tuple[str, str]] = set()
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    waiting: list[GraphQLNamedType] = [root for root in roots if root is not None]
    waiting += [named for name, named in schema.type_map.items() if name.startswith("__")]
    waiting += [get_named_type(each.type) for directive in schema.directives for each in directive.args.values()]
    while waiting:
        named = waiting.pop()
        if named.name in types:
            continue
        types.add(named.name)
        if isinstance(named, (GraphQLObjectType, GraphQLInterfaceType)):
            for name, field in named.fields.items():
                if _may(field, privileges):
                    fields.add((named.name, name))
                    waiting += [
                        get_named_type(field.type),
                        *(get_named_type(each.type) for each in field.args.values()),
                    ]
            waiting += named.interfaces
        if isinstance(named, (GraphQLInterfaceType, GraphQLUnionType)):
            waiting += [each for each in schema.get_possible_types(named) if _may_fetch(each.name, privileges)]
        if isinstance(named, GraphQLInputObjectType):
            waiting += [get_named_type(each.type) for each in named.fields.values()]
    return Visible(frozenset(types), frozenset(fields))


def _may(field: GraphQLField, privileges: Privileges) -> bool:
    definition = field.extensions.get("strawberry-definition")
    declaration = definition.metadata.get(DECLARATION) if definition is not None else None
    check = declaration.check if declaration is not None else None
    return not isinstance(check, Requires) or check.privilege in privileges


def _may_fetch(type_name: str, privileges: Privileges) -> bool:
    """Whether objects of a type can be fetched by their ids; those that a caller may be itself always can."""
    nouns = [noun for noun in NOUNS.values() if noun.type_name == type_name]
    return not nouns or any(noun.own is not None or noun.privilege in privileges for noun in nouns)


def telling(seen: Visible) -> Callable[..., Any]:
    """A middleware for graphql-core by which the schema tells of itself only what is seen."""

    def resolve(following: Callable[..., Any], root: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        found = following(root, info, **given)
        place = (info.parent_type.name, info.field_name)
        if found is None or not (place[0].startswith("__") or place[1] == "__type"):
            return found
        if place in _TYPES:
            return [named for named in found if named.name in seen.types]
        if place == ("__Type", "fields"):
            return [(name, field) for name, field in found if (root.name, name) in seen.fields]
        if place in _ROOTS:
            return found if any((found.name, name) in seen.fields for name in found.fields) else None
        return None if place[1] == "__type" and found.name not in seen.types else found

    return resolve


_TYPES = {("__Schema", "types"), ("__Type", "possibleTypes"), ("__Type", "interfaces")}
_ROOTS: Iterable[tuple[str, str]] = {("__Schema", "mutationType"), ("__Schema", "subscriptionType")}
