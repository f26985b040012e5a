"""Documents made from the schema itself, so that whatever is added to it is asked for without anybody writing it down.

A level is an object that has something to look up: an account, a subscription, an offer. What only holds values
(money, periods, page information) belongs to the level of its parent, and a connection to that of its rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from resolvers.errors import InvalidError
from schema import schema
from schema.execution.declaration import DECLARATION, Loaded, Lookup, Paged, Related

GRAPH = schema._schema
ROOTS: dict[str, GraphQLField] = cast(GraphQLObjectType, GRAPH.query_type).fields


def object_types() -> list[GraphQLObjectType]:
    """Every object type of ours, by name; not those of introspection."""
    types = [named for name, named in sorted(GRAPH.type_map.items()) if not name.startswith("__")]
    return [named for named in types if isinstance(named, GraphQLObjectType)]


def named(of: GraphQLField) -> GraphQLNamedType:
    """The field's type without lists and exclamation marks."""
    return get_named_type(of.type)


def is_connection(of: GraphQLField) -> bool:
    """Whether the field is a list in pages."""
    return named(of).name.endswith("Connection")


def node_type(of: GraphQLField) -> GraphQLObjectType:
    """The type of a connection's rows."""
    connection = cast(GraphQLObjectType, named(of))
    return cast(GraphQLObjectType, named(connection.fields["nodes"]))


def connections() -> Iterator[tuple[str, str, GraphQLField]]:
    """Every connection: the type that has it, its name, itself."""
    for parent in object_types():
        for name, each in parent.fields.items():
            if is_connection(each):
                yield parent.name, name, each


def declaration(of: GraphQLField) -> Any:
    """Where the field's value comes from; None where it is the attribute of its name."""
    return of.extensions["strawberry-definition"].metadata.get(DECLARATION)


def is_loaded(of: GraphQLField) -> bool:
    """Whether the field's value has to be looked up."""
    return isinstance(declaration(of), (Loaded, Lookup, Paged, Related))


@cache
def is_value(of_type: GraphQLNamedType) -> bool:
    """Whether nothing of the type has to be looked up: a leaf, or an object of nothing else."""
    if not isinstance(of_type, GraphQLObjectType):
        return is_leaf_type(of_type)
    return all(is_leaf_type(named(each)) and not is_loaded(each) for each in of_type.fields.values())


# Selections


def everything(of_type: GraphQLObjectType, levels: int, page: int) -> str:
    """A selection of every field of the type, and of `levels` levels below it, with so many rows a page."""
    parts = (field_with_all(name, each, levels, page) for name, each in of_type.fields.items())
    return f"{{ __typename {' '.join(filter(None, parts))} }}"


def field_with_all(name: str, of: GraphQLField, levels: int, page: int) -> str:
    """The field with everything below it; nothing where its objects would lie a level too deep."""
    of_type = named(of)
    if is_leaf_type(of_type):
        return name
    if not levels and not is_value(of_type):
        return ""
    if is_connection(of):
        return f"{name}(first: {page}) {a_page(of, levels - 1, page)}"
    return f"{name} {everything(cast(GraphQLObjectType, of_type), max(levels - 1, 0), page)}"


def a_page(of: GraphQLField, levels: int, page: int) -> str:
    """A selection of all that a connection has; the rows' own fields once."""
    parts = [
        f"nodes {everything(node_type(of), levels, page)}" if name == "nodes"
        else "edges { __typename cursor node { __typename id } }" if name == "edges"
        else field_with_all(name, each, 1, page)
        for name, each in cast(GraphQLObjectType, named(of)).fields.items()
    ]  # fmt: skip  # a table of cases
    return f"{{ __typename {' '.join(parts)} }}"


@cache
def whole(levels: int, page: int) -> dict[str, str]:
    """For each field at the root a document that asks for everything below it, `levels` levels deep.

    Fields that take an id take it as `$id` or `$ids`, and there is a document for each type that they can give.
    """
    documents = {}
    for name, each in ROOTS.items():
        given = {at: argument for at, argument in each.args.items() if get_named_type(argument.type).name == "ID"}
        if not given:
            documents[name] = f"{{ {field_with_all(name, each, levels, page)} }}"
        for of_type in types_of(each) if given else ():
            taken, passed = (", ".join(parts) for parts in zip(*_passed(given), strict=True))
            below = f"__typename ... on {of_type.name} {everything(of_type, levels - 1, page)}"
            documents[f"{name}:{of_type.name}"] = f"query({taken}) {{ {name}({passed}) {{ {below} }} }}"
    return documents


