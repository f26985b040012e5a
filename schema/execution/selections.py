"""Selections: which fields a document asks of a type, its fragments opened, within bounds."""

from collections.abc import Sequence
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    GraphQLUnionType,
    SelectionSetNode,
)
from graphql.execution.values import VariableValues, get_directive_values

from schema.execution.plan import NotCoveredError, TooLargeError

MAX_SELECTIONS = 20_000
"""Fields and fragments that are looked at, each as often as it is opened: what bounds the work that a small document
can ask for."""


class Selections:
    """Collects the fields of one operation.

    Args:
        schema: says which types a fragment applies to.
        fragments: of the document.
        variables: those that decide about `@skip` and `@include` have their values.
        is_lenient: takes in what a wrong value decides about.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: dict[str, FragmentDefinitionNode],
        variables: VariableValues,
        *,
        is_lenient: bool = False,
    ) -> None:
        self._schema = schema
        self._is_lenient = is_lenient
        self._fragments = fragments
        self._variables = variables
        self.visited = 0
        """Fields and fragments looked at so far."""

    def collect(self, of_type: GraphQLObjectType, selections: Sequence[SelectionSetNode]) -> dict[str, list[FieldNode]]:
        """The fields that are asked of a type, by response key (specification §6.3.2).

        Raises:
            TooLargeError: too much was looked at, in all calls together.
            NotCoveredError: a directive's argument is wrong.
        """
        found: dict[str, list[FieldNode]] = {}
        opened: set[str] = set()
        waiting: list[Any] = [node for each in reversed(selections) for node in reversed(each.selections)]
        while waiting:
            node = waiting.pop()
            self._count()
            if not self._is_included(node):
                continue
            if isinstance(node, FieldNode):
                found.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
            elif not isinstance(node, FragmentSpreadNode):
                waiting += self._opened(of_type, node)
            elif node.name.value not in opened:
                opened.add(node.name.value)
                waiting += self._opened(of_type, self._fragments[node.name.value])
        return found

    def _count(self) -> None:
        self.visited += 1
        if self.visited > MAX_SELECTIONS:
            raise TooLargeError(
                f"With its fragments opened, the operation asks for more than {MAX_SELECTIONS:,} fields."
            )

    def _opened(self, of_type: GraphQLObjectType, fragment: Any) -> list[Any]:
        """What a fragment selects of the type, last first."""
        if not self._applies(of_type, fragment.type_condition):
            return []
        return list(reversed(fragment.selection_set.selections))

    def _is_included(self, node: Any) -> bool:
        if not node.directives:
            return True
        try:
            skip = get_directive_values(GraphQLSkipDirective, node, self._variables)
            include = get_directive_values(GraphQLIncludeDirective, node, self._variables)
        except GraphQLError as error:  # a variable that has a default, and was given as null
            if self._is_lenient:
                return True
            raise NotCoveredError("a directive's argument is null") from error
        return not (skip and skip["if"]) and not (include and not include["if"])

    def _applies(self, of_type: GraphQLObjectType, condition: Any) -> bool:
        if condition is None or condition.name.value == of_type.name:
            return True
        named = self._schema.type_map[condition.name.value]
        is_abstract = isinstance(named, (GraphQLInterfaceType, GraphQLUnionType))
        return is_abstract and self._schema.is_sub_type(named, of_type)  # type: ignore[arg-type]  # is_abstract says so
