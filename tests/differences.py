"""What two executors' answers to the same operation have to do with each other."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

Errors = Sequence[Mapping[str, Any]]


def difference(plan: tuple[Any, Errors], core: tuple[Any, Errors]) -> str:
    """How the answer of a plan differs from graphql-core's, as (data, errors); nothing where it is as good.

    The data must be the same to the byte, and so must the errors, but for one freedom that the specification gives
    (§6.4.4): where a null takes its parent away, the errors of the parent's other fields may be told or not.
    graphql-core tells of those that came first. Plans tell of all, each field once.
    """
    if orjson.dumps(plan[0]) != orjson.dumps(core[0]):
        return f"plan  {orjson.dumps(plan[0]).decode()}\ncore  {orjson.dumps(core[0]).decode()}"
    data = core[0]
    (told, swallowed), (told_by_core, swallowed_by_core) = _sorted(data, plan[1]), _sorted(data, core[1])
    if told != told_by_core:
        return f"only the plan tells {told - told_by_core}\nonly graphql-core tells {told_by_core - told}"
    if swallowed_by_core - swallowed:
        return f"only graphql-core tells {swallowed_by_core - swallowed}"
    if {_cut(data, each) for each in swallowed} != {_cut(data, each) for each in swallowed_by_core}:
        return f"a null without a reason: {swallowed} by the plan, {swallowed_by_core} by graphql-core"
    repeated = [each for each, count in swallowed.items() if count > 1]
    return f"told twice: {repeated}" if repeated else ""


def _sorted(data: Any, errors: Errors) -> tuple[Counter[bytes], Counter[bytes]]:
    """The errors of fields whose object stands in the answer, and of those whose object was taken away."""
    told: Counter[bytes] = Counter()
    swallowed: Counter[bytes] = Counter()
    for error in errors:
        extensions = {name: value for name, value in error.get("extensions", {}).items() if name != "requestId"}
        written = orjson.dumps({**error, "extensions": extensions}, option=orjson.OPT_SORT_KEYS)
        path = error.get("path", [])
        (swallowed if len(_living(data, path)) < len(path) else told)[written] += 1
    return told, swallowed


def _cut(data: Any, written: bytes) -> tuple[str | int, ...]:
    """The position where the null that took the error's object away came to rest."""
    return tuple(_living(data, orjson.loads(written)["path"]))


def _living(data: Any, path: Sequence[str | int]) -> list[str | int]:
    """The beginning of a path up to the first null."""
    living: list[str | int] = []
    for step in path:
        if data is None:
            break
        living.append(step)
        data = data[step]
    return living
