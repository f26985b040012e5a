"""The change log through the API: who did what, to what, when; over the reader's scope and no further."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from models import path as paths
from models.scope import Reach
from models.store import Store
from resolvers.caller import Actor, Caller
from resolvers.privileges import Privilege
from resolvers.request_id import REQUEST_ID
from tests import people
from tests.asking import ask
from tests.changes import account_row, codes, do, new_key, user_at, user_of
from tests.hierarchy import World, path_of
from tests.listening import grant
from tests.live import client, serving

LOG = """
query($filter: ChangeFilter, $first: Int, $after: String) {
  changes(filter: $filter, first: $first, after: $after, orderBy: {field: AT, direction: ASC}) {
    nodes {
      id operation noun objectId requestId actorName isByVendor user { id } actingAs { id } account { id }
      fields { field before after }
    }
    pageInfo { endCursor hasNextPage }
  }
}
"""
ALL = frozenset(Privilege)


@pytest.fixture
def store(own_marked_store: Store) -> Store:
    return own_marked_store


@pytest.fixture
def caller(marked_world: World) -> Caller:
    """The administrator of reseller 2, above 3, 7 and 8."""
    return user_at(marked_world, 2)


async def log(store: Store, caller: Caller, **given: Any) -> list[Any]:
    """What a caller reads of what was done in the test, oldest first; what the world began with is left out."""
    answer = await ask(store, caller, LOG, {"first": 100, "filter": given})
    assert answer.errors == [], answer.errors
    return [node for node in answer.data["changes"]["nodes"] if not node["operation"].startswith("LEAK-")]


def fields(change: Any) -> dict[str, tuple[str | None, str | None]]:
    """The values of a change by name."""
    return {each["field"]: (each["before"], each["after"]) for each in change["fields"]}


async def rename(store: Store, caller: Caller, account: int, name: str) -> None:
    """One change."""
    version = (await account_row(store, account)).version
    given = {"account": f"acc_{account}", "expectedVersion": version, "name": name}
    assert codes(await do(store, caller, "accountUpdate", **given)) == []


async def test_a_change_tells_who_did_what_to_what(store: Store, caller: Caller, marked_world: World) -> None:
    old = (await account_row(store, 7)).name
    await rename(store, caller, 7, "New")
    (change,) = await log(store, caller)
    actor = next(row for row in marked_world["app_user"] if row["id"] == caller.user_id)

    assert (change["operation"], change["noun"], change["objectId"]) == ("accountUpdate", "ACCOUNT", "acc_7")
    assert (change["account"], change["user"]) == ({"id": "acc_7"}, {"id": f"usr_{caller.user_id}"})
    assert change["actorName"] == f"{actor['first_name']} {actor['last_name']}"
    assert (change["isByVendor"], change["actingAs"]) == (False, None)
    assert fields(change) == {"name": (old, "New")}


async def test_it_can_be_fetched_again_by_its_id(store: Store, caller: Caller) -> None:
    await rename(store, caller, 7, "New")
    (change,) = await log(store, caller)
    answer = await ask(store, caller, "query($id: ID!) { node(id: $id) { ... on Change { operation } } }", change)

    assert answer.data == {"node": {"operation": "accountUpdate"}}


async def test_everyone_reads_what_happened_in_their_scope_and_no_more(
    store: Store, caller: Caller, marked_world: World
) -> None:
    for account in (3, 5, 7):
        await rename(store, caller, account, f"New {account}")
    await rename(store, user_at(marked_world, 9), 12, "New 12")

    async def seen(place: int) -> list[str]:
        return [change["objectId"] for change in await log(store, user_at(marked_world, place))]

    assert await seen(1) == ["acc_3", "acc_5", "acc_7", "acc_12"]
    assert await seen(2) == ["acc_3", "acc_5", "acc_7"]
    assert await seen(3) == ["acc_3", "acc_5"]
    assert (await seen(7), await seen(8), await seen(12)) == (["acc_7"], [], ["acc_12"])


async def test_who_is_above_is_not_named(store: Store, caller: Caller, marked_world: World) -> None:
    await rename(store, caller, 7, "New")
    (change,) = await log(store, user_at(marked_world, 7))

    assert (change["actorName"], change["user"], change["isByVendor"]) == (None, None, True)


async def test_it_is_paged_through_in_order(store: Store, caller: Caller) -> None:
    for at in range(5):
        await rename(store, caller, 7, f"New {at}")
    names, after = [], None
    while True:
        given = {"first": 2, "after": after, "filter": {"object": "acc_7"}}
        page = (await ask(store, caller, LOG, given)).data["changes"]
        names += [fields(node)["name"][1] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert names == [f"New {at}" for at in range(5)]


async def test_an_account_s_own_log_is_that_of_itself_alone(store: Store, caller: Caller) -> None:
    await rename(store, caller, 3, "Three")
    await rename(store, caller, 4, "Four")
    text = '{ account(id: "acc_3") { changes(filter: {noun: [ACCOUNT]}) { nodes { objectId } totalCount } } }'
    answer = await ask(store, caller, text)

    assert answer.data["account"]["changes"] == {"nodes": [{"objectId": "acc_3"}], "totalCount": 1}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"account": ["acc_3", "acc_9"]}, ["acc_3"]),
        ({"below": "acc_3"}, ["acc_4"]),
        ({"noun": ["ORDER"]}, []),
        ({"noun": ["USER", "ACCOUNT"]}, ["acc_3", "acc_4"]),
        ({"object": "acc_4"}, ["acc_4"]),
        ({"object": "usr_4"}, []),
        ({"operation": ["accountUpdate"]}, ["acc_3", "acc_4"]),
        ({"operation": ["accountCancel"]}, []),
        ({"at": {"until": "2026-01-01T00:00:00Z"}}, []),
        ({"account": ["acc_9"]}, []),
    ],
)
async def test_it_is_filtered(store: Store, caller: Caller, given: dict[str, Any], expected: list[str]) -> None:
    await rename(store, caller, 3, "Three")
    await rename(store, caller, 4, "Four")

    assert [change["objectId"] for change in await log(store, caller, **given)] == expected


async def test_it_is_filtered_by_users_who_are_visible(store: Store, caller: Caller, marked_world: World) -> None:
    three = user_at(marked_world, 3)
    await rename(store, caller, 4, "By two")
    await rename(store, three, 4, "By three")
    by_two, by_three = ([f"usr_{each.user_id}"] for each in (caller, three))

    assert [fields(each)["name"][1] for each in await log(store, caller, user=by_two)] == ["By two"]
    assert [fields(each)["name"][1] for each in await log(store, caller, user=by_three)] == ["By three"]
    assert await log(store, three, user=by_two) == []
    blind = user_at(marked_world, 2, privileges=ALL - {Privilege.USERS_VIEW})
    assert (await ask(store, blind, LOG, {"first": 9, "filter": {"user": by_two}})).codes == ["FORBIDDEN"]


async def test_it_takes_a_privilege(store: Store, caller: Caller, marked_world: World) -> None:
    await rename(store, caller, 7, "New")
    blind = user_at(marked_world, 2, privileges=ALL - {Privilege.CHANGES_VIEW})
    answer = await ask(store, blind, '{ changes { totalCount } account(id: "acc_7") { changes { totalCount } } }')

    assert answer.codes == ["FORBIDDEN", "FORBIDDEN"]
    assert answer.data == {"changes": None, "account": {"changes": None}}


async def test_a_service_user_reads_none_of_it(store: Store, caller: Caller, marked_world: World) -> None:
    await rename(store, caller, 7, "New")
    user = Caller(path_of(7), ALL, user_of(marked_world, 7, "SERVICE_USER"), reach=Reach.OWN, is_service_user=True)

    assert await log(store, user) == []


async def test_personal_data_is_masked_without_the_privilege(store: Store, caller: Caller, marked_world: World) -> None:
    contact = {"firstName": "Ada", "lastName": "Byron", "email": "ada@new.example", "phoneNumber": "+4930123456"}
    await do(store, caller, "accountUpdate", account="acc_7", expectedVersion=1, contacts=[contact])
    blind = user_at(marked_world, 2, privileges=ALL - {Privilege.PERSONAL_DATA_VIEW})
    seen, masked = [(await log(store, each, noun=["CONTACT"]))[-1] for each in (caller, blind)]

    assert (fields(seen)["email"], fields(seen)["type"]) == ((None, "ada@new.example"), (None, "ADMIN"))
    personal = {name: pair for name, pair in fields(masked).items() if name in {"firstName", "lastName", "email"}}
    assert set(personal.values()) == {(None, "*****")}
    assert (fields(masked)["type"], masked["actorName"]) == ((None, "ADMIN"), "*****")


async def test_amounts_and_terms_take_the_privilege_to_see_finances(
    store: Store, caller: Caller, marked_world: World
) -> None:
    await people.change(
        store,
        "INSERT INTO audit (path, shard_id, at, operation, actor_path, actor_name, noun, object_id, before, after)"
        f" VALUES ('{path_of(7)}', 2, '2026-11-20T00:00:00Z', 'orderPlace', '', '', 'orders', 1, '{{}}',"
        """ '{"total_micros":5,"currency":"EUR","number":"SO1","credit_limit":"9"}')""",
    )
    blind = user_at(marked_world, 2, privileges=ALL - {Privilege.FINANCES_VIEW})
    (seen,), (hidden,) = [await log(store, each, operation=["orderPlace"]) for each in (caller, blind)]

    assert fields(seen) == {"total": (None, "0.000005 EUR"), "number": (None, "SO1"), "creditLimit": (None, "9")}
    assert fields(hidden) == {"total": (None, None), "number": (None, "SO1"), "creditLimit": (None, None)}
    assert (seen["actorName"], seen["isByVendor"]) == (None, False)


async def test_a_new_account_s_log_does_not_tell_how_things_hang_together_above(
    store: Store, caller: Caller, marked_world: World
) -> None:
    await do(store, caller, "customerCreate", name="New")
    (change,) = await log(store, caller, operation=["customerCreate"], noun=["ACCOUNT"])

    assert fields(change)["name"] == (None, "New")
    assert not {"parent", "parentId", "path", "shardId", "importKey"} & fields(change).keys()


async def test_what_is_done_as_another_account_is_told_with_both(store: Store, marked_world: World) -> None:
    actor = Actor(user_id=user_of(marked_world, 2), path=path_of(2), name="Ada Byron", account_name="Two")
    acting = Caller(path_of(7), ALL, None, reach=Reach.OWN, actor=actor)
    await do(
        store, acting, "accountUpdate", account="acc_7", expectedVersion=1, language="fr", idempotencyKey=new_key()
    )
    (of_vendor,) = await log(store, user_at(marked_world, 2), operation=["accountUpdate"])
    (own,) = await log(store, user_at(marked_world, 7), operation=["accountUpdate"])

    assert (of_vendor["user"], of_vendor["actingAs"]) == ({"id": f"usr_{actor.user_id}"}, {"id": "acc_7"})
    assert (own["user"], own["actorName"], own["isByVendor"]) == (None, None, True)


async def test_a_transfer_is_told_to_each_vendor_as_far_as_it_concerns_it(
    store: Store, caller: Caller, marked_world: World
) -> None:
    await people.change(store, "UPDATE orders SET status = 'COMPLETED'")
    names = {each: (await account_row(store, each)).name for each in (4, 2)}
    assert codes(await do(store, caller, "accountTransfer", account="acc_8", vendor="acc_4", expectedVersion=1)) == []
    told = [fields(each) for each in await log(store, caller, operation=["accountTransfer"], noun=["ACCOUNT"])]
    below = [fields(each) for each in await log(store, user_at(marked_world, 4), operation=["accountTransfer"])]
    own = Caller(paths.child(path_of(4), 8), ALL, user_of(marked_world, 8), reach=Reach.OWN)

    assert told == [{"vendor": (names[2], None)}, {"vendor": (None, names[4])}]
    assert below == [{"vendor": (None, names[4])}]
    assert [fields(each) for each in await log(store, own, operation=["accountTransfer"])] == below


async def test_a_change_has_the_id_of_its_request(store: Store, caller: Caller) -> None:
    for request_id in ("first", None, "second"):
        before = REQUEST_ID.set(request_id)
        await rename(store, caller, 3, f"renamed in {request_id}")
        REQUEST_ID.reset(before)

    assert [each["requestId"] for each in await log(store, caller)] == ["first", None, "second"]


async def test_what_is_changed_over_http_or_a_socket_has_the_id_that_the_answer_tells(
    own_hierarchy: Store, world: World, tmp_path: Path
) -> None:
    mutation = (
        'mutation($version: Int!, $key: String!) { accountUpdate(input: {account: "acc_8", externalId: $key,'
        " expectedVersion: $version, idempotencyKey: $key}) { userErrors { code } } }"
    )
    await grant(own_hierarchy, world)
    async with serving(own_hierarchy.url, tmp_path) as served:
        mine = served.token(user_of(world, 2), 2)
        async with httpx.AsyncClient(
            base_url=f"http://{served.url}", headers={"authorization": f"Bearer {mine}"}
        ) as http:
            told = []
            for version, given in ((1, {"x-request-id": "mine"}), (2, {})):
                variables = {"version": version, "key": f"changing {version}"}
                answer = await http.post("/graphql", json={"query": mutation, "variables": variables}, headers=given)
                assert answer.json() == {"data": {"accountUpdate": {"userErrors": []}}}
                told.append(answer.headers["x-request-id"])
        async with client(served, mine) as visitor:
            variables = {"version": 3, "key": "changing 3"}
            await visitor.send(type="subscribe", id="1", payload={"query": mutation, "variables": variables})
            assert await visitor.data() == {"userErrors": []}
            assert visitor.socket.response is not None
            told.append(visitor.socket.response.headers["x-request-id"])
    changes = await log(own_hierarchy, user_at(world, 2), operation=["accountUpdate"])

    assert [each["requestId"] for each in changes][-3:] == told
    assert told[0] == "mine"
    assert len(set(told)) == 3
