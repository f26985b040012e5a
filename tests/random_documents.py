"""Documents made up at random: valid ones with everything that a document can have, and ones in which much overlaps."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)
from graphql.language import Lexer, Source, TokenKind
from hypothesis import strategies as st

Arguments = Callable[[str, str, GraphQLField], Sequence[str]]
"""What can be given to a field of a type, by their names: texts of arguments; an empty one where none need be."""

VARIABLES: dict[str, tuple[str, Any]] = {
    "yes": ("Boolean!", True),
    "no": ("Boolean = true", False),
    "two": ("Int", 2),
    "none": ("String", None),
}
"""What documents can refer to: name, type and value."""

MISDECLARED = frozenset({"noConnection"})
"""Fields of the toy schema that say of themselves what they are not, for the planner to find out."""


@dataclass
class Scope:
    """What a selection holds already: by response key the field with its arguments, and what is selected below it."""

    fields: dict[str, tuple[str, "Scope"]] = field(default_factory=dict)


class _Writer:
    def __init__(self, draw: Any, graph: GraphQLSchema, arguments: Arguments, budget: int) -> None:
        self._draw = draw
        self._graph = graph
        self._arguments = arguments
        self._budget = budget
        self._aliases = 0
        self.fragments: list[str] = []

    def selection(self, of_type: Any, scope: Scope, depth: int) -> str:
        parts = [self._part(of_type, scope, depth) for _ in range(self._draw(st.integers(1, 6)))]
        return f"{{ {' '.join(parts)} }}"

    def _part(self, of_type: Any, scope: Scope, depth: int) -> str:
        self._budget -= 1
        what = self._draw(st.integers(0, 11))
        if self._budget <= 0 or what == 0:
            return f"__typename{self._directives()}"
        if depth and (what == 1 or isinstance(of_type, (GraphQLInterfaceType, GraphQLUnionType))):
            return self._fragment(of_type, scope, depth - 1)
        return self._field(of_type, scope, depth)

    def _fragment(self, of_type: Any, scope: Scope, depth: int) -> str:
        on = self._draw(st.sampled_from(self._conditions(of_type)))
        inner = self.selection(on, scope, depth)
        if self._draw(st.booleans()):
            return f"... on {on.name}{self._directives()} {inner}"
        self.fragments.append(f"fragment F{len(self.fragments)} on {on.name} {inner}")
        spread = f"...F{len(self.fragments) - 1}{self._directives()}"
        return f"{spread} {spread}" if self._draw(st.booleans()) else spread

    def _conditions(self, of_type: Any) -> list[Any]:
        if isinstance(of_type, GraphQLObjectType):
            return [of_type, *of_type.interfaces]
        return sorted(self._graph.get_possible_types(of_type), key=lambda each: each.name)

    def _field(self, of_type: Any, scope: Scope, depth: int) -> str:
        fields = {} if isinstance(of_type, GraphQLUnionType) else of_type.fields
        allowed = {name: each for name, each in fields.items() if name not in MISDECLARED}
        names = [name for name, each in allowed.items() if depth or is_leaf_type(get_named_type(each.type))]
        if not names:
            return "__typename"
        name = self._draw(st.sampled_from(names))
        given = self._draw(st.sampled_from(self._arguments(of_type.name, name, fields[name])))
        written = f"{name}({given})" if given else name
        key = self._key(name, f"{of_type.name}.{written}", scope)
        _, below = scope.fields.setdefault(key, (f"{of_type.name}.{written}", Scope()))
        named = get_named_type(fields[name].type)
        inner = "" if is_leaf_type(named) else f" {self.selection(named, below, depth - 1)}"
        return f"{'' if key == name else f'{key}: '}{written}{self._directives()}{inner}"

    def _key(self, name: str, written: str, scope: Scope) -> str:
        """A response key: the field's name, or an alias where that stands for something else, or just so."""
        known = [key for key, (text, _) in scope.fields.items() if text == written]
        if known and self._draw(st.booleans()):
            return known[0]
        if name not in scope.fields and self._draw(st.integers(0, 4)):
            return name
        self._aliases += 1
        return f"a{self._aliases}"

    def _directives(self) -> str:
        chosen = self._draw(st.integers(0, 15))
        return {
            0: " @skip(if: $no)",
            1: " @include(if: $yes)",
            2: " @skip(if: $yes)",
            3: " @include(if: true) @skip(if: false)",
        }.get(chosen, "")


