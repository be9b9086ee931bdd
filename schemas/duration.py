"""Durations as text: a whole number and a unit (`30s`, `5m`, `4h`, `90d`), or `never` where allowed."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_FORM = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_TEXT = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}[smhd]$")]
_TEXT_OR_NEVER = Annotated[str, Field(pattern=r"^([1-9][0-9]{0,8}[smhd]|never)$")]


def parse(text: object) -> timedelta:
    """Read a duration.

    Raises:
        ValueError: the text is not a number with one of the units s, m, h, d.

    """
    if isinstance(text, timedelta):
        return text
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise ValueError("write a duration as a whole number and s, m, h or d, for example 5m or 90d")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def render(duration: timedelta) -> str:
    """Write a duration in the largest unit that keeps it whole."""
    seconds = int(duration.total_seconds())
    unit = next(unit for unit in "dhms" if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


Duration = Annotated[timedelta, BeforeValidator(parse, json_schema_input_type=_TEXT), PlainSerializer(render)]


def _parse_or_never(text: object) -> timedelta | None:
    return None if text in (None, "never") else parse(text)


DurationOrNever = Annotated[
    timedelta | None,
    BeforeValidator(_parse_or_never, json_schema_input_type=_TEXT_OR_NEVER | None),
    PlainSerializer(lambda duration: "never" if duration is None else render(duration)),
]
