"""From what a request names to a text: whether it may run, and whether it is trusted."""

from collections.abc import Collection
from dataclasses import dataclass

from edge.documents.automatic import Automatic
from edge.documents.counting import Counting
from edge.documents.forms import FormError, id_of
from edge.documents.registry import Registry
from edge.documents.settings import DocumentSettings
from edge.exposure.masking import refusal_of, refused
from models import SafelistLevel
from models.store import Store, StoreError
from resolvers.caller import Caller
from resolvers.documents import ALL_CLIENTS, Registered
from resolvers.errors import CanopyError

_STRICTNESS = {level: place for place, level in enumerate(SafelistLevel)}


class NotFoundError(CanopyError):
    """No document has the id. The message is the one by which Apollo's clients know that they should send the text."""

    code = "PERSISTED_QUERY_NOT_FOUND"


class NotSupportedError(CanopyError):
    """Texts are not remembered here. Likewise, for clients to send the text alone from now on."""

    code = "PERSISTED_QUERY_NOT_SUPPORTED"


class NotAllowedError(CanopyError):
    """The document isn't one of those that the client may run."""

    code = "DOCUMENT_NOT_ALLOWED"


_NOT_ALLOWED = {
    SafelistLevel.SAFELIST: NotAllowedError(
        "Only registered documents may run for this client. An operator registers them: `canopy documents import`."
    ),
    SafelistLevel.IDS: NotAllowedError(
        "This client runs registered documents by their ids, and no texts. An operator registers them:"
        " `canopy documents import`."
    ),
}


@dataclass(frozen=True, slots=True)
class Resolved:
    """A document that may run.

    Args:
        text: of the document.
        id: its SHA-256, hexadecimal.
        is_trusted: whether an operator registered it for this client, or for all.
        client: the name of the client that asks: proven by its token, or claimed; empty for none.
        is_to_be_kept: whether its client asks for it to be remembered under its id.
    """

    text: str
    id: str
    is_trusted: bool
    client: str
    is_to_be_kept: bool = False


class Documents:
    """The documents that may run.

    Args:
        store: where registered ones are.
        settings: which may run.
        shipped: the ids of documents that are always trusted, by whomever they are sent: the gateway's own.
        automatic: texts that clients gave an id to.
    """

    def __init__(
        self,
        store: Store,
        settings: DocumentSettings,
        shipped: Collection[str] = (),
        automatic: Automatic | None = None,
    ) -> None:
        self.registry = Registry(store, settings.document_seconds)
        self.counting = Counting(store)
        self.automatic = automatic or Automatic()
        self._level = settings.safelist
        self._shipped = frozenset(shipped)

    async def resolve(
        self, caller: Caller, claimed: str, text: str | None, named: str | None, *, registers: bool = False
    ) -> Resolved:
        """The document that a request asks for.

        Args:
            caller: who asks.
            claimed: what the client calls itself. Who signs in as an API client has proven its name.
            text: as it was sent.
            named: the id that was sent: of the document, or an alias.
            registers: whether the text, which has this id, is to be remembered under it.

        Raises:
            Refusal: it can't be found, or may not run, or the database does not answer.
        """
        try:
            registered = await self.registry.registered()
            client = claimed if caller.client_id is None else await self.registry.name_of(caller.client_id)
            level = self._level_of(registered, client, is_proven=caller.client_id is not None)
            document_id = _id(registered, text, named)
            for_client = self._registered_for(registered, document_id, client)
            if for_client is not None and (named is not None or level is not SafelistLevel.IDS):
                found = text if text is not None else await self.registry.text(document_id)
                if found is not None:
                    self.counting.used(document_id, for_client)
                    return Resolved(found, document_id, is_trusted=True, client=client)
            return await self._unregistered(registered, level, client, text, document_id, registers=registers)
        except (StoreError, OSError) as error:
            raise refusal_of(error) from error

    async def remember(self, resolved: Resolved) -> None:
        """Remember a text that could be read, where its client asks for that."""
        if resolved.is_to_be_kept:
            await self.automatic.keep(resolved.id, resolved.text)

    def knows(self, caller: Caller, client: str) -> bool:
        """Whether a client's name is one that operators know: its own, or one of those that they have named."""
        return caller.client_id is not None or client in self.registry.clients

    def _level_of(self, registered: Registered, client: str, *, is_proven: bool) -> SafelistLevel:
        """A client that has proven who it is has its own level; one that only says so has the stricter of the two."""
        own = registered.levels.get(client, self._level)
        return own if is_proven else max(own, self._level, key=_STRICTNESS.__getitem__)

    def _registered_for(self, registered: Registered, document_id: str, client: str) -> str | None:
        """The client that a document is registered for: this one, or all; None for neither."""
        clients = registered.clients.get(document_id, frozenset())
        if client in clients:
            return client
        return ALL_CLIENTS if ALL_CLIENTS in clients or document_id in self._shipped else None

    async def _unregistered(
        self, registered: Registered, level: SafelistLevel, client: str, text: str | None, document_id: str,
        *, registers: bool,
    ) -> Resolved:  # fmt: skip  # one line less
        """A document that isn't registered for this client."""
        if level is not SafelistLevel.PERFORMANCE and text is not None:
            self.counting.unknown(document_id, client, text)
        if _is_strict(level):
            raise refused(NotSupportedError("PersistedQueryNotSupported") if registers else _NOT_ALLOWED[level])
        if text is None and document_id in registered.clients:
            text = await self.registry.text(document_id)  # of another client: for this one it is like any other
        if text is None:
            text = await self.automatic.get(document_id)
        if text is None:
            raise refused(NotFoundError("PersistedQueryNotFound"))
        return Resolved(text, document_id, is_trusted=False, client=client, is_to_be_kept=registers)


def _is_strict(level: SafelistLevel) -> bool:
    """Whether only registered documents run."""
    return _STRICTNESS[level] >= _STRICTNESS[SafelistLevel.SAFELIST]


def _id(registered: Registered, text: str | None, named: str | None) -> str:
    """The id of the document that is meant."""
    meant = None if named is None else registered.aliases.get(named, named)
    document_id = meant if text is None else id_of(text)
    if document_id is None or meant not in (None, document_id):
        raise refused(FormError("The id is not the SHA-256 of the query beside it."))
    return document_id
