"""The endpoints of this process: those that operators added, as they are registered now, before the shipped ones."""

import logging

from edge.documents.registry import Registry
from edge.rest.endpoints import Endpoint, EndpointError, endpoint, shipped
from resolvers.documents import Registered

log = logging.getLogger("canopy.rest")


class Endpoints:
    """All endpoints.

    Args:
        registry: knows what is registered.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._made_of: Registered | None = None
        self._all: tuple[Endpoint, ...] = ()

    async def all(self) -> tuple[Endpoint, ...]:
        """The endpoints, as they are now.

        Raises:
            StoreError: the database can't be reached.
        """
        registered = await self._registry.registered()
        if registered is not self._made_of:
            added = await self._added(registered)
            taken = {(each.method, each.path) for each in added}
            self._all = (*added, *(each for each in shipped() if (each.method, each.path) not in taken))
            self._made_of = registered
        return self._all

    async def _added(self, registered: Registered) -> list[Endpoint]:
        made = []
        for each in registered.endpoints:
            text = await self._registry.text(each.document_id)
            try:
                made.append(endpoint(each.method, each.path, text or "", each.operation, each.title, each.max_age))
            except EndpointError as error:
                log.error("%s %s: %s", each.method, each.path, error)
        return made
