"""The schema as its users read it: current on disk, described throughout, named and shaped alike everywhere."""

import re
from collections.abc import Iterator
from enum import EnumMeta
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    build_schema,
    find_breaking_changes,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

import models
from models.base import PeriodType
from models.life.subscription import HoldReason
from models.scope import Reach
from models.store import Store
from resolvers.errors import ForbiddenError, UserErrorCode
from resolvers.order_actions import OrderAction
from resolvers.subscription_actions import SubscriptionAction
from resolvers.subscription_orders import TermEnd
from resolvers.user_actions import UserAction
from schema import schema_text
from schema.action import Action
from schema.change_words import ChangeNoun
from schema.node import NOUNS
from tests.asking import ask, ask_graphql_core, caller_at
from tests.documents import GRAPH, ROOTS, connections, declaration, is_connection, named, node_type, object_types
from tests.hierarchy import World

SDL = Path(__file__).parent.parent / "schema" / "schema.graphql"
SENTENCE = re.compile(r"[A-Z0-9`].*[.?]", re.DOTALL)

ENUMS: dict[str, Any] = {
    name: each for name in models.__all__ if isinstance(each := getattr(models, name), EnumMeta)
} | {
    "Action": Action,
    "ChangeNoun": ChangeNoun,
    "HoldReason": HoldReason,
    "OrderAction": OrderAction,
    "PeriodType": PeriodType,
    "Reach": Reach,
    "SubscriptionAction": SubscriptionAction,
    "TermEnd": TermEnd,
    "UserAction": UserAction,
    "UserErrorCode": UserErrorCode,
}

SHORT_LISTS = {
    "Account.ancestors": "as many as the tree has levels",
    "Account.attributes": "what an integrator chose to note of one account",
    "Account.balances": "whom one account owes, or owed",
    "Account.contacts": "people to ask about one account",
    "Change.fields": "the columns of one row",
    "Order.attributes": "what an integrator chose to note of one order",
    "Order.lines": "what fits on one order",
    "OrderDraft.lines": "what would fit on one order",
    "OrderLine.charges": "one or two for each level of the tree",
    "Plan.subscriptionPeriods": "lengths of time that one plan is sold for",
    "Payload.results": "one for each item, of which there are at most 100",
    "Payload.userErrors": "what is wrong with one input",
    "Payload.warnings": "what is odd in one price sheet, at most 100",
    "Price.tiers": "steps of one price",
    "Product.dependsOn": "what one product needs",
    "Product.offers": "plans and periods of one product",
    "Query.nodes": "as many as ids were given, at most 100",
    "Result.userErrors": "what is wrong with one item",
    "Subscription.attributes": "what an integrator chose to note of one subscription",
    "Subscription.items": "a product and its add-ons",
    "Subscription.lots": "one for each order since the last renewal, and those before it",
    "Subscription.refundable": "those of its lots that can be given back",
    "Subscription.upgrades": "what the provider lets one plan and period be switched to, as far as it is offered",
    "Summary.accounts": "one for each type and status",
    "Summary.monthly": "one for each currency",
    "Summary.subscriptions": "one for each status",
    "Summary.subscriptionsByManufacturer": "one for each manufacturer",
    "Summary.subscriptionsByProduct": "as many as `first` says",
    "Summary.users": "one for each kind",
    "User.roles": "one for each role",
    "UserError.candidates": "what one line can mean, at most 20",
    "Viewer.memberships": "where one person works",
}
"""Lists of objects that are no connections, and why they can't grow."""


def ours() -> list[GraphQLNamedType]:
    """Every type that isn't GraphQL's own."""
    own = {"String", "Int", "Float", "Boolean", "ID"}
    return [each for name, each in sorted(GRAPH.type_map.items()) if not name.startswith("__") and name not in own]


def parts(of_type: GraphQLNamedType) -> Iterator[tuple[str, Any]]:
    """The type and everything in it, each with its full name."""
    yield of_type.name, of_type
    if isinstance(of_type, GraphQLEnumType):
        yield from ((f"{of_type.name}.{name}", value) for name, value in of_type.values.items())
    if isinstance(of_type, (GraphQLObjectType, GraphQLInterfaceType, GraphQLInputObjectType)):
        for name, each in of_type.fields.items():
            yield f"{of_type.name}.{name}", each
            for argument, given in getattr(each, "args", {}).items():
                yield f"{of_type.name}.{name}({argument})", given


def fields() -> Iterator[tuple[str, GraphQLField]]:
    for of_type in object_types():
        for name, each in of_type.fields.items():
            yield f"{of_type.name}.{name}", each


def test_the_schema_on_disk_is_the_schema() -> None:
    assert SDL.read_text().splitlines() == schema_text().splitlines(), "run `make schema`, and read the diff"


