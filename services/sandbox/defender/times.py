"""Timestamps as the vendor writes them: UTC, `Z`, and up to seven fractional digits, counted in ticks of 100 ns.

Ticks are integers since 1970, so that comparing and expiring lose nothing to floating point.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

SECOND = 10_000_000
_PATTERN = re.compile(
    r"(\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,7}))?(?:([Zz])|([+-])(\d{2}):(\d{2}))", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=65_536)
def parse_ticks(text: str) -> int:
    """Ticks of a DateTimeOffset text. Raises ValueError: no offset, more than seven digits, not a date."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a DateTimeOffset")
    stamp, fraction, _, sign, hours, minutes = match.groups()
    moment = datetime.fromisoformat(stamp.upper()).replace(tzinfo=UTC)
    if sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        try:
            moment = moment - offset if sign == "+" else moment + offset
        except OverflowError:
            raise ValueError(f"{text!r} is not between the years 1 and 9999 in UTC") from None
    seconds = (moment - _EPOCH) // timedelta(seconds=1)
    return seconds * SECOND + int((fraction or "").ljust(7, "0"))


def format_ticks(ticks: int) -> str:
    """The vendor's text for these ticks; trailing zeros of the fraction are left out, as .NET does."""
    seconds, fraction = divmod(ticks, SECOND)
    stamp = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{stamp}.{fraction:07d}".rstrip("0").rstrip(".") + "Z"
