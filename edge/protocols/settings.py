"""What the environment decides about requests and their answers."""

from dataclasses import dataclass
from enum import StrEnum

from edge.setting import number, setting, whole


class StatusProfile(StrEnum):
    """Which status codes GraphQL's errors have under `application/graphql-response+json`."""

    AUDITS = "audits"
    DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class ProtocolSettings:
    """What the environment decides about requests and their answers."""

    status_profile: StatusProfile = setting(
        StatusProfile.AUDITS,
        "the status codes of GraphQL's own errors: `audits`, 400 as the public audits of GraphQL over HTTP want it, or"
        " `draft`, those of its newest draft: 422 for what can be read but not run, 294 for an answer in part",
        StatusProfile,
        takes="audits or draft",
    )
    batch: int = setting(
        0,
        "how many operations one request may send, as an array; they are answered one after the other, each as if it"
        " had been sent alone. `0`: none",
        whole(0, 10),
        takes="0 to 10",
    )
    max_body: int = setting(
        256 * 1024, "bytes of a request's body", whole(1024, 2**30), takes="a number of bytes from 1024"
    )
    max_url: int = setting(
        32 * 1024, "bytes of a request's URL", whole(1024, 2**20), takes="a number of bytes from 1024"
    )
    max_message: int = setting(
        64 * 1024, "bytes of a message over a WebSocket", whole(1024, 2**30), takes="a number of bytes from 1024"
    )
    max_json_depth: int = setting(
        64, "arrays and objects within each other, in JSON", whole(1, 1_000), takes="a number up to 1000"
    )
    max_json_values: int = setting(
        20_000,
        "arrays, objects and what stands in them, in JSON: half a megabyte of `[]` would take a tenth of a second to"
        " read. Whole numbers of more than 64 bits, which would be read as others, are refused whatever this is",
        whole(1, 10_000_000),
        takes="a number from 1",
    )
    body_seconds: float = setting(
        10.0, "how long a request's body may take to arrive", number(0.01, 3600), takes="a number of seconds"
    )
    stream_seconds: float = setting(
        30.0,
        "how long a client may take nothing of what it is told, by whatever it is told, before it is given up",
        number(0.01, 3600),
        takes="a number of seconds",
    )
    beat_seconds: float = setting(
        12.0,
        "how often something is sent over SSE and multipart while there is nothing to tell, so that proxies keep the"
        " connection",
        number(0.01, 3600),
        takes="a number of seconds",
    )
