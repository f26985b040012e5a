"""What the environment decides about what operators see."""

from dataclasses import dataclass

from edge.setting import number, setting, switch, whole

LOG_FORMATS = ("auto", "json", "text")
LOG_OPERATIONS = ("none", "slow", "all")


def _format(text: str) -> str:
    return LOG_FORMATS[LOG_FORMATS.index(text.lower())]


def _operations(text: str) -> str:
    return LOG_OPERATIONS[LOG_OPERATIONS.index(text.lower())]


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """What the environment decides about what operators see."""

    metrics_token: str = setting(
        "",
        "what Prometheus sends as `Authorization: Bearer` to read `/metrics`. Without one only this machine may"
        " read it",
        str,
        shown="none",
        is_secret=True,
    )
    log_format: str = setting(
        "auto",
        "`json`, one object a line, or `text`; `auto` is text on a terminal and JSON elsewhere",
        _format,
        takes="auto, json or text",
    )
    log_operations: str = setting(
        "slow",
        "which operations are logged: `none`, `slow` ones with their plan and statements, or `all`",
        _operations,
        takes="none, slow or all",
    )
    slow_seconds: float = setting(
        1.0, "how long an operation takes that is slow", number(0, 3600), takes="a number of seconds"
    )
    usage_seconds: float = setting(
        60.0,
        "how often it is written down which fields which clients use; a kill loses what was counted since",
        number(1, 3600),
        takes="a number of seconds from 1 to 3600",
    )
    otlp_url: str = setting(
        "",
        "where traces go, such as `http://collector:4318/v1/traces` (OTLP over HTTP). It takes the extra `tracing`",
        str,
        shown="none",
        is_secret=True,
    )
    trace_share: float = setting(
        0.1,
        "which share of operations is traced; slow ones and those that failed always are",
        number(0, 1),
        takes="a number from 0 to 1",
    )
    trace_parents: bool = setting(
        False,
        "whether the header `traceparent` of a request is continued: only behind a proxy that sets it, or removes what"
        " clients send",
        switch,
        takes="on or off",
    )
    drain_seconds: int = setting(
        0,
        "how long `/health/ready` says 503 before `serve` stops to listen, once it is told to end: so long a balancer"
        " may take to notice",
        whole(0, 300),
        takes="a whole number of seconds up to 300",
    )
