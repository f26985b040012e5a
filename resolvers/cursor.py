"""Cursors: where a page ended, written so that nobody else can use it and nothing in it can be changed."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from hashlib import blake2b
from hmac import compare_digest
from typing import Any

import orjson

from models.base import iso
from resolvers.errors import InvalidError
from resolvers.keys import Keys, all_of, is_known

_MAC_BYTES = 12


class CursorCodec:
    """Writes and reads the cursors of one caller.

    Args:
        keys: sign them; at most 64 bytes each.
        account_id: of the caller; another account's cursors don't verify.
    """

    def __init__(self, keys: Keys, account_id: int) -> None:
        self._keys = keys
        self._key = all_of(keys)[0]
        self._account = b"%d" % account_id

    def encode(self, field: str, sort_key: Any, row_id: int) -> str:
        """The cursor of a row.

        Args:
            field: names the list and its order; a cursor of one is none of another.
            sort_key: the row's value in the column that the list is sorted by: text, number, date or instant.
            row_id: breaks ties.
        """
        text = iso(sort_key) if isinstance(sort_key, datetime) else sort_key
        payload = orjson.dumps([text, row_id])
        return urlsafe_b64encode(self._mac(field, payload, self._key) + payload).rstrip(b"=").decode()

    def decode(self, field: str, cursor: str) -> tuple[Any, int]:
        """The sort key (dates as text) and row id behind a cursor.

        Raises:
            InvalidError: it was not given out for this list, this order and this account.
        """
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError:
            raw = b""
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not is_known(self._keys, lambda key: compare_digest(mac, self._mac(field, payload, key))):
            raise InvalidError(
                "This cursor was not given out for this list. Take `endCursor` or `startCursor` of a page of the same"
                " list, with the same `orderBy`, signed in to the same account."
            )
        sort_key, row_id = orjson.loads(payload)
        return sort_key, row_id

    def _mac(self, field: str, payload: bytes, key: bytes) -> bytes:
        return blake2b(b"\0".join((field.encode(), self._account, payload)), key=key, digest_size=_MAC_BYTES).digest()
