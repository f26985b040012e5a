"""Who may have what: a matrix that a person can read, made by asking for everything as everybody.

`pytest tests/test_permissions.py --update` rewrites `tests/snapshots/permissions.txt`; read the diff.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from models import RoleCode, demo
from models.scope import Reach
from models.store import Store
from resolvers.caller import Caller
from resolvers.privileges import ROLES, Privilege
from schema import schema
from tests.asking import EVERYTHING, ask, caller_at
from tests.documents import Values, connections, filter_type, filters, object_types, orders, whole
from tests.hierarchy import World
from tests.lists import PREFIXES
from tests.scan import View, answers, at_once, lists

SNAPSHOT = Path(__file__).parent / "snapshots" / "permissions.txt"
LEGEND = """\
Who gets what. `pytest tests/test_permissions.py --update` rewrites this file.

  +  answered (which may be null)
  -  FORBIDDEN
  *  masked, but for what is the caller's own
  .  nothing of the kind in view, or every way to it is forbidden

A line of a field, with arguments or with the type of the object in brackets where it matters. Arguments that have no
line take nothing beyond what their field takes.
"""

HELD = {
    "admin@provider.example": (1, RoleCode.PROVIDER_FULL_ACCESS),
    "support@provider.example": (1, RoleCode.SUPPORT_ENGINEER),
    "admin@reseller.example": (2, RoleCode.RESELLER_FULL_ACCESS),
    "accountant@reseller.example": (2, RoleCode.ACCOUNTANT),
    "sales@reseller": (2, RoleCode.SALES_MANAGER),  # no demo login holds this one
    "admin@subreseller.example": (3, RoleCode.RESELLER_FULL_ACCESS),
    "admin@customer.example": (7, RoleCode.CUSTOMER_FULL_ACCESS),
    "limited@customer.example": (7, RoleCode.LIMITED_ADMINISTRATOR),
    "user@customer.example": (7, RoleCode.SERVICE_USER),
}
"""Each demo login: where it stands in the hand-made hierarchy, and its role."""

NOT_IN_GRAPHQL = {"accounts:act-as"}
"""Privileges that no field takes: by this one tokens are exchanged."""

NOBODY = "nobody"
MASK = "*****"
SHORT = {login: login.partition(".")[0] for login in HELD}


def user_of(world: World, account_id: int, kind: str) -> int:
    return int(next(row["id"] for row in world["app_user"] if (row["account_id"], row["kind"]) == (account_id, kind)))


def caller_of(world: World, login: str) -> Caller:
    """The hand-made hierarchy's counterpart of a demo login."""
    if login == NOBODY:
        return caller_at(2, user_id=user_of(world, 2, "ADMINISTRATOR"), privileges=frozenset())
    account_id, role = HELD[login]
    is_service_user = role is RoleCode.SERVICE_USER
    user = user_of(world, account_id, "SERVICE_USER" if is_service_user else "ADMINISTRATOR")
    reach = Reach.OWN if account_id == 7 else Reach.SUBTREE
    return caller_at(account_id, reach, role, user_id=user, is_service_user=is_service_user)


# The matrix


BY_TYPE = {"Query.node", "Query.nodes"}
"""Fields that have a line for each type of object."""


def lines() -> set[str]:
    """Every field of every type but the connections and their edges, which have all or nothing.

    Who may change what has a matrix of its own: see `test_mutation_matrix.py`; who hears of what: see `test_live.py`;
    who acts: see `test_acting.py`.
    """
    others = (
        "Connection",
        "Edge",
        "Mutation",
        "Payload",
        "Result",
        "UserError",
        "OrderCandidate",
        "Live",
        "Event",
        "Draft",
        "DraftLine",
        "Actor",
    )
    types = [each for each in object_types() if not each.name.endswith(others)]
    plain = {f"{of_type.name}.{name}" for of_type in types for name in of_type.fields} - BY_TYPE
    return plain | {f"{line}({type_name})" for line in BY_TYPE for type_name in PREFIXES}


