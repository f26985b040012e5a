"""Processes of one server that count together: what one has counted, the other tells; who is gone holds nothing."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge.telemetry.folder import VARIABLE, counting_together, folder, keep_to_ours

_COUNT = "from edge.telemetry import metrics; metrics.SLOW.inc({}); metrics.RUNNING.inc({})"
_COUNT_AND_STAY = f"{_COUNT}; print(flush=True); input()"
_TELL = """
from prometheus_client import generate_latest
from edge.telemetry import metrics
from edge.telemetry.folder import folder
from edge.telemetry.together import registry_of_all
metrics.SLOW.inc(0)
print(generate_latest(registry_of_all(folder())).decode())
"""
Run = Callable[[str], str]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Of processes that count together."""
    folder = tmp_path / "canopy-counts-of-a-test"
    folder.mkdir()
    return os.environ | {VARIABLE: str(folder)}


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Runs a program that counts together with the others, to its end; what it prints."""

    def run(program: str) -> str:
        command = [sys.executable, "-c", program]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    return run


def told(text: str) -> dict[str, list[float]]:
    """The values of each metric's samples."""
    found: dict[str, list[float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.value)
    return found


def test_what_any_of_them_has_counted_is_told_by_all_and_what_the_living_hold(
    run: Run, environment: dict[str, str]
) -> None:
    run(_COUNT.format(2, 1))
    command = [sys.executable, "-c", _COUNT_AND_STAY.format(3, 4)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as living:
        assert living.stdout is not None
        living.stdout.readline()
        with_both = told(run(_TELL))
        living.kill()
    after = told(run(_TELL))

    assert with_both["canopy_slow_operations_total"] == after["canopy_slow_operations_total"] == [5]
    assert with_both["canopy_running"] == [4]
    assert sum(after["canopy_running"]) == 0
    assert len(with_both["process_resident_memory_bytes"]) == 2  # it, and who is asked
    assert all(with_both["process_cpu_seconds_total"])
    assert len(after["process_resident_memory_bytes"]) == 1


def test_each_server_counts_in_a_folder_of_its_own_that_ends_with_it() -> None:
    assert folder() is None
    with counting_together():
        first = folder()
        assert first is not None
        assert first.is_dir()
        keep_to_ours()
        assert folder() == first
    assert folder() is None
    assert not first.exists()


def test_nobody_counts_in_the_folder_of_another_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "of-another"))
    keep_to_ours()

    assert folder() is None
