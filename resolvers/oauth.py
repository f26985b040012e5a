"""What signing in answers, in the words of RFC 6749; the gateway writes it down as HTTP has it."""

from dataclasses import dataclass, field
from enum import StrEnum

from resolvers.errors import CanopyError


@dataclass(frozen=True, slots=True)
class Grant:
    """What a successful sign-in gives.

    Args:
        access_token: a signed token, to be sent as a bearer token.
        expires_in: seconds for which it is good.
        refresh_token: good once, for the next grant; None for API clients, which simply sign in again.
        issued_token_type: what kind of token it is, where one was exchanged for it (RFC 8693 §2.2.1).
        accounts: row ids and names of the accounts in which a person of several may work.
    """

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str | None = field(default=None, repr=False)
    issued_token_type: str | None = None
    accounts: tuple[tuple[int, str], ...] = ()


class Refusal(StrEnum):
    """Why there is no grant (RFC 6749 §5.2; `INVALID_TARGET` is RFC 8693's, `SLOW_DOWN` RFC 8628's)."""

    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    INVALID_REQUEST = "invalid_request"
    INVALID_TARGET = "invalid_target"
    SLOW_DOWN = "slow_down"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"


class SignInError(CanopyError):
    """No grant is given.

    Args:
        error: for programs.
        description: for people; says what to do, and nothing that the caller has not proven to know.
        retry_after: seconds until another attempt is looked at, with `SLOW_DOWN` only.
        field: the field of the form that it is about, where another value would help.
    """

    code = "SIGN_IN_REFUSED"

    def __init__(
        self, error: Refusal, description: str, retry_after: int | None = None, field: str | None = None
    ) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.retry_after = retry_after
        self.field = field