@st.composite
def documents(draw: Any, graph: GraphQLSchema, arguments: Arguments, budget: int = 60) -> tuple[str, dict[str, Any]]:
    """A query of at most so many fields and fragments, and its variables."""
    writer = _Writer(draw, graph, arguments, budget)
    body = " ".join([writer.selection(graph.query_type, Scope(), draw(st.integers(1, 6))), *writer.fragments])
    used = {name: each for name, each in VARIABLES.items() if re.search(rf"\${name}\b", body)}
    taken = ", ".join(f"${name}: {of_type}" for name, (of_type, _) in used.items())
    return f"query{f'({taken})' if taken else ''} {body}", {name: value for name, (_, value) in used.items()}


# Documents that are wrong


def tampered(random: Random, query: str) -> str:
    """The same with a few of its tokens left out, repeated or exchanged, mostly for others of their kind."""
    lexer, found = Lexer(Source(query)), []
    while (token := lexer.advance()).kind is not TokenKind.EOF:
        found.append((token.kind, query[token.start : token.end]))
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(found))
        alike = [other for other, (kind, _) in enumerate(found) if kind is found[at][0]]
        other, what = random.choice(alike), random.randint(0, 9)
        if what == 0 and len(found) > 1:
            del found[at]
        elif what == 1:
            found.insert(at, random.choice(found))
        elif what < 4 and found[at][0] is TokenKind.NAME:
            found.insert(at, found[other])
        elif what < 7:
            found[at] = found[other]
        else:
            found[at], found[other] = found[other], found[at]
    return " ".join(text for _, text in found)


# Overlapping fields

_ON = ["", "on Box", "on TextBox", "on NumberBox", "on Must1", "on MustBox1", "on MustBox2", "on Any", "on X"]
_CALM = (["other", "other", "__typename"], ["deep", "text", "number", "texts"], [""], [""])
_WILD = (
    ["scalar", "other", "nothing", "__typename"],
    ["deep", "text", "number", "texts"],
    ["", "", "(x: 1)", "(x: $v)"],
    ["", "a: ", "b: "],
)
"""Names of leaves and of objects, arguments, and aliases: some that seldom conflict, and some that often do."""


def overlapping(random: Random) -> str:
    """A document, not always a valid one, in which much overlaps; fragments may spread each other in circles.

    It is made for a schema of boxes: `PETS` in `tests/test_documents.py`.
    """
    names = [f"F{at}" for at in range(random.randint(0, 4))]
    wildness, size = random.choice([0, 0.02, 0.1, 0.3]), random.randint(2, 4)

    def pick(kind: int) -> str:
        return random.choice((_WILD if random.random() < wildness else _CALM)[kind])

    def selection(depth: int) -> str:
        return f"{{ {' '.join(part(depth) for _ in range(random.randint(1, size)))} }}"

    def part(depth: int) -> str:
        what = random.randint(0, 9)
        if what == 0 and names:
            return f"...{random.choice(names)}"
        if what < 4 and depth:
            return f"... {random.choice(_ON)} {selection(depth - 1)}"
        if what < 8 and depth:
            return f"{pick(3)}{pick(1)}{pick(2)} {selection(depth - 1)}"
        return f"{pick(3)}{pick(0)}{pick(2)}"

    fragments = [f"fragment {name} {random.choice(_ON[1:])} {selection(2)}" for name in names]
    return f"{{ box {selection(random.randint(1, 4))} box {selection(3)} }} {' '.join(fragments)}"
