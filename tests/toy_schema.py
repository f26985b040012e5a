"""A small schema with every kind of field, on sources in memory that fail when they are told to."""

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from inspect import Parameter
from types import SimpleNamespace
from typing import Annotated, Any, NewType, cast

import strawberry
from graphql import GraphQLField
from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import convert_arguments

from models.statement import Row
from resolvers.context import Context
from resolvers.privileges import Privilege
from resolvers.source import Source
from schema.connection import connection
from schema.execution.declaration import Computed, Paged, Reference
from schema.execution.documents import Executor
from schema.field import column, computed, declared, loaded, lookup, of_noun, prefixed, related, row_type
from schema.limits.declaring import Cost
from tests.differences import difference
from tests.toy_inputs import PICKY, Echo, Picky
from tests.toy_sources import ALL, BOSS, BY_ID, OTHERS, PAGES, PAL, STAFF, WORTH, ToyContext, World, told


def bringing(source: Source) -> Source:
    """The source, able to bring along rows of others that are; what it does so is noted as one fetch."""

    async def fetch_along(
        context: Any, keys: Sequence[Any], columns: tuple[str, ...], others: Sequence[Any], *, is_all: bool
    ) -> list[tuple[Any, ...]]:
        before = len(context.fetches)
        rows = await source.fetch(context, keys, columns)
        layout = source.layout(columns)
        found = [rows]
        for other, asked in others:
            at = layout.index(*other.needs)
            belonging = [row[at] if isinstance(row, tuple) else None for row in rows]
            found.append(await _fetched(context, other, belonging, asked))
        name = " with ".join([source.name, *(other.name for other, _ in others)])
        context.fetches[before:] = [(f"{name}, all" if is_all else name, list(keys), columns)]
        return list(zip(*found, strict=True))

    return replace(source, fetch_along=fetch_along)


async def _fetched(context: Any, source: Source, keys: Sequence[Any], columns: tuple[str, ...]) -> list[Any]:
    """What the source has for each key, or the exception that it raises."""
    try:
        found = await source.fetch(context, keys, columns)
    except Exception as error:
        return [error] * len(keys)
    return [None if key is None else each for key, each in zip(keys, found, strict=True)]


BRINGING, BOSSES, PALS = bringing(BY_ID), bringing(BOSS), bringing(PAL)


@strawberry.enum(description="An enumeration.")
class Color(Enum):
    RED = "r"
    GREEN = "g"


Odd = NewType("Odd", str)


def _write_odd(value: Any) -> Any:
    """Writes nothing for some, and refuses others."""
    if value == "refused":
        raise ValueError("This is no odd value.")
    return None if value == "nothing" else {"odd": value}


ProbeRef = Annotated["Probe", strawberry.lazy("tests.toy_schema")]
ItemRef = Annotated["Item", strawberry.lazy("tests.toy_schema")]


@strawberry.type
class Probe:
    """A value: whatever the test puts there."""

    text: str | None
    text_must: str
    number: int | None
    number_must: int
    flag: bool | None
    flag_must: bool
    ratio: float | None
    ident: strawberry.ID | None
    color: Color | None
    color_must: Color
    odd: Odd | None
    odd_must: Odd
    numbers: list[int | None] | None
    numbers_must: list[int | None]
    numbers_of: list[int] | None
    numbers_must_of: list[int]
    matrix: list[list[int | None] | None] | None
    matrix_must: list[list[int]]
    child: ProbeRef | None
    child_must: ProbeRef
    children: list[ProbeRef | None] | None
    children_must: list[ProbeRef | None]
    children_of: list[ProbeRef] | None
    children_must_of: list[ProbeRef]
    grid: list[list[ProbeRef | None] | None] | None
    grid_must: list[list[ProbeRef]]

    @computed("Raises what the value holds.", needs=("raises",))
    def worked_out(value: Any) -> str | None:
        return cast(str | None, _raised(value.raises))

    @computed("Raises what the value holds; not null.", needs=("raises",))
    def worked_out_must(value: Any) -> str:
        return cast(str, _raised(value.raises))

    boss: ItemRef | None = related(BOSSES, ItemRef, "A row that belongs to a value.")

    @computed("A child, perhaps.", needs=("raises", "child"))
    def worked_child(value: Any, context: Context) -> ProbeRef | None:
        _raised(value.raises)
        return value.child  # type: ignore[no-any-return]  # a probe

    @computed("For some callers only.", privilege=Privilege.FINANCES_VIEW)
    def secret(value: Any) -> int | None:
        return 7

    @computed("For some callers only, and not null.", privilege=Privilege.FINANCES_VIEW)
    def secret_must(value: Any) -> int:
        return 7

    @computed("An object for some callers only.", needs=("child",), privilege=Privilege.FINANCES_VIEW)
    def secret_child(value: Any) -> ProbeRef | None:
        return value.child  # type: ignore[no-any-return]  # a probe


