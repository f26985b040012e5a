"""The rules of validation: the specification's, in time that grows as the document does."""

from collections.abc import Callable, Sequence
from typing import Any

from graphql import (
    ASTValidationRule,
    NoUndefinedVariablesRule,
    NoUnusedVariablesRule,
    OverlappingFieldsCanBeMergedRule,
    UniqueVariableNamesRule,
    ValidationContext,
    ValidationRule,
    VariablesAreInputTypesRule,
    VariablesInAllowedPositionRule,
    specified_rules,
)

from schema.execution.overlaps import OverlappingFieldsRule

Rules = Sequence[type[ASTValidationRule]]


class RememberingRule(ValidationRule):
    """No rule: lets the rules after it find what they look up by the node, not by all that stands in the node.

    graphql-core keeps what it has found out of a fragment under the fragment's hash, for which it reads the whole
    fragment again, for each operation that spreads it.
    """

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        for name in ("get_fragment_spreads", "get_variable_usages"):
            setattr(context, name, _remembered(getattr(context, name)))


def _remembered(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same function, called once for each node; nodes live as long as what asks for them."""
    known: dict[int, Any] = {}

    def remembered(node: Any) -> Any:
        if id(node) not in known:
            known[id(node)] = function(node)
        return known[id(node)]

    return remembered


RULES: Rules = (
    RememberingRule,
    *(OverlappingFieldsRule if rule is OverlappingFieldsCanBeMergedRule else rule for rule in specified_rules),
)

_ABOUT_VARIABLES = {
    NoUndefinedVariablesRule,
    NoUnusedVariablesRule,
    UniqueVariableNamesRule,
    VariablesAreInputTypesRule,
    VariablesInAllowedPositionRule,
}
RULES_WITHOUT_VARIABLES: Rules = tuple(rule for rule in RULES if rule not in _ABOUT_VARIABLES)


def rules_for(text: str) -> Rules:
    """Those that may find something in a document: where no `$` is, half of the work would find nothing."""
    return RULES if "$" in text else RULES_WITHOUT_VARIABLES
