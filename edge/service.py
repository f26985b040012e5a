"""What every request works with, and the worker that may run beside them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from starlette.requests import Request

from edge.documents.reading import Reading
from edge.documents.resolving import Documents
from edge.settings import Settings
from models.store import Store, open_store
from resolvers.callers import Callers
from resolvers.clock import PlatformClock
from resolvers.keys import open_key_ring
from resolvers.links import makers
from resolvers.live import Hub
from resolvers.mail.mail_url import open_transport
from resolvers.passwords import HashSettings, Passwords
from resolvers.run import Business
from resolvers.sign_in import SignInSettings
from resolvers.throttle import Throttle, ThrottleSettings
from resolvers.tokens import AccessTokens
from resolvers.work.connector import Connectors
from resolvers.work.handler import Workplace
from resolvers.work.handlers import handlers
from resolvers.work.worker import Worker, WorkSettings


class Service:
    """What every request works with: the store and the keys, opened once for a process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.reading = Reading()
        self.store: Store = open_store(settings.database_url)
        self.documents = Documents(self.store, settings.documents)
        keys = open_key_ring(settings.key_file)
        self.clock = PlatformClock(self.store)
        self.worker: Worker | None = None
        self.cursor_key = keys.cursor_key()
        tokens = AccessTokens(keys)
        self.callers = Callers(self.store, tokens, settings.caller_seconds)
        live_callers = Callers(self.store, tokens, 0)
        self.hub = Hub(self.store, live_callers, self.cursor_key, clock=self.clock.now)
        self.sign_in = SignInSettings(
            tokens,
            Passwords(HashSettings()),
            Throttle(ThrottleSettings(), keys.source_key()),
            platform_clock=self.clock.now,
        )
        self.business = Business(self.store, self.clock.now, sign_in=self.sign_in, input_key=keys.input_key())


def service_of(request: Request) -> Service:
    """The service of the application that takes a request."""
    service: Service = request.app.state.service
    return service


def open_worker(store: Store, settings: Settings) -> Worker:
    """A worker for all kinds of jobs."""
    connectors = Connectors(store, settings.connectors, is_told=settings.simulator or settings.demo)
    place = Workplace(
        store, open_transport(settings.mail_url), settings.mail_from, makers(settings.address), connectors
    )
    return Worker(store, handlers(place), WorkSettings(lease=timedelta(seconds=settings.lease_seconds)))


@asynccontextmanager
async def working(service: Service) -> AsyncIterator[None]:
    """Does the jobs beside the requests, where that is wanted; when the block ends, running jobs come to their end."""
    wanted = service.settings.worker
    if not (service.store.engine == "sqlite" if wanted is None else wanted):
        yield
        return
    service.worker = open_worker(service.store, service.settings)
    work = asyncio.create_task(service.worker.run())
    try:
        yield
    finally:
        service.worker.stop()
        await work
