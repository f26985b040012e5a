"""What the process counts, for Prometheus. All of it is here, and `dashboard.json` shows all of it."""

from functools import lru_cache

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from edge.telemetry.labels import Labels
from edge.telemetry.seen import Seen
from models.statement import Engine

disable_created_metrics()  # type: ignore[no-untyped-call]  # when each label was first seen; half of all lines

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_STATEMENT_SECONDS = (0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5)
_COSTS = (1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000)
_KEYS = (1, 2, 5, 10, 20, 50, 100, 500, 2_500)

OPERATIONS = Counter(
    "canopy_operations",
    "Operations that are over. Unregistered operations and unknown clients are `other`.",
    ["operation", "client", "kind", "executor", "outcome"],
)
OPERATION_SECONDS = Histogram(
    "canopy_operation_seconds",
    "How long queries and mutations take, from their request to their answer.",
    ["operation", "client", "kind", "outcome"],
    buckets=_SECONDS,
)
OPERATION_COST = Histogram("canopy_operation_cost", "What operations cost, before and after.", ["of"], buckets=_COSTS)
REFUSALS = Counter("canopy_refusals", "What was refused, by the code that its client was told.", ["code"])
FALLBACKS = Counter("canopy_fallbacks", "Operations that no plan covers, by what they hold.", ["reason"])
EVENTS = Counter("canopy_events", "Events that listeners were told, by transport.", ["transport"])
BATCH_KEYS = Histogram(
    "canopy_batch_keys", "For how many objects a source is asked at once.", ["source"], buckets=_KEYS
)
STATEMENT_SECONDS = Histogram(
    "canopy_statement_seconds",
    "How long statements take, with waiting for a connection.",
    ["engine"],
    buckets=_STATEMENT_SECONDS,
)
FAILED_STATEMENTS = Counter("canopy_statements_failed", "Statements that did not come to their end.", ["engine"])
LIVE = Gauge("canopy_live", "Operations that listen.", ["transport"], multiprocess_mode="livesum")
RUNNING = Gauge("canopy_running", "Operations that are being answered.", multiprocess_mode="livesum")
SOCKETS = Gauge("canopy_sockets", "Open sockets.", multiprocess_mode="livesum")
POOL = Gauge("canopy_pool", "Connections to the database.", ["pool", "state"], multiprocess_mode="livesum")
OUTBOX_LAG = Gauge(
    "canopy_outbox_lag_seconds",
    "How old the newest event was when listeners were told of it.",
    multiprocess_mode="livemax",
)
JOBS = Gauge(
    "canopy_jobs",
    "Jobs that wait, by kind and state, as last looked at.",
    ["kind", "state"],
    multiprocess_mode="livemostrecent",
)
LOOP_LAG = Gauge(
    "canopy_loop_lag_seconds",
    "How late the event loop was, at its worst within the last minute.",
    multiprocess_mode="livemax",
)
DOCUMENTS = Gauge(
    "canopy_documents", "Documents that are kept ready, and registered ones.", ["state"], multiprocess_mode="livemax"
)
BUDGET_BACKEND = Gauge(
    "canopy_budget_backend_up", "Whether budgets are kept where they are configured to be.", multiprocess_mode="livemin"
)
SLOW = Counter("canopy_slow_operations", "Operations that took longer than CANOPY_SLOW_SECONDS.")

_MOST_OPERATIONS, _MOST_CLIENTS = 1_000, 200
_operations, _clients = Labels(_MOST_OPERATIONS), Labels(_MOST_CLIENTS)

_operations_labels = lru_cache(20_000)(OPERATIONS.labels)
_seconds_labels = lru_cache(20_000)(OPERATION_SECONDS.labels)
_keys_labels = lru_cache(2_000)(BATCH_KEYS.labels)
_statement_labels = lru_cache(2)(STATEMENT_SECONDS.labels)
_ESTIMATED, _ACTUAL = OPERATION_COST.labels("estimated"), OPERATION_COST.labels("actual")


def operation_over(seen: Seen) -> None:
    """Count an operation that is over."""
    operation = _operations.of(seen.name, is_known=seen.is_trusted)
    client = _clients.of(seen.client, is_known=seen.is_client_known)
    kind = seen.kind or "none"
    _operations_labels(operation, client, kind, seen.executor or "none", seen.outcome).inc()
    if kind != "subscription":
        _seconds_labels(operation, client, kind, seen.outcome).observe(seen.seconds)
    if seen.estimate:
        _ESTIMATED.observe(seen.estimate)
    if seen.cost:
        _ACTUAL.observe(seen.cost)


def fetched(seen: Seen, engine: Engine) -> None:
    """Count what an operation, or one of its events, has fetched."""
    seconds = _statement_labels(engine)
    for _statement, _started, length, rows in seen.record.statements:
        seconds.observe(length / 1e9)
        if rows < 0:
            FAILED_STATEMENTS.labels(engine).inc()
    for what, keys, _started, _length in seen.record.steps:
        _keys_labels(what.name).observe(keys)
