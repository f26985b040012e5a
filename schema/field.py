"""How fields are declared: what they mean, which columns they are made of, where their data comes from.

A declaration is data; the resolver that graphql-core calls is made from it. So every field checks its privilege in
the same way, and another executor can read the declarations instead of calling the resolvers.
"""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar, get_type_hints

import strawberry

from models.statement import Row
from resolvers.context import Context
from resolvers.privileges import MEANINGS, Privilege
from resolvers.source import Source
from schema.info import Info
from schema.selection import NEEDS, columns

T = TypeVar("T")

PRIVILEGE = "privilege"
SOURCE = "source"


def described(text: str, privilege: Privilege | None) -> str:
    """A field's description, with the privilege that it takes."""
    return f"{text} Takes the privilege `{privilege.value}`." if privilege else text


def column(description: str) -> Any:
    """A field that is the column of the same name."""
    return strawberry.field(description=description)


def renamed(name: str, graphql_type: Any, description: str) -> Any:
    """A field that is a column of another name."""

    def resolve(root: Row) -> graphql_type:
        return getattr(root, name)

    return strawberry.field(resolver=resolve, description=description, metadata={NEEDS: (name,)})


def computed(
    description: str, *, needs: tuple[str, ...], privilege: Privilege | None = None
) -> Callable[[Callable[..., T]], T]:
    """A field worked out from columns of its row by a function of the row, or of the row and the context."""

    def declare(function: Callable[..., T]) -> T:
        takes_context = function.__code__.co_argcount > 1

        def resolve(root: Row, info: Info) -> Any:
            if privilege is not None:
                info.context.caller.require(privilege)
            return function(root, info.context) if takes_context else function(root)

        resolve.__annotations__["return"] = function.__annotations__["return"]
        field: Any = strawberry.field(
            resolver=resolve,
            description=described(description, privilege),
            metadata={NEEDS: needs, PRIVILEGE: privilege},
        )
        return field  # type: ignore[no-any-return]  # Strawberry turns it into an attribute of the function's type

    return declare


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

    async def resolve(root: Row, info: Info) -> graphql_type | None if nullable else graphql_type:  # type: ignore[valid-type]  # the type is a value here
        if privilege is not None:
            info.context.caller.require(privilege)
        key = source.key(root)
        return None if key is None else await info.context.load(source, key, columns(info))

    return strawberry.field(
        resolver=resolve,
        description=described(description, privilege),
        metadata={NEEDS: source.needs, PRIVILEGE: privilege, SOURCE: source},
    )


def loaded(
    source: Source,
    description: str,
    *,
    privilege: Privilege | None = None,
    request: Callable[[Any], Hashable] = lambda _root: None,
) -> Callable[[Callable[..., T]], T]:
    """A field worked out from what a source has for its parent, by a function of that and of the parent's row.

    The function's third argument, if it has one, is the context.
    """

    def declare(function: Callable[..., T]) -> T:
        takes_context = function.__code__.co_argcount > 2  # what was loaded and the row come first

        async def resolve(root: Row, info: Info) -> Any:
            if privilege is not None:
                info.context.caller.require(privilege)
            value = await info.context.load(source, source.key(root), request(root))
            return function(value, root, info.context) if takes_context else function(value, root)

        resolve.__annotations__["return"] = get_type_hints(function, include_extras=True)["return"]
        field: Any = strawberry.field(
            resolver=resolve,
            description=described(description, privilege),
            metadata={NEEDS: source.needs, PRIVILEGE: privilege, SOURCE: source},
        )
        return field  # type: ignore[no-any-return]  # as in `computed`

    return declare


def of_noun(noun: str) -> Callable[[Any, Any], bool]:
    """`is_type_of` for a type whose objects are rows of a table."""
    return lambda row, _info: getattr(row, "noun", None) == noun


def privilege_note(privilege: Privilege) -> str:
    """What a privilege lets one do, for a description."""
    return MEANINGS[privilege]


def masked(context: Context, value: str | None, *, own: bool = False) -> str | None:
    """Personal data as the caller may see it: itself, or asterisks that tell nothing, not even a length."""
    if value is None or own or context.caller.may(Privilege.PERSONAL_DATA_VIEW):
        return value
    return "*****"
