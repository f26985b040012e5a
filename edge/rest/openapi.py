"""OpenAPI of the endpoints, made of their operations: parameters of variables' types, answers of what is selected.

Source: OpenAPI 3.1.1; its schemas are JSON Schema 2020-12.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import orjson
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationType,
    SelectionSetNode,
    is_required_input_field,
    parse,
    value_from_ast_untyped,
)

from edge.rest.answers import PROBLEM
from edge.rest.endpoints import BASE, Endpoint
from edge.rest.variables import KEY, input_of, types_of
from models import EndpointMethod
from schema import executor

Json = dict[str, Any]

_DEEPEST = 4
"""Input objects within each other that are spelled out as parameters of a query string."""
_MOST_DESCRIPTIONS = 64
"""That are kept: callers of the same privileges are told the same."""


@lru_cache(_MOST_DESCRIPTIONS)
def described(endpoints: tuple[Endpoint, ...], address: str) -> bytes:
    """The description as JSON. It may be made in any thread."""
    return orjson.dumps(document(endpoints, address))


def document(endpoints: Iterable[Endpoint], address: str) -> Json:
    """The description of endpoints."""
    inputs: dict[str, Json] = {}
    paths: dict[str, Json] = {}
    for each in endpoints:
        paths.setdefault(each.path, {})[each.method.value.lower()] = _operation(each, inputs)
    return {
        "openapi": "3.1.1",
        "info": {"title": "Canopy", "version": "1", "description": _ABOUT},
        "servers": [{"url": f"{address}{BASE}"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "schemas": {"Problem": _PROBLEM, **dict(sorted(inputs.items()))},
            "headers": {name: {"description": about, "schema": {"type": "string"}} for name, about in _HEADERS.items()},
            "responses": {"Problem": _IS_PROBLEM},
        },
    }


_ABOUT = (
    "Saved operations of the GraphQL schema under addresses of their own: the same permissions, limits and errors."
    ' An answer with a part that its caller may not see is `{"data": ..., "errors": [...]}`. Each operation costs'
    " points of a budget that fills again: `x-cost` is what it is estimated to cost while its parameters"
    " have their defaults."
)
_HEADERS = {
    "RateLimit-Policy": "The budgets: each with its points, and in how many seconds it is full again.",
    "RateLimit": "What is left of the tighter one.",
    "Retry-After": "Seconds to wait, where that is why.",
    "ETag": "Of the answer, for `If-None-Match`.",
    "Cache-Control": "For how long its caller may keep it.",
    "Link": "The address of the next page, if there is one.",
}
_PROBLEM: Json = {
    "type": "object",
    "description": "RFC 9457, with a stable code for programs.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
_OF_PROBLEM: Json = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _with_headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


_BUDGET = ("RateLimit-Policy", "RateLimit")
_KEPT = ("ETag", "Cache-Control")
_IS_PROBLEM: Json = {
    "description": "It isn't answered; the body says why.",
    "headers": _with_headers("Retry-After"),
    "content": _OF_PROBLEM,
}


def _operation(endpoint: Endpoint, inputs: dict[str, Json]) -> Json:
    is_read = endpoint.method is EndpointMethod.GET
    is_paged = is_read and "after" in types_of(endpoint)
    names = (*_BUDGET, *(_KEPT if is_read else ()), *(("Link",) if is_paged else ()))
    told: Json = {
        "operationId": _id(endpoint),
        "summary": endpoint.title,
        "parameters": list(_parameters(endpoint, inputs)),
        "responses": {
            "201" if not is_read and endpoint.creates else "200": {
                "description": "What the operation answers.",
                "headers": _with_headers(*names),
                "content": {"application/json": {"schema": _answer(endpoint)}},
            },
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }
    if endpoint.cost is not None:
        told["x-cost"] = endpoint.cost
    if is_read:
        unchanged = "It is what the caller has, by `If-None-Match`."
        told["responses"]["304"] = {"description": unchanged, "headers": _with_headers(*_BUDGET, *_KEPT)}
    else:
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": _body(endpoint, inputs)}}}
    return told


def _id(endpoint: Endpoint) -> str:
    words = [word for word in endpoint.path.replace("{", "").replace("}", "").split("/") if word]
    return "_".join([endpoint.method.value.lower(), *words]).replace("-", "_").replace(".", "_")


def _parameters(endpoint: Endpoint, inputs: dict[str, Json]) -> Iterable[Json]:
    types, wrapped = types_of(endpoint), input_of(endpoint)
    fields = wrapped[1].fields if wrapped else {}
    for name in endpoint.in_path:
        type_ = types[name] if name in types else fields[name].type
        yield {"name": name, "in": "path", "required": True, "schema": _schema(_bare(type_), inputs)}
    if endpoint.method is EndpointMethod.POST:
        if KEY in fields:
            about = "The same as `idempotencyKey` in the body."
            yield {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}, "description": about}
        return
    defaults = {each.variable.name.value: each.default_value for each in endpoint.operation.variable_definitions or ()}
    for name, type_ in types.items():
        if name not in endpoint.in_path:
            default = defaults[name]
            for each in _of_query(name, type_, inputs, is_needed=default is None, deep=0):
                if default is not None and "." not in each["name"]:
                    each["schema"] = each["schema"] | {"default": value_from_ast_untyped(default)}
                yield each


def _of_query(
    name: str, type_: Any, inputs: dict[str, Json], *, is_needed: bool, deep: int, about: str = ""
) -> Iterable[Json]:
    """The parameters by which a query string gives a variable; an input object has one for each of its parts."""
    bare = _bare(type_)
    if isinstance(bare, GraphQLInputObjectType):
        if deep < _DEEPEST:
            for key, field in bare.fields.items():
                needed = is_needed and isinstance(type_, GraphQLNonNull) and _is_needed(field)
                told = field.description or ""
                yield from _of_query(f"{name}.{key}", field.type, inputs, is_needed=needed, deep=deep + 1, about=told)
        return
    if isinstance(bare, GraphQLList) and isinstance(_bare(bare.of_type), (GraphQLInputObjectType, GraphQLList)):
        return
    parameter: Json = {"name": name, "in": "query", "schema": _schema(bare, inputs)}
    if is_needed and isinstance(type_, GraphQLNonNull):
        parameter["required"] = True
    yield parameter | ({"description": about} if about else {})


def _is_needed(field: Any) -> bool:
    return is_required_input_field(field)


def _body(endpoint: Endpoint, inputs: dict[str, Json]) -> Json:
    wrapped = input_of(endpoint)
    if wrapped is not None:
        name = wrapped[1].name
        _schema(wrapped[1], inputs)
        elsewhere = {*endpoint.in_path, KEY} & set(wrapped[1].fields)
        whole = inputs[name]
        required = [each for each in whole.get("required", []) if each not in elsewhere]
        return {key: value for key, value in whole.items() if key != "required"} | (
            {"required": required} if required else {}
        )
    types = {name: type_ for name, type_ in types_of(endpoint).items() if name not in endpoint.in_path}
    needed = [name for name, type_ in types.items() if isinstance(type_, GraphQLNonNull)]
    properties = {name: _schema(type_, inputs) for name, type_ in types.items()}
    return {"type": "object", "properties": properties} | ({"required": needed} if needed else {})


def _bare(type_: Any) -> Any:
    return type_.of_type if isinstance(type_, GraphQLNonNull) else type_


def _schema(type_: Any, inputs: dict[str, Json]) -> Json:
    """The schema of an input's value; input objects are told once, by name."""
    if isinstance(type_, GraphQLNonNull):
        return _schema(type_.of_type, inputs)
    if isinstance(type_, GraphQLList):
        return {"type": "array", "items": _schema(type_.of_type, inputs)}
    if isinstance(type_, GraphQLInputObjectType):
        if type_.name not in inputs:
            told = inputs[type_.name] = {"type": "object"}  # stands there before its fields, which may lead back to it
            told["properties"] = {name: _field(field, inputs) for name, field in type_.fields.items()}
            required = [name for name, field in type_.fields.items() if _is_needed(field)]
            told |= {"required": required} if required else {}
            told |= {"description": type_.description} if type_.description else {}
        return {"$ref": f"#/components/schemas/{type_.name}"}
    return _leaf(type_)


