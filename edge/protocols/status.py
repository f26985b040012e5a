"""The status codes of answers.

Source: GraphQL over HTTP, as its audits have it and as its draft of August 2026 does; the table is in
`docs/protocols.md`.
"""

from collections.abc import Mapping
from typing import Any

from edge.exposure.masking import Refusal
from edge.protocols.negotiation import Form
from edge.protocols.parameters import BadRequestError
from edge.protocols.settings import StatusProfile
from schema.execution.documents import PARSE_FAILED

_IN_PART = 294


def of_refusal(refusal: Refusal, form: Form, profile: StatusProfile) -> int:
    """Of what is told instead of an answer: before `application/graphql-response+json`, GraphQL's errors had 200."""
    if refusal.status is not None:
        return refusal.status
    if refusal.code == BadRequestError.code:
        return 422 if profile is StatusProfile.DRAFT else 400
    if form is not Form.RESPONSE:
        return 200
    return 422 if profile is StatusProfile.DRAFT and refusal.code != PARSE_FAILED else 400


def of_answer(body: Mapping[str, Any], form: Form, profile: StatusProfile) -> int:
    """Of an answer."""
    is_in_part = bool(body.get("errors")) and body.get("data") is not None
    return _IN_PART if is_in_part and form is Form.RESPONSE and profile is StatusProfile.DRAFT else 200
