"""Moments: whole milliseconds since the Unix epoch, from 1970 to the end of 9999, as records carry them.

Every moment in a record lies between `FIRST` and `LAST`, so that it is a date for `datetime` and for both vendors.
Text, numbers and vendor fields are read here, and sums are made by `shifted` and `rounded_up`, which stay within the
bounds. What lies before 1970 is read as 1970, what lies after 9999 as `LAST`. An expiry from `FOREVER` on means never.

Sources: .NET writes `0001-01-01T00:00:00Z` for a date that is not set and `9999-12-31T23:59:59.9999999Z` for never.
"""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeGuard

from pydantic import BeforeValidator, GetCoreSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

MILLIS: Final = "milliseconds since the Unix epoch, UTC"
FIRST: Final = 0
"""1970-01-01T00:00:00Z."""
LAST: Final = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z."""
FOREVER: Final = 253_402_214_400_000
"""9999-12-31T00:00:00Z. An expiry at or after it means never, so an earlier one rounded up to a day is still a date."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_NOT_SET: Final = -62_135_510_400_000
"""0001-01-02T00:00:00Z. Dates before it stand for no date: vendors write the first day of year 1."""
_SECONDS_MOST: Final = 20_000_000_000
"""Numbers up to this are seconds, larger ones milliseconds: that many seconds are in the year 2603."""
_LEAP: Final = re.compile(r"(:\d\d):60(?!\d)", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?\d{1,30}(\.\d{0,30})?", re.ASCII)
HOW_TO_WRITE: Final = "write a time with its zone, for example 2026-01-31T12:00:00Z"


class _Bounded:
    """An integer of JSON within the bounds. Larger ones, which older releases stored, are read as `LAST`.

    A union of two integer types, so that only those that are out of bounds cost a call of Python.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401  # pydantic's
        """The validator."""
        within = core_schema.int_schema(ge=FIRST, le=LAST, strict=True)
        beyond = core_schema.int_schema(gt=LAST, strict=True)
        return core_schema.union_schema(
            [within, core_schema.no_info_after_validator_function(bounded, beyond)],
            mode="left_to_right",
            custom_error_type="moment",
            custom_error_message=f"Input should be a whole number of {MILLIS}, 0 or more",
        )


Moment = Annotated[int, _Bounded, WithJsonSchema({"minimum": FIRST, "title": MILLIS, "type": "integer"})]
"""A moment in a record."""


def bounded(millis: int) -> int:
    """The nearest moment that a record can carry."""
    return min(max(millis, FIRST), LAST)


def shifted(moment: int, millis: int) -> int:
    """A moment so much later, or earlier; the bound where that is out of bounds."""
    return bounded(moment + millis)


def rounded_up(moment: int, step: int) -> int:
    """A moment rounded up to a multiple of `step`, within the bounds."""
    return bounded(-(-moment // step) * step)


def expiry(moment: int | None) -> int | None:
    """An expiry, or None where it means never."""
    return None if moment is None or moment >= FOREVER else moment


def from_datetime(when: datetime) -> int:
    """The moment of a date that has a zone."""
    return bounded((when - _EPOCH) // _MILLISECOND)


def to_datetime(moment: int) -> datetime:
    """A moment as a date in UTC, for any number."""
    return _EPOCH + timedelta(milliseconds=bounded(moment))


def read(said: object) -> int | None:
    """The moment that a person or a system means; None where it stands for no date.

    Text as in ISO 8601 with a zone, or Unix time: seconds up to 20,000,000,000, else milliseconds. A leap second is
    read as the second before it.

    Raises:
        ValueError: it is not a time; says how to write one.

    """
    if said is None:
        return None
    if isinstance(said, str):
        text = said.strip()
        if not _NUMBER.fullmatch(text):
            return of_text(text, with_zone=True)
        said = float(text) if "." in text else int(text)
    if not _is_number(said):
        raise ValueError(f"this is not a time; {HOW_TO_WRITE}")
    millis = round(said * 1000) if abs(said) <= _SECONDS_MOST else round(said)
    if not -_SECONDS_MOST * 1000 <= millis <= LAST:
        raise ValueError(f"a number is Unix time in seconds or milliseconds, and this is neither; {HOW_TO_WRITE}")
    return _unless_not_set(millis)


def read_vendor(said: object) -> int | None:
    """The moment in a vendor's field; None where it says nothing that can be read. A time without a zone is UTC.

    1970-01-01T00:00:00Z and what lies before it stand for no date: no vendor has known an indicator for that long.
    """
    if not isinstance(said, str):
        return None
    try:
        return of_text(said.strip(), with_zone=False) or None
    except ValueError:
        return None


def from_seconds(said: object) -> int | None:
    """The moment of a vendor's Unix time in seconds, as a number or as text; None where it says nothing usable."""
    if isinstance(said, str):
        said = float(said) if _NUMBER.fullmatch(said.strip()) else None
    return bounded(int(said) * 1000) if _is_number(said) and said > 0 else None


def _is_number(said: object) -> TypeGuard[int | float]:
    """Whether it is a number that stands for itself: neither a truth value nor infinite nor not-a-number."""
    return not isinstance(said, bool) and (isinstance(said, int) or (isinstance(said, float) and math.isfinite(said)))


def of_text(text: str, *, with_zone: bool) -> int | None:
    """The moment that a text in ISO 8601 means; None where it stands for no date. See `read`.

    Raises:
        ValueError: it is no such text, or lacks its zone although it must have one.

    """
    try:
        when = datetime.fromisoformat(_LEAP.sub(r"\1:59", text).upper())
    except ValueError:
        raise ValueError(f"this is not a time from year 1 to year 9999; {HOW_TO_WRITE}") from None
    if when.tzinfo is None:
        if with_zone:
            raise ValueError(f"this time has no zone; {HOW_TO_WRITE}")
        when = when.replace(tzinfo=UTC)
    return _unless_not_set((when - _EPOCH) // _MILLISECOND)


def _unless_not_set(millis: int) -> int | None:
    return None if millis < _NOT_SET else bounded(millis)


MomentText = Annotated[int | None, BeforeValidator(read)]
"""A moment as people and systems write it, see `read`; None where they give no date."""
