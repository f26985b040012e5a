"""By which names the gateway may be asked for: a page of another site can't pass for one of ours by its own name."""

import re
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from edge.exposure.turning_away import turn_away
from edge.settings import Settings
from resolvers.errors import CanopyError

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\s:/?#@\[\]]+)(:[0-9]{0,5})?")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HEALTH = "/health/"
"""Is asked for by address, by whatever looks after the process."""


class BadHostError(CanopyError):
    """The gateway isn't known by that name."""

    code = "BAD_HOST"


def names_of(settings: Settings) -> frozenset[str]:
    """The names by which a gateway is known: what it listens on, its public address, and what is set."""
    listens_on = f"[{settings.host}]" if ":" in settings.host else settings.host
    public = name_in(urlsplit(settings.public_url).netloc)
    return _LOOPBACK | {name.lower() for name in (listens_on, public, *settings.exposure.hosts) if name}


def name_in(host: str) -> str:
    """The name in a header `Host`, in lower case and without the port; empty if there is something else in it."""
    found = _HOST.fullmatch(host.lower())
    return found["name"] if found else ""


class TrustedHosts:
    """Answers those only who ask for one of the names.

    Args:
        app: what answers.
        names: without ports.
    """

    def __init__(self, app: ASGIApp, names: frozenset[str]) -> None:
        self.app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan" or self._is_trusted(scope):
            await self.app(scope, receive, send)
            return
        message = "The gateway is not known by this name. Its operator can add it to CANOPY_HOSTS."
        await turn_away(BadHostError(message), 400, scope, receive, send)

    def _is_trusted(self, scope: Scope) -> bool:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        return scope["path"].startswith(_HEALTH) or (len(hosts) == 1 and name_in(hosts[0].strip()) in self._names)