def outcomes(
    refused: set[tuple[str | int, ...]], at: Any, type_name: str, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[str, str]]:
    """For each field in an answer, of which some paths were refused, a line and what became of it."""
    if isinstance(at, list):
        for index, each in enumerate(at):
            yield from outcomes(refused, each, type_name, (*path, index))
    for name, value in at.items() if isinstance(at, dict) else ():
        here = (*path, name)
        of_type = at.get("__typename", type_name)
        if name != "__typename":
            yield f"{of_type}.{name}", "-" if here in refused else "*" if value == MASK else "+"
            yield from outcomes(refused, value, "", here)


DOCUMENTS = (
    {"all": at_once(lists(2, 5))}
    | {name: text for name, text in whole(2, 5).items() if ":" in name}
    | {f"{root} deep": lists(3, 1)[root] for root in ("orders", "products", "subscriptions", "summary", "viewer")}
    | {"charges": "{ orders { nodes { __typename lines { __typename charges { __typename buyer { id } } } } } }"}
    | {
        "prospects": "{ subscriptions(first: 100) { nodes { __typename"
        " scheduledChange { __typename on event order { id } }"
        " upgrades { __typename plan { id } product { id } switch { id } } } } }"
    }
)


async def of_fields(store: Store, view: View) -> dict[str, set[str]]:
    """What becomes of each field that the caller comes to, asking for everything."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, answer in (await answers(store, view, DOCUMENTS)).items():
        assert set(answer.codes) <= {"FORBIDDEN"}, answer.errors
        refused = {tuple(error["path"]) for error in answer.errors}
        for line, outcome in outcomes(refused, answer.data, "Query"):
            if line == "Query.nodes":
                items = [each for each, error in zip(answer.data["nodes"], answer.errors, strict=False) if error]
                outcome = "-" if items and not any(answer.data["nodes"]) else outcome
            found[f"{line}({name.partition(':')[2]})" if line in BY_TYPE else line].add(outcome)
    return found


WAYS = {
    "Query": "%s",
    "Account": "viewer { account { %s } }",
    "Invoice": "viewer { account { invoicesReceived { nodes { %s } } } }",
    "Subscription": "viewer { account { subscriptions { nodes { %s } } } }",
    "User": "viewer { user { %s } }",
}
"""How one comes to the lists of a type."""


async def of_arguments(store: Store, view: View) -> dict[str, str]:
    """What becomes of each list when a condition, or an order, is asked for."""
    found = {}
    values = Values(ids=lambda prefix: [f"{prefix}_1"], texts=lambda _name: ["x"])
    for parent, name, of in connections():
        for argument, given in [
            *(
                (f"filter.{each}", f"filter: {{{each}: {values.literal(filter_type(of), each)}}}")
                for each in filters(of)
            ),
            *((f"orderBy.{each}", f"orderBy: {{field: {each}}}") for each in orders(of)),
        ]:
            way = WAYS[parent]
            answer = await ask(store, view.caller, f"{{ {way % f'{name}({given}) {{ nodes {{ id }} }}'} }}")
            assert set(answer.codes) <= {"FORBIDDEN"}, answer.errors
            found[f"{parent}.{name}({argument})"] = "-" if answer.codes else "+"
    return found


def cell(outcomes: set[str]) -> str:
    """What a field comes to: masked where it is masked anywhere, for one's own data never is."""
    if not outcomes:
        return "."
    if "*" in outcomes:
        return "*"
    assert len(outcomes) == 1, "a field is refused to a caller everywhere or nowhere"
    return next(iter(outcomes))


async def matrix(store: Store, world: World) -> str:
    """The whole matrix as text."""
    fields, arguments = {}, {}
    for login in (*HELD, NOBODY):
        view = View(world, caller_of(world, login))
        fields[login] = await of_fields(store, view)
        arguments[login] = await of_arguments(store, view)
    rows = {line: [cell(found.get(line, set())) for found in fields.values()] for line in lines()}
    for line in sorted(arguments[NOBODY]):
        cells = [arguments[login][line] for login in arguments]
        if cells != rows[line.partition("(")[0]]:
            rows[line] = cells
    return table(rows)


