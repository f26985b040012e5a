"""What operations take: input classes, and the kinds of text and number that their fields hold."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import AfterValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from sqlmodel import Field, SQLModel

from resolvers.errors import RefusedError, UserError, UserErrorCode


class Input(SQLModel):
    """What an operation is given. `model_fields_set` tells what was given from what was left out.

    A field may refuse null and still be left out: give it a default that its type doesn't allow.
    """

    model_config = ConfigDict(extra="forbid")  # type: ignore[assignment]  # SQLModel's own is a wider dictionary

    def given(self, *names: str) -> dict[str, Any]:
        """Those of the named fields that were given, and what with."""
        return {name: getattr(self, name) for name in names if name in self.model_fields_set}


InputT = TypeVar("InputT", bound=Input)

_NEEDED: Any = ...


def said(description: str, default: Any = _NEEDED, *, most: int | None = None) -> Any:
    """A field of an input.

    Args:
        description: its meaning, a sentence.
        default: what it is when it is left out; without one it is needed.
        most: how many items a list may have.
    """
    return Field(default, description=description, max_length=most)


@dataclass(frozen=True, slots=True)
class Refers:
    """Marks a field as the id of a row. Text that is no id of such a row is 0, the id of nothing.

    Args:
        table: the row's.
    """

    table: str


class IsDecimal:
    """Marks a text as a decimal number, which clients may give as a number as well."""


AccountId = Annotated[int, Refers("account")]
UserId = Annotated[int, Refers("app_user")]
SubscriptionId = Annotated[int, Refers("subscription")]
OrderId = Annotated[int, Refers("orders")]

_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode's categories of control characters, halves of characters, and ends of lines."""


def _text(most: int, pattern: str = "", what: str = "") -> AfterValidator:
    """One line of text: no blanks at its ends, not empty, no control characters, so many characters at most.

    Args:
        most: characters.
        pattern: a regular expression for the whole of it.
        what: what the pattern describes, for the message.
    """
    form = re.compile(pattern)

    def check(text: str) -> str:
        text = text.strip()
        if not text:
            raise wrong(UserErrorCode.REQUIRED, "It is empty.")
        if len(text) > most:
            raise wrong(UserErrorCode.TOO_LONG, f"It has {len(text)} characters; at most {most}.")
        if not _UNPRINTABLE.isdisjoint(map(unicodedata.category, text)):
            raise wrong(UserErrorCode.INVALID, "It has characters that can't be printed.")
        if pattern and not form.fullmatch(text):
            raise wrong(UserErrorCode.INVALID, f"It is no {what}.")
        return text

    return AfterValidator(check)


def wrong(code: UserErrorCode, message: str) -> PydanticCustomError:
    """What a validator raises."""
    # The message is a template to pydantic; nothing shall be filled in.
    return PydanticCustomError(code.value, message.replace("{", "{{").replace("}", "}}"))


_CODES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY "
    "BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK "
    "FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR "
    "IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK "
    "ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM "
    "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF "
    "TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
)
_COUNTRIES = frozenset(_CODES.split())
"""ISO 3166-1 alpha-2, of 2026."""


def _country(code: str) -> str:
    if code not in _COUNTRIES:
        raise wrong(UserErrorCode.INVALID, "It is no country code: two capital letters, as DE (ISO 3166-1 alpha-2).")
    return code


Text35 = Annotated[str, _text(35)]
Text100 = Annotated[str, _text(100)]
Text200 = Annotated[str, _text(200)]
Text500 = Annotated[str, _text(500)]
Country = Annotated[str, _text(500), AfterValidator(_country)]
Email = Annotated[
    str,
    _text(
        254,
        r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
        r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]",
        "e-mail address",
    ),
]
Language = Annotated[str, _text(35, r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", "language tag such as en or pt-BR (BCP 47)")]
Url = Annotated[str, _text(500, r"https?://[^\s]+", "web address that begins with http:// or https://")]
Color = Annotated[str, _text(35, r"#[0-9A-Fa-f]{6}", "colour such as #1a2b3c")]
Phone = Annotated[str, _text(16, r"\+[1-9][0-9]{6,14}", "telephone number such as +4930123456 (E.164)")]


class AttributeInput(Input):
    """A custom attribute: a name and a value of your own."""

    name: Text100 = said("Its name, unique within the object.")
    value: Text500 = said("Its value.")


def _distinct(attributes: list[AttributeInput]) -> list[AttributeInput]:
    names = [attribute.name for attribute in attributes]
    if len(set(names)) < len(names):
        raise wrong(UserErrorCode.INVALID, "It has two attributes of one name.")
    return attributes


Attributes = Annotated[list[AttributeInput], AfterValidator(_distinct)]
MOST_ATTRIBUTES = 50


def stored(attributes: Iterable[AttributeInput] | None) -> str | None:
    """Custom attributes as they are stored: JSON, or None if there are none."""
    named = {each.name: each.value for each in attributes or ()}
    return orjson.dumps(named, option=orjson.OPT_SORT_KEYS).decode() if named else None


def checked(model: type[InputT], values: Mapping[str, Any]) -> InputT:
    """The values as an input.

    Raises:
        RefusedError: with everything that is wrong with them.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise RefusedError(*map(_told, error.errors(include_url=False))) from error


_TOLD: dict[str, tuple[UserErrorCode, Callable[[Any], str]]] = {
    "missing": (UserErrorCode.REQUIRED, lambda _: "It is needed."),
    "too_long": (
        UserErrorCode.TOO_LONG,
        lambda about: f"It has {about['actual_length']} items; at most {about['max_length']}.",
    ),
    "too_short": (UserErrorCode.REQUIRED, lambda about: f"It takes at least {about['min_length']} items."),
    "greater_than_equal": (UserErrorCode.OUT_OF_RANGE, lambda about: f"It is less than {about['ge']}."),
    "greater_than": (UserErrorCode.OUT_OF_RANGE, lambda about: f"It is not more than {about['gt']}."),
    "less_than_equal": (UserErrorCode.OUT_OF_RANGE, lambda about: f"It is more than {about['le']}."),
    "less_than": (UserErrorCode.OUT_OF_RANGE, lambda about: f"It is not less than {about['lt']}."),
    "string_unicode": (UserErrorCode.INVALID, lambda _: "It has characters that can't be printed."),
}
"""What pydantic calls its own findings, and how they are told."""


def _told(detail: ErrorDetails) -> UserError:
    path = tuple(map(str, detail["loc"]))
    if detail["type"] in UserErrorCode.__members__:
        return UserError(UserErrorCode(detail["type"]), detail["msg"], path)
    if detail["input"] is None and detail["type"] not in _TOLD:
        return UserError(UserErrorCode.REQUIRED, "It can't be null; leave it out to keep what there is.", path)
    code, tell = _TOLD.get(detail["type"], (UserErrorCode.INVALID, lambda _: "It makes no sense here."))
    return UserError(code, tell(detail.get("ctx", {})), path)
