"""Answers in parts, as they are written for the clients of two generations."""

from typing import Any

import orjson
import pytest

from edge.exposure.masking import Payload
from edge.protocols import frames
from edge.protocols.incremental import Generation, Parts, generation
from edge.protocols.negotiation import Form, accepted

PAYLOADS = [
    Payload(
        {
            "data": {"a": {"b": [{"c": 0}]}},
            "pending": [{"id": "0", "path": ["a"], "label": "L"}, {"id": "1", "path": ["a", "b"]}],
        },
        has_next=True,
    ),
    Payload(
        {
            "incremental": [{"id": "0", "data": {"d": 1}}, {"id": "1", "items": [{"c": 1}, {"c": 2}]}],
            "completed": [{"id": "0"}],
        },
        has_next=True,
    ),
    Payload({"incremental": [{"id": "1", "items": [{"c": 3}]}]}, has_next=True),
    Payload({"completed": [{"id": "1", "errors": [{"message": "no"}]}]}),
]


def told(generation: Generation, payloads: list[Payload]) -> list[dict[str, Any]]:
    parts = Parts(generation)
    return [parts.told(payload) for payload in payloads]


def test_who_names_the_newest_form_gets_it_as_it_is() -> None:
    assert told(Generation.NEW, PAYLOADS) == [{**each.body, "hasNext": each.has_next} for each in PAYLOADS]


def test_who_names_the_form_of_2022_gets_paths_labels_and_positions() -> None:
    assert told(Generation.OLD, PAYLOADS) == [
        {"data": {"a": {"b": [{"c": 0}]}}, "hasNext": True},
        {
            "incremental": [
                {"path": ["a"], "label": "L", "data": {"d": 1}},
                {"path": ["a", "b", 1], "items": [{"c": 1}, {"c": 2}]},
            ],
            "hasNext": True,
        },
        {"incremental": [{"path": ["a", "b", 3], "items": [{"c": 3}]}], "hasNext": True},
        {"incremental": [{"path": ["a", "b", 4], "items": None, "errors": [{"message": "no"}]}], "hasNext": False},
    ]


def test_who_names_none_gets_both() -> None:
    both, new, old = (told(each, PAYLOADS) for each in (Generation.BOTH, Generation.NEW, Generation.OLD))
    for by_both, by_new, by_old in zip(both, new, old, strict=True):
        assert by_both.keys() == by_new.keys() | by_old.keys()
        for place, entry in enumerate(by_old.get("incremental", ())):
            assert by_both["incremental"][place].items() >= entry.items()
        for place, entry in enumerate(by_new.get("incremental", ())):
            assert by_both["incremental"][place].items() >= entry.items()


def test_a_part_below_another_says_its_whole_path() -> None:
    pending = Payload({"data": {"a": {}}, "pending": [{"id": "0", "path": ["a"]}]}, has_next=True)
    entry = Payload({"incremental": [{"id": "0", "subPath": ["b", 2], "data": {"c": 1}}]})

    (_, old), (_, both) = told(Generation.OLD, [pending, entry]), told(Generation.BOTH, [pending, entry])
    assert old["incremental"] == [{"path": ["a", "b", 2], "data": {"c": 1}}]
    assert both["incremental"] == [{"id": "0", "subPath": ["b", 2], "data": {"c": 1}, "path": ["a", "b", 2]}]


def test_a_list_within_a_part_is_counted_when_the_part_comes() -> None:
    payloads = [
        Payload({"data": {}, "pending": [{"id": "0", "path": []}]}, has_next=True),
        Payload(
            {
                "pending": [{"id": "1", "path": ["a", "b"]}],
                "incremental": [{"id": "0", "data": {"a": {"b": [1, 2, 3]}}}],
                "completed": [{"id": "0"}],
            },
            has_next=True,
        ),
        Payload({"incremental": [{"id": "1", "items": [4]}], "completed": [{"id": "1"}]}),
    ]

    assert told(Generation.OLD, payloads)[2]["incremental"] == [{"path": ["a", "b", 3], "items": [4]}]


def test_a_part_that_does_not_come_is_told_to_either_generation() -> None:
    payloads = [
        Payload({"data": {"a": {}}, "pending": [{"id": "0", "path": ["a"], "label": "L"}]}, has_next=True),
        Payload({"completed": [{"id": "0", "errors": [{"message": "no"}]}]}),
    ]

    assert told(Generation.OLD, payloads)[1] == {
        "incremental": [{"path": ["a"], "label": "L", "data": None, "errors": [{"message": "no"}]}],
        "hasNext": False,
    }
    assert told(Generation.NEW, payloads)[1] == {**payloads[1].body, "hasNext": False}


@pytest.mark.parametrize(
    ("accept", "found"),
    [
        ("multipart/mixed", Generation.BOTH),
        ("multipart/mixed;deferSpec=20220824", Generation.OLD),
        ("multipart/mixed; deferSpec=20220824, application/json", Generation.OLD),
        ('multipart/mixed;incrementalSpec="v0.2"', Generation.NEW),
        ("multipart/mixed;incrementalSpec=v9", Generation.BOTH),
        ("text/event-stream", Generation.BOTH),
    ],
)
def test_a_client_names_its_generation_in_what_it_accepts(accept: str, found: Generation) -> None:
    assert generation(accepted(accept).parameters(Form.MULTIPART)) is found


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("multipart/mixed", 'multipart/mixed; boundary="-"'),
        ("multipart/mixed;deferSpec=20220824", 'multipart/mixed; boundary="-"; deferSpec=20220824'),
        ("multipart/mixed;incrementalSpec=v0.2", 'multipart/mixed; boundary="-"; incrementalSpec=v0.2'),
    ],
)
def test_the_answer_names_the_generation_too(accept: str, content_type: str) -> None:
    parameters = accepted(accept).parameters(Form.MULTIPART)

    assert frames.of_one(Form.MULTIPART, parameters, is_in_parts=True).headers["content-type"] == content_type


def test_the_delimiter_follows_each_part_at_once() -> None:
    """A client shows a part when it sees its end."""
    written = frames.of_one(Form.MULTIPART, {}, is_in_parts=True)
    first = written.next(Payload({"data": {}}, has_next=True))

    assert written.opening == b"\r\n---"
    assert first == b'\r\ncontent-type: application/json; charset=utf-8\r\n\r\n{"data":{},"hasNext":true}\r\n---'
    assert written.opening + first + written.closing == b"\r\n---" + first + b"--\r\n"


def test_a_refusal_within_the_parts_ends_them() -> None:
    written = frames.of_one(Form.SSE, {}, is_in_parts=True)
    written.next(Payload({"data": {}}, has_next=True))
    last = written.refusal({"errors": [{"message": "no"}]})

    assert orjson.loads(last.split(b"data: ")[1]) == {"errors": [{"message": "no"}], "hasNext": False}
