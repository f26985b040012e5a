"""A gateway for tests of transports: one on SQLite that answers HTTP, and how streams are read."""

import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.changes import user_of
from tests.databases import Databases
from tests.hierarchy import World
from tests.listening import grant, token
from tests.live import Served, serving
from tests.templates import hierarchy_template, opened

JSON = "application/json"
RESPONSE = "application/graphql-response+json"
SSE = "text/event-stream"
MULTIPART = "multipart/mixed"


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway, and a client that has signed in as the administrator of the reseller 2."""

    served: Served
    http: httpx.AsyncClient
    database_url: str

    async def post(self, content: Any, accept: str | None = None, **headers: str) -> httpx.Response:
        """Send a body; anything but bytes as JSON."""
        body = content if isinstance(content, bytes) else orjson.dumps(content)
        named = {"content-type": JSON} | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post("/graphql", content=body, headers=_accepting(named, accept))

    async def get(self, accept: str | None = None, **parameters: str) -> httpx.Response:
        """Send parameters in the URL."""
        return await self.http.get("/graphql", params=parameters, headers=_accepting({}, accept))

    async def ask(self, query: str, accept: str | None = None, **more: Any) -> httpx.Response:
        """Send an operation."""
        return await self.post({"query": query, **more}, accept)


def _accepting(headers: dict[str, str], accept: str | None) -> dict[str, str]:
    return headers if accept is None else headers | {"accept": accept}


@asynccontextmanager
async def gateway(databases: Databases, world: World, directory: Path, **settings: Any) -> AsyncIterator[Gateway]:
    """A gateway on the hand-made hierarchy, its administrators with full access."""
    with databases.copied(hierarchy_template(databases, world)) as url:
        async with opened(url) as store:
            await grant(store, world)
        async with serving(url, directory, **settings) as served:
            headers = {"authorization": f"Bearer {token(served, world, 2)}"}
            async with httpx.AsyncClient(base_url=f"http://{served.url}", headers=headers, timeout=20) as http:
                yield Gateway(served, http, url)


def bearer_of(served: Gateway, world: World, kind: str, account_id: int) -> str:
    return served.served.token(user_of(world, account_id, kind), account_id)


@contextmanager
def silence(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing is logged in the block, by the server neither, whose log goes its own way."""
    server = logging.getLogger("uvicorn")
    server.addHandler(caplog.handler)
    try:
        yield
    finally:
        server.removeHandler(caplog.handler)
    assert not caplog.records, caplog.text


def code(answer: httpx.Response) -> str:
    """Of the first error of an answer."""
    return str(orjson.loads(answer.content)["errors"][0]["extensions"]["code"])


def events(text: str) -> list[tuple[str, Any]]:
    """The events of a stream: name and data, which is None where it is empty."""
    found = []
    for written in filter(None, text.split("\n\n")):
        fields = dict(line.split(":", 1) for line in written.split("\n"))
        if "" not in fields:  # a comment
            data = fields["data"].strip()
            found.append((fields["event"].strip(), orjson.loads(data) if data else None))
    return found


async def told(answer: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    """The events of a stream as they come; a comment is an event without name."""
    waiting = ""
    async for text in answer.aiter_text():
        waiting += text
        while "\n\n" in waiting:
            written, waiting = waiting.split("\n\n", 1)
            found = events(written + "\n\n")
            yield found[0] if found else ("", None)


async def parted(answer: httpx.Response) -> AsyncIterator[Any]:
    """The parts of a multipart answer as they come."""
    text, count = "", 0
    async for more in answer.aiter_text():
        text += more
        found = parts(answer, text[: text.rfind("--")])
        for part in found[count:]:
            yield part
        count = len(found)


def parts(answer: httpx.Response, text: str | None = None) -> list[Any]:
    """The parts of a multipart answer, up to now."""
    boundary = re.search(r'boundary="([^"]+)"', answer.headers["content-type"])
    assert boundary is not None
    written = (answer.text if text is None else text).split(f"--{boundary[1]}")
    return [orjson.loads(each.split("\r\n\r\n", 1)[1]) for each in written if "\r\n\r\n" in each]
