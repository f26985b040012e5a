"""Operations: everything that can be changed, each declared once, beside the function that does it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from inspect import cleandoc, signature
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, bindparam, select

from models.life.account import AccountEvent
from models.statement import Statement
from resolvers.errors import UserErrorCode
from resolvers.inputs import Input
from resolvers.privileges import Privilege

if TYPE_CHECKING:
    from resolvers.act import Act
    from resolvers.caller import Caller
    from resolvers.run import Business

Function = Callable[["Act", Any], Awaitable[None]]
"""Does it: called with what it may use and with its input. It returns when it is done, or raises `RefusedError`."""

Preparation = Callable[["Business", "Caller", Any], Awaitable[Any]]
"""Does what is too slow for a transaction, before it: called with the input, too. What it gives is `Act.prepared`."""


@dataclass(frozen=True, eq=False)
class Target:
    """The row that an operation is about: found through the caller's scope, and locked.

    Args:
        table: the row's.
        by: the input's field that holds its id; where that is left out, the row is the caller's own account.
        below: whether the caller's own account is refused.
        is_changed: whether the operation changes the row: then the client says which version of it it knows.
        is_locked: whether it is locked when it is found; if not the operation locks it itself, behind what it has to
            lock before.
    """

    table: Table
    by: str
    below: bool = False
    is_changed: bool = True
    is_locked: bool = True

    @cached_property
    def statement(self) -> Statement:
        """The row by `row_id`, locked until the transaction ends."""
        row = select(*self.table.c).where(self.table.c.id == bindparam("row_id"))
        if self.is_locked:
            row = row.with_for_update(read=not self.is_changed)
        return Statement(row, self.table.name, is_lookup=True)


@dataclass(frozen=True, eq=False)
class Operation:
    """Something that a caller can do to what exists.

    Args:
        name: as in GraphQL, in the change log and among idempotency keys.
        function: does it.
        input: what that takes.
        privilege: what the caller needs.
        gives: the noun of the object that was changed, whose row id is the outcome's.
        target: what it is about; None where nothing exists yet.
        event: what happens to the target account, which may be in no state for it.
        taken: for each unique constraint that a change may meet the input's field that is to blame.
        codes: with which it refuses, beside those that any operation has.
        is_bulk: whether it can be done to many things at once.
        prepare: see `Preparation`. It refuses nothing: whether it was done before under the key isn't known yet.
        tells: what the outcome says besides, yes or no, with descriptions.
        also: further nouns of objects that it gives.
        warns: of what it warns though it is done, a sentence; empty if of nothing.
    """

    name: str
    function: Function
    input: type[Input]
    privilege: Privilege
    gives: str
    target: Target | None = None
    event: AccountEvent | None = None
    taken: Mapping[str, str] = field(default_factory=dict)
    codes: tuple[UserErrorCode, ...] = ()
    is_bulk: bool = False
    prepare: Preparation | None = None
    tells: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    warns: str = ""

    @property
    def description(self) -> str:
        """What it does, and with which codes it may refuse."""
        text = " ".join(cleandoc(self.function.__doc__ or "").split())
        codes = sorted({*self.codes, *self._codes_of_its_kind()})
        return f"{text} Refuses with {', '.join(f'`{code}`' for code in codes)}."

    def _codes_of_its_kind(self) -> set[UserErrorCode]:
        codes = {UserErrorCode.IDEMPOTENCY_KEY_REUSED, UserErrorCode.INVALID}
        if self.target is not None:
            codes.add(UserErrorCode.NOT_FOUND)
            codes |= {UserErrorCode.CONFLICT} if self.target.is_changed else set()
            codes |= {UserErrorCode.OWN_ACCOUNT} if self.target.below else set()
        codes |= {UserErrorCode.WRONG_STATE} if self.event else set()
        return codes | ({UserErrorCode.TAKEN} if self.taken else set())

    @property
    def action(self) -> str:
        """Its name among the actions that are told to be allowed."""
        return "".join(f"_{letter}" if letter.isupper() else letter for letter in self.name).upper()


OPERATIONS: dict[str, Operation] = {}
"""By name; filled by the modules that declare them."""


def operation(
    *,
    privilege: Privilege,
    gives: str,
    target: Target | None = None,
    event: AccountEvent | None = None,
    taken: Mapping[str, str] | None = None,
    codes: tuple[UserErrorCode, ...] = (),
    bulk: bool = False,
    prepare: Preparation | None = None,
    tells: Mapping[str, str] | None = None,
    also: tuple[str, ...] = (),
    warns: str = "",
    noun: str = "",
) -> Callable[[Function], Operation]:
    """Declare the function below as an operation, called by the noun that it gives and the function's name.

    The function's second parameter is annotated with its input; its docstring tells callers what it does. The
    arguments are those of `Operation`; with a `noun` it is called by that instead of what it gives.
    """

    def declare(function: Function) -> Operation:
        first, *words = f"{noun or gives}_{function.__name__}".split("_")
        name = first + "".join(word.capitalize() for word in words)
        _, given = signature(function).parameters.values()
        OPERATIONS[name] = Operation(
            name,
            function,
            given.annotation,
            privilege,
            gives,
            target,
            event,
            taken or {},
            codes,
            is_bulk=bulk,
            prepare=prepare,
            tells=tells or {},
            also=also,
            warns=warns,
        )
        return OPERATIONS[name]

    return declare