def table(rows: dict[str, list[str]]) -> str:
    """The rows under their headings, aligned."""
    headings = [*SHORT.values(), NOBODY]
    width = max(map(len, rows)) + 2
    out = [LEGEND]
    for depth, heading in enumerate(headings):
        out.append(" " * width + "|   " * depth + heading)
    out.append(" " * width + "|   " * len(headings))
    of_type = ""
    for line, cells in sorted(rows.items()):
        if line.partition(".")[0] != of_type:
            of_type = line.partition(".")[0]
            out.append("")
        out.append(line.ljust(width) + "   ".join(cells))
    return "\n".join(each.rstrip() for each in out) + "\n"


async def test_everybody_gets_what_the_matrix_says(
    marked_store: Store, marked_world: World, request: pytest.FixtureRequest
) -> None:
    found = await matrix(marked_store, marked_world)
    if request.config.getoption("--update") and marked_store.engine == "sqlite":
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(found)

    assert found.splitlines() == SNAPSHOT.read_text().splitlines()


def test_the_matrix_has_every_field_and_the_provider_gets_all_of_them() -> None:
    body = SNAPSHOT.read_text().partition(NOBODY)[2]
    rows = {line.split()[0]: line.split()[1:] for line in body.splitlines() if "." in line.split("  ")[0]}

    assert lines() <= rows.keys()
    assert {line: cells[0] for line, cells in rows.items() if cells[0] != "+"} == {}
    assert {len(cells) for cells in rows.values()} == {len(HELD) + 1}


async def test_the_columns_are_the_demo_logins(
    seeded_store: Store, caller: Callable[[str], Awaitable[Caller]], marked_world: World
) -> None:
    assert set(demo.LOGINS) <= set(HELD)
    for login in demo.LOGINS:
        real, counterpart = await caller(login), caller_of(marked_world, login)

        assert real.privileges == counterpart.privileges, login
        assert (real.reach, real.is_service_user) == (counterpart.reach, counterpart.is_service_user), login


# In sentences


async def test_a_forbidden_field_is_null_with_an_error_and_the_rest_is_there(
    marked_store: Store, marked_world: World
) -> None:
    document = (
        "{ viewer { account { name orders { totalCount } prices { totalCount } type } } accounts { totalCount } }"
    )
    answer = await ask(marked_store, caller_of(marked_world, "limited@customer.example"), document)

    assert answer.data["viewer"]["account"].pop("name").startswith("LEAK-7-account")
    assert answer.data == {
        "viewer": {"account": {"orders": None, "prices": None, "type": "CUSTOMER"}},
        "accounts": {"totalCount": 1},
    }
    assert sorted((error["path"], error["extensions"]["code"]) for error in answer.errors) == [
        (["viewer", "account", "orders"], "FORBIDDEN"),
        (["viewer", "account", "prices"], "FORBIDDEN"),
    ]
    assert {error["message"] for error in answer.errors} == {
        "This needs the privilege orders:view: see orders and their lines.",
        "This needs the privilege prices:view: see price lists: one's cost, one's prices, the margin.",
    }


async def test_a_field_is_refused_at_each_of_its_places(marked_store: Store) -> None:
    limited = caller_at(2, Reach.SUBTREE, RoleCode.SUPPORT_ENGINEER)
    answer = await ask(marked_store, limited, "{ subscriptions(first: 3) { nodes { id monthlyCost { amount } } } }")

    assert [node["monthlyCost"] for node in answer.data["subscriptions"]["nodes"]] == [None] * 3
    assert [error["path"] for error in answer.errors] == [
        ["subscriptions", "nodes", at, "monthlyCost"] for at in range(3)
    ]


