"""What of a schema is used, and what a change of it would break."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    EnumValueNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLSchema,
    ObjectFieldNode,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    is_input_type,
    type_from_ast,
    visit,
)
from graphql.utilities import BreakingChange, BreakingChangeType, find_breaking_changes, find_dangerous_changes

_COORDINATE = re.compile(
    r"(?:(?:A required|An optional) (?:field|argument) |Field |Argument |Enum value |Standard scalar )?"
    r"(@?\w+(?:\.\w+)?(?:\(\w+:\))?)"
)
"""What a sentence of graphql-core's about a change is about; its tests go through all sentences that matter."""
_ADDED = {BreakingChangeType.REQUIRED_ARG_ADDED, BreakingChangeType.REQUIRED_INPUT_FIELD_ADDED}
_OF_TYPES = {
    BreakingChangeType.TYPE_REMOVED,
    BreakingChangeType.TYPE_CHANGED_KIND,
    BreakingChangeType.TYPE_REMOVED_FROM_UNION,
    BreakingChangeType.IMPLEMENTED_INTERFACE_REMOVED,
}


def coordinates(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> frozenset[str]:
    """What an operation mentions of a schema: `Type.field`, `Type.field(argument:)`, `Input.field`, `Enum.VALUE`.

    What its variables will hold isn't known: of their types, and of all that these can hold, the names alone are there.

    Args:
        schema: in which it is valid.
        operation: of a document.
        fragments: the document's, by name.
    """
    info = TypeInfo(schema)
    mentions = _Mentions(info)
    waiting: list[OperationDefinitionNode | FragmentDefinitionNode] = [operation]
    seen: set[str] = set()
    while waiting:
        visit(waiting.pop(), TypeInfoVisitor(info, mentions))
        found = mentions.spreads - seen
        seen |= found
        waiting += [fragments[name] for name in sorted(found)]
    for variable in operation.variable_definitions or ():
        mentions.names |= _held(type_from_ast(schema, variable.type))
    return frozenset(mentions.names)


class _Mentions(Visitor):
    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self._info = info
        self.names: set[str] = set()
        self.spreads: set[str] = set()

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        parent = self._info.get_parent_type()
        if parent is not None and not node.name.value.startswith("__"):
            self.names.add(f"{parent.name}.{node.name.value}")

    def enter_fragment_spread(self, node: Any, *_: Any) -> None:
        self.spreads.add(node.name.value)

    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        parent, field, directive = (
            self._info.get_parent_type(),
            self._info.get_field_def(),
            self._info.get_directive(),
        )
        if directive is not None or parent is None or field is None:
            return
        name = next((name for name, each in parent.fields.items() if each is field), None)  # type: ignore[union-attr]  # a type that has a field has fields
        if name is not None:
            self.names.add(f"{parent.name}.{name}({node.name.value}:)")

    def enter_object_field(self, node: ObjectFieldNode, *_: Any) -> None:
        parent = get_named_type(self._info.get_parent_input_type())
        if parent is not None:
            self.names.add(f"{parent.name}.{node.name.value}")

    def enter_enum_value(self, node: EnumValueNode, *_: Any) -> None:
        of = get_named_type(self._info.get_input_type())
        if isinstance(of, GraphQLEnumType):
            self.names.add(f"{of.name}.{node.value}")


def _held(of: Any) -> set[str]:
    """The names of an input type and of all types that its fields hold, but for scalars."""
    found: dict[str, Any] = {}
    waiting = [get_named_type(of)]
    while waiting:
        each = waiting.pop()
        if isinstance(each, (GraphQLEnumType, GraphQLInputObjectType)) and each.name not in found:
            found[each.name] = each
            if isinstance(each, GraphQLInputObjectType):
                waiting += [get_named_type(field.type) for field in each.fields.values()]
    return set(found)


def all_coordinates(schema: GraphQLSchema) -> list[str]:
    """Every field, input field and enum value of a schema, in order."""
    found = []
    for name, of in schema.type_map.items():
        if not name.startswith("__"):
            found += [f"{name}.{each}" for each in (getattr(of, "fields", None) or getattr(of, "values", None) or ())]
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a schema that may break a client.

    Args:
        what: a sentence.
        coordinate: what of the schema it is about.
        broken_by: of what is used, everything that it breaks.
        breaks: a client that uses it is broken; otherwise only one that isn't prepared for more.
    """

    what: str
    coordinate: str
    broken_by: frozenset[str]
    breaks: bool = True


def changes(old: GraphQLSchema, new: GraphQLSchema, used: Iterable[str]) -> list[Change]:
    """What has changed between two schemas, and what of that which clients use it breaks; see `coordinates`."""
    known = frozenset(used)
    found = [_change(old, each, known) for each in find_breaking_changes(old, new)]
    found += [Change(each.description, _coordinate(each.description), frozenset(), breaks=False) for each in
              find_dangerous_changes(old, new)]  # fmt: skip  # a list of both
    return found


def _change(old: GraphQLSchema, change: BreakingChange, used: frozenset[str]) -> Change:
    coordinate = _coordinate(change.description)
    return Change(change.description, coordinate, frozenset(filter(_breaks(old, change.type, coordinate), used)))


def _breaks(old: GraphQLSchema, kind: BreakingChangeType, coordinate: str) -> Any:
    """Whether something that is used is broken by a change of a kind."""
    owner = coordinate.partition(".")[0]
    if kind in _OF_TYPES or kind is BreakingChangeType.REQUIRED_INPUT_FIELD_ADDED:
        return lambda used: used == owner or used.startswith(f"{owner}.")
    about = coordinate.partition("(")[0] if kind in _ADDED else coordinate
    of = old.type_map.get(owner)
    by_variables = owner if of is not None and is_input_type(of) else about
    return lambda used: used in (about, by_variables)


def _coordinate(sentence: str) -> str:
    found = _COORDINATE.match(sentence)
    return found[1] if found else ""


def operations_of(document: DocumentNode) -> tuple[list[OperationDefinitionNode], dict[str, FragmentDefinitionNode]]:
    """A document's operations, and its fragments by name."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    return operations, fragments
