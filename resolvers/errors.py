"""The refusals that cross a layer; each has a stable code for programs and a sentence for people."""


class CanopyError(Exception):
    """A refusal that is the caller's to read. Anything else that is raised is a defect and is masked."""

    code = "ERROR"


class ForbiddenError(CanopyError):
    """The caller can see the thing, but lacks the privilege for this part of it or for this action."""

    code = "FORBIDDEN"


class InvalidError(CanopyError):
    """An argument makes no sense; the message names it and says what would."""

    code = "INVALID_ARGUMENT"


class UnauthenticatedError(CanopyError):
    """No valid identity came with the request."""

    code = "UNAUTHENTICATED"


class UnavailableError(CanopyError):
    """The answer would have taken too long, or the database is away; trying again later may help."""

    code = "UNAVAILABLE"