def _field(field: Any, inputs: dict[str, Json]) -> Json:
    told = _schema(field.type, inputs)
    return told | ({"description": field.description} if field.description else {})


def _leaf(type_: Any) -> Json:
    if isinstance(type_, GraphQLEnumType):
        return {"type": "string", "enum": list(type_.values)}
    simple = {GraphQLInt.name: "integer", GraphQLFloat.name: "number", GraphQLBoolean.name: "boolean"}
    told: Json = {"type": simple.get(type_.name, "string")}
    if type_.name in ("Date", "DateTime"):
        told["format"] = "date" if type_.name == "Date" else "date-time"
    return told


def _answer(endpoint: Endpoint) -> Json:
    """The schema of what an operation answers: what its root field selects."""
    definitions = parse(endpoint.text).definitions
    fragments = {each.name.value: each for each in definitions if isinstance(each, FragmentDefinitionNode)}
    schema, is_mutation = executor.schema, endpoint.operation.operation is OperationType.MUTATION
    root = schema.mutation_type if is_mutation else schema.query_type
    whole = _selected(root, endpoint.operation.selection_set, fragments)
    if endpoint.root is None:
        return whole
    return _not_null(whole["properties"][(endpoint.root.alias or endpoint.root.name).value])


def _not_null(told: Json) -> Json:
    """The same where a null is told as a problem."""
    return next(each for each in told["anyOf"] if each != {"type": "null"}) if "anyOf" in told else told


