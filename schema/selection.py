"""Which columns a selection needs: read off the document, so that no statement fetches what nobody asked for."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    SelectionNode,
    get_named_type,
)

from resolvers.page import SORT_KEY
from schema.execution.declaration import CURSORS, DECLARATION
from schema.info import Info


def fields_below(info: "GraphQLResolveInfo[Any]", nodes: Iterable[Any]) -> list[FieldNode]:
    """The fields selected right below the nodes, fragments opened; each fragment once."""
    found: list[FieldNode] = []
    seen: set[str] = set()
    waiting: list[SelectionNode] = [s for node in nodes if node.selection_set for s in node.selection_set.selections]
    while waiting:
        selection = waiting.pop()
        if isinstance(selection, FieldNode):
            found.append(selection)
            continue
        if isinstance(selection, FragmentSpreadNode):
            if selection.name.value in seen:
                continue
            seen.add(selection.name.value)
        fragment = info.fragments[selection.name.value] if isinstance(selection, FragmentSpreadNode) else selection
        waiting.extend(cast(Any, fragment).selection_set.selections)
    return found


def _needs(of_type: GraphQLObjectType | GraphQLInterfaceType, selected: Sequence[FieldNode]) -> set[str]:
    columns: set[str] = set()
    for name in {node.name.value for node in selected}:
        field = of_type.fields.get(name)
        if field is None:  # `__typename`, or a field of another type of the interface
            continue
        declared = field.extensions["strawberry-definition"]
        declaration = declared.metadata.get(DECLARATION)
        columns.update(declaration.needs if declaration else (declared.python_name,))
    return columns


def _place(raw: "GraphQLResolveInfo[Any]") -> tuple[int, ...]:
    """Where in the document a field is: all its nodes, for fragments can put one of them beside different others."""
    return tuple(map(id, raw.field_nodes))


def columns(info: Info, of_type: str | None = None) -> tuple[str, ...]:
    """The columns that the row behind this field must have, sorted.

    Args:
        info: of the field.
        of_type: the object type, where the field's own type is an interface.
    """
    raw = info._raw_info  # Strawberry's own selection is rebuilt at each access, and costs more than the rows
    place = (_place(raw), of_type)
    known = info.context.selections.get(place)
    if known is None:
        named = raw.schema.type_map[of_type] if of_type else get_named_type(raw.return_type)
        known = tuple(sorted(_needs(cast(GraphQLObjectType, named), fields_below(raw, raw.field_nodes))))
        info.context.selections[place] = known
    return cast("tuple[str, ...]", known)


def connection_columns(info: Info) -> tuple[str, ...] | None:
    """The columns that a connection's rows must have; None when only its count is asked for."""
    raw = info._raw_info  # as above
    place = (_place(raw), "connection")
    if place not in info.context.selections:
        info.context.selections[place] = _connection_columns(raw)
    return cast("tuple[str, ...] | None", info.context.selections[place])


def _connection_columns(raw: "GraphQLResolveInfo[Any]") -> tuple[str, ...] | None:
    selected = fields_below(raw, raw.field_nodes)
    if not {node.name.value for node in selected} & {"nodes", "edges", "pageInfo"}:
        return None
    connection = cast(GraphQLObjectType, get_named_type(raw.return_type))
    node_type = cast(GraphQLObjectType, get_named_type(connection.fields["nodes"].type))
    edges = [node for node in selected if node.name.value == "edges"]
    nodes = [node for node in selected if node.name.value == "nodes"]
    nodes += [node for node in fields_below(raw, edges) if node.name.value == "node"]
    parts = fields_below(raw, [*edges, *(node for node in selected if node.name.value == "pageInfo")])
    for_cursors = {SORT_KEY} if CURSORS & {node.name.value for node in parts} else set[str]()
    return tuple(sorted(_needs(node_type, fields_below(raw, nodes)) | for_cursors))
