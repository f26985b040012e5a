"""The dashboard: it shows what we count and nothing else, and Grafana would read it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Counter

from edge.telemetry import metrics

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


def test_panels_have_ids_of_their_own_and_do_not_lie_on_each_other() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    places = [(x, y) for panel in DASHBOARD["panels"] for x, y in _cells(panel["gridPos"])]

    assert len(set(ids)) == len(ids)
    assert len(set(places)) == len(places)
    assert all(panel["title"] and panel.get("description", "row") for panel in DASHBOARD["panels"])


def _cells(place: dict[str, int]) -> list[tuple[int, int]]:
    assert place["x"] + place["w"] <= 24
    return [(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])]