def _raised(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


@strawberry.input
class Bounds:
    """An input object with a default."""

    low: int = strawberry.field(default=0, directives=[Cost(weight="3")])
    high: int | None = None

    def __post_init__(self) -> None:
        """Thirteen makes no sense."""
        if self.low == 13:
            raise ValueError("Thirteen is no bound.")


@strawberry.input
class NoFilter:
    """A filter of nothing."""

    name: str | None = None

    def values(self) -> dict[str, Any]:
        return {"name": self.name}


@strawberry.input
class NoOrder:
    """An order of nothing."""

    field: str = "id"
    direction: str = "ASC"


@strawberry.interface
class Thing:
    """Has an id."""

    id: strawberry.ID


@strawberry.type
class Item(Thing):
    """A row."""

    is_type_of = of_noun("items")
    id: strawberry.ID = prefixed("itm_", "id", strawberry.ID, "The id.")
    name: str | None = column("A text.")
    rank: int = column("A number.")
    boss: ItemRef | None = related(BOSSES, ItemRef, "A row.")
    chief: ItemRef | None = related(BOSSES, ItemRef, "A row, for some.", privilege=Privilege.USERS_VIEW)
    pal: ItemRef = related(PALS, ItemRef, "A row that must be there.", nullable=False)
    staff: list[ItemRef] = related(STAFF, list[ItemRef], "Rows.", nullable=False)
    staff_or_none: list[ItemRef] | None = related(STAFF, list[ItemRef], "Rows.", privilege=Privilege.USERS_VIEW)
    under = connection(
        PAGES, ItemRef, "Pages.", filter_type=NoFilter, order_type=NoOrder, privilege=Privilege.ACCOUNTS_VIEW
    )

    @computed("The name, larger.", needs=("name",))
    def shout(row: Row) -> str:
        return row.name.upper()  # type: ignore[no-any-return]  # a text

    @loaded(WORTH, "Loaded.", needs=("name",), request=lambda scale, bounds: (scale, bounds and bounds.low))
    def worth(found: Any, row: Row, *, scale: int = 1, bounds: Bounds | None = None) -> int | None:
        if scale == 13:
            raise ValueError("Thirteen is no scale.")
        return None if found is None else found * scale + (bounds.low if bounds else 0)

    @loaded(WORTH, "Loaded, and must be there.", request=lambda: "other")
    def worth_must(found: Any, row: Row, context: Context) -> int:
        return cast(int, found)

    @loaded(WORTH, "A value, loaded.")
    def report(found: Any, row: Row) -> Probe | None:
        value = None if found is None else SimpleNamespace(text=str(found), text_must=found, child=None)
        return cast(Probe | None, value)


@strawberry.type
class Other(Thing):
    """A row of another type."""

    is_type_of = of_noun("others")
    id: strawberry.ID = prefixed("oth_", "id", strawberry.ID, "The id.")
    label: str | None = column("A text.")


Either = Annotated[Item | Other, strawberry.union("Either")]
_SOURCES = {"itm": ("Item", BRINGING), "old": ("Item", BY_ID), "oth": ("Other", OTHERS)}


def _reference(text: str) -> Any:
    prefix, _, key = text.partition("_")
    if prefix not in _SOURCES:
        return ValueError(f"No type has such ids: {text}.") if prefix == "bad" else None
    type_name, source = _SOURCES[prefix]
    return Reference(type_name=type_name, source=source, key=int(key))


@strawberry.type
class Query:
    """The root."""

    @computed("A value.")
    def probe(root: Any, context: Context) -> Probe | None:
        return cast(ToyContext, context).world.probe  # type: ignore[no-any-return]  # a probe

    @computed("A value that must be there.")
    def probe_must(root: Any, context: Context) -> Probe:
        return cast(ToyContext, context).world.probe  # type: ignore[no-any-return]  # a probe

    @computed("Says what it is given.")
    def echo(root: Any) -> Echo:
        return SimpleNamespace(id=1)  # type: ignore[return-value]  # a value with a key

    @lookup("One of an interface.")
    def thing(context: Context, *, id: strawberry.ID) -> Thing | None:
        return _reference(id)  # type: ignore[no-any-return]  # leads to the row

    @lookup("Several of an interface.")
    def things(context: Context, *, ids: list[strawberry.ID]) -> list[Thing | None]:
        return [_reference(each) for each in ids]

    @lookup("Several, none missing.")
    def things_of(context: Context, *, ids: list[strawberry.ID]) -> list[Thing]:
        return [_reference(each) for each in ids]

    @lookup("One of a union.")
    def either(context: Context, *, id: strawberry.ID) -> Either | None:
        return _reference(id)  # type: ignore[no-any-return]  # leads to the row

    @lookup("One of a type; raises for zero.")
    def item(context: Context, *, id: int = 1) -> Item | None:
        if id == 0:
            raise ValueError("Zero is no id.")
        return Reference(type_name="Item", source=BRINGING, key=id)  # type: ignore[return-value]  # leads to the row

    all = connection(ALL, ItemRef, "All.", filter_type=NoFilter, order_type=NoOrder, privilege=Privilege.ACCOUNTS_VIEW)

    # What no plan covers

    @computed("One of an interface.")
    def some_thing(root: Any) -> Thing | None:
        return None

    with_argument = declared(
        Computed(function=lambda _row: 1, takes_context=False),
        lambda _root, _info, *, number: number,
        int | None,
        "Takes an argument.",
        [Parameter("number", Parameter.KEYWORD_ONLY, annotation=int, default=1)],
    )
    no_connection = declared(
        Paged(
            pages=PAGES.pages,
            counts=PAGES.counts,
            requests=lambda _context, _arguments, _columns: (None, None),
            cursor=lambda _context, _page, _row: "",
            total=lambda count: (count, True),
        ),
        lambda _root, _info: None,
        Probe | None,
        "Says that it is a connection.",
    )

    @strawberry.field
    def plain(self) -> str:
        """A resolver of another kind, which no plan covers."""
        return "plain"


@strawberry.type
class Mutation:
    """Something that plans don't do."""

    @strawberry.mutation
    def touch(self) -> int:
        """Does nothing."""
        return 1


_ODD = strawberry.scalar(name="Odd", serialize=_write_odd, parse_value=str)


schema = strawberry.Schema(
    query=Query, mutation=Mutation, types=[Item, Other], config=StrawberryConfig(scalar_map={Odd: _ODD, Picky: PICKY})
)


def _convert(of: GraphQLField, given: dict[str, Any]) -> dict[str, Any]:
    definition = of.extensions["strawberry-definition"]
    return convert_arguments(given, definition.arguments, schema.schema_converter.scalar_registry, schema.config)


def new_executor() -> Executor:
    """An executor that has answered nothing yet."""
    return Executor(schema._schema, _convert, lambda level: row_type("items", tuple(level.layout)))


executor = new_executor()


async def by_plan(
    world: World, query: str, variables: Any = None, name: str | None = None, **given: Any
) -> tuple[Any, list[Any]]:
    """The data and the errors of an answer by a plan."""
    document = executor.document(query)
    assert not document.errors, document.errors
    answer = await executor.execute(document, name, variables, ToyContext(world, **given))
    return answer.data, [error.formatted for error in answer.errors]


async def by_core(
    world: World, query: str, variables: Any = None, name: str | None = None, **given: Any
) -> tuple[Any, list[Any]]:
    """The data and the errors of graphql-core's answer."""
    answer = await executor.execute_by_core(executor.document(query), name, variables, ToyContext(world, **given))
    return answer.data, [error.formatted for error in answer.errors]


async def by_both(world: World, query: str, variables: Any = None, **given: Any) -> tuple[Any, list[Any]]:
    """The answer of a plan, which is as good as graphql-core's."""
    answer = await by_plan(world, query, variables, **given)
    found = difference(answer, await by_core(world, query, variables, **given))
    assert not found, f"{query}\n{found}"
    return answer


async def probed(selection: str, **values: Any) -> tuple[Any, list[tuple[list[Any], str]]]:
    """What a probe with these values answers to both: its data, and where which errors are."""
    data, errors = await by_both(World(probe=SimpleNamespace(**values)), f"{{ probe {{ {selection} }} }}")
    return data["probe"], told(errors)