def _selected(parent: Any, selections: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode]) -> Json:
    """The schema of an object of which something is selected."""
    properties: Json = {}
    required: list[str] = []
    waiting: list[tuple[Any, SelectionSetNode, bool]] = [(parent, selections, True)]
    while waiting:
        of, chosen, is_sure = waiting.pop(0)
        for each in chosen.selections:
            is_sure_here = is_sure and not each.directives
            if isinstance(each, FieldNode):
                _add(properties, required, of, each, fragments, is_sure=is_sure_here)
            else:
                into, inner = _fragment(each, of, fragments)
                waiting.append((into, inner, is_sure_here and into is of))
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})


def _fragment(node: Any, of: Any, fragments: dict[str, FragmentDefinitionNode]) -> tuple[Any, SelectionSetNode]:
    definition = fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
    assert isinstance(definition, (FragmentDefinitionNode, InlineFragmentNode))  # noqa: S101  # there are no others
    condition = definition.type_condition
    return (executor.schema.type_map[condition.name.value] if condition else of), definition.selection_set


def _add(
    properties: Json, required: list[str], of: Any, node: FieldNode, fragments: dict[str, FragmentDefinitionNode],
    *, is_sure: bool,
) -> None:  # fmt: skip  # one line less
    key = (node.alias or node.name).value
    if node.name.value == "__typename":
        properties[key] = {"type": "string"}
    else:
        field = of.fields[node.name.value]
        told = _value(field.type, node, fragments)
        properties[key] = told | ({"description": field.description} if field.description else {})
    if is_sure and key not in required:
        required.append(key)


def _value(type_: Any, node: FieldNode, fragments: dict[str, FragmentDefinitionNode]) -> Json:
    if isinstance(type_, GraphQLNonNull):
        return _value_not_null(type_.of_type, node, fragments)
    return {"anyOf": [_value_not_null(type_, node, fragments), {"type": "null"}]}


def _value_not_null(type_: Any, node: FieldNode, fragments: dict[str, FragmentDefinitionNode]) -> Json:
    if isinstance(type_, GraphQLList):
        return {"type": "array", "items": _value(type_.of_type, node, fragments)}
    if isinstance(type_, (GraphQLObjectType, GraphQLInterfaceType, GraphQLUnionType)):
        assert node.selection_set is not None  # noqa: S101  # the document is valid
        return _selected(type_, node.selection_set, fragments)
    return _leaf(type_)
