"""Overlaps: whether all fields that answer under one name can be one, in time that grows as the document does.

This is the specification's §5.3.2, "Field Selection Merging". graphql-core's rule compares each two fields, so that its
work grows with the square of a document, and gives up on some that are valid. This one puts together what meets at one
place of the answer, once, and compares each field with the first of its name.

A *part* is what one selection set, or one fragment, holds itself. What meets is a set of parts; a set that has been
looked at is not looked at again, and a fragment's own fields are compared with each other only once, wherever it is
spread. Fragments can still meet in exponentially many ways, so the work has a bound, which is in proportion to the
document: far beyond what an operation can be before it is refused for its size.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    ListValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    SelectionSetNode,
    TypeInfo,
    TypeInfoVisitor,
    ValidationContext,
    ValidationRule,
    ValueNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
    visit,
)

WORK = 20_000
WORK_FOR_EACH = 50
"""Fields that may be looked at, each as often as it is: so many, and for each selection of a document so many more."""
SMALL = 200
"""Where no more fields were looked at, graphql-core's rule finds the words for what is wrong."""

_STREAM = "stream"


@dataclass(eq=False, slots=True)
class _Field:
    """A field in the document.

    Args:
        owner: the object type that it is a field of; None where that may be one of several, or is unknown.
        type: None where it is unknown, which `__typename` counts as.
        part: what it selects, as soon as that has been looked at.
        given: its arguments as they compare, as soon as they were compared.
    """

    node: FieldNode
    owner: GraphQLObjectType | None
    type: GraphQLOutputType | None
    part: "_Part | None" = None
    given: Any = None


@dataclass(eq=False, slots=True)
class _Part:
    """What a selection set holds, inline fragments opened: fields by response name, and names of fragments.

    Args:
        number: parts are numbered in the order in which they are met.
        leaves: the fields that select nothing, by all that makes them equal: one of them is there for all that are.
    """

    number: int = 0
    leaves: set[Hashable] = field(default_factory=set)
    fields: defaultdict[str, list[_Field]] = field(default_factory=lambda: defaultdict(list))
    spreads: list[str] = field(default_factory=list)


_Parts = frozenset[_Part]
_Place = tuple[_Parts, _Parts, bool]
"""What meets: parts that are selection sets, parts that are fragments, and whether no two of the fields that lead there
can belong to one object. Then only their shapes must be alike."""


