"""People at their screens: they sign in, ask, and change things, and send again whatever got no answer."""

import re
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx

PATIENCE = 60.0
"""Seconds after which nobody waits for an answer any more."""
_BETWEEN = 0.05
_NUMBER = re.compile(r"\b[A-Z]{2}[0-9]{3,}(-[0-9]+)?\b")

Data = dict[str, Any]


def unnumbered(text: str) -> str:
    """A text without the numbers of orders and invoices, which may have gaps."""
    return _NUMBER.sub("<number>", text)


class RefusedError(Exception):
    """A change was refused: its `userErrors`.

    Args:
        errors: with `code`, `message`, `path`.
        payload: all that was answered.
    """

    def __init__(self, errors: list[Data], payload: Data) -> None:
        super().__init__(
            "; ".join(f"{error['code']} at {'.'.join(error['path'])}: {error['message']}" for error in errors)
        )
        self.errors = errors
        self.payload = payload

    @property
    def told(self) -> str:
        """The codes, and what a person is told, without numbers that depend on what else there is."""
        return unnumbered("; ".join(f"{error['code']}: {error['message']}" for error in self.errors))


class NotGrantedError(Exception):
    """Signing in, a link or an exchange was refused.

    Args:
        answer: with `error` and `error_description`.
        is_second: whether it was sent again, for an answer was lost.
    """

    def __init__(self, answer: Data, *, is_second: bool) -> None:
        super().__init__(f"{answer['error']}: {answer['error_description']}")
        self.error = answer["error"]
        self.is_second = is_second


class Gateway:
    """A gateway's address, and patience with it.

    Args:
        url: its address.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=PATIENCE)
        self._keys = count(1)

    def new_key(self) -> str:
        """An idempotency key."""
        return f"the-day-{next(self._keys):06d}"

    def send(self, path: str, **request: Any) -> tuple[httpx.Response, bool]:
        """Post until an answer comes that isn't only `try again`; also tells whether it was sent more than once."""
        deadline, is_second = time.monotonic() + PATIENCE, False
        while True:
            try:
                response = self._http.post(path, **request)
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            else:
                if not _asks_to_come_again(response) or time.monotonic() > deadline:
                    return response, is_second
            is_second = True
            time.sleep(_BETWEEN)

    def form(self, path: str, **fields: str) -> Data:
        """Post a form.

        Raises:
            NotGrantedError: it was refused.
        """
        response, is_second = self.send(path, data=fields)
        answer: Data = response.json()
        if response.status_code != 200:
            raise NotGrantedError(answer, is_second=is_second)
        return answer

    def sign_in(self, login: str, password: str) -> "Person":
        """A person with a token of its own.

        Raises:
            NotGrantedError: it is nobody's login and password.
        """
        granted = self.form("/auth/token", grant_type="password", username=login, password=password)
        return Person(self, granted["access_token"])

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()


def _asks_to_come_again(response: httpx.Response) -> bool:
    if response.status_code == 503:
        return True
    is_json = "json" in response.headers.get("content-type", "")
    errors = response.json().get("errors", []) if is_json else []
    return any(error.get("extensions", {}).get("code") == "UNAVAILABLE" for error in errors)


class Person:
    """Somebody who is signed in.

    Args:
        gateway: where.
        token: the access token.
    """

    def __init__(self, gateway: Gateway, token: str) -> None:
        self._gateway = gateway
        self.token = token

    def ask(self, document: str, **variables: Any) -> Data:
        """The data of an operation.

        Raises:
            AssertionError: there are errors; each operation of the day is one that has none.
        """
        answer = self.answer(document, **variables)
        assert "errors" not in answer, answer["errors"]
        data: Data = answer["data"]
        return data

    def answer(self, document: str, **variables: Any) -> Data:
        """The whole answer of an operation, errors included."""
        headers = {"authorization": f"Bearer {self.token}"}
        body = {"query": document, "variables": variables}
        response, _ = self._gateway.send("/graphql", json=body, headers=headers)
        answer: Data = response.json()
        return answer

    def change(self, mutation: str, gives: str, given: Data) -> Data:
        """Change something once, however often it has to be sent.

        Args:
            mutation: its name.
            gives: what to select of the payload.
            given: the input, without the key.

        Raises:
            RefusedError: it was refused.
        """
        payload: Data = self.ask(
            document_of(mutation, gives), input=given | {"idempotencyKey": self._gateway.new_key()}
        )
        payload = payload[mutation]
        if payload["userErrors"]:
            raise RefusedError(payload["userErrors"], payload)
        return payload

    def all_of(self, document: str, *path: str, **variables: Any) -> Iterator[Data]:
        """The nodes of a connection, page by page; the document takes `$after`.

        Args:
            document: selects `nodes` and `pageInfo { hasNextPage endCursor }`.
            path: the way from the data to the connection.
            variables: the document's others.
        """
        after = None
        while True:
            found: Any = self.ask(document, after=after, **variables)
            for name in path:
                found = found[name]
            yield from found["nodes"]
            if not found["pageInfo"]["hasNextPage"]:
                return
            after = found["pageInfo"]["endCursor"]


def document_of(mutation: str, gives: str) -> str:
    """The document of a mutation that takes `$input`; `gives` is selected of its payload, besides its errors."""
    of_type = mutation[0].upper() + mutation[1:] + "Input"
    selected = f"{gives} userErrors {{ code message path }}"
    return f"mutation($input: {of_type}!) {{ {mutation}(input: $input) {{ {selected} }} }}"
