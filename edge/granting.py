"""What signing in works with, by the settings; known without the GraphQL schema, for commands that need no more."""

from collections.abc import Callable
from datetime import datetime

from edge.settings import Settings
from resolvers.keys import KeyRing
from resolvers.passwords import HashSettings, Passwords
from resolvers.sign_in import SignInSettings
from resolvers.throttle import Throttle, ThrottleSettings
from resolvers.tokens import NAME, AccessTokens


def signing_in(settings: Settings, keys: KeyRing, platform_clock: Callable[[], datetime]) -> SignInSettings:
    """What signing in works with, in this process.

    Args:
        settings: of the gateway.
        keys: of the gateway.
        platform_clock: the instant that the change log gives for what is done by signing in.
    """
    return SignInSettings(
        AccessTokens(keys, issuer=settings.address if settings.public_url else NAME),
        Passwords(HashSettings()),
        Throttle(ThrottleSettings(), keys.source_key()),
        platform_clock=platform_clock,
    )
