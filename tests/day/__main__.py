"""`python -m tests.day`: a day on a fresh demo platform, told while it happens."""

import argparse
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

from tests.day.day import run
from tests.day.platform import Platform
from tests.day.steps import STEPS
from tests.nursery import nursery


def main() -> None:
    """Run the day on a database that is migrated and seeded for it, and print what happens."""
    parser = argparse.ArgumentParser(prog="python -m tests.day", description=main.__doc__)
    parser.add_argument("--database-url", help="an empty database; a file of its own if it is left out")
    parser.add_argument("--kill", type=int, metavar="SEED", help="kill server and worker in steps of this seed")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, nursery() as processes:
        platform = Platform(processes, given.database_url or f"sqlite:///{folder}/canopy.db", Path(folder))
        for command in (["migrate"], ["seed"]):
            code, printed = platform.command(*command)
            if code:
                sys.exit(printed)
        platform.start()
        try:
            with nullcontext() if given.kill is None else platform.dying(given.kill):
                run(platform, STEPS, _show)
        finally:
            platform.stop()
        for line in platform.defects():
            _show(line)


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
