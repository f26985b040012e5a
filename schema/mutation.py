"""Mutations: each declared operation as a field of the root, with its input, its payload and its form for many."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from inspect import Parameter
from types import ModuleType, SimpleNamespace
from typing import Annotated, Any, cast

import strawberry
from strawberry.utils.str_converters import to_camel_case

from resolvers.changing import ChangingContext
from resolvers.errors import UserError as UserErrorValue
from resolvers.errors import UserErrorCode
from resolvers.operation import OPERATIONS, Operation
from resolvers.outcome import Outcome
from resolvers.perform import MAX_ITEMS, Item
from resolvers.source import Source
from schema.candidate import OrderCandidate
from schema.execution.declaration import Declaration
from schema.field import Requires, column, computed, declared, described, load_rows, related
from schema.info import Info
from schema.inputs import input_type, values_of
from schema.node import NOUNS, Noun
from schema.reference import QueryRef
from schema.selection import columns

_KEY = (
    str,
    "Your own key for this change, 8 to 200 printable characters. Sent again with the same input it changes nothing and"
    " gives the same answer, for 7 days; with another input it is refused.",
)
_VERSION = (int, "The `version` that you know. If the object has another by now, nothing is done: `CONFLICT`.")


@strawberry.type(description="One reason why a change was refused.")
class UserError:
    """Stands in front of `resolvers.errors.UserError`."""

    path: list[str] = column(
        "Names of the input's fields, from its top to where it is wrong; places in lists as numbers, from 0."
    )
    message: str = column("A sentence for people.")
    code: UserErrorCode = column("For programs; stable.")
    candidates: list[OrderCandidate] = column(
        "What could be meant, at most 20, where it isn't clear what an order's line means: with `AMBIGUOUS_MPN`, and"
        " with `REQUIRED` where a plan or a period is needed. Empty otherwise."
    )


def told(error: UserErrorValue) -> Any:
    """What stands behind a `UserError`."""
    path = [to_camel_case(name) for name in error.path]
    return SimpleNamespace(path=path, message=error.message, code=error.code, candidates=list(error.candidates))


def mutations(modules: Iterable[ModuleType], **types: Any) -> Any:
    """The root of mutations: every operation that the modules declare.

    Args:
        modules: of the resolvers.
        types: of the objects that operations give, by noun.
    """
    declaring = {module.__name__ for module in modules}
    fields: dict[str, Any] = {}
    for operation in OPERATIONS.values():
        if operation.function.__module__ in declaring:
            fields[operation.name] = _alone(operation, types)
            if operation.is_bulk:
                fields[f"{operation.name}Bulk"] = _many(operation, types)
    made = type("Mutation", (), {"__doc__": "The root.", **fields})
    description = (
        "What can be changed. Each field is a transaction of its own, done one after the other, at most 5 in an"
        " operation; `query` in a payload sees what it changed."
    )
    return strawberry.type(made, description=description)


def _alone(operation: Operation, types: Mapping[str, Any]) -> Any:
    """The field that does an operation to one thing."""
    given = input_type(f"{_title(operation)}Input", operation.input, {**_version(operation), "idempotency_key": _KEY})
    payload = _payload(f"{_title(operation)}Payload", operation, types, query=(QueryRef, _query()))

    async def resolve(_root: Any, info: Info, **arguments: Any) -> Any:
        value = arguments["input"]
        outcome = await _context(info).perform(operation, _item(operation, value), value.idempotency_key)
        return _answer(operation, outcome)

    return _field(operation, resolve, given, payload, operation.description)


def _many(operation: Operation, types: Mapping[str, Any]) -> Any:
    """The field that does an operation to many things."""
    title = _title(operation)
    item = input_type(f"{title}Item", operation.input, _version(operation))
    given = _bulk_input(f"{title}BulkInput", item)
    result = _payload(f"{title}Result", operation, types, index=(int, column("The item's place, from 0.")))
    payload = _bulk_payload(f"{title}BulkPayload", result)

    async def resolve(_root: Any, info: Info, **arguments: Any) -> Any:
        value = arguments["input"]
        items = [_item(operation, each) for each in value.items]
        outcome = await _context(info).perform_many(operation, items, value.idempotency_key, is_atomic=value.is_atomic)
        results = [_answer(operation, each, index=index) for index, each in enumerate(outcome.items)]
        return _answer(operation, Outcome(errors=outcome.errors), results=results)

    return _field(operation, resolve, given, payload, f"`{operation.name}` for up to {MAX_ITEMS} at once.")


def _field(operation: Operation, resolve: Any, given: type, payload: type, description: str) -> Any:
    about = strawberry.argument(description="What to do.")
    argument = Parameter("input", Parameter.KEYWORD_ONLY, annotation=Annotated[given, about])
    check = Declaration(check=Requires(operation.privilege))
    return declared(check, resolve, payload | None, described(description, operation.privilege), [argument])


def _context(info: Info) -> ChangingContext:
    return cast(ChangingContext, info.context)


def _item(operation: Operation, value: Any) -> Item:
    return Item(values_of(operation.input, value), getattr(value, "expected_version", None))


def _answer(operation: Operation, outcome: Outcome, **more: Any) -> Any:
    """What stands behind a payload."""
    errors = [told(error) for error in outcome.errors]
    given: dict[str, Any] = {f"{noun}_id": outcome.ids.get(noun) for noun in (operation.gives, *operation.also)}
    given |= {name: bool(outcome.ids[name]) if name in outcome.ids else None for name in operation.tells}
    warnings = [told(warning) for warning in outcome.warnings]
    return SimpleNamespace(user_errors=errors, warnings=warnings, **given, **more)


# Types


def _title(operation: Operation) -> str:
    return operation.name[0].upper() + operation.name[1:]


def _version(operation: Operation) -> dict[str, tuple[Any, str]]:
    is_versioned = operation.target is not None and operation.target.is_changed
    return {"expected_version": _VERSION} if is_versioned else {}


def _bulk_input(name: str, item: type) -> type:
    of_key, about_key = _KEY
    namespace = {
        "__annotations__": {"items": list[item], "is_atomic": bool, "idempotency_key": of_key},  # type: ignore[valid-type]  # made from data
        "items": strawberry.field(description=f"To what, 1 to {MAX_ITEMS}."),
        "is_atomic": strawberry.field(
            default=False, description="Whether one refusal undoes all; otherwise each is done, or not, for itself."
        ),
        "idempotency_key": strawberry.field(description=about_key),
    }
    return strawberry.input(type(name, (), namespace), name=name, description="What to do to many at once.")


def _bulk_payload(name: str, result: type) -> type:
    namespace = {
        "__annotations__": {"results": list[result], "user_errors": list[UserError]},  # type: ignore[valid-type]  # made from data
        "results": column("One for each item, in their order; empty if nothing was tried."),
        "user_errors": column("Why nothing was tried; empty if it was. What was wrong with an item stands with it."),
        "query": _query(),
    }
    return strawberry.type(type(name, (), namespace), name=name, description="What came of it.")


def _payload(name: str, operation: Operation, types: Mapping[str, Any], **more: tuple[Any, Any]) -> type:
    """A payload about one thing; `more` are further fields, each a type and the field."""
    words = operation.gives.replace("_", " ")
    noun, source = _source(operation.gives)
    fields: dict[str, tuple[Any, Any]] = {
        "user_errors": (list[UserError], column("Why nothing was done; empty if it was done.")),
        **{name: (bool | None, column(text)) for name, text in operation.tells.items()},
        **({"warnings": (list[UserError], column(operation.warns))} if operation.warns else {}),
        **more,
    }
    namespace = {
        "__annotations__": {field_name: of_type for field_name, (of_type, _) in fields.items()},
        operation.gives: _object(
            noun,
            source,
            types[operation.gives],
            f"The {words} as it is now, changed or not. Null if there is none, or none visible.",
        ),
        "current_version": _current_version(source, words),
        **{each: _beside(each, types) for each in operation.also},
        **{field_name: field for field_name, (_, field) in fields.items()},
    }
    return strawberry.type(type(name, (), namespace), name=name, description="What came of it.")


@cache
def _source(gives: str) -> tuple[Noun, Source]:
    """What fetches the objects of a noun for payloads."""
    (noun,) = [
        each for each in NOUNS.values() if to_camel_case(gives) == each.type_name[0].lower() + each.type_name[1:]
    ]
    return noun, replace(noun.source, name=f"{noun.source.noun}.{gives}_id", needs=(f"{gives}_id",))


def _beside(gives: str, types: Mapping[str, Any]) -> Any:
    """A further object that an operation gives."""
    noun, source = _source(gives)
    words = gives.replace("_", " ")
    return _object(noun, source, types[gives], f"The {words} that it placed. Null if it was refused.")


def _object(noun: Noun, source: Source, graphql_type: type, description: str) -> Any:
    """An object that was changed. One that is the caller itself takes no privilege to see."""
    if noun.own is None:
        return related(source, graphql_type, description, privilege=noun.privilege)
    (needed,) = source.needs

    async def resolve(root: Any, info: Info) -> Any:
        key = getattr(root, needed)
        noun.require(info.context.caller, key or 0)  # no row has that id
        return None if key is None else await load_rows(info.context, source, key, columns(info))

    text = f"{description} Takes the privilege to see any {noun.type_name}, unless it is the caller itself."
    return declared(Declaration(needs=source.needs), resolve, graphql_type | None, text)


def _current_version(source: Source, words: str) -> Any:
    (needed,) = source.needs

    async def resolve(root: Any, info: Info) -> int | None:
        key = getattr(root, needed)
        row = None if key is None else await load_rows(info.context, source, key, ("version",))
        return None if row is None else row.version

    declaration = Declaration(needs=source.needs)
    return declared(declaration, resolve, int | None, f"The `version` that the {words} has now; null with it.")


def _query() -> Any:
    @computed("For asking on: what is read here sees what was changed.")
    def query(_answer: Any) -> QueryRef:
        return _answer  # type: ignore[no-any-return]  # the root's fields look at nothing

    return query
