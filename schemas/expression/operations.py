"""Results of CEL operations by the name of their overload, and whether they can fail."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from schemas.expression.errors import ExpressionError
from schemas.expression.ranges import (
    ANY_INT,
    INT,
    MAX_SIZE,
    SECOND,
    UINT,
    Lengths,
    Range,
    Text,
    UnsafeError,
    Value,
    calculate,
    either,
    nanoseconds,
)
from schemas.expression.text import bounded, constant, quoted

_TOTAL: Final = {
    "logical_and", "logical_or", "logical_not", "not_strictly_false", "equals", "not_equals", "in_list", "matches",
    "matches_string", "starts_with_string", "ends_with_string", "contains_string", "add_string", "add_bytes",
    "add_double", "subtract_double", "multiply_double", "divide_double", "negate_double", "string_to_bytes",
    "string_to_string", "int64_to_string", "uint64_to_string", "double_to_string", "bool_to_string",
    "timestamp_to_string", "duration_to_string", "int64_to_double", "uint64_to_double", "double_to_double",
    "bool_to_bool", "bytes_to_bytes", "type",
} | {
    f"{order}_{of}"
    for order in ("less", "less_equals", "greater", "greater_equals")
    for of in ("bool", "int64", "uint64", "double", "string", "bytes", "timestamp", "duration")
}  # fmt: skip
"""Overloads that cannot fail for any arguments."""
_READING: Final = {
    "string_to_int64", "string_to_uint64", "string_to_double", "string_to_bool", "string_to_timestamp",
    "string_to_duration", "bytes_to_string", "double_to_int64", "double_to_uint64",
}  # fmt: skip
"""Overloads that fail for arguments they cannot parse."""
_SAME: Final = {"int64_to_int64", "uint64_to_uint64", "timestamp_to_timestamp", "duration_to_duration"}
_CASTS: Final[Mapping[str, tuple[tuple[int, int], int]]] = {
    "int64_to_uint64": (UINT, 1), "uint64_to_int64": (INT, 1),
    "int64_to_timestamp": ((-62_135_596_800, 253_402_300_799), SECOND),
}  # fmt: skip
"""The accepted range, and the factor of the result."""
_GETTERS: Final[Mapping[str, Range]] = {
    "year": Range(1, 9999), "month": Range(0, 11), "day": Range(0, 366), "hours": Range(0, 23),
    "minutes": Range(0, 59), "seconds": Range(0, 59), "milliseconds": Range(0, 999),
}  # fmt: skip
_UNITS: Final = {"hours": 3_600 * SECOND, "minutes": 60 * SECOND, "seconds": SECOND, "milliseconds": 1_000_000}
_UNKNOWN: Final = "this operation can fail; docs/reference/rules.md lists those that cannot"


def result(overload: str, arguments: Sequence[Value]) -> Value:
    """The result of an operation.

    Raises:
        UnsafeError: it can fail for these arguments, or is unknown.

    """
    if overload in _TOTAL:
        return None
    if overload in _READING:
        return _read(overload, arguments[0])
    if overload in _SAME:
        return arguments[0]
    if overload == "add_list":
        return _joined(*arguments)
    numbers = [found if isinstance(found, Range) else ANY_INT for found in arguments]
    if overload in _CASTS:
        return _cast(overload, numbers[0])
    if overload == "timestamp_to_int64":
        return Range(numbers[0].low // SECOND, numbers[0].high // SECOND)
    if overload.startswith(("timestamp_to_", "duration_to_")):
        return _got(overload, arguments)
    if overload == "negate_int64":
        numbers.insert(0, Range(0, 0))
        overload = "subtract_int64"
    found = calculate(overload, *numbers) if len(numbers) == 2 else None
    if found is None:
        raise UnsafeError(_UNKNOWN)
    return found


def size(of: Value) -> Range:
    """The length of a text or a list."""
    return Range(0, of.longest if isinstance(of, Lengths) else MAX_SIZE)


def _joined(one: Value, other: Value) -> Value:
    if not isinstance(one, Lengths) or not isinstance(other, Lengths):
        raise UnsafeError(_UNKNOWN)
    return Lengths(either(one.element, other.element), one.times + other.times, one.more + other.more)


def _cast(overload: str, number: Range) -> Range:
    (low, high), scale = _CASTS[overload]
    if number.low < low or number.high > high:
        raise UnsafeError("the number can be out of bounds for this type; leave the conversion out")
    return Range(number.low * scale, number.high * scale)


def _read(overload: str, text: Value) -> Value:
    function = overload.rpartition("_to_")[2].removesuffix("64")
    if not isinstance(text, Text) or text.literal is None:
        raise UnsafeError(
            f"{function}(…) fails for a value that it cannot read; compare it as it is, or with a literal"
        )
    value = constant(f"{function}({quoted(text.literal)})")
    if isinstance(value, ExpressionError):
        raise UnsafeError(f"{function}({quoted(text.literal)}) cannot be read: {value.why}")
    if isinstance(value, datetime):
        value = bounded(value)
    if isinstance(value, datetime | timedelta):
        at = nanoseconds(value)
        return Range(at, at + 999)
    return Range(value, value) if isinstance(value, int) and not isinstance(value, bool) else None


def _got(overload: str, arguments: Sequence[Value]) -> Value:
    """The bounds of a getter such as hours or days, of a moment or a span."""
    of, _, name = overload.partition("_to_")
    unit = name.removesuffix("_with_tz").partition("_")[0]
    if unit not in _GETTERS:
        raise UnsafeError(_UNKNOWN)
    if of == "duration":
        span = arguments[0] if isinstance(arguments[0], Range) else ANY_INT
        return Range(span.low // _UNITS[unit], span.high // _UNITS[unit] + 1)
    if name.endswith("_with_tz") and not _is_zone(arguments[1]):
        raise UnsafeError('the time zone must be a known name in quotes: getHours("Europe/Berlin")')
    return _GETTERS[unit]


def _is_zone(text: Value) -> bool:
    if not isinstance(text, Text) or text.literal is None:
        return False
    return not isinstance(constant(f"timestamp(0).getHours({quoted(text.literal)})"), ExpressionError)
