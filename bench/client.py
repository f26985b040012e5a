"""The load: clients that each send a request as soon as the last is answered, at little cost of their own."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import uvloop

HOST = "127.0.0.1"
_PATIENCE = 120
"""Seconds for what is under way when the load's own are over."""


class AnswerError(Exception):
    """A server did not answer as it should."""


@dataclass(slots=True)
class Load:
    """What came of a load.

    Args:
        seconds: from the first request to the last answer.
        times: of each request, in seconds.
        body: of the last answer.
    """

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    body: bytes = b""


class _Client(asyncio.Protocol):
    """One connection that asks again and again.

    Args:
        request: what it sends.
        again: told how long an answer took; whether to ask once more.
        done: settled when this client stops: with the last answer's body, or with what went wrong.
    """

    def __init__(self, request: bytes, again: Callable[[float], bool], done: "asyncio.Future[bytes]") -> None:
        self._request = request
        self._again = again
        self._done = done
        self._answer = bytearray()
        self._head = self._length = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        self._started = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not self._head:
            self._head = self._answer.find(b"\r\n\r\n") + 4
            if self._head < 4:
                self._head = 0
                return
            head = bytes(self._answer[: self._head]).lower()
            if not head.startswith(b"http/1.1 200 "):
                self._fail(head.decode())
                return
            self._length = self._head + int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(self._answer) >= self._length:
            self._answered()

    def _answered(self) -> None:
        taken = time.perf_counter() - self._started
        body = bytes(self._answer[self._head :])
        self._answer.clear()
        self._head = 0
        if self._again(taken):
            self._send()
        elif not self._done.done():
            self._done.set_result(body)
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(f"the server hung up: {error}")

    def _fail(self, why: str) -> None:
        if not self._done.done():
            self._done.set_exception(AnswerError(why))
            self._transport.close()


async def _load(port: int, request: bytes, clients: int, seconds: float, least: int) -> Load:
    load = Load()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()

    def again(taken: float) -> bool:
        load.times.append(taken)
        # Those of the other clients are still to come.
        return time.perf_counter() - started < seconds or len(load.times) <= least - clients

    ends = [loop.create_future() for _ in range(clients)]
    for end in ends:
        await loop.create_connection(lambda end=end: _Client(request, again, end), HOST, port)  # type: ignore[misc]  # a default binds the loop's variable
    try:
        async with asyncio.timeout(seconds + _PATIENCE):
            bodies = await asyncio.gather(*ends)
    except TimeoutError as error:
        raise AnswerError(f"no answers within {seconds + _PATIENCE:g} s") from error
    load.seconds = time.perf_counter() - started
    load.body = bodies[-1]
    return load


def load(port: int, request: bytes, *, clients: int = 1, seconds: float = 0.0, least: int = 1) -> Load:
    """Load a server for some seconds, and until it has given at least so many answers.

    Raises:
        AnswerError: an answer was not 200, or none came.
    """
    return uvloop.run(_load(port, request, clients, seconds, least))


def http(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request as bytes, its headers named with `_` for `-`."""
    lines = [f"{method} {path} HTTP/1.1", f"host: {HOST}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body
