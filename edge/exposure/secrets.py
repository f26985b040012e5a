"""What never stands in a log, whatever is written there: tokens, passwords, keys, and people's addresses."""

import logging
import re

BLANK = "***"

_SECRETS = re.compile(
    r"(?P<token>\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?)"  # a signed token, or what is left of one
    r"|(?P<scheme>\b(?:bearer|basic) +)[\w.~+/=-]{8,}"
    r"|(?P<name>[\"']?\b(?:authorization|(?:client|link)?_?secret|(?:refresh|access|subject|id|link)?_?token|password"
    r"|passwd|api_?key)\\?[\"']?\s*[=:]\s*\\?[\"']?)(?!(?:bearer|basic)\b|(?:user|client):\d)[^\s\"'&,;})\\]+"
    r"|(?P<address>\b[a-z][a-z0-9+]*://[^\s:/@]*:)[^\s/@]+(?=@)"  # a password in the address of a database or a server
    r"|(?<![\w.+/:@-])[\w.+-]+@(?:[\w-]+\.)+\w{2,}",  # somebody's mail address, as a mail server repeats it
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """The text, its secrets blanked."""
    return _SECRETS.sub(_blanked, text)


def _blanked(found: re.Match[str]) -> str:
    return (found["scheme"] or found["name"] or found["address"] or "") + BLANK


class WithoutSecrets(logging.Formatter):
    """Writes what another formatter does, without secrets: of the message, of values in it, of tracebacks.

    Args:
        formatter: the other.
    """

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self._formatter = formatter

    def format(self, record: logging.LogRecord) -> str:
        """A record as it is logged."""
        return without_secrets(self._formatter.format(record))


def keep_secrets_out_of_logs() -> None:
    """Have all handlers of the root logger write without secrets."""
    for handler in logging.getLogger().handlers:
        if not isinstance(handler.formatter, WithoutSecrets):
            handler.setFormatter(WithoutSecrets(handler.formatter or logging.Formatter()))
