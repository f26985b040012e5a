"""Sockets as the protocol has them: who is let in, what closes them and with which code, what operations can do."""

import socket as plain
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from edge.limits.settings import LimitSettings
from edge.limits.sharing import SharingSettings
from edge.protocols.settings import ProtocolSettings
from edge.protocols.sockets import SocketSettings, settings_of
from edge.settings import Settings
from models.store import Store, StoreError
from resolvers.live import LiveSettings
from tests import listening
from tests.hierarchy import World
from tests.listening import ACCOUNTS, grant, happens, heard, token
from tests.live import Client, Served, client, serving, until

QUERY = {"query": "{ viewer { account { id } } }"}


listened_store, listened_url, served = listening.listened_store, listening.listened_url, listening.served


@pytest.fixture(scope="module")
def store(listened_store: Store) -> Store:
    return listened_store


@pytest.fixture
async def mine(served: Served, world: World) -> str:
    """The token of the administrator of the reseller 2."""
    return token(served, world, 2)


# Being let in


@pytest.mark.parametrize("payload", [{}, {"payload": None}, {"payload": {}}, {"payload": {"authorization": "x"}},
                                     {"payload": {"authorization": "Bearer x.y.z"}}, {"payload": {"authorization": 5}},
                                     {"payload": {"authorization": "Basic YTpi"}}])  # fmt: skip
async def test_nobody_is_let_in_without_a_token(served: Served, payload: dict[str, Any]) -> None:
    async with client(served) as visitor:
        await visitor.send(type="connection_init", **payload)

        assert await visitor.closed() == (4403, "Forbidden")


async def test_who_subscribes_before_being_let_in_is_thrown_out(served: Served) -> None:
    async with client(served) as visitor:
        await visitor.send(type="subscribe", id="1", payload=QUERY)

        assert await visitor.closed() == (4401, "Unauthorized")


async def test_who_begins_twice_is_thrown_out(served: Served, mine: str) -> None:
    async with client(served, mine) as visitor:
        await visitor.send(type="connection_init", payload={"authorization": f"Bearer {mine}"})

        assert await visitor.closed() == (4429, "Too many initialisation requests")


async def test_who_begins_twice_at_once_is_thrown_out(served: Served, mine: str) -> None:
    async with client(served) as visitor:
        for _ in range(2):
            await visitor.send(type="connection_init", payload={"authorization": f"Bearer {mine}"})

        assert await visitor.closed() == (4429, "Too many initialisation requests")


@pytest.mark.parametrize("offered", [["graphql-ws"], None, ["graphql-ws", "soap"]])
async def test_another_protocol_is_not_spoken(served: Served, offered: list[str] | None) -> None:
    subprotocols = [Subprotocol(each) for each in offered] if offered else None
    async with connect(f"ws://{served.url}/graphql", subprotocols=subprotocols, proxy=None) as socket:
        assert socket.subprotocol is None
        assert await Client(socket).closed() == (4406, "Subprotocol not acceptable")


async def test_the_protocol_is_chosen_among_others(served: Served) -> None:
    offered = [Subprotocol("graphql-ws"), Subprotocol("graphql-transport-ws")]
    async with client(served, subprotocols=offered) as visitor:
        assert visitor.socket.subprotocol == "graphql-transport-ws"


async def test_a_token_may_stand_under_either_spelling(served: Served, mine: str) -> None:
    async with client(served) as visitor:
        await visitor.send(type="connection_init", payload={"Authorization": f"bearer {mine}"})
        assert (await visitor.next())["type"] == "connection_ack"


# Messages


BAD = [
    "", "5", '"x"', "null", "true", "[]", "[1]", "{", "{}", '{"type": 5}', '{"type": null}', '{"type": ["ping"]}',
    '{"type": "start"}', '{"type": "connection_ack"}', '{"type": "connection_terminate"}',
    '{"type": "next", "id": "1", "payload": {}}', '{"type": "error", "id": "1", "payload": []}',
    '{"type": "ping", "payload": "x"}', '{"type": "ping", "payload": []}', '{"type": "pong", "payload": 5}',
    '{"type": "complete"}', '{"type": "complete", "id": ""}', '{"type": "complete", "id": 5}',
    '{"type": "subscribe", "payload": {"query": "{ viewer { reach } }"}}',
    '{"type": "subscribe", "id": "", "payload": {"query": "{ viewer { reach } }"}}',
    '{"type": "subscribe", "id": {}, "payload": {"query": "{ viewer { reach } }"}}',
    '{"type": "subscribe", "id": "1"}', '{"type": "subscribe", "id": "1", "payload": null}',
    '{"type": "subscribe", "id": "1", "payload": "x"}', '{"type": "subscribe", "id": "1", "payload": {}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": null}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ viewer { reach } }", "variables": []}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ viewer { reach } }", "variables": "x"}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ viewer { reach } }", "operationName": 5}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ viewer { reach } }", "extensions": 5}}',
    "[" * 60_000, b"{}", b"\xff",
]  # fmt: skip  # a list


