"""A gateway in the tests' own process, on a copy of the demo tree, in which documents are registered and used."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import bindparam, select

from edge.documents.settings import DocumentSettings
from edge.service import Service
from edge.settings import Settings
from models import ApiClient, SubjectType, User
from models.base import table_of
from models.statement import Statement
from resolvers import documents
from resolvers.documents import NewDocument
from resolvers.keys import open_key_ring
from resolvers.tokens import AccessTokens, Subject
from tests.gateways import create_app
from tests.sharing import WIDE

_USER, _CLIENT = table_of(User).c, table_of(ApiClient).c
_USER_OF = Statement(select(_USER.id, _USER.account_id).where(_USER.login == bindparam("name")))
_CLIENT_OF = Statement(select(_CLIENT.id, _CLIENT.account_id).where(_CLIENT.client_id == bindparam("name")))

RESELLER, CUSTOMER, API_CLIENT = "admin@reseller.example", "limited@customer.example", "demo-client"


def id_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Gateway:
    """A gateway that knows at once what is registered.

    Args:
        http: a client of it.
        service: behind it.
        tokens: signs.
    """

    http: httpx.AsyncClient
    service: Service
    tokens: AccessTokens

    async def bearer(self, name: str = RESELLER) -> dict[str, str]:
        """The header of a demo login, or of an API client."""
        subject_type, statement = (SubjectType.USER, _USER_OF) if "@" in name else (SubjectType.API_CLIENT, _CLIENT_OF)
        async with self.service.store.unfiltered("a test asks who a login is") as db:
            ((row_id, account_id),) = await db.rows(statement, {"name": name})
        return {"authorization": f"Bearer {self.tokens.sign(Subject(subject_type, row_id), account_id)}"}

    async def post(self, body: Any, name: str = RESELLER, path: str = "/graphql", **headers: str) -> httpx.Response:
        """Ask over HTTP, with a header for each further argument, `_` standing for `-`."""
        given = await self.bearer(name) | {key.replace("_", "-"): value for key, value in headers.items()}
        return await self.http.post(path, json=body, headers=given)

    async def get(self, path: str, name: str = RESELLER, params: Any = None, **headers: str) -> httpx.Response:
        """Likewise, by GET."""
        given = await self.bearer(name) | {key.replace("_", "-"): value for key, value in headers.items()}
        return await self.http.get(path, params=params, headers=given)

    async def register(self, *texts: str, client: str = "", aliases: tuple[str, ...] = ()) -> str:
        """Register documents; returns the id of the last."""
        new = [NewDocument(id_of(text), text, aliases) for text in texts]
        await documents.register(self.service.store, new, client, "a test")
        return new[-1].id

    async def forget_all(self) -> None:
        """Register nothing, at no level."""
        store = self.service.store
        await self.service.documents.counting.write()
        found = await documents.registered(store, documents.Registered())
        for document_id in found.clients:
            await documents.remove(store, document_id)
        for client in found.levels:
            await documents.set_level(store, client, None)


@asynccontextmanager
async def gateway(url: str, directory: Path, **settings: Any) -> AsyncIterator[Gateway]:
    """A gateway on a database, without a server: requests are handed to it."""
    made = Settings(database_url=url, key_file=directory / "canopy.key", worker=False)
    sections: dict[str, Any] = {"documents": DocumentSettings(document_seconds=0), "sharing": WIDE}
    app: Any = create_app(replace(made, **sections | settings))
    service: Service = app.app.state.service
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        yield Gateway(http, service, AccessTokens(open_key_ring(directory / "canopy.key")))
    await service.store.close()
