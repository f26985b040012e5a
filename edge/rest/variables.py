"""Variables of a saved operation, out of a path, a query string and a body: texts as the variables' types read them."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    type_from_ast,
)

from edge.rest.endpoints import Endpoint
from resolvers.errors import CanopyError
from schema import executor

KEY = "idempotencyKey"
_DIGITS = 10


class BadParameterError(CanopyError):
    """A request has a parameter that the endpoint can't take; the message names it."""

    code = "BAD_REQUEST"


def types_of(endpoint: Endpoint) -> dict[str, Any]:
    """The types of an operation's variables."""
    definitions = endpoint.operation.variable_definitions or ()
    return {each.variable.name.value: type_from_ast(executor.schema, each.type) for each in definitions}


def input_of(endpoint: Endpoint) -> tuple[str, GraphQLInputObjectType] | None:
    """The operation's only variable, if it is an input object: then a body is its value."""
    types = types_of(endpoint)
    if len(types) != 1:
        return None
    ((name, type_),) = types.items()
    named = get_named_type(type_)
    return (name, named) if isinstance(named, GraphQLInputObjectType) and not _is_list(type_) else None


def variables(
    endpoint: Endpoint,
    in_path: Mapping[str, str],
    in_query: Sequence[tuple[str, str]],
    body: Mapping[str, Any],
    key: str = "",
) -> dict[str, Any]:
    """The variables that a request gives.

    Args:
        endpoint: whose they are.
        in_path: what stands in the path.
        in_query: the parameters of the query string, in their order.
        body: the JSON object that was sent.
        key: of the header `Idempotency-Key`.

    Raises:
        BadParameterError: one of them is not the endpoint's, is given twice, or can't be read.
    """
    types, wrapped = types_of(endpoint), input_of(endpoint)
    given: dict[str, Any] = {}
    if wrapped is not None and (body or key or set(in_path) - set(types)):
        name, type_ = wrapped
        given[name] = _input(type_, in_path, body, key)
        in_path = {each: text for each, text in in_path.items() if each in types}
    else:
        for name, value in body.items():
            if name not in types:
                raise BadParameterError(_unknown(name, types))
            given[name] = value
    for name, text in in_path.items():
        _put(given, types, name, [text])
    texts: dict[str, list[str]] = {}
    for name, text in in_query:
        texts.setdefault(name, []).append(text)
    for name, several in texts.items():
        if name in in_path:
            raise BadParameterError(f"`{name}` stands in the path.")
        _put(given, types, name, several)
    return given


def _input(
    type_: GraphQLInputObjectType, in_path: Mapping[str, str], body: Mapping[str, Any], key: str
) -> dict[str, Any]:
    """The value of an operation's only variable: the body, and what stands in the path and the header."""
    given = dict(body)
    for name, text in [*in_path.items(), *([(KEY, key)] if key else [])]:
        if name not in type_.fields:
            raise BadParameterError(_unknown(name, type_.fields))
        value = _read(type_.fields[name].type, [text], name)
        if given.get(name, value) != value:
            raise BadParameterError(f"`{name}` is given twice.")
        given[name] = value
    return given


def _put(given: dict[str, Any], types: Mapping[str, Any], name: str, texts: list[str]) -> None:
    """Put the value of a parameter where it belongs: `filter.status` into an input object."""
    first, *rest = name.split(".")
    type_, into, at = types.get(first), given, first
    for part in rest:
        fields = getattr(get_named_type(type_), "fields", {}) if type_ is not None and not _is_list(type_) else {}
        type_ = fields[part].type if part in fields else None
        into = into.setdefault(at, {})
        if not isinstance(into, dict):
            raise BadParameterError(f"`{name}` is given twice.")
        at = part
    if type_ is None:
        raise BadParameterError(_unknown(name, types))
    if at in into:
        raise BadParameterError(f"`{name}` is given twice.")
    into[at] = _read(type_, texts, name)


def _unknown(name: str, known: Mapping[str, Any]) -> str:
    told = ", ".join(known) or "none"
    return f"There is no parameter `{name[:100]}`; the endpoint takes {told}."


def _read(type_: Any, texts: list[str], name: str) -> Any:
    """Texts as a type reads them; what the type itself refuses is left to it."""
    bare = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if isinstance(bare, GraphQLList):
        return [_read(bare.of_type, [text], name) for text in texts]
    if len(texts) > 1:
        raise BadParameterError(f"`{name}` is given twice.")
    if isinstance(bare, GraphQLInputObjectType):
        raise BadParameterError(f"`{name}` has parts, such as `{name}.{next(iter(bare.fields))}`.")
    (text,) = texts
    if bare is GraphQLInt:
        if not text.removeprefix("-").isdecimal() or not text.isascii() or len(text) > _DIGITS + 1:
            raise BadParameterError(f"`{name}` takes a whole number.")
        return int(text)
    if bare is GraphQLBoolean:
        if text not in ("true", "false"):
            raise BadParameterError(f"`{name}` takes true or false.")
        return text == "true"
    return text


def _is_list(type_: Any) -> bool:
    return isinstance(type_.of_type if isinstance(type_, GraphQLNonNull) else type_, GraphQLList)
