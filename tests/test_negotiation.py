"""Which form an answer takes, by what its client accepts."""

import pytest

from edge.protocols.negotiation import Accepts, Form, accepted

URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)
APOLLO_LIVE = (
    'multipart/mixed;boundary="graphql";subscriptionSpec=1.0,application/graphql-response+json,application/json;q=0.9'
)
APOLLO_DEFER = "multipart/mixed;incrementalSpec=v0.2,application/graphql-response+json,application/json;q=0.9"
J, R, S, M = Form.JSON, Form.RESPONSE, Form.SSE, Form.MULTIPART


@pytest.mark.parametrize(
    ("header", "first", "json", "stream"),
    [
        ("", J, J, None),
        ("  ", J, J, None),
        ("*/*", J, J, None),
        ("application/*", J, J, None),
        ("application/json", J, J, None),
        ("Application/JSON", J, J, None),
        ("application/graphql-response+json", R, R, None),
        ("application/graphql-response+json, application/json", R, R, None),
        ("application/json, application/graphql-response+json", J, J, None),
        ("application/json;q=0.9, application/graphql-response+json", R, R, None),
        ("application/json;q=0.5, application/graphql-response+json;q=0.4", J, J, None),
        ("application/graphql-response+json, */*;q=0.1", R, R, None),
        ("*/*, application/json;q=0.5", R, R, None),
        ("*/*, application/json;q=0", R, R, None),
        ("text/html, application/xhtml+xml, */*;q=0.8", J, J, None),
        ("image/png", None, J, None),
        ("application/json;q=0", None, J, None),
        ("text/event-stream", S, J, S),
        ("text/*", S, J, S),
        ("multipart/*", M, J, M),
        ("multipart/mixed", M, J, M),
        ("text/event-stream, application/json", S, J, S),
        ("application/json, text/event-stream", J, J, S),
        ("text/event-stream;q=0.5, application/json;q=0.4", S, J, S),
        ("text/event-stream;q=0, */*", J, J, None),
        ("multipart/mixed, text/event-stream", M, J, M),
        ("multipart/mixed;q=0.3, text/event-stream;q=0.4, application/json", J, J, S),
        (URQL, R, R, S),
        (APOLLO_LIVE, M, R, M),
        (APOLLO_DEFER, M, R, M),
        ("application/json;charset=utf-8", J, J, None),
        ("application/json;q=2, text/event-stream;q=0.1", S, J, S),
        ("application/json;q=x, application/graphql-response+json;q=0.001", R, R, None),
        ("application/json;;q=0.5;, ,,;, /, a/b/c", J, J, None),
        ("nonsense", None, J, None),
        (",".join(["a/b"] * 30) + ", application/json", None, J, None),
    ],
)
def test_the_most_preferred_form_is_taken(header: str, first: Form | None, json: Form, stream: Form | None) -> None:
    accepts = accepted(header)

    assert (accepts.first, accepts.json, accepts.stream) == (first, json, stream)


def test_a_form_is_judged_by_the_part_that_names_it_most_exactly() -> None:
    accepts = accepted("*/*;q=0.9, application/*;q=0.2, application/json;q=0.1")

    assert [form for form, _ in accepts.ranked] == [S, M, R, J]


def test_what_is_said_about_a_form_is_kept() -> None:
    assert accepted(APOLLO_LIVE).parameters(M) == {"boundary": "graphql", "subscriptionspec": "1.0"}
    assert accepted(APOLLO_DEFER).parameters(M) == {"incrementalspec": "v0.2"}
    assert accepted("*/*").parameters(M) == {}


def test_of_several_parts_about_a_form_the_best_counts() -> None:
    header = "multipart/mixed;deferSpec=20220824;q=0.1, multipart/mixed;incrementalSpec=v0.2;q=0.9"

    assert accepted(header).parameters(M) == {"incrementalspec": "v0.2"}


def test_nothing_is_accepted_by_default_but_what_is_said() -> None:
    assert Accepts(()).first is None
