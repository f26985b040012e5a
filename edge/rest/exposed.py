"""The endpoints of this process: those that operators added, as they are registered now, before the shipped ones."""

import logging

from edge.documents.registry import Registry
from edge.rest.endpoints import Endpoint, EndpointError, endpoint, shipped
from resolvers.documents import ExposedOperation, Registered
from schema import executor

log = logging.getLogger("canopy.rest")


class Endpoints:
    """All endpoints.

    Args:
        registry: knows what is registered.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._made_of: Registered | None = None
        self._made: dict[ExposedOperation, Endpoint | None] = {}
        self._all: tuple[Endpoint, ...] = ()

    async def all(self) -> tuple[Endpoint, ...]:
        """The endpoints, as they are now.

        Raises:
            StoreError: the database can't be reached.
        """
        registered = await self._registry.registered()
        if registered is not self._made_of:
            made = {
                each: self._made[each] if each in self._made else await self._new(each) for each in registered.endpoints
            }
            added = [each for each in made.values() if each is not None]
            taken = {(each.method, each.path) for each in added}
            self._all = (*added, *(each for each in shipped() if (each.method, each.path) not in taken))
            self._made, self._made_of = made, registered
        return self._all

    async def _new(self, exposed: ExposedOperation) -> Endpoint | None:
        """What was exposed; None, which the log tells, if this program's schema can't answer it."""
        text = await self._registry.text(exposed.document_id) or ""
        try:
            for error in executor.read(text).errors:
                raise EndpointError(error.message)
            return endpoint(exposed.method, exposed.path, text, exposed.operation, exposed.title, exposed.max_age)
        except EndpointError as error:
            log.error("%s %s is not offered: %s", exposed.method.value, exposed.path, error)
            return None