@pytest.mark.parametrize("message", BAD, ids=[str(number) for number in range(len(BAD))])
async def test_what_is_no_message_closes_the_socket(served: Served, mine: str, message: Any) -> None:
    async with client(served, mine) as visitor:
        await visitor.socket.send(message)

        code, reason = await visitor.closed()
    assert code == 4400
    assert reason.startswith("Invalid message: ")


@pytest.mark.parametrize(
    "message", ['{"type": "connection_init", "payload": "x"}', '{"type": "connection_init", "payload": []}', "{"]
)
async def test_what_is_no_message_closes_the_socket_before_it_begins(served: Served, message: str) -> None:
    async with client(served) as visitor:
        await visitor.socket.send(message)

        assert (await visitor.closed())[0] == 4400


async def test_a_message_that_is_too_large_closes_the_socket(served: Served, mine: str) -> None:
    async with client(served, mine) as visitor:
        await visitor.socket.send(" " * (ProtocolSettings().max_message + 1))

        assert await visitor.closed() == (1009, "The message is too big")


async def test_a_ping_is_answered_with_what_came_with_it(served: Served, mine: str) -> None:
    async with client(served) as visitor:
        await visitor.send(type="ping")  # before beginning, too
        assert await visitor.next() == {"type": "pong"}
        await visitor.begin(mine)
        await visitor.send(type="pong")
        await visitor.send(type="pong", payload={})
        await visitor.send(type="ping", payload={"at": [1, None, "ü"]})
        assert await visitor.next() == {"type": "pong", "payload": {"at": [1, None, "ü"]}}
        await visitor.send(type="ping", payload=None)
        assert await visitor.next() == {"type": "pong"}


# Operations


async def test_a_query_is_answered_once_and_its_id_is_free_again(served: Served, mine: str) -> None:
    async with client(served, mine) as visitor:
        for _ in range(3):
            await visitor.send(type="subscribe", id="1", payload=QUERY)
            assert await visitor.data() == {"account": {"id": "acc_2"}}
            assert await visitor.next() == {"id": "1", "type": "complete"}


async def test_variables_and_the_name_of_an_operation_are_heeded(served: Served, mine: str) -> None:
    query = "query A($id: ID!) { account(id: $id) { id } } query B { viewer { reach } }"
    async with client(served, mine) as visitor:
        payload = {"query": query, "operationName": "A", "variables": {"id": "acc_3"}, "extensions": {}}
        await visitor.send(type="subscribe", id="1", payload=payload)
        assert await visitor.data() == {"id": "acc_3"}


CANNOT_BE_RUN: list[tuple[str, dict[str, Any]]] = [
    ("GRAPHQL_PARSE_FAILED", {"query": "{"}),
    ("GRAPHQL_PARSE_FAILED", {"query": ""}),
    ("GRAPHQL_VALIDATION_FAILED", {"query": "{ nonsense }"}),
    ("OPERATION_RESOLUTION_FAILURE", {"query": "query A { viewer { reach } }", "operationName": "B"}),
    ("OPERATION_RESOLUTION_FAILURE", {"query": "query A { viewer { reach } } query B { viewer { reach } }"}),
    ("BAD_USER_INPUT", {"query": "query($id: ID!) { node(id: $id) { id } }"}),
    ("GRAPHQL_VALIDATION_FAILED", {"query": "subscription { nonsense }"}),
    ("GRAPHQL_VALIDATION_FAILED", {"query": "subscription { accountChanged { account { nonsense } } }"}),
    ("GRAPHQL_VALIDATION_FAILED", {"query": "subscription { accountChanged { kind } orderChanged { kind } }"}),
    ("BAD_USER_INPUT", {"query": "subscription($id: ID!) { accountChanged(id: $id) { kind } }"}),
    (
        "GRAPHQL_VALIDATION_FAILED",
        {"query": "subscription($x: Boolean!) { accountChanged @skip(if: $x) { kind } }", "variables": {"x": True}},
    ),
    ("OPERATION_RESOLUTION_FAILURE", {"query": "subscription A { accountChanged { kind } }", "operationName": "B"}),
]


@pytest.mark.parametrize(("code", "payload"), CANNOT_BE_RUN)
async def test_what_cannot_be_run_ends_itself_and_nothing_else(
    served: Served,  # the fixture
    store: Store,  # the fixture
    mine: str,
    code: str,
    payload: dict[str, Any],
) -> None:
    async with client(served, mine) as visitor:
        await visitor.subscribe(ACCOUNTS, "good")
        await visitor.send(type="subscribe", id="bad", payload=payload)

        assert await visitor.code("bad") == code
        await happens(store, 3)
        assert await heard(visitor, "good") == 3
        await visitor.send(type="subscribe", id="bad", payload=QUERY)  # its id is free, and nothing else came of it
        assert (await visitor.next())["type"] == "next"


