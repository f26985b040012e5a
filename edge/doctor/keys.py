"""The key file: there, closed to others, and not too old."""

import time
from collections.abc import Iterator
from pathlib import Path

from edge.doctor.finding import Finding, error, fine, warning

_OTHERS = 0o077
_OLD_DAYS = 365
_MANY = 3


def check(file: Path) -> Iterator[Finding]:
    """Look at the key file, without making one."""
    from resolvers.key_file import KeyFileError, read_secrets

    if not file.exists():
        yield warning(
            "keys", f"There is no key file {file}; `serve` makes one.", "Give all processes of one gateway the same."
        )
        return
    try:
        mode, changed = file.stat().st_mode, file.stat().st_mtime
        count = len(read_secrets(file))
    except (KeyFileError, OSError) as failure:
        yield error("keys", f"{failure}", f"Give the gateway's user {file}, readable by it alone.")
        return
    if mode & _OTHERS:
        yield error("keys", f"The key file {file} can be read by other users of this machine.", f"chmod 600 {file}")
    days = int((time.time() - changed) // 86_400)
    if days > _OLD_DAYS:
        yield warning("keys", f"The newest key is {days} days old.", "`canopy keys rotate`, and `drop` an hour later.")
    if count > _MANY:
        yield warning("keys", f"There are {count} keys, and each verifies.", "`canopy keys drop` those out of use.")
    yield fine("keys", f"{count} in {file}, the newest {days} days old.")
