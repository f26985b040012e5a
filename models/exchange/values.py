"""How a cell of an import file is read, and how a stored value is written as a cell again.

Whatever is read becomes one of three things, whichever engine it is for: text (instants and days in their canonical
ISO form, lists as JSON with their items in order), a whole number (amounts in micros, booleans as 0 and 1), or None
for an empty cell.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Any

import orjson

from models.base import MICROS, PeriodType, iso

Value = str | int | None

_MEMORISED = 10_000
_MAX_AMOUNT = 1_000_000_000
_MAX_WHOLE = 999_999_999
_MAX_ATTRIBUTES = 16_384


class Memory(dict[str, Any]):
    """Remembers what cells were read as, for columns in which the same few come again and again; bounded."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, cell: str) -> Any:
        if len(self) >= _MEMORISED:
            self.clear()
        value = self[cell] = self._read(cell)
        return value


@dataclass(frozen=True)
class Kind:
    """What a column holds.

    Args:
        meaning: for the documentation, such as 'day, YYYY-MM-DD'.
        read: a cell that isn't empty to its value; raises ValueError with a reason for people.
        write: a stored value that isn't None to its cell.
        is_number: whether values are whole numbers; otherwise they are text.
        repeats: whether few distinct values are expected, so that reading them is worth remembering.
    """

    meaning: str
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str
    is_number: bool = False
    repeats: bool = False


def text(limit: int = 255, pattern: str | None = None, meaning: str = "text", *, repeats: bool = False) -> Kind:
    """Text of at most `limit` characters, all of it matching the pattern if there is one."""
    matches = re.compile(pattern).fullmatch if pattern else None

    def read(cell: str) -> str:
        if len(cell) > limit and not matches:
            raise ValueError(f"is longer than {limit:,} characters")
        if matches and (len(cell) > limit or not matches(cell)):
            raise ValueError(f"is no {meaning}")
        return cell

    return Kind(f"{meaning}, at most {limit:,} characters" if pattern is None else meaning, read, repeats=repeats)


def one_of(values: type[StrEnum]) -> Kind:
    """A member of the enumeration, in upper or lower case."""
    allowed = {member.value: member.value for member in values}
    names = ", ".join(allowed)

    def read(cell: str) -> str:
        try:
            return allowed[cell.upper()]
        except KeyError:
            raise ValueError(f"is none of {names}") from None

    return Kind("one of " + ", ".join(f"`{name}`" for name in allowed), read, repeats=True)


def many_of(values: type[StrEnum]) -> Kind:
    """Members of the enumeration, separated by '|', or NONE."""
    single = one_of(values)

    def read(cell: str) -> str:
        return "[]" if cell.upper() == "NONE" else _list([single.read(part) for part in cell.split("|")])

    return Kind(f"{single.meaning.removeprefix('one of ')}; `|` between several, `NONE` for none", read, repeats=True)


def _read_privileges(cell: str) -> str:
    if cell.upper() == "NONE":
        return "[]"
    names = cell.split("|")
    if not all(_PRIVILEGE.fullmatch(name) for name in names):
        raise ValueError("is no privilege; those look like orders:place")
    return _list(names)


def _list(items: list[str]) -> str:
    if len(set(items)) != len(items):
        raise ValueError("names something twice")
    return orjson.dumps(sorted(items)).decode()