def types_of(of: GraphQLField) -> list[GraphQLObjectType]:
    """The types that the field's objects can have."""
    of_type = named(of)
    if isinstance(of_type, GraphQLInterfaceType):
        return list(GRAPH.get_possible_types(of_type))
    return [cast(GraphQLObjectType, of_type)]


def _passed(given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, argument in given.items():
        yield f"${name}: {argument.type}", f"{name}: ${name}"


# Arguments


def filter_type(of: GraphQLField) -> GraphQLInputObjectType:
    """The type of a list's conditions."""
    return cast(GraphQLInputObjectType, get_named_type(of.args["filter"].type))


def filters(of: GraphQLField) -> dict[str, GraphQLInputField]:
    """The conditions that a list takes."""
    return dict(filter_type(of).fields)


def orders(of: GraphQLField) -> list[str]:
    """The orders in which a list can be had."""
    order = cast(GraphQLInputObjectType, get_named_type(of.args["orderBy"].type))
    return list(cast(GraphQLEnumType, get_named_type(order.fields["field"].type)).values)


def snake(name: str) -> str:
    """A GraphQL name as Python spells it."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


@cache
def noun_of(owner: GraphQLInputObjectType, name: str) -> str:
    """The prefix of the ids that a condition takes: it says so itself when it is given another."""
    given = owner.extensions["strawberry-definition"].origin
    is_list = is_list_type(get_nullable_type(owner.fields[name].type))
    try:
        given(**{snake(name): ["no id"] if is_list else "no id"}).values()
    except InvalidError as error:
        return str(error).split("'")[-2].partition("_")[0]
    raise AssertionError(f"{owner.name}.{name} takes any text for an id")


_PLAIN = {
    "Boolean": "true",
    "Int": "1",
    "Date": '"2026-11-15"',
    "DateTime": '"2026-11-15T00:00:00Z"',
    "Currency": '"USD"',
}


@dataclass(frozen=True, slots=True)
class Values:
    """Plausible values for conditions.

    Args:
        ids: global ids, by their prefix.
        texts: by the name of the condition in Python.
    """

    ids: Callable[[str], Sequence[str]]
    texts: Callable[[str], Sequence[str]]

    def literal(self, owner: GraphQLInputObjectType, name: str) -> str:
        """A literal for a field of an input object; a list of all that there are, where it takes a list."""
        of_type = get_nullable_type(owner.fields[name].type)
        values = self._of(owner, name, get_named_type(of_type))
        return f"[{', '.join(values)}]" if is_list_type(of_type) else values[0]

    def _of(self, owner: GraphQLInputObjectType, name: str, of_type: GraphQLNamedType) -> list[str]:
        if isinstance(of_type, GraphQLEnumType):
            return list(of_type.values)
        if isinstance(of_type, GraphQLInputObjectType):
            return [f"{{{', '.join(f'{key}: {self.literal(of_type, key)}' for key in of_type.fields)}}}"]
        if of_type.name in _PLAIN:
            return [_PLAIN[of_type.name]]
        texts = self.ids(noun_of(owner, name)) if of_type.name == "ID" else self.texts(snake(name))
        return [f'"{text}"' for text in texts]


def variants(of: GraphQLField, values: Values) -> Iterator[str]:
    """The arguments for each condition, each order and each end of a list."""
    for name in filters(of):
        yield f"first: 5, filter: {{{name}: {values.literal(filter_type(of), name)}}}"
    for order in orders(of):
        for direction in ("ASC", "DESC"):
            yield f"first: 2, after: $after, orderBy: {{field: {order}, direction: {direction}}}"
            yield f"last: 2, before: $before, orderBy: {{field: {order}, direction: {direction}}}"
    if "maxDepth" in of.args:
        yield "maxDepth: 1"
