"""Possible values of parts of an expression: bounds of numbers, spans and moments, and of lengths of lists."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from schemas.expression.variables import EARLIEST, MAX_TAGS, NEVER

SECOND: Final = 1_000_000_000
"""Nanoseconds."""
INT: Final = (-(2**63), 2**63 - 1)
UINT: Final = (0, 2**64 - 1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_1, _YEAR_10000 = -62_135_596_800 * SECOND, 253_402_300_800 * SECOND
MAX_SIZE: Final = 2**31 - 1
"""More characters than a text can have."""


class UnsafeError(Exception):
    """An operation can fail. The text says why, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Range:
    """A whole number, or the nanoseconds of a span, or of a moment since 1970; both bounds included."""

    low: int
    high: int

    def __or__(self, other: "Range") -> "Range":
        return Range(min(self.low, other.low), max(self.high, other.high))

    def __and__(self, other: "Range") -> "Range":
        """The intersection; this range if it is empty."""
        both = Range(max(self.low, other.low), min(self.high, other.high))
        return both if both.low <= both.high else self


@dataclass(frozen=True, slots=True)
class Lengths:
    """A list: its possible elements, and its greatest length: `times` × the number of tags + `more`."""

    element: "Value"
    times: int
    more: int

    @property
    def longest(self) -> int:
        """The greatest number of elements."""
        return self.times * MAX_TAGS + self.more


@dataclass(frozen=True, slots=True)
class Text:
    """A text; `literal` if it is a literal in the expression."""

    literal: str | None = None


Value = Range | Lengths | Text | None
"""None: a value whose bounds do not matter."""

MOMENTS: Final = Range(0, int((NEVER - EARLIEST).total_seconds()) * SECOND)
ANY_INT: Final = Range(*INT)


def either(one: Value, other: Value) -> Value:
    """Bounds of a value that is one or the other."""
    if isinstance(one, Range) and isinstance(other, Range):
        return one | other
    if isinstance(one, Lengths) and isinstance(other, Lengths):
        element = either(one.element, other.element)
        return Lengths(element, max(one.times, other.times), max(one.more, other.more))
    return one if one == other else None


def nanoseconds(value: datetime | timedelta) -> int:
    """A moment or a span as a range counts it."""
    span = value - _EPOCH if isinstance(value, datetime) else value
    return (span // timedelta(microseconds=1)) * 1_000


def _within(found: Range, bounds: tuple[int, int], what: str, remedy: str) -> Range:
    if found.low < bounds[0] or found.high > bounds[1]:
        raise UnsafeError(f"{what} can be too large for CEL; {remedy}")
    return found


def _add(one: Range, other: Range) -> Range:
    return Range(one.low + other.low, one.high + other.high)


def _subtract(one: Range, other: Range) -> Range:
    return Range(one.low - other.high, one.high - other.low)


def _multiply(one: Range, other: Range) -> Range:
    ends = [a * b for a in (one.low, one.high) for b in (other.low, other.high)]
    return Range(min(ends), max(ends))


def _by(divisor: Range) -> None:
    if divisor.low <= 0 <= divisor.high:
        raise UnsafeError(
            "this can divide by zero; divide by a number, or make sure of it before: ioc.hits > 0 && 100 / ioc.hits > 5"
        )


def _divide(one: Range, other: Range) -> Range:
    _by(other)
    ends = [_quotient(a, b) for a in (one.low, one.high) for b in (other.low, other.high)]
    crosses_zero = [0] if one.low <= 0 <= one.high else []
    return Range(min([*ends, *crosses_zero]), max([*ends, *crosses_zero]))


def _quotient(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _modulo(one: Range, other: Range) -> Range:
    _by(other)
    most = max(abs(other.low), abs(other.high)) - 1
    return Range(-most if one.low < 0 else 0, most if one.high > 0 else 0)


_NUMBERS: Final[Mapping[str, Callable[[Range, Range], Range]]] = {
    "add": _add, "subtract": _subtract, "multiply": _multiply, "divide": _divide, "modulo": _modulo,
}  # fmt: skip
_SMALLER = "calculate with smaller numbers"
_SPAN = "moments and spans must be less than 292 years apart; compare the moments themselves (<, >=) instead"
_FAR = "compare the moments themselves (<, >=) instead"


def calculate(overload: str, one: Range, other: Range) -> Range | None:
    """The result of an operator's overload; None if it is not about numbers, spans or moments.

    Raises:
        UnsafeError: it can fail.

    """
    name, *kinds = overload.split("_")
    compute = _NUMBERS.get(name)
    match kinds:
        case ["int64"] if compute:
            both = Range(-1, -1) if name == "modulo" and one.low == INT[0] else None
            if both is not None and other.low <= -1 <= other.high:
                raise UnsafeError(f"a remainder can be too large for CEL; {_SMALLER}")
            return _within(compute(one, other), INT, "the result", _SMALLER)
        case ["uint64"] if compute:
            return _within(compute(one, other), UINT, "the result", _SMALLER)
        case ["timestamp", "timestamp"] | ["duration", "duration"] if compute:
            for part in (one, other) if kinds[0] == "duration" else ():
                _within(part, INT, "the span", _SPAN)
            return _within(compute(one, other), INT, "the difference" if name == "subtract" else "the sum", _SPAN)
        case ["timestamp", "duration"] | ["duration", "timestamp"] if compute:
            span = other if kinds[0] == "timestamp" else one
            _within(span, INT, "the span", _SPAN)
            bounds = (_YEAR_1, _YEAR_10000 - 1)
            return _within(compute(one, other), bounds, "the moment", _FAR)
    return None