class OverlappingFieldsRule(ValidationRule):
    """Takes the place of graphql-core's `OverlappingFieldsCanBeMergedRule`, and accepts the same documents.

    It looks at a document after all other rules did. Arguments of fragments, an experiment of graphql-core's, are not
    looked at: without a parser's flag no document has them.
    """

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._fragments: dict[str, _Part | None] = {}
        self._opened: dict[str, _Parts] = {}
        self._seen: set[_Place] = set()
        self._waiting: list[_Place] = []
        self._parts = 0
        self._allowed = WORK
        self.visited = 0
        """Fields and parts looked at so far."""

    def leave_document(self, node: DocumentNode, *_: Any) -> None:
        """Report the first conflict."""
        try:
            self._check(node)
        except GraphQLError as error:
            found = self._told_by_graphql_core(node) if self.visited <= SMALL else []
            for each in found or [error]:
                self.report_error(each)

    def _told_by_graphql_core(self, node: DocumentNode) -> list[GraphQLError]:
        errors: list[GraphQLError] = []
        types = TypeInfo(self.context.schema)
        context = ValidationContext(self.context.schema, node, types, errors.append)
        visit(node, TypeInfoVisitor(types, OverlappingFieldsCanBeMergedRule(context)))
        return errors

    def _check(self, document: DocumentNode) -> None:
        """Look at all that meets anywhere.

        Raises:
            GraphQLError: two fields can't be one, or it would be too much work to find out.
        """
        for each in document.definitions:
            if isinstance(each, OperationDefinitionNode):
                root_type = self.context.schema.get_root_type(each.operation)
                self._look_from(self._part(root_type, each.selection_set))
        for each in document.definitions:
            if isinstance(each, FragmentDefinitionNode) and each.name.value not in self._fragments:  # nobody spreads it
                self._look_from(_Part(spreads=[each.name.value]))

    def _look_from(self, part: _Part) -> None:
        self._meet([part], apart=False)
        while self._waiting:
            self._look(*self._waiting.pop())

    # What meets

    def _meet(self, parts: Iterable[_Part], *, apart: bool) -> None:
        """Note a place to be looked at, unless it was."""
        own = frozenset(part for part in parts if part.fields)
        opened = [self._open(name) for part in parts for name in part.spreads]
        self._count(len(own) + (sum(map(len, opened)) if len(opened) > 1 else 1))
        fragments: _Parts = opened[0] if len(opened) == 1 else frozenset().union(*opened)
        self._wait((own, fragments, apart))

    def _wait(self, place: _Place) -> None:
        if place not in self._seen and (place[0], place[1], False) not in self._seen:
            self._seen.add(place)
            self._waiting.append(place)

    def _look(self, own: _Parts, fragments: _Parts, apart: bool) -> None:
        """Compare the fields of a place, all but those that are compared elsewhere: at a place within this one."""
        within: Sequence[_Part] = ()
        others: Iterable[_Part] = own or fragments
        if own and fragments:
            within = list(fragments)
        elif len(fragments) > 1:
            within = [max(fragments, key=lambda part: len(part.fields))]
            others = fragments.difference(within)
        if within:
            self._wait((frozenset(), frozenset(within), apart))
        groups: defaultdict[str, list[_Field]] = defaultdict(list)
        for part in sorted(others, key=attrgetter("number")):
            for name, fields in part.fields.items():
                groups[name] += fields
        for name, fields in groups.items():
            self._count(len(within))
            for part in within:
                fields += part.fields.get(name, ())
            self._compare(name, fields, apart)

    def _compare(self, name: str, fields: list[_Field], apart: bool) -> None:
        """Compare all fields of one response name, and note where what they select meets."""
        self._count(len(fields))
        by_owner: defaultdict[GraphQLObjectType | None, list[_Field]] = defaultdict(list)
        for each in fields:
            by_owner[each.owner].append(each)
        of_any = by_owner.pop(None, [])
        if not apart:
            for together in [[*of_any, *each] for each in by_owner.values()] or [of_any]:
                self._count(len(together))
                _are_one(name, together)
                self._go_below(together, apart=False)
        if len(fields) > 1:
            _have_one_shape(name, fields)
        if apart or len(by_owner) > 1:
            self._go_below(fields, apart=True)

    def _go_below(self, fields: Iterable[_Field], *, apart: bool) -> None:
        parts = [self._below(each, each.node.selection_set) for each in fields if each.node.selection_set]
        if parts:
            self._meet(parts, apart=apart)

    # Parts

    def _below(self, of: _Field, selected: SelectionSetNode) -> _Part:
        if of.part is None:
            of.part = self._part(get_named_type(of.type), selected)
        return of.part

    def _part(self, of_type: GraphQLNamedType | None, selected: SelectionSetNode) -> _Part:
        """Read a selection set that is asked of a type."""
        self._parts += 1
        part = _Part(self._parts)
        waiting: list[tuple[GraphQLNamedType | None, Any]] = [(of_type, selected)]
        while waiting:
            on, node = waiting.pop()
            if isinstance(node, FieldNode):
                self._read_field(part, on, node)
            elif isinstance(node, FragmentSpreadNode):
                part.spreads.append(node.name.value)
            else:  # an inline fragment, or a selection set
                condition = getattr(node, "type_condition", None)
                inner = self._type(condition) if condition is not None else on
                selections = getattr(node, "selection_set", selected).selections
                waiting += [(inner, each) for each in reversed(selections)]
                self._allowed += WORK_FOR_EACH * len(selections)
        part.spreads = list(dict.fromkeys(part.spreads))
        return part

    def _read_field(self, part: _Part, on: GraphQLNamedType | None, node: FieldNode) -> None:
        definition = None
        if isinstance(on, (GraphQLObjectType, GraphQLInterfaceType)):
            definition = on.fields.get(node.name.value)
        name = node.alias.value if node.alias else node.name.value
        owner = on if isinstance(on, GraphQLObjectType) else None
        found = _Field(node, owner, definition.type if definition else None)
        if not node.selection_set and not node.directives:
            leaf = (name, node.name.value, on, _given(found))
            if leaf in part.leaves:
                return
            part.leaves.add(leaf)
        part.fields[name].append(found)

    def _type(self, condition: Any) -> GraphQLNamedType | None:
        return self.context.schema.get_type(condition.name.value)

    def _open(self, name: str) -> _Parts:
        """A fragment, and all that it spreads in turn."""
        if name not in self._opened:
            found, waiting = {name}, [name]
            while waiting:
                part = self._fragment(waiting.pop())
                spreads = [each for each in part.spreads if each not in found] if part else []
                self._count(1 + len(part.spreads) if part else 1)
                found.update(spreads)
                waiting += spreads
            parts = (self._fragment(each) for each in found)
            self._opened[name] = frozenset(part for part in parts if part is not None and part.fields)
        return self._opened[name]

    def _fragment(self, name: str) -> _Part | None:
        if name not in self._fragments:
            node = self.context.get_fragment(name)
            self._fragments[name] = self._part(self._type(node.type_condition), node.selection_set) if node else None
        return self._fragments[name]

    def _count(self, looked_at: int) -> None:
        self.visited += looked_at
        if self.visited > self._allowed:
            raise GraphQLError("The document's fragments meet in too many ways to be checked. Use fewer of them.")


