"""How fields are declared: what they mean, which columns they are made of, where their data comes from.

A declaration is data (`schema/execution/declaration.py`). The resolver that graphql-core calls is made from it here;
plans read it directly. So both check the same privilege and call the same function over a set of parents.
"""

from asyncio import gather
from collections import namedtuple
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from inspect import Parameter, Signature, signature
from typing import Any, TypeVar, cast

import strawberry

from models.statement import Row
from resolvers.context import Context
from resolvers.privileges import Privilege
from resolvers.source import Source
from schema.execution.declaration import DECLARATION, Column, Computed, Declaration, Loaded, Lookup, Prefixed, Related
from schema.info import Info
from schema.selection import columns

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Requires:
    """The check of a field that takes a privilege, which can be asked for which.

    Args:
        privilege: what it takes.
    """

    privilege: Privilege

    def __call__(self, context: Context) -> None:
        """Raise `ForbiddenError` unless the caller has it."""
        context.caller.require(self.privilege)


def column(description: str) -> Any:
    """A field that is the column of the same name."""
    return strawberry.field(description=description)


def renamed(name: str, graphql_type: Any, description: str) -> Any:
    """A field that is a column of another name."""
    declaration = Column(needs=(name,), name=name)
    return declared(declaration, lambda root, info: getattr(root, name), graphql_type, description)


def prefixed(prefix: str, name: str, graphql_type: Any, description: str) -> Any:
    """A field that is a column behind a constant text."""
    declaration = Prefixed(needs=(name,), prefix=prefix, name=name)
    return declared(declaration, lambda root, info: f"{prefix}{getattr(root, name)}", graphql_type, description)


def computed(
    description: str, *, needs: tuple[str, ...] = (), privilege: Privilege | None = None
) -> Callable[[Callable[..., T]], T]:
    """A field worked out from columns of its row by a function of the row, or of the row and the context."""

    def declare(function: Callable[..., T]) -> T:
        takes_context = len(_positional(function)) > 1
        bind = (lambda context: partial(function, context=context)) if takes_context else function
        declaration = Computed(
            needs=needs, check=Requires(privilege) if privilege else None, function=bind, takes_context=takes_context
        )
        return _worked_out(declaration, function, described(description, privilege))

    return declare


def personal(
    description: str, *, needs: tuple[str, ...], own: Callable[[Context], Callable[[Row], bool]] | None = None
) -> Callable[[Callable[[Row], T]], T]:
    """Personal data: a text made of columns, or asterisks for those who may not see it, which tell not even a length.

    Args:
        description: its meaning.
        needs: the columns, with those that `own` looks at.
        own: gives what tells the caller's own rows, which are never masked.
    """

    def declare(function: Callable[[Row], T]) -> T:
        def bind(context: Context) -> Callable[[Row], Any]:
            if context.caller.may(Privilege.PERSONAL_DATA_VIEW):
                return function
            is_own = own(context) if own else lambda _row: False
            return lambda row: function(row) if is_own(row) else _masked(function(row))

        return _worked_out(Computed(needs=needs, function=bind, takes_context=True), function, description)

    return declare


def _worked_out(declaration: Computed, function: Callable[..., T], description: str) -> T:
    def resolve(root: Row, info: Info) -> Any:
        return declaration.bound(info.context)(root)

    return cast(T, declared(declaration, resolve, _returns(function), description))


def _masked(value: Any) -> str | None:
    return None if value is None else "*****"


def related(
    source: Source, graphql_type: Any, description: str, *, privilege: Privilege | None = None, nullable: bool = True
) -> Any:
    """A field that is another row, or a short list of rows, fetched for all parents of a level at once.

    Args:
        source: takes the columns that are needed as its request.
        graphql_type: of the row, or a list of it.
        description: its meaning.
        privilege: what it takes.
        nullable: whether it can be missing.
    """

    async def resolve(root: Row, info: Info) -> Any:
        (needed,) = source.needs
        key = getattr(root, needed)
        return None if key is None else await load_rows(info.context, source, key, columns(info))

    return declared(
        Related(needs=source.needs, check=Requires(privilege) if privilege else None, source=source),
        resolve,
        graphql_type | None if nullable else graphql_type,
        described(description, privilege),
    )


