"""Documents made from the schema itself, so that whatever is added to it is asked for without anybody writing it down.

A level is an object that has fields of its own to look up: an account, a subscription, an offer. What only holds
values (money, periods, page information) belongs to the level above it, and a connection to that of its rows.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
)

from resolvers.errors import InvalidError
from schema import schema

GRAPH = schema._schema
QUERY = GRAPH.query_type
assert QUERY is not None
ROOTS: dict[str, GraphQLField] = QUERY.fields

Selected = GraphQLObjectType | GraphQLInterfaceType


def object_types() -> list[GraphQLObjectType]:
    """Every object type of ours, by name; not those of introspection."""
    return [
        named
        for name, named in sorted(GRAPH.type_map.items())
        if isinstance(named, GraphQLObjectType) and not name.startswith("__")
    ]


def named(of: GraphQLField) -> GraphQLOutputType:
    """The field's type without lists and exclamation marks."""
    return get_named_type(of.type)


def is_connection(of: GraphQLField) -> bool:
    """Whether the field is a list in pages."""
    return named(of).name.endswith("Connection")  # type: ignore[union-attr]  # named types have names


def node_type(of: GraphQLField) -> GraphQLObjectType:
    """The type of a connection's rows."""
    node: GraphQLObjectType = get_named_type(named(of).fields["nodes"].type)  # type: ignore[union-attr,assignment]  # of a connection
    return node


@cache
def is_value(of_type: GraphQLOutputType) -> bool:
    """Whether nothing of the type has to be looked up: a leaf, or an object of values."""
    if is_leaf_type(of_type):
        return True
    fields = of_type.fields.values() if isinstance(of_type, GraphQLObjectType) else ()
    return bool(fields) and all(is_leaf_type(named(each)) and not is_loaded(each) for each in fields)


def is_loaded(of: GraphQLField) -> bool:
    """Whether the field has a source of its own."""
    return "source" in declared(of).metadata


def declared(of: GraphQLField) -> Any:
    """What Strawberry knows of the field."""
    return of.extensions["strawberry-definition"]


def needs_arguments(of: GraphQLField) -> bool:
    """Whether the field can't be asked for by its name alone."""
    return any(is_required_argument(argument) for argument in of.args.values())


def connections() -> Iterator[tuple[str, str, GraphQLField]]:
    """Every connection: the type that has it, its name, itself."""
    for parent in object_types():
        for name, each in parent.fields.items():
            if is_connection(each):
                yield parent.name, name, each


# Selections


def everything(of_type: Selected, levels: int, page: int) -> str:
    """A selection of every field of the type, and of `levels` levels below it, with so many rows a page."""
    parts = ["__typename"]
    for name, each in of_type.fields.items():
        if not needs_arguments(each):
            parts += field_with_all(name, each, levels, page)
    if isinstance(of_type, GraphQLInterfaceType):
        for each_type in GRAPH.get_possible_types(of_type):
            parts.append(f"... on {each_type.name} {everything(each_type, levels, page)}")
    return f"{{ {' '.join(parts)} }}"


def field_with_all(name: str, of: GraphQLField, levels: int, page: int) -> list[str]:
    """The field with everything below it, or nothing where its objects would lie a level too deep."""
    of_type = named(of)
    if is_leaf_type(of_type):
        return [name]
    if is_connection(of):
        return [f"{name}(first: {page}) {rows_and_counts(of, levels - 1, page)}"] if levels else []
    if is_value(of_type):
        return [f"{name} {everything(of_type, 0, page)}"]  # type: ignore[arg-type]  # an object
    return [f"{name} {everything(of_type, levels - 1, page)}"] if levels else []  # type: ignore[arg-type]  # an object


def rows_and_counts(of: GraphQLField, levels: int, page: int) -> str:
    """All that a connection has, the rows' own fields once."""
    return (
        f"{{ __typename nodes {everything(node_type(of), levels, page)} edges {{ cursor node {{ __typename id }} }}"
        " pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount totalCountIsExact }"
    )


