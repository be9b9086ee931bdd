"""Lenient reading of rows in vendors' listings, so that one odd row does not affect the others.

A field of an undocumented type is converted if possible, else empty. A row that is no object or has no usable id is
skipped. Both are counted by `vendor_rows_odd_total`, with reason `field` or `row`.
"""

import math
from collections.abc import Iterable
from typing import Annotated, Any, Final, TypeVar

from pydantic import BeforeValidator, TypeAdapter, ValidationError, ValidationInfo

from services.runtime.observability.metrics import VENDOR_ROWS_ODD

ROW, FIELD = "row", "field"
_ODD: Final = "odd"
_T = TypeVar("_T")


def read_rows(kind: TypeAdapter[_T], rows: Iterable[object], connection: str, route: str) -> list[_T | None]:
    """Return each row as `kind`, in order; None for a skipped one. Raises nothing."""
    found: list[_T | None] = []
    for row in rows:
        notes: dict[str, bool] = {}
        try:
            found.append(kind.validate_python(row, context=notes))
        except (ValidationError, RecursionError):
            found.append(None)
            VENDOR_ROWS_ODD.labels(connection, route, ROW).inc()
        else:
            if notes:
                VENDOR_ROWS_ODD.labels(connection, route, FIELD).inc()
    return found


def expect_rows(connection: str, route: str) -> None:
    """Start the counters at 0, so that the first odd row counts as an increase."""
    for reason in (ROW, FIELD):
        VENDOR_ROWS_ODD.labels(connection, route, reason)


def row_id(value: object) -> str:
    """Return an id as text, or "" if it is unusable."""
    return text_of(value) if isinstance(value, str | int) else ""


def text_of(value: object) -> str:
    """Return a text, or a number as text; "" for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _note(info: ValidationInfo) -> None:
    if info.context is not None:
        info.context[_ODD] = True


def _id(value: object, info: ValidationInfo) -> str:
    found = row_id(value)
    if not isinstance(value, str):
        _note(info)
    if not found:
        raise ValueError("has no id")
    return found


def _text(value: object, info: ValidationInfo) -> str:
    if not isinstance(value, str):
        _note(info)
    return text_of(value)


def _optional(value: object, info: ValidationInfo) -> str | None:
    return None if value is None else _text(value, info) or None


def _count(value: object, info: ValidationInfo) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    _note(info)
    try:
        number = float(value) if isinstance(value, str | float) else 0.0
    except ValueError:
        return 0
    return int(number) if math.isfinite(number) else 0


def _texts(value: object, info: ValidationInfo) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        _note(info)
        value = [value]
    found = [text_of(part) for part in value]
    if not all(isinstance(part, str) for part in value):
        _note(info)
    return tuple(text for text in found if text)


def _truth(value: object, info: ValidationInfo) -> bool:
    """Return False only for plain negatives: an unclear value about other people's changes counts as a change."""
    if not isinstance(value, int):
        _note(info)
    return value not in (None, False, 0, "", "0", "false", "False")


Id = Annotated[str, BeforeValidator(_id)]
Text = Annotated[str, BeforeValidator(_text)]
OptionalText = Annotated[str | None, BeforeValidator(_optional)]
Count = Annotated[int, BeforeValidator(_count)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Truth = Annotated[bool, BeforeValidator(_truth)]
Anything = Any
