"""The cost of an operation: estimated before it runs, and counted in its answer.

A tree of what is asked for is made once of an operation; with its variables it gives the estimate in one walk, a number
where no variable says how long a list is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    Undefined,
    VariableNode,
    get_named_type,
)
from graphql.execution.values import VariableValues

from schema.execution.plan import Count
from schema.execution.selections import Selections
from schema.limits.shape import MOST
from schema.limits.weights import Declared, Path, Size, Weights

Values = Mapping[str, Any]
"""Of variables, as they are after coercion."""
Number = Callable[[Any], int | None]
"""What a value stands for; None for one that isn't given."""
MOST_ITEMS = 100
"""What no list takes more of: who asks for more is told so when it is reached."""


_NOTHING = Declared()


@dataclass(slots=True)
class Priced:
    """A response key.

    Args:
        key: in the answer.
        own: what the field itself costs.
        given: what of its arguments costs something, for each item.
        size: how many objects it leads to, or the sized lists within; None where it is one.
        is_sized: it is as long as the field above says.
        holds_sized: `size` is that of lists within.
        kinds: the types of its objects, of which the dearest counts: what an object costs, and what is asked of it.
    """

    key: str
    own: int = 0
    given: Sequence[tuple[Count, int]] = ()
    size: Count | None = None
    is_sized: bool = False
    holds_sized: bool = False
    kinds: list[tuple[int, list["Priced"]]] = field(default_factory=list)

    def estimate(self, values: Values, above: int) -> int:
        """What it may cost for one object that it is asked of."""
        size = 1 if self.size is None else self.size(values) or 0
        times = above if self.is_sized else 1 if self.holds_sized else size
        dearest = max(
            (weight + sum(each.estimate(values, size) for each in below) for weight, below in self.kinds), default=0
        )
        return self._own(values) + times * dearest

    def spent(self, value: Any, values: Values) -> int:
        """What it has cost, by its value in the answer."""
        total = self._own(values)
        for each in _objects(value):
            total += max(
                (
                    weight + sum(below.spent(each[below.key], values) for below in kind if below.key in each)
                    for weight, kind in self.kinds
                ),
                default=0,
            )
        return total

    def _own(self, values: Values) -> int:
        return self.own + sum(weight * (count(values) or 0) for count, weight in self.given)


class Estimator:
    """What one operation costs.

    Args:
        roots: its fields.
        varies: whether a variable says how long a list is.
    """

    def __init__(self, roots: Sequence[Priced], *, varies: bool) -> None:
        self._roots = roots
        self._constant = None if varies else self._estimate({})

    def estimate(self, values: Values) -> int:
        """What it may cost, with these variables; 1 at least."""
        return self._estimate(values) if self._constant is None else self._constant

    def _estimate(self, values: Values) -> int:
        return max(1, min(MOST, sum(each.estimate(values, 1) for each in self._roots)))

    def spent(self, data: Mapping[str, Any] | None, values: Values) -> int:
        """What it has cost, by its answer; 1 at least."""
        return max(1, sum(each.spent(data[each.key], values) for each in self._roots if data and each.key in data))

    def later(self, path: Sequence[str | int], value: Any, values: Values) -> int:
        """What a part that is told later has cost: items of the list at a path, or more of the object there."""
        asked = [(each.key, each) for each in self._roots]
        place: Priced | None = None
        for key in (step for step in path if isinstance(step, str)):
            place = next((each for name, each in asked if name == key), None)
            if place is None:
                return 0
            asked = [(each.key, each) for _weight, below in place.kinds for each in below]
        if isinstance(value, list):
            return sum(place.spent([item], values) for item in value) if place else 0
        return sum(each.spent(value[name], values) for name, each in dict(asked).items() if name in value)