def whole(levels: int, page: int, roots: Iterable[str] = ()) -> dict[str, str]:
    """For each field at the root a document that asks for everything below it, `levels` levels deep.

    `$id` and `$ids` are taken by the fields that need them.
    """
    documents = {}
    for name in roots or ROOTS:
        each = ROOTS[name]
        taken = "".join(f"${argument}: {given.type}, " for argument, given in each.args.items() if _is_id(given))
        passed = "".join(f"{argument}: ${argument}, " for argument, given in each.args.items() if _is_id(given))
        if taken:
            documents[name] = f"query({taken}) {{ {name}({passed}) {everything(named(each), levels - 1, page)} }}"
        else:
            documents[name] = f"{{ {' '.join(field_with_all(name, each, levels, page))} }}"
    return documents


def _is_id(argument: GraphQLArgument) -> bool:
    return get_named_type(argument.type).name == "ID"


# Arguments


@dataclass(frozen=True, slots=True)
class Values:
    """Plausible values for arguments.

    Args:
        ids: of a noun, by its prefix.
        texts: of columns, by their names.
    """

    ids: Callable[[str], Sequence[str]]
    texts: Callable[[str], Sequence[str]]

    def of(self, owner: GraphQLInputObjectType, name: str, of: GraphQLInputField) -> str:
        """A literal for a field of an input object."""
        nullable = get_nullable_type(of.type)
        values = self._values(owner, name, get_named_type(nullable))
        return f"[{', '.join(values)}]" if is_list_type(nullable) else values[0]

    def _values(self, owner: GraphQLInputObjectType, name: str, of_type: GraphQLInputType) -> list[str]:
        if isinstance(of_type, GraphQLEnumType):
            return list(of_type.values)
        if isinstance(of_type, GraphQLInputObjectType):
            parts = (f"{key}: {self.of(of_type, key, each)}" for key, each in of_type.fields.items())
            return [f"{{{', '.join(parts)}}}"]
        known = {"Boolean": ["true"], "Int": ["1"], "Date": ['"2026-11-15"'], "DateTime": ['"2026-11-15T00:00:00Z"']}
        if of_type.name in known:
            return known[of_type.name]
        if of_type.name == "ID":
            return [f'"{text}"' for text in self.ids(noun_of(owner, name))]
        return [f'"{text}"' for text in self.texts(snake(name))]


def snake(name: str) -> str:
    """A GraphQL name as Python spells it."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


@cache
def noun_of(owner: GraphQLInputObjectType, name: str) -> str:
    """The prefix of the ids that a filter takes: it says so itself when it is given another."""
    given = owner.extensions["strawberry-definition"].origin
    for value in ("no id", ["no id"]):
        try:
            given(**{snake(name): value}).values()
        except InvalidError as error:
            return str(error).split("'")[-2].partition("_")[0]
        except TypeError:
            continue
    raise AssertionError(f"{owner.name}.{name} takes any text for an id")


def filters(of: GraphQLField) -> dict[str, GraphQLInputField]:
    """The conditions that a list takes."""
    return get_named_type(of.args["filter"].type).fields  # type: ignore[union-attr]  # an input object


def orders(of: GraphQLField) -> list[str]:
    """The orders in which a list can be had."""
    return list(get_named_type(get_named_type(of.args["orderBy"].type).fields["field"].type).values)  # type: ignore[union-attr]  # an input object with an enumeration


def variants(of: GraphQLField, values: Values) -> Iterator[tuple[str, str]]:
    """What a list can be asked for: a name and the arguments for each condition and each order."""
    owner = get_named_type(of.args["filter"].type)
    assert isinstance(owner, GraphQLInputObjectType)
    for name, each in filters(of).items():
        yield f"by_{snake(name)}", f"filter: {{{name}: {values.of(owner, name, each)}}}"
    for order in orders(of):
        for direction in ("ASC", "DESC"):
            yield f"{order}_{direction}", f"orderBy: {{field: {order}, direction: {direction}}}"
    if "maxDepth" in of.args:
        yield "flat", "maxDepth: 1"


def required(of: Any) -> bool:
    """Whether the type has an exclamation mark."""
    return isinstance(of, GraphQLNonNull)
