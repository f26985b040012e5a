"""What every request works with, and the worker that may run beside them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from starlette.requests import Request

from edge.documents.automatic import open_automatic
from edge.documents.reading import Reading
from edge.documents.resolving import Documents
from edge.exposure.introspection import Introspection
from edge.granting import signing_in
from edge.limits.admission import Admission
from edge.limits.budget import Strangers, open_budget
from edge.limits.connections import Connections
from edge.rest.endpoints import shipped
from edge.rest.exposed import Endpoints
from edge.settings import Settings
from edge.telemetry.telemetry import Telemetry
from models.store import Store, open_store
from resolvers.browser_sign_in import Browsers
from resolvers.callers import Callers
from resolvers.clock import PlatformClock
from resolvers.discovery import Discovery
from resolvers.keys import open_key_ring
from resolvers.links import makers
from resolvers.live import Hub, LiveSettings
from resolvers.mail.mail_url import open_transport
from resolvers.run import Business
from resolvers.work.connector import Connectors
from resolvers.work.handler import Workplace
from resolvers.work.handlers import handlers
from resolvers.work.worker import Worker, WorkSettings
from schema import executor


class Service:
    """What every request works with: the store and the keys, opened once for a process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.reading = Reading()
        self.introspection = Introspection(is_on=settings.exposure.introspection)
        executor.hides_suggestions = not (
            settings.demo if settings.exposure.suggestions is None else settings.exposure.suggestions
        )
        executor.max_errors = settings.limits.max_errors
        self.admission = Admission(settings.sharing)
        self.budget = open_budget(settings.sharing)
        self.connections = Connections(settings.sharing, settings.trusted_proxies, settings.protocols.stream_seconds)
        self.strangers = Strangers(settings.sharing.strangers)
        self.store: Store = open_store(settings.database_url)
        automatic = open_automatic(settings.sharing.redis_url, settings.sharing.redis_seconds)
        own = {each.document_id for each in shipped()}
        self.documents = Documents(self.store, settings.documents, own, automatic)
        self.endpoints = Endpoints(self.documents.registry)
        self.telemetry = Telemetry(settings.telemetry, self.store)
        self.keys = open_key_ring(settings.key_file, is_strict=not settings.demo)
        self.discovery = Discovery()
        self.browsers = Browsers(settings.address, self.keys.browser_keys(), dict(settings.issuer_secrets))
        self.clock = PlatformClock(self.store)
        self.worker: Worker | None = None
        self.cursor_key = self.keys.cursor_keys()
        self.sign_in = signing_in(settings, self.keys, self.clock.now)
        tokens = self.sign_in.tokens
        self.callers = Callers(self.store, tokens, settings.caller_seconds)
        live_callers = Callers(self.store, tokens, 0)
        live = LiveSettings(most_rows=settings.limits.max_page)
        self.hub = Hub(self.store, live_callers, self.cursor_key, live, self.clock.now)
        self.business = Business(self.store, self.clock.now, sign_in=self.sign_in, input_key=self.keys.input_keys())


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
