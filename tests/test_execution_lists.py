"""Lists, as graphql-core's `test_lists.py` has them: what counts as one, and what a null or an error in one takes away.

Not restated: lists that come asynchronously. Sources give whole lists, and functions give no awaitables.
"""

from collections.abc import Callable, Iterator
from types import SimpleNamespace as Value
from typing import Any

import pytest

from tests.toy_schema import by_both, probed
from tests.toy_sources import World, no_null, told

NO_LIST = "Expected Iterable, but did not find one for field 'Probe.{}'."


# What is a list


class Anew:
    """A value whose attributes are made anew whenever one looks at them: an iterator can be read only once."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # or else it could be awaited
            raise AttributeError(name)
        return self._make()


class Iterable:
    """Neither a list nor a tuple, but it can be iterated over."""

    def __init__(self, *items: Any) -> None:
        self._items = items

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)


_ITERABLES: list[Callable[..., Any]] = [
    lambda *items: list(items),
    lambda *items: items,
    lambda *items: (each for each in items),
    lambda *items: iter(items),
    lambda *items: dict.fromkeys(items).keys(),
    Iterable,
]


@pytest.mark.parametrize("make", _ITERABLES)
async def test_whatever_can_be_iterated_over_is_a_list(make: Callable[..., Any]) -> None:
    data, errors = await by_both(World(probe=Anew(lambda: make(2, True, "3"))), "{ probe { numbers } }")
    assert (data["probe"], errors) == ({"numbers": [2, 1, 3]}, [])
    data, errors = await by_both(World(probe=Anew(lambda: make(1, "x"))), "{ probe { numbers numbersOf } }")
    assert data["probe"] == {"numbers": [1, None], "numbersOf": None}
    assert sorted(path for path, _ in told(errors)) == [["probe", "numbers", 1], ["probe", "numbersOf", 1]]


@pytest.mark.parametrize("make", _ITERABLES)
async def test_whatever_can_be_iterated_over_is_a_list_of_objects(make: Callable[..., Any]) -> None:
    class Hashed(Value):
        __hash__ = object.__hash__  # type: ignore[assignment]  # the keys of a dictionary are among the lists

    first, second = Hashed(text="a", text_must="b"), Hashed(text="c", text_must=None)
    world = World(probe=Anew(lambda: make(first, second)))
    data, errors = await by_both(world, "{ probe { children { text } a: children { textMust } } }")
    assert data["probe"] == {"children": [{"text": "a"}, {"text": "c"}], "a": [{"textMust": "b"}, None]}
    assert told(errors) == [(["probe", "a", 1, "textMust"], no_null("Probe.textMust"))]


async def test_a_set_is_a_list_in_some_order() -> None:
    data, errors = await probed("numbers", numbers={1, 2, 3})
    assert sorted(data["numbers"]) == [1, 2, 3]
    assert not errors


@pytest.mark.parametrize("value", [{1: "one", 2: "two"}, "Singular", b"bytes", 5, object, Value()])
async def test_what_is_no_list_is_an_error_where_a_list_should_be(value: Any) -> None:
    data, errors = await probed("numbers children { text } matrix", numbers=value, children=value, matrix=[[1], value])
    assert data == {"numbers": None, "children": None, "matrix": [[1], None]}
    assert sorted(errors, key=str) == [
        (["probe", "children"], NO_LIST.format("children")),
        (["probe", "matrix", 1], NO_LIST.format("matrix")),
        (["probe", "numbers"], NO_LIST.format("numbers")),
    ]


# Nulls and errors in lists

_NULL = "null"
_BAD = ValueError("bad")
_KINDS = [("", "[T]"), ("_must", "[T]!"), ("_of", "[T!]"), ("_must_of", "[T!]!")]
_CASES = [
    ([1, 2], "[T]", [1, 2], None), ([1, 2], "[T]!", [1, 2], None),
    ([1, 2], "[T!]", [1, 2], None), ([1, 2], "[T!]!", [1, 2], None),
    ([], "[T]", [], None), ([], "[T!]!", [], None),
    ([1, None, 2], "[T]", [1, None, 2], None), ([1, None, 2], "[T]!", [1, None, 2], None),
    ([1, None, 2], "[T!]", None, ([1], _NULL)), ([1, None, 2], "[T!]!", "gone", ([1], _NULL)),
    (None, "[T]", None, None), (None, "[T]!", "gone", ([], _NULL)),
    (None, "[T!]", None, None), (None, "[T!]!", "gone", ([], _NULL)),
    ([1, _BAD, 2], "[T]", [1, None, 2], ([1], "bad")), ([1, _BAD, 2], "[T]!", [1, None, 2], ([1], "bad")),
    ([1, _BAD, 2], "[T!]", None, ([1], "bad")), ([1, _BAD, 2], "[T!]!", "gone", ([1], "bad")),
    (_BAD, "[T]", None, ([], "bad")), (_BAD, "[T]!", "gone", ([], "bad")),
    (_BAD, "[T!]", None, ([], "bad")), (_BAD, "[T!]!", "gone", ([], "bad")),
]  # fmt: skip  # a table


@pytest.mark.parametrize("of", ["numbers", "children"])
@pytest.mark.parametrize(("value", "kind", "answer", "error"), _CASES)
async def test_a_null_or_an_error_goes_as_far_as_the_kind_of_list_says(
    of: str, value: Any, kind: str, answer: Any, error: tuple[list[int], str] | None
) -> None:
    attribute = of + next(ending for ending, written in _KINDS if written == kind)
    first, *others = attribute.split("_")
    name = first + "".join(map(str.title, others))
    if of == "children":
        value = _with_objects(value, lambda number: Value(number=number))
        answer = _with_objects(answer, lambda number: {"number": number})
    data, errors = await probed(f"text {name} {'{ number }' * (of == 'children')}", text="a", **{attribute: value})
    assert data == (None if answer == "gone" else {"text": "a", name: answer})
    messages = {_NULL: no_null(f"Probe.{name}"), "bad": "bad"}
    assert errors == ([(["probe", name, *error[0]], messages[error[1]])] if error else [])


def _with_objects(value: Any, make: Callable[[Any], Any]) -> Any:
    """The same with objects in the place of numbers."""
    return [make(each) if isinstance(each, int) else each for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("name", "value", "answer", "path"), [
    ("matrix", [[1, None], None, (2,)], [[1, None], None, [2]], None), ("matrix", [[1], 5], [[1], None], [1]),
    ("matrix", [[1, "x"], []], [[1, None], []], [0, 1]), ("matrixMust", [[1], [None]], "gone", [1, 0]),
    ("matrixMust", [[1], None], "gone", [1]), ("matrixMust", [[1], _BAD], "gone", [1]),
])  # fmt: skip  # a table
async def test_lists_in_lists_are_lists_of_their_own(name: str, value: Any, answer: Any, path: list[int]) -> None:
    data, errors = await probed(f"text {name}", text="a", matrix=value, matrix_must=value)
    assert data == (None if answer == "gone" else {"text": "a", name: answer})
    assert [each for each, _ in errors] == ([] if path is None else [["probe", name, *path]])


async def test_a_list_of_objects_loses_only_the_objects_in_which_something_is_wrong() -> None:
    children = [Value(text_must="a"), Value(text_must=None), None, ValueError("no child")]
    data, found = await probed("children { textMust }", children=children)
    assert data == {"children": [{"textMust": "a"}, None, None, None]}
    assert sorted(found, key=str) == [
        (["probe", "children", 1, "textMust"], no_null("Probe.textMust")),
        (["probe", "children", 3], "no child"),
    ]


async def test_a_list_of_objects_that_must_be_there_goes_with_the_first_that_is_missing() -> None:
    data, found = await probed("childrenOf { textMust }", children_of=[Value(text_must="a"), Value(text_must=None)])
    assert data == {"childrenOf": None}
    assert found == [(["probe", "childrenOf", 1, "textMust"], no_null("Probe.textMust"))]


async def test_a_list_in_a_list_of_objects_is_a_list_of_its_own() -> None:
    grid = [[Value(text="a"), None], None, [], (Value(text="b"),)]
    data, found = await probed("grid { text }", grid=grid)
    assert data == {"grid": [[{"text": "a"}, None], None, [], [{"text": "b"}]]}
    assert not found


async def test_a_null_deep_in_lists_that_must_be_there_takes_all_of_them() -> None:
    data, found = await probed("gridMust { text }", grid_must=[[Value(text="a")], [None]])
    assert data is None
    assert found == [(["probe", "gridMust", 1, 0], no_null("Probe.gridMust"))]
