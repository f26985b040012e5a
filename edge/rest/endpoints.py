"""Endpoints: which saved operation stands under which address.

Those in `operations/` are always there; operators add others by `canopy documents expose`, which come first.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from graphql.language import FieldNode

from edge.documents.checking import cost_by_defaults
from edge.documents.forms import id_of
from models import EndpointMethod
from resolvers.caller import Caller
from schema import executor
from schema.visibility import visible

BASE = "/api"
_OPERATIONS = Path(__file__).parent / "operations"
_HEAD = re.compile(r"# (GET|POST) (\S+)(?: max-age=(\d+))?\n# (.+)\n")
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+|\{([A-Za-z_][A-Za-z0-9_]*)\}")
_CREATES = re.compile(r"[A-Za-z]+(?:Create|Place|Invite)")


class EndpointError(Exception):
    """An operation can't be offered so; the message says why."""


@dataclass(frozen=True, eq=False)
class Endpoint:
    """An operation under an address; equal to itself alone.

    Args:
        method: how it is called.
        path: below `/api`, what varies in braces: a variable, or a field of the only variable.
        title: for people.
        text: the document.
        operation: of the document.
        max_age: seconds for which its caller may keep an answer.
    """

    method: EndpointMethod
    path: str
    title: str
    text: str
    operation: OperationDefinitionNode
    max_age: int = 0

    @cached_property
    def document_id(self) -> str:
        """The document's."""
        return id_of(self.text)

    @property
    def name(self) -> str | None:
        """The operation's."""
        return self.operation.name.value if self.operation.name else None

    @cached_property
    def in_path(self) -> tuple[str, ...]:
        """The names of what varies in the path."""
        return tuple(re.findall(r"\{(\w+)\}", self.path))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What its path looks like."""
        parts = (re.escape(part) for part in re.split(r"\{\w+\}", self.path))
        return re.compile("([^/]+)".join(parts))

    @cached_property
    def root(self) -> FieldNode | None:
        """The only field at the operation's root; None where there are several, or fragments."""
        selections = self.operation.selection_set.selections
        return selections[0] if len(selections) == 1 and isinstance(selections[0], FieldNode) else None

    @cached_property
    def cost(self) -> int | None:
        """What it is estimated to cost, see `cost_by_defaults`."""
        document = executor.read(self.text)
        return cost_by_defaults(document, document.operations[self.name])

    def is_for(self, caller: Caller) -> bool:
        """Whether a caller has the privilege that its root field takes, if that takes one."""
        root, of = self.root, executor.schema
        type_ = of.mutation_type if self.operation.operation is OperationType.MUTATION else of.query_type
        return root is None or type_ is None or (type_.name, root.name.value) in visible(of, caller.privileges).fields

    @property
    def creates(self) -> bool:
        """Whether there is something new when it has been called."""
        return self.root is not None and bool(_CREATES.fullmatch(self.root.name.value))


def endpoint(
    method: EndpointMethod, path: str, text: str, name: str | None = None, title: str = "", max_age: int = 0
) -> Endpoint:
    """An operation of a valid document under an address.

    Raises:
        EndpointError: it can't be offered so.
    """
    segments = path.removeprefix("/").split("/")
    if not path.startswith("/") or not all(_SEGMENT.fullmatch(each) for each in segments):
        raise EndpointError(f"{path!r} is no path: it looks like /accounts/{{id}}.")
    try:
        operation = _operation(text, name)
    except GraphQLError as error:
        raise EndpointError(error.message) from error
    kind = operation.operation
    if kind is OperationType.SUBSCRIPTION:
        raise EndpointError("A live subscription has no endpoint: it is listened to at /graphql.")
    if kind is OperationType.MUTATION and method is EndpointMethod.GET:
        raise EndpointError("A mutation is called by POST.")
    made = Endpoint(method, path, title or (operation.name.value if operation.name else path), text, operation, max_age)
    variables = [each.variable.name.value for each in operation.variable_definitions or ()]
    missing = [each for each in made.in_path if each not in variables and len(variables) != 1]
    if missing:
        raise EndpointError(f"The operation has no variable ${missing[0]}.")
    return made


def _operation(text: str, name: str | None) -> OperationDefinitionNode:
    operations = [each for each in parse(text).definitions if isinstance(each, OperationDefinitionNode)]
    found = [each for each in operations if name is None or (each.name and each.name.value == name)]
    if len(found) != 1:
        raise EndpointError(
            "Say which of the document's operations." if found else "The document has no such operation."
        )
    return found[0]


@cache
def shipped() -> tuple[Endpoint, ...]:
    """The endpoints that are always there."""
    return tuple(_shipped(file) for file in sorted(_OPERATIONS.glob("*.graphql")))


def _shipped(file: Path) -> Endpoint:
    text = file.read_text(encoding="utf-8")
    head = _HEAD.match(text)
    if head is None:
        raise EndpointError(f"{file.name} begins with no method and path, and a sentence.")
    method, path, max_age, title = head.groups()
    return endpoint(EndpointMethod(method), path, text, title=title, max_age=int(max_age or 0))


@dataclass(frozen=True, slots=True)
class Found:
    """An endpoint, and what stands in its place in a path where it varies."""

    endpoint: Endpoint
    values: Mapping[str, str]


def find(endpoints: Iterable[Endpoint], method: str, path: str) -> Found | set[str]:
    """The endpoint of an address; else the methods of those that are there.

    A path without anything that varies comes before those with: `/orders/estimate` is no order's.
    """
    found = [(each, match) for each in endpoints if (match := each.pattern.fullmatch(path))]
    found.sort(key=lambda pair: len(pair[0].in_path))
    wanted = "GET" if method == "HEAD" else method
    for each, match in found:
        if each.method == wanted:
            return Found(each, dict(zip(each.in_path, match.groups(), strict=True)))
    return {each.method.value for each, _match in found}
