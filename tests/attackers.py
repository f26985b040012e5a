"""A client that sends the worst that is known: `python -m tests.attackers URL TOKEN SECONDS`.

It runs as a process of its own, less eagerly than others, for it stands for another machine.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

_SERIAL = count()
"""Makes each document a new one, so that it has to be read."""


def exponential_fragments() -> dict[str, object]:
    """719 bytes that open to two millions of fields."""
    fragments = [f"fragment f{at} on Viewer {{ ...f{at + 1} ...f{at + 1} }}" for at in range(21)]
    return {
        "query": f"query q{next(_SERIAL)} {{ viewer {{ ...f0 }} }} {' '.join(fragments)}"
        " fragment f21 on Viewer { reach }"
    }


def long_document() -> dict[str, object]:
    """As many tokens as are taken, in a shape that validation takes longest for."""
    fields = " ".join(f"viewer {{ reach __typename }} viewer {{ reach n{at}: reach }}" for at in range(25))
    return {"query": f"query q{next(_SERIAL)} {{ {fields * 6} }}"}


def aliases() -> dict[str, object]:
    return {"query": f"query q{next(_SERIAL)} {{ {' '.join(f'a{at}: viewer {{ reach }}' for at in range(101))} }}"}


def deep() -> dict[str, object]:
    """The tree, up and down."""
    query = "{ accounts(first: 100) { nodes { children(first: 100) { nodes { id } } } } }"
    nested = "children(first: 2) { nodes { parent { " * 10 + "id" + " } } }" * 10
    return {"query": query if next(_SERIAL) % 2 else f"{{ accounts(first: 2) {{ nodes {{ {nested} }} }} }}"}


def brackets() -> dict[str, object]:
    return {"query": "{" * 20_000}


def many_variables() -> dict[str, object]:
    ids = [f"acc_{at}" for at in range(15_000)]
    return {"query": "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", "variables": {"ids": ids}}


def dear() -> dict[str, object]:
    """What is just about taken, again and again."""
    return {"query": "{ accounts(first: 100) { nodes { id name users(first: 5) { nodes { id name } } } totalCount } }"}


DOCUMENTS: list[Callable[[], dict[str, object]]] = [
    exponential_fragments, long_document, aliases, deep, brackets, many_variables, dear,
]  # fmt: skip  # a list
CLIENTS, SLOW_BODIES, SOCKETS = 4, 20, 30


async def attack(url: str, token: str, seconds: float) -> Counter[str]:
    """Send all of it for so long; returns how often each status came back."""
    until, told = time.monotonic() + seconds, Counter[str]()
    headers = {"authorization": f"Bearer {token}"}

    async def documents() -> None:
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as http:
            while time.monotonic() < until:
                for make in DOCUMENTS:
                    answer = await http.post("/graphql", json=make())
                    told[f"{make.__name__} {answer.status_code}"] += 1

    async def slow_body() -> None:
        at = urlsplit(url)
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        writer.write(b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n")
        writer.write(f"authorization: Bearer {token}\r\ncontent-length: 100000\r\n\r\n".encode())
        answered = asyncio.create_task(reader.read(1))
        while time.monotonic() < until and not answered.done():
            writer.write(b" ")
            await asyncio.wait({answered}, timeout=0.5)
        answered.cancel()
        writer.close()

    async def socket() -> None:
        address = url.replace("http://", "ws://") + "/graphql"
        protocol = Subprotocol("graphql-transport-ws")
        async with connect(address, subprotocols=[protocol], compression=None) as opened:
            payload = {"authorization": f"Bearer {token}"}
            await opened.send(json.dumps({"type": "connection_init", "payload": payload}))
            for number in count():
                await opened.send(json.dumps({"type": "subscribe", "id": str(number), "payload": aliases()}))
                await asyncio.sleep(0.25)
                if time.monotonic() > until:
                    return

    async def again(work: Callable[[], Awaitable[None]], name: str) -> None:
        while time.monotonic() < until:
            try:
                await work()
            except Exception as error:  # whatever it is told, it goes on
                told[f"{name} {type(error).__name__}"] += 1
                await asyncio.sleep(0.1)

    work = [(documents, "documents")] * CLIENTS + [(slow_body, "body")] * SLOW_BODIES + [(socket, "socket")] * SOCKETS
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds + 30):
            await asyncio.gather(*(again(each, name) for each, name in work))
    return told


if __name__ == "__main__":
    os.nice(10)
    found = asyncio.run(attack(sys.argv[1], sys.argv[2], float(sys.argv[3])))
    sys.stdout.write(json.dumps(found))