def _have_one_shape(name: str, fields: Sequence[_Field]) -> None:
    """Demand that all that may answer under a name looks alike (specification, SameResponseShape).

    Raises:
        GraphQLError: it doesn't.
    """
    if any(each.name.value == _STREAM for of in fields for each in of.node.directives or ()):
        raise _conflict(name, "they have overlapping stream directives", *fields[:2])
    known = [each for each in fields if each.type is not None]
    for each in known[1:]:
        first = known[0]
        if each.type is not first.type and _shape(each.type) != _shape(first.type):
            raise _conflict(name, f"they return conflicting types '{first.type}' and '{each.type}'", first, each)


def _shape(of_type: Any) -> str:
    """Lists, non-nulls and leaves as they are; all objects are alike."""
    named = get_named_type(of_type)
    return str(of_type) if is_leaf_type(named) else str(of_type).replace(named.name, "")


def _are_one(name: str, fields: Sequence[_Field]) -> None:
    """Demand that all fields are the same with the same arguments.

    Raises:
        GraphQLError: they are not.
    """
    first = fields[0]
    for each in fields[1:]:
        ours, theirs = first.node, each.node
        if ours.name.value != theirs.name.value:
            names = f"'{ours.name.value}' and '{theirs.name.value}'"
            raise _conflict(name, f"{names} are different fields", first, each)
        if (ours.arguments or theirs.arguments) and _given(first) != _given(each):
            raise _conflict(name, "they have differing arguments", first, each)


def _given(of: _Field) -> Any:
    if of.given is None:
        of.given = _named_values(of.node.arguments or ())
    return of.given


def _named_values(given: Sequence[ArgumentNode] | Sequence[ObjectFieldNode]) -> Any:
    return tuple(sorted(((each.name.value, _value(each.value)) for each in given), key=lambda pair: pair[0]))


def _value(node: ValueNode) -> Any:
    """A value such that equal ones are equal; the order of an object's fields means nothing."""
    if isinstance(node, VariableNode):
        return node.kind, node.name.value
    if isinstance(node, ListValueNode):
        return node.kind, tuple(map(_value, node.values))
    if isinstance(node, ObjectValueNode):
        return node.kind, _named_values(node.fields)
    return node.kind, getattr(node, "value", None), bool(getattr(node, "block", False))


def _conflict(name: str, reason: str, first: _Field, second: _Field) -> GraphQLError:
    hint = "Use different aliases on the fields to fetch both if this was intentional."
    return GraphQLError(f"Fields '{name}' conflict because {reason}. {hint}", [first.node, second.node])