async def test_a_refused_object_leaves_the_others_of_its_list_alone(marked_store: Store, marked_world: World) -> None:
    limited = caller_of(marked_world, "limited@customer.example")
    view = View(marked_world, limited)
    ids = [view.ids("Order")[0], "acc_7", "acc_1", view.ids("Subscription")[0], "nonsense"]
    answer = await ask(marked_store, limited, "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids})

    assert answer.data["nodes"] == [None, {"id": "acc_7"}, None, {"id": ids[3]}, None]
    assert [(error["path"], error["extensions"]["code"]) for error in answer.errors] == [(["nodes", 0], "FORBIDDEN")]


async def test_a_refusal_does_not_tell_whether_there_is_anything(marked_store: Store, marked_world: World) -> None:
    limited = caller_of(marked_world, "limited@customer.example")
    ids = [*View(marked_world, limited).ids("Order"), *View(marked_world, limited).hidden_ids("Order")[:3], "ord_99"]
    answers = [
        await ask(marked_store, limited, "query($id: ID!) { node(id: $id) { id } }", {"id": each}) for each in ids
    ]

    assert {(answer.bytes, answer.statements) for answer in answers} == {(answers[0].bytes, 0)}


async def test_roles_add_up(marked_store: Store) -> None:
    document = "{ orders { totalCount } prices { totalCount } users { nodes { name } } }"
    support = caller_at(2, Reach.SUBTREE, RoleCode.SUPPORT_ENGINEER)
    accountant = caller_at(2, Reach.SUBTREE, RoleCode.ACCOUNTANT)
    both = caller_at(2, Reach.SUBTREE, RoleCode.SUPPORT_ENGINEER, RoleCode.ACCOUNTANT)

    assert (await ask(marked_store, support, document)).codes == ["FORBIDDEN"]
    assert (await ask(marked_store, accountant, document)).codes == ["FORBIDDEN"]
    assert (await ask(marked_store, both, document)).codes == []
    assert both.privileges == ROLES[RoleCode.SUPPORT_ENGINEER] | ROLES[RoleCode.ACCOUNTANT] < EVERYTHING


async def test_without_privileges_one_gets_oneself_and_nothing_else(marked_store: Store, marked_world: World) -> None:
    nobody = caller_of(marked_world, NOBODY)
    found = await answers(marked_store, View(marked_world, nobody), whole(1, 100))
    got = {name: answer.data[name.partition(":")[0]] for name, answer in found.items()}
    own = got["nodes:User"][0] or got["node:User"]

    assert {name for name, part in got.items() if part and part != [None] * len(part)} <= {
        "node:User", "nodes:User", "rateLimit", "summary", "viewer",
    }  # fmt: skip
    assert {part["id"] for part in got["nodes:User"] if part} == {f"usr_{nobody.user_id}"} == {own["id"]}
    assert set(got["summary"].values()) == {"Summary", None}


async def test_others_are_masked_and_one_oneself_is_not(marked_store: Store, marked_world: World) -> None:
    support = caller_of(marked_world, "support@provider.example")
    document = "{ users(first: 100) { nodes { id login name firstName lastName email phoneNumber } } }"
    answer = await ask(marked_store, support, document)
    (own,) = [node for node in answer.data["users"]["nodes"] if node["id"] == f"usr_{support.user_id}"]
    others = [node for node in answer.data["users"]["nodes"] if node is not own]

    assert all(own[name] not in (None, MASK) for name in own)
    assert {value for node in others for name, value in node.items() if name != "id"} == {MASK}


@pytest.mark.parametrize(
    "argument", ['filter: {email: ["x"]}', 'filter: {search: "x"}', "orderBy: {field: NAME}", "filter: {email: []}"]
)
async def test_what_is_masked_can_be_neither_looked_for_nor_sorted_by(marked_store: Store, argument: str) -> None:
    support = caller_at(1, Reach.SUBTREE, RoleCode.SUPPORT_ENGINEER)
    for selection in ("nodes { id }", "edges { cursor }", "pageInfo { endCursor }", "totalCount"):
        answer = await ask(marked_store, support, f"{{ users({argument}) {{ {selection} }} }}")
        if selection == "totalCount" and "orderBy" in argument:
            continue  # the number of rows says nothing of their order

        assert (answer.codes, answer.data) == (["FORBIDDEN"], {"users": None}), selection


def test_every_privilege_is_needed_for_something() -> None:
    text = schema.as_str()

    assert {each.value for each in Privilege if f"`{each.value}`" not in text} == NOT_IN_GRAPHQL
