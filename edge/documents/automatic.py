"""Automatic persisted queries: texts that clients gave an id to, kept for as long as there is room.

Source: Apollo's automatic persisted queries. They are kept in the process, and in Redis where that is configured, so
that processes and machines know each other's; never in the database, into which nobody outside may write. A client that
asks where its text isn't known sends it once more, as the protocol has it.
"""

from collections import OrderedDict
from typing import Protocol

from edge.documents.forms import id_of

MOST_TEXTS = 1_000
MOST_CHARACTERS = 4_000_000


class SharedTexts(Protocol):
    """Texts by their ids, where several processes can see them. Whatever goes wrong, they are just not there."""

    async def get(self, document_id: str) -> str | None:
        """The text; None if it isn't kept."""

    async def keep(self, document_id: str, text: str) -> None:
        """Keep a text."""

    async def close(self) -> None:
        """Let go of what is open."""


class Automatic:
    """Texts by their ids, those that were used last.

    Args:
        shared: by processes; None where each has its own.
    """

    def __init__(self, shared: SharedTexts | None = None) -> None:
        self._shared = shared
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._characters = 0

    async def get(self, document_id: str) -> str | None:
        """The text; None if it isn't kept."""
        text = self._texts.get(document_id)
        if text is not None:
            self._texts.move_to_end(document_id)
        elif self._shared is not None:
            text = await self._shared.get(document_id)
            if text is None or id_of(text) != document_id:  # others may write there too
                return None
            self._keep(document_id, text)
        return text

    async def keep(self, document_id: str, text: str) -> None:
        """Keep a text, of which the id is known to be right."""
        if self._keep(document_id, text) and self._shared is not None:
            await self._shared.keep(document_id, text)

    async def close(self) -> None:
        """Let go of what is open."""
        if self._shared is not None:
            await self._shared.close()

    def _keep(self, document_id: str, text: str) -> bool:
        """Keep a text in this process; gives whether it wasn't kept before."""
        if document_id in self._texts:
            self._texts.move_to_end(document_id)
            return False
        self._texts[document_id] = text
        self._characters += len(text)
        while len(self._texts) > MOST_TEXTS or self._characters > MOST_CHARACTERS:
            _, forgotten = self._texts.popitem(last=False)
            self._characters -= len(forgotten)
        return True


def open_automatic(redis_url: str | None, redis_seconds: float) -> Automatic:
    """The texts that processes share in Redis; those of this process alone, where there is none.

    Args:
        redis_url: empty for none.
        redis_seconds: for how long it is waited for.
    """
    if not redis_url:
        return Automatic()
    from edge.documents.redis_texts import RedisTexts

    return Automatic(RedisTexts(redis_url, redis_seconds))
