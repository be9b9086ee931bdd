"""Moments: whole milliseconds since the Unix epoch, from 1970 to the end of 9999.

Every moment in a record lies between `FIRST` and `LAST`, so that it is a valid date for `datetime` and both vendors.
This module reads text, numbers and vendor fields; `shifted` and `rounded_up` calculate within the bounds. Moments
before 1970 are read as 1970, moments after 9999 as `LAST`. An expiry from `FOREVER` on means never.

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
"""9999-12-31T00:00:00Z. An expiry from then on means never; earlier ones can be rounded up to a full day."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_NOT_SET: Final = -62_135_510_400_000
"""0001-01-02T00:00:00Z. Earlier dates mean no date: vendors write the first day of year 1."""
_SECONDS_MOST: Final = 20_000_000_000
"""Numbers up to this are seconds, larger ones milliseconds. As seconds it is in the year 2603."""
_LEAP: Final = re.compile(r"(:\d\d):60(?!\d)", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?\d{1,30}(\.\d{0,30})?", re.ASCII)
HOW_TO_WRITE: Final = "write a time with its zone, for example 2026-01-31T12:00:00Z"


class _Bounded:
    """A JSON integer within the bounds. Larger ones, which older releases stored, are read as `LAST`.

    A union of two integer types, so that only values out of bounds cost a call into Python.
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
    """A moment `millis` later (earlier if negative), within the bounds."""
    return bounded(moment + millis)


def rounded_up(moment: int, step: int) -> int:
    """A moment rounded up to a multiple of `step`, within the bounds."""
    return bounded(-(-moment // step) * step)


def expiry(moment: int | None) -> int | None:
    """The expiry, or None if it means never."""
    return None if moment is None or moment >= FOREVER else moment


def from_datetime(when: datetime) -> int:
    """The moment of a date with a zone."""
    return bounded((when - _EPOCH) // _MILLISECOND)


def to_datetime(moment: int) -> datetime:
    """A moment as a date in UTC. Any number is accepted."""
    return _EPOCH + timedelta(milliseconds=bounded(moment))


def read(given: object) -> int | None:
    """The moment that a person or a system gives; None if it means no date.

    Accepts ISO 8601 text with a zone, and Unix time: seconds up to 20,000,000,000, otherwise milliseconds. A leap
    second is read as the second before it.

    Raises:
        ValueError: it is no time; says how to write one.

    """
    if given is None:
        return None
    if isinstance(given, str):
        text = given.strip()
        if not _NUMBER.fullmatch(text):
            return of_text(text, with_zone=True)
        given = float(text) if "." in text else int(text)
    if not _is_number(given):
        raise ValueError(f"this is not a time; {HOW_TO_WRITE}")
    millis = round(given * 1000) if abs(given) <= _SECONDS_MOST else round(given)
    if not -_SECONDS_MOST * 1000 <= millis <= LAST:
        raise ValueError(f"a number is Unix time in seconds or milliseconds, and this is neither; {HOW_TO_WRITE}")
    return _unless_not_set(millis)


def read_vendor(given: object) -> int | None:
    """The moment in a vendor's field; None if it is unreadable. A time without a zone is UTC.

    1970-01-01T00:00:00Z and earlier mean no date: no vendor has known an indicator for that long.
    """
    if not isinstance(given, str):
        return None
    try:
        return of_text(given.strip(), with_zone=False) or None
    except ValueError:
        return None


def from_seconds(given: object) -> int | None:
    """The moment of a vendor's Unix time in seconds, as number or text; None if it is unusable."""
    if isinstance(given, str):
        given = float(given) if _NUMBER.fullmatch(given.strip()) else None
    return bounded(int(given) * 1000) if _is_number(given) and given > 0 else None


def _is_number(given: object) -> TypeGuard[int | float]:
    """Whether it is a finite number and no boolean."""
    return not isinstance(given, bool) and (
        isinstance(given, int) or (isinstance(given, float) and math.isfinite(given))
    )


def of_text(text: str, *, with_zone: bool) -> int | None:
    """The moment of a text in ISO 8601; None if it means no date. See `read`.

    Raises:
        ValueError: it is no such text, or lacks its zone although `with_zone` is set.

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
"""A moment as people and systems write it, see `read`; None for no date."""