def _read_whole(cell: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", cell):
        raise ValueError(f"is no whole number from 0 to {_MAX_WHOLE:,}")
    return int(cell)


def _read_signed(cell: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,9}", cell):
        raise ValueError(f"is no whole number up to {_MAX_WHOLE:,}")
    return int(cell)


def _read_positive(cell: str) -> int:
    if not (number := _read_whole(cell)):
        raise ValueError("must be at least 1")
    return number


def read_amount(cell: str) -> int:
    """A decimal amount, whole micros of it; negative ones too.

    Raises:
        ValueError: no decimal number, more than six decimals, or beyond a thousand million.
    """
    found = re.fullmatch(r"(-?)([0-9]{1,18})(?:\.([0-9]+))?", cell)
    if not found:
        raise ValueError("is no decimal number such as 12.50")
    sign, whole, decimals = found[1], found[2], found[3] or ""
    if len(decimals) > 6:
        raise ValueError("has more than six decimals")
    micros = int(whole) * MICROS + int(decimals.ljust(6, "0"))
    if micros > _MAX_AMOUNT * MICROS:
        raise ValueError(f"is more than {_MAX_AMOUNT:,}")
    return -micros if sign else micros


def _read_charge(cell: str) -> int:
    micros = read_amount(cell)
    if micros < 0:
        raise ValueError("is negative")
    return micros


def write_amount(micros: int) -> str:
    """Micros as a decimal number with two to six decimals."""
    whole, fraction = divmod(abs(micros), MICROS)
    decimals = f"{fraction:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{whole}.{decimals}"


def _read_day(cell: str) -> str:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", cell):
            return date.fromisoformat(cell).isoformat()
    except ValueError:
        pass
    raise ValueError("is no day such as 2026-11-20")


_CANONICAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z").fullmatch


def read_instant(cell: str) -> str:
    """An ISO 8601 instant, UTC where it names no zone, cut to milliseconds.

    Raises:
        ValueError: it isn't one.
    """
    try:
        moment = datetime.fromisoformat(cell)
        if _CANONICAL(cell):
            return cell
        return iso(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise ValueError("is no instant such as 2026-11-20T10:05:00.000Z") from None


def _write_instant(value: Any) -> str:
    return iso(value) if isinstance(value, datetime) else str(value)


def _read_boolean(cell: str) -> int:
    try:
        return ("false", "true").index(cell.lower())
    except ValueError:
        raise ValueError("is neither true nor false") from None


def canonical_attributes(document: str) -> str:
    """A JSON object of strings with its names in order, so that the same attributes are always the same text.

    Raises:
        ValueError: it isn't one.
    """
    try:
        found = orjson.loads(document)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError('is no JSON object of strings such as {"tier": "gold"}')
    return orjson.dumps(found, option=orjson.OPT_SORT_KEYS).decode()


def _read_attributes(cell: str) -> str:
    if len(cell) > _MAX_ATTRIBUTES:
        raise ValueError(f"is longer than {_MAX_ATTRIBUTES:,} characters")
    return canonical_attributes(cell)


_PERIOD = re.compile(r"([0-9]{1,4}) ([A-Za-z_]+)( trial)?( inactive)?")


def _read_periods(cell: str) -> str:
    found = [_PERIOD.fullmatch(part) for part in cell.split("|")]
    if not all(match and match[2].upper() in PeriodType.__members__ and int(match[1]) for match in found):
        raise ValueError("is no list of periods such as 1 YEAR|1 MONTH|30 DAY trial")
    periods = [(match[2].upper(), int(match[1]), bool(match[3]), not match[4]) for match in found if match]
    _list([f"{kind} {duration}" for kind, duration, *_ in periods])
    # Of fixed width but for the last part, so that SQL can take it apart again.
    return _list([f"{is_trial:d}{is_active:d}{duration:04d}{kind}" for kind, duration, is_trial, is_active in periods])


def _read_tiers(cell: str) -> str:
    found = [re.fullmatch(r"([0-9]{1,9}):([0-9.]+)", part) for part in cell.split("|")]
    if not all(found):
        raise ValueError("is no list of tiers such as 10:9.50|100:9")
    tiers = [(int(match[1]), _read_charge(match[2])) for match in found if match]
    limits = [1, *(limit for limit, _ in tiers)]
    if any(low >= high for low, high in pairwise(limits)):
        raise ValueError("has lower limits that don't rise, from 2 up")
    return orjson.dumps(tiers).decode()


def _write_tiers(tiers: str) -> str:
    return "|".join(f"{limit}:{write_amount(micros)}" for limit, micros in orjson.loads(tiers))


def _read_rate(cell: str) -> str:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,12})?", cell) or not Decimal(cell):
        raise ValueError("is no exchange rate such as 1.0842")
    return cell


