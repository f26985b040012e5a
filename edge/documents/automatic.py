"""Automatic persisted queries: texts that clients gave an id to, kept for as long as there is room.

Source: Apollo's automatic persisted queries. They are kept in this process alone: to a client it makes no difference
but a second request, and nobody outside may write into the database.
"""

from collections import OrderedDict

MOST_TEXTS = 1_000
MOST_CHARACTERS = 4_000_000


class Automatic:
    """Texts by their ids, those that were used last."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._characters = 0

    def get(self, document_id: str) -> str | None:
        """The text; None if it isn't kept."""
        text = self._texts.get(document_id)
        if text is not None:
            self._texts.move_to_end(document_id)
        return text

    def keep(self, document_id: str, text: str) -> None:
        """Keep a text, of which the id is known to be right."""
        if document_id in self._texts:
            self._texts.move_to_end(document_id)
            return
        self._texts[document_id] = text
        self._characters += len(text)
        while len(self._texts) > MOST_TEXTS or self._characters > MOST_CHARACTERS:
            _, forgotten = self._texts.popitem(last=False)
            self._characters -= len(forgotten)