def test_the_schema_on_disk_says_all_that_a_client_can_rely_on() -> None:
    on_disk = build_schema(SDL.read_text())

    assert find_breaking_changes(GRAPH, on_disk) == []
    assert {each.description for each in find_breaking_changes(on_disk, GRAPH)} == {
        "Directive @cost was removed.",  # what is declared of costs is for readers of the definition
        "Directive @listSize was removed.",
    }


def test_everything_is_described_in_sentences() -> None:
    texts = {name: (part.description or "").strip() for each in ours() for name, part in parts(each)}

    assert [name for name, text in texts.items() if not SENTENCE.fullmatch(text)] == []


def test_a_field_that_takes_a_privilege_says_so() -> None:
    wrong = []
    for name, each in fields():
        check = getattr(declaration(each), "check", None)
        told = re.findall(r"privilege `([a-z-]+:[a-z-]+)`", each.description or "")
        needed: list[str] = []
        if check is not None:
            with pytest.raises(ForbiddenError) as refusal:
                check(_Nobody())
            needed = [str(refusal.value).split()[4].rstrip(":.").removesuffix(":")]
        if told != needed:
            wrong.append((name, told, needed))

    assert wrong == []


class _Nobody:
    """As much of a context as a check looks at."""

    caller = caller_at(1, privileges=frozenset())


def test_names_follow_the_grammar() -> None:
    grammar = {
        GraphQLEnumType: re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*"),
        GraphQLObjectType: re.compile(r"[a-z][a-zA-Z0-9]*"),
        GraphQLInputObjectType: re.compile(r"[a-z][a-zA-Z0-9]*"),
    }
    wrong = []
    for each in ours():
        if not re.fullmatch(r"([A-Z][a-z0-9]+)+", each.name):
            wrong.append(each.name)
        names = getattr(each, "values", None) or getattr(each, "fields", {})
        inner = grammar.get(type(each))
        wrong += [f"{each.name}.{name}" for name in names if inner and not inner.fullmatch(name)]
        for of in getattr(each, "fields", {}).values():
            wrong += [name for name in getattr(of, "args", {}) if not re.fullmatch(r"[a-z][a-zA-Z0-9]*", name)]

    assert wrong == []


def test_types_are_singular() -> None:
    # "Address" and "Status" are singular too.
    assert [each.name for each in ours() if re.search(r"(?<!s)(?<!u)s$", each.name)] == []


def test_an_enumeration_is_a_models_enumeration_or_made_for_an_argument() -> None:
    shown = {each.name: set(each.values) for each in ours() if isinstance(each, GraphQLEnumType)}
    for_arguments = {name for name in shown if name.endswith("OrderField")} | {"Direction"}

    assert shown.keys() - for_arguments <= ENUMS.keys()
    assert {name: set(each.__members__) for name, each in ENUMS.items() if name in shown} == {
        name: values for name, values in shown.items() if name not in for_arguments
    }
    assert all(name == member.value for each in ENUMS.values() for name, member in each.__members__.items())


# Lists


def test_every_list_that_can_grow_is_a_connection() -> None:
    lists = [
        name for name, each in fields() if is_list_type(get_nullable_type(each.type)) and not is_leaf_type(named(each))
    ]

    shown = {re.sub(r"^\w+(Payload|Result)\.", r"\1.", name) for name in lists}
    assert {name for name in shown if not re.search(r"Connection\.(edges|nodes)$", name)} == SHORT_LISTS.keys()


ARGUMENTS = {"first": "Int", "after": "String", "last": "Int", "before": "String"}


@pytest.mark.parametrize(("parent", "name"), [(parent, name) for parent, name, _ in connections()])
def test_a_connection_is_as_relay_has_it(parent: str, name: str) -> None:
    (of,) = [each for owner, field, each in connections() if (owner, field) == (parent, name)]
    node = node_type(of).name
    connection, edge = GRAPH.type_map[f"{node}Connection"], GRAPH.type_map[f"{node}Edge"]
    assert isinstance(connection, GraphQLObjectType)
    assert isinstance(edge, GraphQLObjectType)

    assert named(of) is connection
    assert {key: str(each.type) for key, each in connection.fields.items()} == {
        "edges": f"[{node}Edge!]!",
        "nodes": f"[{node}!]!",
        "pageInfo": "PageInfo!",
        "totalCount": "Int!",
        "totalCountIsExact": "Boolean!",
    }
    assert {key: str(each.type) for key, each in edge.fields.items()} == {"cursor": "String!", "node": f"{node}!"}
    assert {key: str(each.type) for key, each in of.args.items() if key != "maxDepth"} == ARGUMENTS | {
        "filter": f"{node}Filter",
        "orderBy": f"{node}Order",
    }