def _read_products(cell: str) -> str:
    parts = cell.split("|")
    if not all(re.fullmatch(rf"{_CODE}/{_MPN}", part) for part in parts):
        raise ValueError("is no list of products such as microsoft/CFQ7TTC0LCHC:0002")
    return _list(parts)


_CODE = r"[^\s/|\"\\]+"
_MPN = r"[^\s|\"\\]+"
_PRIVILEGE = re.compile(r"[a-z]+(-[a-z]+)*:[a-z]+(-[a-z]+)*")
_LOGIN = re.compile(r"[a-z0-9][a-z0-9_.@+-]{0,254}")


def _read_login(cell: str) -> str:
    login = cell.lower()
    if not _LOGIN.fullmatch(login):
        raise ValueError("is no login: letters, digits and _.@+- only, a letter or digit first")
    return login


def _read_logins(cell: str) -> str:
    return _list([_read_login(part) for part in cell.split("|")])


# Stricter than RFC 5322, which also allows quoted names and comments that no one has.
_EMAIL = r"[^\s@<>()\[\],;:\\\"]{1,64}@(?=.{1,189}$)[^\W_](?:[\w-]*[^\W_])?(?:\.[^\W_](?:[\w-]*[^\W_])?)+"

NAME = text(255, meaning="name")
SHORT = text(255)
LONG = text(10_000)
KEY = text(255, meaning="key")
URL = text(2048, r"https?://[^\s]{1,2040}", "web address that begins with http:// or https://")
CODE = text(64, _CODE, "code without blanks, quotes, '/' and '|', at most 64 characters", repeats=True)
MPN = text(128, _MPN, "part number without blanks, quotes and '|', at most 128 characters", repeats=True)
EMAIL = text(254, _EMAIL, "e-mail address")
PHONE = text(64, r"[+(0-9][0-9 ()/.,#*x-]*", "telephone number")
LANGUAGE = Kind(
    "language tag such as `en` or `pt-BR`",
    text(35, r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", "language tag such as en or pt-BR").read,
    repeats=True,
)
CURRENCY = Kind("ISO 4217 code", text(3, r"[A-Z]{3}", "ISO 4217 code such as EUR").read, repeats=True)
COUNTRY = Kind("ISO 3166-1 alpha-2 code", text(2, r"[A-Z]{2}", "ISO 3166-1 alpha-2 code such as DE").read, repeats=True)
COLOR = text(7, r"#[0-9A-Fa-f]{6}", "colour such as #1a2b3c")
WHOLE = Kind("whole number", _read_whole, is_number=True, repeats=True)
POSITIVE = Kind("whole number, at least 1", _read_positive, is_number=True, repeats=True)
SIGNED = Kind("whole number", _read_signed, is_number=True, repeats=True)
AMOUNT = Kind("decimal, at most six decimals, may be negative", read_amount, write_amount, is_number=True, repeats=True)
CHARGE = Kind("decimal, at most six decimals", _read_charge, write_amount, is_number=True, repeats=True)
DAY = Kind("day, YYYY-MM-DD", _read_day, repeats=True)
INSTANT = Kind("ISO 8601 instant, UTC", read_instant, _write_instant)
BOOLEAN = Kind(
    "`true` or `false`", _read_boolean, lambda value: "true" if value else "false", is_number=True, repeats=True
)
ATTRIBUTES = Kind("JSON object of strings", _read_attributes, canonical_attributes)
PERIODS = Kind("such as `1 YEAR|1 MONTH|30 DAY trial|3 YEAR inactive`", _read_periods, repeats=True)
TIERS = Kind("`lower limit:amount`, such as `10:9.50|100:9`", _read_tiers, _write_tiers, repeats=True)
RATE = Kind("decimal", _read_rate, repeats=True)
PRODUCTS = Kind("`manufacturer code/MPN`, `|` between them", _read_products)
PRIVILEGES = Kind(
    "privileges such as `orders:place`; `|` between several, `NONE` for none", _read_privileges, repeats=True
)
LOGIN = Kind("letters, digits and `_.@+-`, at most 255", _read_login)
LOGINS = Kind("logins, `|` between them", _read_logins)