class Estimating:
    """Makes the estimator of an operation.

    Args:
        schema: whose fields are asked for.
        weights: what it declares.
        fragments: of the document.
        variables: those that decide about `@skip` and `@include` have their values.

    Raises:
        TooLargeError: there is too much to look at.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        weights: Weights,
        fragments: dict[str, FragmentDefinitionNode],
        variables: VariableValues,
    ) -> None:
        self._schema = schema
        self._weights = weights
        self._selections = Selections(schema, fragments, variables, is_lenient=True)
        self._varies = False

    def estimator(self, operation: OperationDefinitionNode) -> Estimator:
        """The estimator of an operation."""
        root = self._schema.get_root_type(operation.operation)
        roots = self._below(root, [operation.selection_set], frozenset()) if root else []
        return Estimator(roots, varies=self._varies)

    def _below(self, of_type: GraphQLObjectType, selections: Sequence[Any], sized: frozenset[str]) -> list[Priced]:
        """What is asked of objects of a type; `sized` are the fields whose size is known from above."""
        found = self._selections.collect(of_type, selections)
        return [self._priced(of_type, key, nodes, sized) for key, nodes in found.items()]

    def _priced(self, owner: GraphQLObjectType, key: str, nodes: list[FieldNode], sized: frozenset[str]) -> Priced:
        name = nodes[0].name.value
        declared = self._weights.fields.get((owner.name, name), _NOTHING)
        definition = owner.fields.get(name)
        if definition is None:
            return Priced(key, declared.weight)
        arguments = {each.name.value: each.value for each in nodes[0].arguments or ()}
        size = declared.size
        self._varies = self._varies or any(_varies(arguments.get(path[0])) for path in _paths(declared))
        priced = Priced(
            key,
            declared.weight,
            [(items_of(definition, arguments, path), weight) for path, weight in declared.given],
            _counted(definition, arguments, size) if size else None,
            is_sized=name in sized,
            holds_sized=bool(size and size.sized),
        )
        selections = [node.selection_set for node in nodes if node.selection_set]
        below = size.sized if size else frozenset()
        for each in self._possible(get_named_type(definition.type)) if selections else ():
            priced.kinds.append((self._weights.types[each.name], self._below(each, selections, below)))
        return priced

    def _possible(self, named: Any) -> Sequence[GraphQLObjectType]:
        if isinstance(named, (GraphQLInterfaceType, GraphQLUnionType)):
            return self._schema.get_possible_types(named)
        return [named]


def _objects(value: Any) -> Sequence[Mapping[str, Any]]:
    """The objects of a value in an answer, of lists within lists too."""
    if isinstance(value, Mapping):
        return [value]
    if isinstance(value, list):
        return [each for item in value for each in _objects(item)]
    return []


def _counted(definition: GraphQLField, arguments: Mapping[str, Any], size: Size) -> Count:
    """The largest of what the slicing arguments say."""
    counts = [_read(definition, arguments, path, _number) for path in size.slicing]

    def count(values: Values) -> int:
        given = [found for found in (each(values) for each in counts) if found is not None]
        return max(0, *given) if given else size.assumed

    return count


def items_of(definition: GraphQLField, arguments: Mapping[str, Any], path: Path) -> Count:
    """How many items an argument, or a field within it, has: one if it is no list; None where it isn't given."""
    return _read(definition, arguments, path, _items)


def _read(definition: GraphQLField, arguments: Mapping[str, Any], path: Path, number: Number) -> Count:
    """What reads a number off an argument, or off a field within it."""
    name, *rest = path
    node = arguments.get(name)
    if node is None:
        default = number(_within(definition.args[name].default_value, rest))
        return lambda _values: default
    while rest and isinstance(node, ObjectValueNode):
        named = rest.pop(0)
        node = next((each.value for each in node.fields if each.name.value == named), None)
    if isinstance(node, VariableNode):
        variable = node.name.value
        return lambda values: number(_within(values.get(variable), rest))
    written = number(None if rest else _literal(node))
    return lambda _values: written


def _paths(declared: Declared) -> list[Path]:
    """The arguments that the cost of a field depends on."""
    return [*(declared.size.slicing if declared.size else ()), *(path for path, _weight in declared.given)]


def _varies(node: Any) -> bool:
    """Whether a variable is an argument's value, or a field's within it; what lists hold doesn't count."""
    if isinstance(node, ObjectValueNode):
        return any(_varies(each.value) for each in node.fields)
    return isinstance(node, VariableNode)


def _within(value: Any, path: Sequence[str]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _literal(node: Any) -> Any:
    """A literal, as far as it is counted."""
    if node is None or isinstance(node, NullValueNode):
        return None
    if isinstance(node, ListValueNode):
        return node.values
    return int(node.value) if isinstance(node, IntValueNode) else node


def _items(value: Any) -> int | None:
    """How many a value is: as many as it has if it is a list, else one."""
    if value is None or value is Undefined:
        return None
    return min(len(value), MOST_ITEMS) if isinstance(value, (list, tuple)) else 1


def _number(value: Any) -> int | None:
    """How many a value asks for: itself if it is a number."""
    return min(value, MOST_ITEMS) if isinstance(value, int) else _items(value)
