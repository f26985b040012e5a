"""Time in the demo: days and seconds since its start, and the text of both. Its present never moves."""

from datetime import date, timedelta
from functools import cache

START = date(2022, 1, 1)
"""The day on which the provider opened: day 0."""
PRESENT = date(2026, 11, 1)
"""The day on which the demo was frozen, so that the same seed gives the same rows whenever it is run."""
TODAY = (PRESENT - START).days

HOUR = 3_600
DAY = 24 * HOUR
END = TODAY * DAY

_DAYS = tuple((START + timedelta(days=day)).isoformat() for day in range(TODAY + 800))
_MINUTES = tuple(f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(24 * 60))
_SECONDS = tuple(f"{second:02d}.000Z" for second in range(60))


def day_text(day: int) -> str:
    """The ISO date of a day since the start."""
    return _DAYS[day]


def instant_text(moment: int) -> str:
    """The ISO 8601 instant, in UTC, of so many seconds since the start."""
    day, rest = divmod(moment, DAY)
    minute, second = divmod(rest, 60)
    return f"{_DAYS[day]}T{_MINUTES[minute]}{_SECONDS[second]}"


@cache
def period_end(start_day: int, months: int, after_day: int) -> int:
    """The first end of a period of so many months, counted from `start_day`, that lies after `after_day`.

    A period that would end on a day that its month doesn't have ends on the month's last.
    """
    start, periods, end = START + timedelta(days=start_day), 0, start_day
    while end <= after_day:
        periods += 1
        end = (_months_later(start, periods * months) - START).days
    return end


def _months_later(start: date, months: int) -> date:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    following = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    return date(year, month + 1, min(start.day, (following - timedelta(days=1)).day))