def test_page_info_is_as_relay_has_it() -> None:
    info = GRAPH.type_map["PageInfo"]
    assert isinstance(info, GraphQLObjectType)

    assert {key: str(each.type) for key, each in info.fields.items()} == {
        "hasNextPage": "Boolean!",
        "hasPreviousPage": "Boolean!",
        "startCursor": "String",
        "endCursor": "String",
    }


def test_every_root_field_may_fail_alone() -> None:
    assert [name for name, each in ROOTS.items() if str(each.type).endswith("!")] == []


def test_a_field_that_can_be_refused_may_be_null() -> None:
    checked = [(name, each) for name, each in fields() if getattr(declaration(each), "check", None)]

    assert len(checked) > 30
    assert [name for name, each in checked if str(each.type).endswith("!")] == []


# Objects with global ids


def test_what_has_a_global_id_is_a_node_and_what_is_a_node_has_one() -> None:
    node = GRAPH.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)

    assert {each.name for each in GRAPH.get_possible_types(node)} == {noun.type_name for noun in NOUNS.values()}
    assert {key: str(each.type) for key, each in node.fields.items()} == {"id": "ID!"}
    assert {type_name: (noun.prefix, len(noun.prefix)) for type_name, noun in NOUNS.items()} == {
        prefix: (prefix, 3) for prefix in NOUNS
    }
    assert {node_type(each).name for _, _, each in connections() if is_connection(each)} <= {
        noun.type_name for noun in NOUNS.values()
    }


@pytest.mark.parametrize("prefix", NOUNS)
async def test_a_global_id_leads_to_an_object_of_its_type(
    marked_store: Store, marked_world: World, prefix: str
) -> None:
    noun = NOUNS[prefix]
    table = noun.source.name.partition(".")[0]
    ids = [f"{prefix}_{row['id']}" for row in marked_world[table][:3]]
    text = (
        "query($id: ID!, $ids: [ID!]!) { node(id: $id) { __typename id } nodes(ids: $ids)"
        f" {{ __typename id ... on {noun.type_name} {{ again: id }} }} }}"
    )
    for way in (ask, ask_graphql_core):
        answer = await way(marked_store, caller_at(1), text, {"id": ids[0], "ids": [*ids, ids[0]]})

        assert answer.errors == []
        assert answer.data["node"] == {"__typename": noun.type_name, "id": ids[0]}
        assert answer.data["nodes"] == [
            {"__typename": noun.type_name, "id": each, "again": each} for each in [*ids, ids[0]]
        ]


@pytest.mark.parametrize("prefix", NOUNS)
def test_rows_of_one_table_alone_are_of_a_type(prefix: str) -> None:
    noun = NOUNS[prefix]
    of_type = GRAPH.type_map[noun.type_name]
    assert isinstance(of_type, GraphQLObjectType)
    assert of_type.is_type_of is not None
    tables = {each.source.name.partition(".")[0] for each in NOUNS.values()}

    class Row:
        def __init__(self, noun: str) -> None:
            self.noun = noun

    assert [table for table in tables if of_type.is_type_of(Row(table), None)] == [noun.source.noun]  # type: ignore[arg-type]  # it doesn't look at the second


async def test_more_ids_than_a_hundred_are_refused(marked_store: Store) -> None:
    document = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    answer = await ask(marked_store, caller_at(1), document, {"ids": ["acc_1"] * 101})

    assert (answer.data, answer.codes) == ({"nodes": None}, ["INVALID_ARGUMENT"])
    assert answer.errors[0]["message"] == "101 ids; at most 100 at once."


@pytest.mark.parametrize("text", ["acc_0", "acc_01", "acc_-1", "acc_1 ", " acc_1", "ACC_1", "acc1", "acc_", "xyz_1",
                                  f"acc_{2**63}", "acc_" + "9" * 5000, "", "\u0000", "acc_\u0661"])  # fmt: skip
async def test_what_is_no_global_id_is_null(marked_store: Store, text: str) -> None:
    given = {"id": text, "ids": [text]}
    document = "query($id: ID!, $ids: [ID!]!) { node(id: $id) { id } nodes(ids: $ids) { id } }"
    answer = await ask(marked_store, caller_at(1), document, given)

    assert (answer.data, answer.errors) == ({"node": None, "nodes": [None]}, [])


async def test_an_account_is_asked_for_in_one_way_at_a_time(marked_store: Store) -> None:
    for arguments in ("", "(id: null)", '(id: "acc_1", externalId: "x")', '(id: "")', '(externalId: "")'):
        answer = await ask(marked_store, caller_at(1), f"{{ account{arguments} {{ id }} }}")

        assert (answer.data, answer.codes) == ({"account": None}, ["INVALID_ARGUMENT"])
        assert answer.errors[0]["message"] == "Give either `id` or `externalId`."
    assert get_named_type(ROOTS["account"].type) is GRAPH.type_map["Account"]
