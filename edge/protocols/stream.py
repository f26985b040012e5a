"""Answers one after the other over HTTP, for as long as somebody takes them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress

from starlette.requests import Request
from starlette.types import Send

from edge.exposure.masking import Payload, refusal_of
from edge.protocols.frames import Frames
from edge.protocols.settings import ProtocolSettings

SECONDS_UNWATCHED = 0.02
"""An answer that is there so soon isn't worth a look at whether somebody still waits for it."""


class GoneError(Exception):
    """The client is gone, or takes nothing of what it is sent."""


class Waiting:
    """Whether somebody still waits for what this task does.

    Args:
        request: whose body has been read by the time it is watched.
    """

    def __init__(self, request: Request) -> None:
        working = asyncio.current_task()
        assert working is not None  # noqa: S101  # for the type checker
        self.working = working
        self.is_over = False
        self._request = request
        self._timer: asyncio.TimerHandle | None = None
        self._watching: asyncio.Task[None] | None = None

    def give_up(self) -> None:
        """Break off the task, once."""
        if not self.is_over:
            self.is_over = True
            self.working.cancel()

    def watch(self) -> None:
        """Give up once the client is gone."""
        self._timer = asyncio.get_running_loop().call_later(SECONDS_UNWATCHED, self._watch)

    def end(self) -> None:
        """Watch no more, until told to again."""
        for each in (self._timer, self._watching):
            if each is not None:
                each.cancel()

    def _watch(self) -> None:
        self._watching = asyncio.create_task(self._leaving())

    async def _leaving(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self.give_up()


@contextmanager
def waiting(request: Request) -> Iterator[Waiting]:
    """For as long as somebody waits for what is done in the block.

    Raises:
        GoneError: nobody does any more; what was being done is broken off.
    """
    somebody = Waiting(request)
    try:
        yield somebody
    except asyncio.CancelledError:
        if somebody.is_over and not somebody.working.uncancel():
            raise GoneError from None
        raise
    finally:
        somebody.end()


class Stream:
    """Answers one after the other.

    Args:
        frames: how they are written.
        settings: how long it is waited for somebody who takes nothing.
        send: to the client.
    """

    def __init__(self, frames: Frames, settings: ProtocolSettings, send: Send) -> None:
        self._frames = frames
        self._settings = settings
        self._send = send
        self._writing = asyncio.Lock()

    async def start(self, headers: Mapping[str, str]) -> None:
        """Say that there are answers."""
        encoded = [(name.encode(), value.encode()) for name, value in {**headers, **self._frames.headers}.items()]
        await self._send({"type": "http.response.start", "status": 200, "headers": encoded})
        await self._write(self._frames.opening)

    async def tell(self, payloads: AsyncGenerator[Payload, None], first: Payload | None = None) -> None:
        """Tell what comes, up to its end; of what goes wrong too, for it is too late for a status.

        Args:
            payloads: what comes.
            first: what has come already.

        Raises:
            GoneError: the client takes nothing of it.
        """
        try:
            if first is not None:
                await self._write(self._frames.next(first))
            async for payload in payloads:
                await self._write(self._frames.next(payload))
        except GoneError:
            raise
        except Exception as error:  # whatever it is, the client is told that no more comes
            await self._write(self._frames.refusal(refusal_of(error).body))
        await self._write(self._frames.closing, is_last=True)

    @asynccontextmanager
    async def kept(self, is_ending: asyncio.Event, give_up: Callable[[], None]) -> AsyncIterator[None]:
        """Keeps the connection while the block lasts, by saying something now and then.

        Args:
            is_ending: once the server stops, the stream ends without its closing, after which clients connect again.
            give_up: called then; ends the block.
        """
        beating = asyncio.create_task(self._beat(is_ending, give_up))
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.wait({beating})

    async def _beat(self, is_ending: asyncio.Event, give_up: Callable[[], None]) -> None:
        while not is_ending.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.beat_seconds):
                    await is_ending.wait()
            with suppress(GoneError):  # it is found out by whoever has something to tell, or watches
                await self._write(b"" if is_ending.is_set() else self._frames.beat, is_last=is_ending.is_set())
        give_up()

    async def _write(self, frame: bytes, *, is_last: bool = False) -> None:
        try:
            async with self._writing, asyncio.timeout(self._settings.stream_seconds):
                await self._send({"type": "http.response.body", "body": frame, "more_body": not is_last})
        except TimeoutError:
            raise GoneError from None
