"""JSON as it is read, and the parameters in it: whatever comes, it is taken or refused, and nothing else."""

from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.documents.forms import FormError
from edge.limits import body
from edge.protocols import parameters
from edge.protocols.negotiation import accepted
from edge.protocols.settings import ProtocolSettings
from tests.transports import JSON, SSE


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 64 + b"]" * 64, b'["' + b"[" * 500 + b'"]', b'["' + b"9" * 500 + b'"]', b'["\\"' + b"[" * 500 + b'"]',
        b"[" + b"[]," * 5000 + b"[]]", b"0." + b"1" * 50, b"[" + b"9" * 19 + b"]", b"1e" + b"1" * 2, b'{"a":"\\\\"}',
    ],
)  # fmt: skip  # a list
def test_what_only_looks_deep_or_long_is_taken(text: bytes) -> None:
    assert body.parsed(text) == orjson.loads(text)


@pytest.mark.parametrize("number", [2**64 - 1, -(2**63), 10**19])
def test_a_whole_number_of_64_bits_is_taken_as_it_is(number: int) -> None:
    assert body.parsed(f'{{"a": [{number}]}}') == {"a": [number]}


@pytest.mark.parametrize("number", [f"{2**64}", f"{-(2**63) - 1}", "9" * 20, "-" + "9" * 19, "9" * 9000])
def test_a_longer_one_would_become_another_and_is_refused(number: str) -> None:
    with pytest.raises(body.BodyError, match="64 bits"):
        body.parsed(f'{{"a": [{number}]}}')


@pytest.mark.parametrize("text", [b'"' + b'\\"' * 100_000, b'"\\' * 100_000, b"\\" * 200_000, b'"' * 200_001])
def test_what_has_no_end_is_looked_at_once(text: bytes) -> None:
    """It would take minutes if each of its quotes were looked at as the beginning of a text."""
    with pytest.raises(body.BodyError):
        body.parsed(b"[" * 65 + text)


def test_how_deep_and_how_much_it_may_be_can_be_set() -> None:
    narrow = ProtocolSettings(max_json_depth=2, max_json_values=5)

    assert body.parsed(b"[[1, 2]]", narrow) == [[1, 2]]
    with pytest.raises(body.BodyError, match="more than 2 deep"):
        body.parsed(b"[[[1]]]", narrow)
    with pytest.raises(body.BodyError, match="more than 5 values"):
        body.parsed(b"[1, 2, 3, 4, 5, 6, 7]", narrow)


def test_of_a_key_that_is_given_twice_the_last_counts() -> None:
    assert body.parsed('{"a":1,"a":2}') == {"a": 2}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_NAMES = st.sampled_from(["query", "variables", "operationName", "extensions", "documentId", "persistedQuery"])


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_json_or_refused(text: bytes) -> None:
    with suppress(body.BodyError):  # nothing else is raised
        assert body.parsed(text) == orjson.loads(text)


@given(st.dictionaries(_NAMES, _JSON) | _JSON)
def test_any_json_is_a_request_or_refused(value: object) -> None:
    with suppress(parameters.BadRequestError, FormError):  # nothing else is raised
        asked = parameters.asked(value)
        assert isinstance(asked.query if asked.document_id is None else asked.document_id, str)
        assert isinstance(asked.variables, dict | None)


@given(st.text() | st.lists(st.sampled_from([*"*/;,=q.0159 ", JSON, SSE, "multipart/mixed"])).map("".join))
def test_any_accept_is_understood(header: str) -> None:
    accepts = accepted(header)

    assert all(0 < by.quality <= 1 for _, by in accepts.ranked)
    assert [by.quality for _, by in accepts.ranked] == sorted((by.quality for _, by in accepts.ranked), reverse=True)
