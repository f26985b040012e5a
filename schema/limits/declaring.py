"""What things cost, declared on the schema as the IBM cost specification has it, and printed in its definition.

Nearly all of it follows from what the schema says already, and is derived: a type whose objects are rows costs 1 for
each, a value 0; a connection has as many rows as its `first` or `last` says. The rest is in the tables of this file.

Source: the IBM GraphQL cost directives specification.
"""

from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)
from strawberry import UNSET
from strawberry.schema_directive import Location

from schema.execution.declaration import DECLARATION, Lookup, Paged, Related

DEFAULT_PAGE = 20
"""Rows of a page where neither `first` nor `last` is given."""

_MUTATION, _COUNT, _SUMMARY, _SEARCH = 10, 5, 5, 5
_FIELDS = {"Summary.monthly": 20}
"""What a field costs that works something out over many rows."""
_ROWS = {"DraftLine", "Membership", "Offer", "SubscriptionUpgrade"}
"""Types that cost as rows do, though nothing declares their objects to be some."""
_FEW = 5
"""Items of a short list, unless it is known better."""
_SIZES = {"Account.ancestors": 8, "Account.balances": 3, "UserError.candidates": 3, "Viewer.memberships": 3}


@strawberry.schema_directive(
    name="cost",
    locations=[Location.FIELD_DEFINITION, Location.INPUT_FIELD_DEFINITION, Location.OBJECT],
    description="What one costs: an object of the type, the field besides the objects that it leads to, or the input"
    " field for each item. Where nothing is said objects cost 1, everything else 0.",
)
class Cost:
    """The specification's directive of the same name."""

    weight: str = strawberry.directive_field(name="weight")


@strawberry.schema_directive(
    name="listSize",
    locations=[Location.FIELD_DEFINITION],
    description="How many objects a list, or the lists within a connection, are counted as: the largest number that one"
    " of the slicing arguments gives, the assumed size where none does.",
)
class ListSize:
    """The specification's directive of the same name."""

    assumed_size: int | None = strawberry.directive_field(name="assumedSize", default=UNSET)
    slicing_arguments: list[str] | None = strawberry.directive_field(name="slicingArguments", default=UNSET)
    sized_fields: list[str] | None = strawberry.directive_field(name="sizedFields", default=UNSET)
    require_one_slicing_argument: bool | None = strawberry.directive_field(
        name="requireOneSlicingArgument", default=UNSET
    )


_ARGUMENTS = {
    "weight": "How many points; a whole number.",
    "assumedSize": "How many where no slicing argument says.",
    "slicingArguments": "The arguments, or fields of arguments, that say how many: a number, or a list by its length.",
    "sizedFields": "The lists within that are so long; the field itself where none are named.",
    "requireOneSlicingArgument": "Whether exactly one of the slicing arguments has to be given.",
}
"""What the directives' arguments mean."""


def declare_costs(made: strawberry.Schema) -> None:
    """Declare the cost of everything in a schema."""
    schema = made._schema  # Strawberry keeps it there
    for directive in (Cost, ListSize):
        _describe(made, directive)
    types = [named for named in schema.type_map.values() if not named.name.startswith("__")]
    objects = [named for named in types if isinstance(named, GraphQLObjectType)]
    rows = _row_types(objects)
    free = _free_types(schema, objects, rows)
    for each in objects:
        if each.name not in rows:
            _add(each, Cost(weight="0"))
        for name, field in each.fields.items():
            place = _Place(schema, each, name, field)
            if place.weight:
                _add(field, Cost(weight=str(place.weight)))
            size = place.size
            if size is not None and get_named_type(field.type).name not in free:
                _add(field, size)
    for named in types:
        if isinstance(named, GraphQLInputObjectType):
            _declare_inputs(named)


