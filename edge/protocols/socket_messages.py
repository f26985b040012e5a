"""The messages of `graphql-transport-ws`, as clients send them and are told, and the codes that close sockets.

Source: GraphQL over WebSocket, of graphql-ws. Where it leaves the code of a closure open, one is taken after which its
clients connect again: 1013.
"""

from typing import Any

from edge.documents.forms import FormError
from edge.exposure.masking import Refusal, refused
from edge.limits.body import BodyError, parsed
from edge.operations import Asked
from edge.protocols import parameters
from edge.protocols.parameters import BadRequestError
from edge.protocols.request import bearer as token_of
from edge.protocols.settings import ProtocolSettings
from resolvers.errors import CanopyError

PROTOCOL = "graphql-transport-ws"
TOO_BIG = (1009, "The message is too big")
TRY_AGAIN_LATER = (1013, "Try again later")
TOO_SLOW = (1013, "Too slow: go on after the last event that you have")
UNAUTHORIZED = (4401, "Unauthorized")
FORBIDDEN = (4403, "Forbidden")
SIGNED_OUT = (4403, "Forbidden: sign in again")
TOO_MANY_SOCKETS = (4403, "Too many connections of one caller")
NOT_ACCEPTABLE = (4406, "Subprotocol not acceptable")
INITIALISATION_TIMEOUT = (4408, "Connection initialisation timeout")
TOO_MANY_INITIALISATIONS = (4429, "Too many initialisation requests")

MAX_ID = 128
"""Characters of an operation's id."""

Message = dict[str, Any]


class ClosedError(Exception):
    """The socket has to be closed, with a code and a reason."""


class TooManyOperationsError(CanopyError):
    """One socket has as many operations as it may have."""

    code = "TOO_MANY_OPERATIONS"


def invalid(what: str) -> ClosedError:
    """What closes the socket after a message that is none of the protocol's."""
    return ClosedError(4400, f"Invalid message: {what}")


def read_message(received: Any, settings: ProtocolSettings) -> Message:
    """The JSON object that was received.

    Args:
        received: as ASGI has it.
        settings: how much it may be.

    Raises:
        ClosedError: it was none, or is too long.
    """
    text = received.get("text")
    if text is None:
        raise invalid("it is binary")
    most = settings.max_message
    if len(text) > most or len(text.encode("utf-8", "surrogatepass")) > most:
        raise ClosedError(*TOO_BIG)
    try:
        message = parsed(text, settings)
    except BodyError as error:
        raise invalid(_brief(str(error))) from None
    if not isinstance(message, dict):
        raise invalid("it is no JSON object")
    return message


def optional_object(message: Message, name: str) -> Message | None:
    """A JSON object, which may be missing."""
    value = message.get(name)
    if value is not None and not isinstance(value, dict):
        raise invalid(f"`{name}` takes an object")
    return value


def id_of(message: Message) -> str:
    """The id of the operation that a message is about."""
    value = message.get("id")
    if not isinstance(value, str) or not value:
        raise invalid("`id` takes a text")
    if len(value) > MAX_ID:
        raise invalid(f"`id` takes {MAX_ID} characters at most")
    return value


def requested(message: Message) -> Asked | Refusal:
    """The operation that is asked for; or why it isn't run, where the message is one of the protocol's nevertheless."""
    try:
        return parameters.asked(message.get("payload"))
    except BadRequestError as error:
        raise invalid(_brief(f"`payload`: {error}")) from None
    except FormError as error:  # the protocol knows nothing of persisted documents
        return refused(error)


def bearer(payload: Message) -> str:
    """The token with which a client begins; empty where there is none."""
    given = payload.get("authorization", payload.get("Authorization"))
    return token_of(given) if isinstance(given, str) else ""


def _brief(text: str) -> str:
    """What there is room for in the reason of a closure."""
    return text.encode("ascii", "replace").decode()[:90]