async def test_errors_in_an_answer_stand_in_it(served: Served, world: World) -> None:
    async with client(served, token(served, world, 7, "SERVICE_USER")) as visitor:
        await visitor.send(type="subscribe", id="1", payload={"query": "{ viewer { reach } orders { totalCount } }"})
        told = (await visitor.next())["payload"]

        assert told["data"] == {"viewer": {"reach": "OWN"}, "orders": None}
        assert [error["extensions"]["code"] for error in told["errors"]] == ["FORBIDDEN"]
        assert (await visitor.next())["type"] == "complete"


@pytest.mark.parametrize(
    ("failure", "code"),
    [(StoreError("secret"), "UNAVAILABLE"), (OSError("secret"), "UNAVAILABLE"), (KeyError("secret"), "INTERNAL")],
)
async def test_a_failure_ends_its_operation_and_tells_nothing(
    served: Served,  # the fixture
    mine: str,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
    code: str,
) -> None:
    async def fail(_token: str, **_how: bool) -> None:
        raise failure

    async with client(served, mine) as visitor:
        monkeypatch.setattr(served.service.callers, "behind", fail)
        await visitor.send(type="subscribe", id="1", payload=QUERY)
        message = await visitor.next()
        monkeypatch.undo()

        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", code)
        assert "secret" not in str(message)
        await visitor.send(type="subscribe", id="1", payload=QUERY)
        assert await visitor.data() == {"account": {"id": "acc_2"}}


