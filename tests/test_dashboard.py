"""The dashboard: it shows what we count and nothing else, and Grafana would read it."""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Counter
from prometheus_client.parser import text_string_to_metric_families

from edge.telemetry import metrics
from edge.telemetry.settings import TelemetrySettings
from models.store import StoreError
from tests.databases import Databases
from tests.hierarchy import World
from tests.listening import happens
from tests.templates import opened
from tests.transports import SSE, Gateway, gateway

DASHBOARD = json.loads((Path(metrics.__file__).parent / "dashboard.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
OURS: dict[str, Any] = {each._name: each for each in vars(metrics).values() if hasattr(each, "_labelnames")}
"""Our metrics, by their names."""
_METRIC = re.compile(r"\bcanopy_\w+")
_SUFFIX = re.compile(r"_(bucket|sum|count|total)$")


def name_in(query: str) -> str:
    (found,) = set(_METRIC.findall(query))
    return str(found)


OF_OURS = [query for query in QUERIES if "canopy_" in query]


@pytest.mark.parametrize("query", OF_OURS)
def test_a_query_asks_for_a_metric_that_there_is_by_labels_that_it_has(query: str) -> None:
    shown = name_in(query)
    metric = OURS[shown if shown in OURS else _SUFFIX.sub("", shown)]
    by = re.search(r"sum by \(([^)]*)\)|m(?:ax|in) by \(([^)]*)\)", query)
    labels = {label.strip() for label in (by[1] or by[2]).split(",")} if by else set()

    assert labels <= {*metric._labelnames, "le", "instance"}
    assert shown.endswith("_total") is isinstance(metric, Counter)
    assert query.count("(") == query.count(")")


def test_every_metric_of_ours_is_shown() -> None:
    shown = {_SUFFIX.sub("", name_in(query)) if name_in(query) not in OURS else name_in(query) for query in OF_OURS}

    assert shown == set(OURS)
    assert len(OURS) >= 15


def test_every_label_that_a_legend_names_is_one_that_its_query_keeps() -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                kept = re.search(r"by \(([^)]*)\)", target["expr"])
                assert kept is None or label in kept[1], (panel["title"], label)


async def test_a_busy_server_tells_of_all_that_is_shown_by_the_labels_that_it_is_shown_by(
    sqlite_databases: Databases, world: World, tmp_path: Path
) -> None:
    telemetry = TelemetrySettings(slow_seconds=0, log_operations="none")
    async with gateway(sqlite_databases, world, tmp_path, telemetry=telemetry) as served:
        await _be_busy(served)
        text = (await served.http.get("/metrics")).text
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels[sample.name] |= sample.labels.keys()

    for query in QUERIES:
        (shown,) = set(re.findall(r"(\w+)\{job", query))
        by = re.search(r"by \(([^)]*)\)", query)
        wanted = {label.strip() for label in by[1].split(",")} - {"instance"} if by else set()
        assert shown in labels, query
        assert wanted <= labels[shown], query


async def _be_busy(served: Gateway) -> None:
    """Have everything happen once that is counted."""
    await served.ask("{ accounts { nodes { name vendor { name } } } }")
    await served.ask("{ nothing }")
    await served.ask(
        'mutation { accountUpdate(input: {account: "acc_8", externalId: "x", expectedVersion: 1,'
        ' idempotencyKey: "busy"}) { account { name } } }'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.sqlite.SqliteReader.rows", _fail)
        await served.ask("{ accounts { totalCount } }")
    listening = {"query": "subscription { accountChanged { eventId } }"}
    async with (
        opened(served.database_url) as store,
        served.http.stream("POST", "/graphql", json=listening, headers={"accept": SSE}) as answer,
    ):
        told = answer.aiter_text()
        await happens(store, 2)
        while "eventId" not in await anext(told):
            await happens(store, 2)


async def _fail(*_given: object) -> Any:
    raise StoreError("refused")


def test_panels_have_ids_of_their_own_and_do_not_lie_on_each_other() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    places = [(x, y) for panel in DASHBOARD["panels"] for x, y in _cells(panel["gridPos"])]

    assert len(set(ids)) == len(ids)
    assert len(set(places)) == len(places)
    assert all(panel["title"] and panel.get("description", "row") for panel in DASHBOARD["panels"])


def _cells(place: dict[str, int]) -> list[tuple[int, int]]:
    assert place["x"] + place["w"] <= 24
    return [(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])]