def loaded(
    source: Source,
    description: str,
    *,
    needs: tuple[str, ...] = (),
    privilege: Privilege | None = None,
    request: Callable[..., Hashable] = lambda: None,
) -> Callable[[Callable[..., T]], T]:
    """A field worked out from what a source has for its parent, and from what the parent's row `needs` besides.

    The function takes what was loaded, then the parent's row, then the context if it has a third parameter. Its
    keyword-only parameters are the field's arguments; `request` takes them too, and makes the source's request.
    """

    def declare(function: Callable[..., T]) -> T:
        takes_context = len(_positional(function)) > 2  # what was loaded and the row come first
        arguments = _keyword_only(function)

        async def resolve(root: Row, info: Info, **given: Any) -> Any:
            (needed,) = source.needs
            value = await info.context.load(source, getattr(root, needed), request(**given) if arguments else request())
            return function(value, root, *([info.context] if takes_context else []), **given)

        declaration = Loaded(
            needs=(*source.needs, *needs),
            check=Requires(privilege) if privilege else None,
            source=source,
            request=request,
            function=function,
            takes_context=takes_context,
        )
        text = described(description, privilege)
        return cast(T, declared(declaration, resolve, _returns(function), text, arguments))

    return declare


def lookup(description: str) -> Callable[[Callable[..., T]], T]:
    """A field of the root: a function of the context and the field's arguments that gives references to rows."""

    def declare(function: Callable[..., T]) -> T:
        async def resolve(root: Any, info: Info, **given: Any) -> Any:
            found: Any = function(info.context, **given)
            many = isinstance(found, list)
            rows = await _referred(info, found if many else [found])
            return rows if many else rows[0]

        declaration = Lookup(function=function)
        return cast(T, declared(declaration, resolve, _returns(function), description, _keyword_only(function)))

    return declare


async def _referred(info: Info, references: Sequence[Any]) -> list[Any]:
    async def row(reference: Any) -> Any:
        if reference is None or isinstance(reference, Exception):
            return reference
        return await load_rows(info.context, reference.source, reference.key, columns(info, reference.type_name))

    return list(await gather(*map(row, references)))


def declared(
    declaration: Declaration,
    resolve: Callable[..., Any],
    graphql_type: Any,
    description: str,
    arguments: Sequence[Parameter] = (),
) -> Any:
    """The Strawberry field of a declaration, with a resolver of that signature which makes the declaration's check."""
    check = declaration.check

    def checked(root: Any, info: Info, **given: Any) -> Any:
        if check is not None:
            check(info.context)
        return resolve(root, info, **given)

    resolver: Any = checked
    given = [Parameter("root", Parameter.POSITIONAL_OR_KEYWORD, annotation=Any)]
    given.append(Parameter("info", Parameter.POSITIONAL_OR_KEYWORD, annotation=Info))
    resolver.__signature__ = Signature([*given, *arguments], return_annotation=graphql_type)
    resolver.__annotations__ = {each.name: each.annotation for each in (*given, *arguments)} | {"return": graphql_type}
    return strawberry.field(resolver=resolver, description=description, metadata={DECLARATION: declaration})


async def load_rows(context: Context, source: Source, key: Any, needed: tuple[str, ...]) -> Any:
    """What a source of rows has for one parent, its rows under their names."""
    found = await context.load(source, key, needed)
    if found is None:
        return None
    name = row_type(source.noun, source.layout(needed))
    return [name(row) for row in found] if isinstance(found, list) else name(found)


@lru_cache(4000)
def row_type(noun: str, names: tuple[str, ...]) -> Callable[[Sequence[Any]], Row]:
    """Makes named tuples, which know what they are a row of, out of a driver's rows."""
    base: Any = namedtuple("Row", names)  # type: ignore[misc]  # known when a query comes, not to mypy
    return cast(Any, type("Row", (base,), {"__slots__": (), "noun": noun}))._make  # type: ignore[no-any-return]  # a constructor


def described(text: str, privilege: Privilege | None) -> str:
    """A field's description, with the privilege that it takes."""
    return f"{text} Takes the privilege `{privilege.value}`." if privilege else text


def _positional(function: Callable[..., Any]) -> list[Parameter]:
    return [each for each in signature(function).parameters.values() if each.kind is not Parameter.KEYWORD_ONLY]


def _keyword_only(function: Callable[..., Any]) -> list[Parameter]:
    return [each for each in signature(function).parameters.values() if each.kind is Parameter.KEYWORD_ONLY]


def _returns(function: Callable[..., Any]) -> Any:
    return function.__annotations__["return"]


def of_noun(noun: str) -> Callable[[Any, Any], bool]:
    """`is_type_of` for a type whose objects are rows of a table."""
    return lambda row, _info: getattr(row, "noun", None) == noun