async def test_while_the_database_is_away_nobody_is_let_in(
    served: Served,  # the fixture
    mine: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> None:
        raise StoreError("the database is away")

    monkeypatch.setattr(served.service.hub, "joined", fail)
    async with client(served) as visitor:
        await visitor.send(type="connection_init", payload={"authorization": f"Bearer {mine}"})

        assert await visitor.closed() == (1013, "Try again later")


async def test_an_id_that_is_in_use_closes_the_socket(served: Served, mine: str) -> None:
    async with client(served, mine) as visitor:
        await visitor.subscribe(ACCOUNTS, "one and the same")
        await visitor.send(type="subscribe", id="one and the same", payload=QUERY)

        assert await visitor.closed() == (4409, "Subscriber for one and the same already exists")


async def test_the_reason_of_a_closure_has_room_for_any_id(served: Served, mine: str) -> None:
    async with client(served, mine) as visitor:
        await visitor.subscribe(ACCOUNTS, "\U0001f600" * 128)
        await visitor.send(type="subscribe", id="\U0001f600" * 128, payload=QUERY)

        assert (await visitor.closed())[0] == 4409


async def test_who_completes_an_operation_hears_no_more_of_it(
    served: Served,  # the fixture
    store: Store,  # the fixture
    mine: str,
) -> None:
    async with client(served, mine) as visitor:
        await visitor.subscribe(ACCOUNTS, "1")
        await visitor.subscribe(ACCOUNTS, "2")
        await visitor.send(type="complete", id="1")
        await visitor.send(type="complete", id="1")  # twice, or of nothing, is no mistake
        await visitor.send(type="complete", id="3")
        await visitor.subscribe("{ viewer { reach } }", "1")  # its id is free again

        assert (await visitor.next())["type"] == "next"
        assert await visitor.next() == {"id": "1", "type": "complete"}
        await happens(store, 3, 4)
        assert [await heard(visitor, "2") for _ in range(2)] == [3, 4]


async def test_a_change_goes_on_when_nobody_waits_for_it(served: Served, mine: str, world: World) -> None:
    mutation = (
        'mutation { accountUpdate(input: {account: "acc_8", externalId: "kept", expectedVersion: 1,'
        ' idempotencyKey: "socket-0001"}) { currentVersion } }'
    )
    async with client(served, token(served, world, 1)) as watching:
        await watching.subscribe('subscription { accountChanged(id: "acc_8") { account { externalId } } }')
        async with client(served, mine) as visitor:
            await visitor.send(type="subscribe", id="1", payload={"query": mutation})
            await visitor.send(type="complete", id="1")
            await visitor.nothing()

        assert await watching.data() == {"account": {"externalId": "kept"}}


# Limits


async def test_who_does_not_begin_in_time_is_thrown_out(own_hierarchy: Store, tmp_path: Path) -> None:
    settings = SocketSettings(seconds_to_begin=0.05)
    async with serving(own_hierarchy.url, tmp_path, settings) as served, client(served) as visitor:
        await visitor.send(type="ping")
        assert await visitor.closed() == (4408, "Connection initialisation timeout")


def test_how_far_sockets_go_is_what_the_environment_says() -> None:
    sharing = SharingSettings(socket_seconds=1, socket_operations=2, sockets_per_user=3)
    settings = Settings(sharing=sharing, protocols=ProtocolSettings(stream_seconds=4))
    service: Any = SimpleNamespace(settings=settings)
    usual: Any = SimpleNamespace(settings=Settings())

    assert settings_of(service) == SocketSettings(1, 4, 2, 3)
    assert settings_of(usual) == SocketSettings()


async def test_so_many_operations_and_sockets_and_no_more(own_hierarchy: Store, world: World, tmp_path: Path) -> None:
    await grant(own_hierarchy, world)
    settings = SocketSettings(most_operations=2, most_sockets=2)
    async with serving(own_hierarchy.url, tmp_path, settings) as served:
        mine, other = token(served, world, 2), token(served, world, 3)
        async with client(served, mine) as first:
            for operation_id in ("1", "2"):
                await first.subscribe(ACCOUNTS, operation_id)
            await first.send(type="subscribe", id="3", payload=QUERY)
            assert await first.code("3") == "TOO_MANY_OPERATIONS"
            await first.send(type="complete", id="2")
            await first.send(type="ping")
            assert await first.next() == {"type": "pong"}
            await first.send(type="subscribe", id="3", payload=QUERY)
            assert await first.data("3") == {"account": {"id": "acc_2"}}
            async with client(served, mine), client(served, other), client(served) as third:
                await third.send(type="connection_init", payload={"authorization": f"Bearer {mine}"})
                assert await third.closed() == (4403, "Too many connections of one caller")
        async with client(served, mine), client(served, mine):  # those that are closed don't count
            pass


def small_socket(url: str) -> plain.socket:
    """A connection that has little room for what isn't taken."""
    host, _, port = url.partition(":")
    made = plain.socket()
    made.setsockopt(plain.SOL_SOCKET, plain.SO_RCVBUF, 16_384)
    made.connect((host, int(port)))
    made.setblocking(False)
    return made


async def test_who_takes_nothing_is_closed_and_others_go_on(own_hierarchy: Store, world: World, tmp_path: Path) -> None:
    await grant(own_hierarchy, world)
    many = " ".join(f"a{number}: eventId" for number in range(600))
    query = f"subscription {{ accountChanged {{ account {{ id }} {many} }} }}"
    live = LiveSettings(poll_seconds=0.01, most_waiting=5)
    wide = LimitSettings(max_aliases=1000, max_tokens=10_000)
    async with serving(own_hierarchy.url, tmp_path, live=live, limits=wide) as served:
        mine, hub = token(served, world, 2), served.service.hub
        narrow = {"sock": small_socket(served.url), "compression": None}
        async with client(served, mine) as other, client(served, mine, **narrow) as slow:
            await other.subscribe(ACCOUNTS)
            await slow.subscribe(query)
            assert sum(map(len, hub._feeds.values())) == 2
            slow.socket.transport.pause_reading()
            for _ in range(40):
                await happens(own_hierarchy, 3)
                assert await heard(other) == 3
            await until(lambda: sum(map(len, hub._feeds.values())) == 1)
            slow.socket.transport.resume_reading()

            assert (await slow.closed())[0] in {1013, 1006}  # what can't be written can't be told
            await happens(own_hierarchy, 4)
            assert await heard(other) == 4


async def test_a_socket_that_is_gone_leaves_nothing_behind(served: Served, mine: str) -> None:
    hub = served.service.hub
    async with client(served, mine) as visitor:
        await visitor.subscribe(ACCOUNTS)
        assert hub._feeds
        raw: plain.socket = visitor.socket.transport.get_extra_info("socket")
        raw.setsockopt(plain.SOL_SOCKET, plain.SO_LINGER, struct.pack("ii", 1, 0))
        visitor.socket.transport.abort()
    await until(lambda: not hub._feeds and not hub._members)


# Over HTTP


async def test_nothing_is_listened_to_over_http(served: Served, mine: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://{served.url}") as http:
        answer = await http.post("/graphql", json={"query": ACCOUNTS}, headers={"authorization": f"Bearer {mine}"})

    assert answer.status_code == 406
    assert orjson.loads(answer.content)["errors"][0]["extensions"]["code"] == "NOT_ACCEPTABLE"


async def test_sockets_of_a_server_that_stops_are_closed_to_be_opened_elsewhere(
    own_hierarchy: Store, world: World, tmp_path: Path
) -> None:
    await grant(own_hierarchy, world)
    async with serving(own_hierarchy.url, tmp_path) as served:
        opening = client(served, token(served, world, 2))
        visitor = await opening.__aenter__()
        await visitor.subscribe(ACCOUNTS)

    with pytest.raises(ConnectionClosed):
        await visitor.next()
    assert visitor.socket.close_code == 1012
