"""Gateways in the tests' own process: it goes on after them, and starts hundreds of them."""

from unittest.mock import patch

from starlette.types import ASGIApp

import edge.granting
import gateway
from edge.settings import Settings
from tests.people import CHEAP

patch.object(gateway, "_collect_rarely", lambda: None).start()  # collecting is for the tests' process to decide


def create_app(settings: Settings) -> ASGIApp:
    """A gateway's application, as `canopy serve` makes it, but for the work of hashing secrets that nobody guesses."""
    with patch.object(edge.granting, "HashSettings", lambda: CHEAP):
        return gateway.create_app(settings)
