"""Extreme indicators with descriptions, for which `check` evaluates expressions.

They differ from an ordinary indicator in one property each, or in many at once.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from cel_expr_python import cel

from schemas.expression.variables import MAX_HITS, VARIABLES
from schemas.indicator import Indicator, SourceState
from schemas.types import IndicatorType, Severity

_DAY: Final = 86_400_000
_SEEN: Final = 1_772_323_200_000
"""2026-03-01, in milliseconds."""
_YEAR_1: Final = -62_135_596_800_000
_LAST: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""
_LONG: Final = 100_000
_TEXTS: Final[Mapping[str, str]] = {
    "empty": "", "very long": "a" * _LONG, "non-ASCII": "bücher.例え.🦠\u202e", "a NUL": "a\0b",
    "a lone surrogate": "\ud800", "a number": "7", "not a number": "1e999", "a pattern": "(*[",
}  # fmt: skip
_VALUES: Final = {
    IndicatorType.URL: "http://evil.example/" + "a" * 2_000, IndicatorType.DOMAIN: "xn--bcher-kva.example",
    IndicatorType.IPV4: "198.51.100.7", IndicatorType.IPV6: "2001:db8::7", IndicatorType.MD5: "d" * 32,
    IndicatorType.SHA1: "d" * 40, IndicatorType.SHA256: "d" * 64,
}  # fmt: skip
_TIMES: Final = {"year 1": _YEAR_1, "1970-01-01": 0, "today": _SEEN, "the end of the year 9999": _LAST}


def failing(program: Any) -> str | None:  # noqa: ANN401  # the library's Expression
    """Description of the first extreme indicator for which a program fails; None if there is none."""
    return next((description for description, data in _shown() if not _is_answered(program, data)), None)


def _is_answered(program: Any, data: Mapping[str, object]) -> bool:  # noqa: ANN401  # the library's Expression
    try:
        return bool(program.eval(data=data).type() == cel.Type.BOOL)
    except RuntimeError:
        return False


@cache
def _shown() -> tuple[tuple[str, Mapping[str, object]], ...]:
    return tuple(
        (description, {name: variable.read(found) for name, variable in VARIABLES.items()})
        for description, found in extremes()
    )


def extremes() -> Iterator[tuple[str, Indicator]]:
    """Every extreme indicator, with a description."""
    yield "an ordinary indicator", _indicator()
    for description, changed in _variations():
        yield f"an indicator with {description}", _indicator(**changed)
    nothing = {"value": "", "tags": (), "sources": {}, "hits": 0, "reputation": 1, "comments": "", "first_seen": 0,
               "last_seen": 0, "expires_at": 0}  # fmt: skip
    yield "an indicator with everything empty and 0", _indicator(**nothing)
    most = {"value": "a" * _LONG, "tags": _tags(10_000), "sources": _sources(1_000), "hits": 2**63 - 1,
            "reputation": 10, "comments": "a" * _LONG, "first_seen": 0, "last_seen": _LAST}  # fmt: skip
    for active, description in ((True, "active"), (False, "not active")):
        yield f"an indicator ({description}) with everything as large as can be", _indicator(**most, active=active)


def _variations() -> Iterator[tuple[str, dict[str, Any]]]:
    for kind, value in _VALUES.items():
        yield f"type: {kind.value}", {"type": kind, "value": value}
    for severity in Severity:
        yield f"severity: {severity.value}", {"severity": severity}
    for description, text in _TEXTS.items():
        yield f"a value that is {description}", {"value": text}
        yield f"comments: {description}", {"comments": text}
        yield f"one tag, {description}", {"tags": (text,)}
        yield f"many tags, one of them {description}", {"tags": (*_tags(20), text)}
    yield "active: false", {"active": False}
    yield from _numbers()
    yield from _times()


def _numbers() -> Iterator[tuple[str, dict[str, Any]]]:
    for count in (0, 1, 2, 1_000, 1_001, 10_000):
        yield f"tags: {count:,}", {"tags": _tags(count)}
    for count in (0, 2, 1_000, 10_000):
        yield f"sources: {count:,}", {"sources": _sources(count)}
    for hits in (0, 1, 7, 100, MAX_HITS, 2**63 - 1, 2**70):
        yield f"hits: {hits:,}", {"hits": hits}
    for reputation in range(1, 11):
        yield f"reputation: {reputation}", {"reputation": reputation}


def _times() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "no expiry (it never expires)", {"expires_at": None}
    for first, first_ms in _TIMES.items():
        for last, last_ms in _TIMES.items():
            for end, end_ms in (*_TIMES.items(), ("never", None)):
                times = {"first_seen": first_ms, "last_seen": last_ms, "expires_at": end_ms}
                yield f"first_seen: {first}, last_seen: {last}, expires_at: {end}", times


def _tags(count: int) -> tuple[str, ...]:
    return tuple(f"tag-{number}" for number in range(count))


def _sources(count: int) -> dict[str, SourceState]:
    state = SourceState(first_seen=_SEEN, last_seen=_SEEN, observed_at=_SEEN)
    return {f"source-{number}": state for number in range(count)}


def _indicator(**changed: Any) -> Indicator:  # noqa: ANN401  # any field
    ordinary = Indicator(
        type=IndicatorType.DOMAIN, value="evil.example", sources=_sources(1), first_seen=_SEEN, last_seen=_SEEN,
        tags=("phish", "c2"), comments="beacon", active=True, expires_at=_SEEN + 30 * _DAY,
    )  # fmt: skip
    return ordinary.but(**changed)