def _describe(made: strawberry.Schema, directive: type) -> None:
    """Describe a directive's arguments, which Strawberry has no words for."""
    definition = made.schema_converter.from_schema_directive(directive)
    for name, argument in definition.args.items():
        argument.description = _ARGUMENTS[name]
    made._schema_graphql_directives[directive] = definition  # where its printer looks first


def _row_types(objects: list[GraphQLObjectType]) -> set[str]:
    """The types whose objects are rows, by name."""
    found = set(_ROWS)
    for each in objects:
        if any(interface.name == "Node" for interface in each.interfaces):
            found.add(each.name)
        for field in each.fields.values():
            if isinstance(_declaration(field), (Related, Lookup)):
                found.add(get_named_type(field.type).name)
            elif isinstance(_declaration(field), Paged):
                connection: Any = get_named_type(field.type)
                found.add(get_named_type(connection.fields["nodes"].type).name)
    return found


def _free_types(schema: GraphQLSchema, objects: list[GraphQLObjectType], rows: set[str]) -> set[str]:
    """The types of which any number costs nothing: values that lead to nothing else, by name."""
    found = {each.name for each in objects} - rows
    while True:
        leading = {
            each.name
            for each in objects
            if each.name in found
            for name, field in each.fields.items()
            if _Place(schema, each, name, field).weight
            or not (is_leaf_type(get_named_type(field.type)) or get_named_type(field.type).name in found)
        }
        if not leading:
            return found
        found -= leading


def _declare_inputs(named: GraphQLInputObjectType) -> None:
    for name, field in named.fields.items():
        if name == "search" and named.name.endswith("Filter"):
            _add(field, Cost(weight=str(_SEARCH)))
        elif name == "items" and named.name.endswith("BulkInput"):
            _add(field, Cost(weight=str(_MUTATION)))


@dataclass(slots=True)
class _Place:
    """A field, and the type that has it."""

    schema: GraphQLSchema
    owner: GraphQLObjectType
    name: str
    field: GraphQLField

    @property
    def is_bulk(self) -> bool:
        """Whether it changes many things."""
        return self.owner is self.schema.mutation_type and self.name.endswith("Bulk")

    @property
    def weight(self) -> int:
        """What it costs itself."""
        if self.owner is self.schema.mutation_type:
            return 0 if self.is_bulk else _MUTATION
        if self.owner.name.endswith("Connection") and self.name in {"totalCount", "totalCountIsExact"}:
            return _COUNT
        return _FIELDS.get(f"{self.owner.name}.{self.name}", _SUMMARY if self.owner.name == "Summary" else 0)

    @property
    def size(self) -> ListSize | None:
        """How many objects it leads to, where that can be more than one."""
        if isinstance(_declaration(self.field), Paged):
            return ListSize(
                assumed_size=DEFAULT_PAGE,
                slicing_arguments=["first", "last"],
                sized_fields=["nodes", "edges"],
                require_one_slicing_argument=False,
            )
        if self.is_bulk:
            return ListSize(slicing_arguments=["input.items"], sized_fields=["results"])
        is_list = is_list_type(get_nullable_type(self.field.type)) and not is_leaf_type(get_named_type(self.field.type))
        if not is_list or (self.owner.name.endswith(("Connection", "BulkPayload")) and self.name != "userErrors"):
            return None
        slicing: list[str] = [name for name in ("first", "ids") if name in self.field.args]
        if slicing:
            return ListSize(slicing_arguments=slicing)
        return ListSize(assumed_size=_SIZES.get(f"{self.owner.name}.{self.name}", _FEW))


def _declaration(field: GraphQLField) -> Any:
    return field.extensions["strawberry-definition"].metadata.get(DECLARATION)


def _add(to: Any, directive: object) -> None:
    """Declare something of a type or a field, for itself alone: definitions may share a list."""
    definition = to.extensions["strawberry-definition"]
    if not any(isinstance(each, type(directive)) for each in definition.directives or ()):
        definition.directives = [*(definition.directives or ()), directive]
