"""GraphQL over WebSocket, sentence by sentence.

Source: PROTOCOL.md of graphql-ws, whose sentences are quoted above the tests. What else sockets do is in
`test_sockets.py`.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import connect

from edge.protocols.settings import ProtocolSettings
from edge.protocols.sockets import SocketSettings
from tests.databases import Databases
from tests.hierarchy import World
from tests.listening import ACCOUNTS, happens, heard, token
from tests.live import PROTOCOL, Client, client, serving, until
from tests.templates import opened
from tests.transports import Gateway, gateway

QUERY = {"query": "{ viewer { account { id } } }"}
ANSWER = {"data": {"viewer": {"account": {"id": "acc_2"}}}}


@pytest.fixture(scope="module")
async def served(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    async with gateway(sqlite_databases, world, tmp_path_factory.mktemp("protocol")) as served:
        yield served


@pytest.fixture
def mine(served: Gateway, world: World) -> str:
    return token(served.served, world, 2)


@pytest.fixture
async def visitor(served: Gateway, mine: str) -> AsyncIterator[Client]:
    """A client that has been let in."""
    async with client(served.served, mine) as visitor:
        yield visitor


# Communication


async def test_the_sub_protocol_is_graphql_transport_ws(served: Gateway) -> None:
    async with connect(f"ws://{served.served.url}/graphql", subprotocols=[PROTOCOL], proxy=None) as socket:
        assert socket.subprotocol == "graphql-transport-ws"


async def test_messages_are_json_as_text(visitor: Client) -> None:
    await visitor.send(type="subscribe", id="1", payload=QUERY)
    async with asyncio.timeout(5):
        message = await visitor.socket.recv()

    assert isinstance(message, str)
    assert orjson.loads(message)["type"] == "next"


async def test_the_client_closes_normally_and_so_does_the_server(served: Gateway, mine: str) -> None:
    async with client(served.served, mine) as visitor:
        await visitor.subscribe(ACCOUNTS)
        await visitor.socket.close(1000)

    assert visitor.socket.close_code == 1000
    await until(lambda: not served.served.service.hub._feeds)


# ConnectionInit


async def test_an_initialisation_must_come_in_time(
    sqlite_databases: Databases, world: World, served: Gateway, tmp_path: Path
) -> None:
    """If the client does not request a connection within the allowed timeout, the server will close: 4408."""
    settings = SocketSettings(seconds_to_begin=0.05)
    async with serving(served.database_url, tmp_path, settings) as narrow, client(narrow) as visitor:
        assert await visitor.closed() == (4408, "Connection initialisation timeout")


async def test_more_than_one_initialisation_closes_the_socket(visitor: Client, mine: str) -> None:
    """If the server receives more than one ConnectionInit message at any given time, it will close: 4429."""
    await visitor.send(type="connection_init", payload={"authorization": f"Bearer {mine}"})

    assert await visitor.closed() == (4429, "Too many initialisation requests")


async def test_an_initialisation_is_acknowledged(served: Gateway, mine: str) -> None:
    """Expected response to the ConnectionInit message from the client."""
    async with client(served.served) as visitor:
        await visitor.send(type="connection_init", payload={"authorization": f"Bearer {mine}"})
        message = await visitor.next()

    assert message.keys() == {"type", "payload"}
    assert message["type"] == "connection_ack"


async def test_a_client_that_is_not_let_in_is_forbidden(served: Gateway) -> None:
    """If the server wishes to reject the connection it is recommended to close with 4403: Forbidden."""
    async with client(served.served) as visitor:
        await visitor.send(type="connection_init")

        assert await visitor.closed() == (4403, "Forbidden")


# Ping and Pong


async def test_a_ping_is_answered_by_a_pong_at_any_time(served: Gateway, mine: str) -> None:
    """A Pong must be sent in response from the receiving party as soon as possible. It can be sent at any time."""
    async with client(served.served) as visitor:
        await visitor.send(type="ping", payload={"a": 1})
        assert await visitor.next() == {"type": "pong", "payload": {"a": 1}}
        await visitor.begin(mine)
        await visitor.subscribe(ACCOUNTS)
        await visitor.send(type="ping")
        assert await visitor.next() == {"type": "pong"}


async def test_a_pong_may_be_sent_unasked(visitor: Client) -> None:
    """The Pong message can be sent at any time within the established socket."""
    await visitor.send(type="pong", payload={"a": 1})
    await visitor.send(type="ping")

    assert await visitor.next() == {"type": "pong"}


# Subscribe


async def test_an_operation_before_the_acknowledgement_closes_the_socket(served: Gateway, mine: str) -> None:
    """If the connection is not acknowledged, the socket will be closed immediately with 4401: Unauthorized."""
    async with client(served.served) as visitor:
        await visitor.send(type="subscribe", id="1", payload=QUERY)

        assert await visitor.closed() == (4401, "Unauthorized")


async def test_an_id_that_is_in_use_closes_the_socket(visitor: Client) -> None:
    """If there is already an active subscriber for an operation matching the provided ID, regardless of the operation
    type, the server must close the socket immediately with 4409."""
    await visitor.subscribe(ACCOUNTS, "one")
    await visitor.send(type="subscribe", id="one", payload={"query": ACCOUNTS})

    assert await visitor.closed() == (4409, "Subscriber for one already exists")


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"operationName": None, "variables": None, "extensions": None},
        {"operationName": "", "variables": {}, "extensions": {}},
        {"extensions": {"anything": [1]}},
        {"whatever": 1},
    ],
)
async def test_what_is_optional_may_be_missing_or_null(visitor: Client, more: dict[str, Any]) -> None:
    await visitor.send(type="subscribe", id="1", payload={**QUERY, **more})

    assert await visitor.next() == {"id": "1", "type": "next", "payload": ANSWER}


async def test_any_kind_of_operation_may_be_sent(visitor: Client) -> None:
    await visitor.send(type="subscribe", id="q", payload={"query": "query { __typename }"})
    assert (await visitor.next())["payload"] == {"data": {"__typename": "Query"}}
    assert await visitor.next() == {"id": "q", "type": "complete"}
    await visitor.send(type="subscribe", id="m", payload={"query": "mutation { __typename }"})
    assert (await visitor.next())["payload"] == {"data": {"__typename": "Mutation"}}
    assert await visitor.next() == {"id": "m", "type": "complete"}


# Next, Error, Complete


async def test_results_are_followed_by_complete(visitor: Client) -> None:
    """After all results have been emitted, the Complete message will follow indicating stream completion."""
    await visitor.send(type="subscribe", id="1", payload=QUERY)

    assert await visitor.next() == {"id": "1", "type": "next", "payload": ANSWER}
    assert await visitor.next() == {"id": "1", "type": "complete"}


@pytest.mark.parametrize("query", ["{", "{ nonsense }", "query A { __typename } query B { __typename }"])
async def test_errors_before_execution_end_the_operation_and_no_complete_follows(visitor: Client, query: str) -> None:
    """This message terminates the operation and no further messages will be sent."""
    await visitor.send(type="subscribe", id="1", payload={"query": query})
    message = await visitor.next()
    assert (message["id"], message["type"]) == ("1", "error")
    assert all("message" in error for error in message["payload"])
    await visitor.send(type="ping")
    assert await visitor.next() == {"type": "pong"}


async def test_a_client_that_completes_hears_no_more(visitor: Client, served: Gateway) -> None:
    """No further events, relevant to the original subscription, should be sent through."""
    await visitor.subscribe(ACCOUNTS, "1")
    await visitor.subscribe(ACCOUNTS, "2")
    await visitor.send(type="complete", id="1")
    await visitor.send(type="ping")
    assert await visitor.next() == {"type": "pong"}
    async with opened(served.database_url) as store:
        await happens(store, 3, 4)

    assert [await heard(visitor, "2") for _ in range(2)] == [3, 4]


async def test_complete_of_an_operation_that_is_over_is_no_mistake(visitor: Client) -> None:
    """The client might receive the complete message of the server just after it has sent its own: race conditions."""
    await visitor.send(type="subscribe", id="1", payload=QUERY)
    await visitor.send(type="complete", id="1")
    await visitor.send(type="complete", id="1")
    await visitor.send(type="complete", id="never there")
    await visitor.send(type="ping")
    told = [await visitor.next()]
    while told[-1]["type"] != "pong":
        told.append(await visitor.next())

    assert told[-1] == {"type": "pong"}


async def test_an_id_may_be_used_again_when_its_operation_is_over(visitor: Client) -> None:
    for _ in range(3):
        await visitor.send(type="subscribe", id="1", payload=QUERY)
        assert (await visitor.next())["type"] == "next"
        assert await visitor.next() == {"id": "1", "type": "complete"}


# Invalid message


@pytest.mark.parametrize(
    "message",
    [
        b"\x00", b"{}", "", "x", "null", "0", "[]", '"ping"', "{}", '{"type":"unknown"}', '{"type":"PING"}',
        '{"id":"1","type":"next","payload":{}}', '{"id":"1","type":"error","payload":[]}', '{"type":"connection_ack"}',
        '{"type":"start"}', '{"type":"stop"}', '{"type":"connection_terminate"}', '{"type":"ka"}',
        '{"type":"subscribe","id":"1"}', '{"type":"subscribe","id":"1","payload":"{"}',
        '{"type":"subscribe","id":1,"payload":{"query":"{ __typename }"}}',
        '{"type":"subscribe","id":"","payload":{"query":"{ __typename }"}}',
        '{"type":"subscribe","id":"1","payload":{"query":null}}',
        '{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","variables":"{}"}}',
        '{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","operationName":1}}',
        '{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","extensions":[]}}',
        '{"type":"subscribe","id":"' + "x" * 129 + '","payload":{"query":"{ __typename }"}}',
        '{"type":"complete","id":1}', '{"type":"ping","payload":1}', '{"type":"pong","payload":[]}',
        "[" * 65 + "]" * 65, '{"type":"ping","payload":{"a":' + "9" * 21 + "}}", '{"type":"ping"}{"type":"ping"}',
    ],
    ids=lambda message: repr(message[:40]),
)  # fmt: skip  # a list
async def test_a_message_that_the_protocol_does_not_have_closes_the_socket(visitor: Client, message: Any) -> None:
    """Receiving a message of a type or format which is not specified in this document will result in an immediate
    socket closure with the event 4400: <error-message>."""
    await visitor.socket.send(message)
    code, reason = await visitor.closed()

    assert code == 4400
    assert reason.startswith("Invalid message: ")
    assert len(reason.encode()) <= 123


async def test_a_message_that_is_too_large_is_none(visitor: Client) -> None:
    most = ProtocolSettings().max_message
    await visitor.socket.send('{"type":"ping"}' + " " * (most - len('{"type":"ping"}')))
    assert await visitor.next() == {"type": "pong"}
    await visitor.socket.send(" " * (most + 1))

    assert await visitor.closed() == (1009, "The message is too big")


async def test_a_message_is_measured_in_bytes(visitor: Client) -> None:
    await visitor.send(type="ping", payload={"a": "é" * 40_000})

    assert await visitor.closed() == (1009, "The message is too big")


# One bad operation never closes the others


async def test_bad_operations_leave_the_others_alone(visitor: Client, served: Gateway) -> None:
    await visitor.subscribe(ACCOUNTS, "good")
    for number, query in enumerate(
        ["{", "{ nonsense }", "subscription { x }", "{ ...A } fragment A on Query { ...A }"]
    ):
        await visitor.send(type="subscribe", id=f"bad {number}", payload={"query": query})
        assert (await visitor.next())["type"] == "error"
    await visitor.send(type="subscribe", id="no such name", payload={**QUERY, "operationName": "X"})
    assert (await visitor.next())["type"] == "error"
    async with opened(served.database_url) as store:
        await happens(store, 3)

    assert await heard(visitor, "good") == 3
