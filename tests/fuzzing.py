"""Operations made up from the schema, by schemathesis, with ids that there are among those that there aren't."""

import os
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from graphql import DirectiveDefinitionNode, DocumentNode, parse, print_ast
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

SCHEMA = Path(__file__).parent.parent / "schema/schema.graphql"
EXAMPLES = int(os.environ.get("CANOPY_FUZZ", "20"))
"""Of each operation, in a deep run; `make fuzz` takes 500, and an hour."""
_TEXT = re.compile(r'(?<=[:\[ ])"(?:[^"\\]|\\.)*"')


@cache
def operations() -> Sequence[Any]:
    """Every field of the roots, as schemathesis has it."""
    import schemathesis.graphql
    from hypothesis_graphql import nodes

    made = {
        "Date": st.dates().map(lambda value: nodes.String(value.isoformat())),
        "DateTime": st.datetimes().map(lambda value: nodes.String(f"{value.isoformat()}Z")),
        "Decimal": st.decimals(allow_nan=False, allow_infinity=False).map(lambda value: nodes.String(str(value))),
        "Currency": st.sampled_from(["USD", "EUR", "usd", ""]).map(nodes.String),
    }
    for name, strategy in made.items():
        schemathesis.graphql.scalar(name, strategy)
    loaded = schemathesis.graphql.from_file(_without_parts())
    found: Iterable[Any] = loaded.get_all_operations()  # each is fine, or why it isn't
    return [each.ok() for each in found]


def _without_parts() -> str:
    """The schema without the directives of incremental delivery, which schemathesis does not take."""
    kept = tuple(
        each
        for each in parse(SCHEMA.read_text(encoding="utf-8")).definitions
        if not (isinstance(each, DirectiveDefinitionNode) and each.name.value in {"defer", "stream"})
    )
    return print_ast(DocumentNode(definitions=kept))


def documents(operation: Any, examples: int, ids: Sequence[str]) -> Iterator[str]:
    """Documents that ask for one field of a root, each once.

    Args:
        operation: of `operations`.
        examples: how many are made up.
        ids: that there are; a quarter of the texts in a document become one of them.
    """
    made: dict[str, None] = {}
    chance = random.Random(operation.label)
    for case in _cases(operation, examples):
        made[_TEXT.sub(lambda found: _another(chance, ids) or found[0], case.body)] = None
    yield from made


def endpoints(description: Mapping[str, Any]) -> Sequence[Any]:
    """Every endpoint of an OpenAPI description, as schemathesis has it."""
    import schemathesis.openapi

    loaded = schemathesis.openapi.from_dict(dict(description))
    found: Iterable[Any] = loaded.get_all_operations()  # each is fine, or why it isn't
    return [each.ok() for each in found]


def requests(operation: Any, examples: int) -> Sequence[Any]:
    """Requests to an endpoint: cases of schemathesis."""
    return _cases(operation, examples)


def _cases(operation: Any, examples: int) -> list[Any]:
    cases: list[Any] = []

    @settings(
        max_examples=examples,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
        derandomize=True,
    )
    @given(case=operation.as_strategy())
    def collect(case: Any) -> None:
        cases.append(case)

    collect()
    return cases


def _another(chance: random.Random, ids: Sequence[str]) -> str:
    return f'"{chance.choice(ids)}"' if chance.random() < 0.25 else ""
