"""Processes of one server that count together: what one has counted, the other tells."""

import os
import subprocess
import sys
from pathlib import Path

_COUNT = "from edge.telemetry import metrics; metrics.SLOW.inc({}); metrics.RUNNING.inc({})"
_TELL = """
from prometheus_client import generate_latest
from edge.telemetry import metrics
from edge.telemetry.scrape import _registry
metrics.SLOW.inc(0)
print(generate_latest(_registry()).decode())
"""


def test_what_any_of_them_has_counted_is_told_by_all(tmp_path: Path) -> None:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    told = ""
    for program in (_COUNT.format(2, 1), _COUNT.format(3, 1), _TELL):
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        told = done.stdout

    assert "canopy_slow_operations_total 5.0" in told
