"""The folder in which several processes of one server count together.

prometheus-client looks at a variable when it is first imported, and counts in the folder that it names, be it there or
not. So that nobody counts in another program's, only a folder is kept to that a server of ours made for its processes.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_NAME = "canopy-counts-"


def keep_to_ours() -> None:
    """Have the process count by itself, unless it was started to count together with others."""
    if not Path(os.environ.get(VARIABLE, "")).name.startswith(_NAME):
        os.environ.pop(VARIABLE, None)


@contextmanager
def counting_together() -> Iterator[None]:
    """Processes that are started within the block count together, in a new folder that ends with it."""
    folder = mkdtemp(prefix=_NAME)
    os.environ[VARIABLE] = folder
    try:
        yield
    finally:
        del os.environ[VARIABLE]
        shutil.rmtree(folder, ignore_errors=True)


def folder() -> Path | None:
    """Where this process counts together with others; None if it counts by itself."""
    return Path(os.environ[VARIABLE]) if VARIABLE in os.environ else None
