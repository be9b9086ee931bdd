"""Moments as text: how long ago (`7d`), or a date and time (`2026-01-31T12:00:00Z`)."""

from schemas import moment as moments
from schemas.duration import parse
from schemas.record import Millis
from services.runtime.clock import now_ms


class NotATimeError(ValueError):
    """The text is not a time; the message says how to write one."""


def since(text: str | None) -> Millis | None:
    """The moment that a text names; None for all time.

    Raises:
        NotATimeError: the text is not a time.

    """
    if text in (None, "", "all"):
        return None
    assert text is not None
    try:
        return moments.shifted(now_ms(), -int(parse(text).total_seconds() * 1000))
    except ValueError:
        pass
    try:
        return moments.of_text(text, with_zone=False)
    except ValueError:
        example = "write how long ago (30m, 4h, 7d), a time (2026-01-31T12:00:00Z), or all"
        raise NotATimeError(f"{text[:40]!r} is not a time; {example}") from None


def show(moment: Millis | None) -> str:
    """A moment as text, in UTC, to the second. Every number of milliseconds is accepted."""
    return "-" if moment is None else moments.to_datetime(moment).strftime("%Y-%m-%d %H:%M:%SZ")


def age(moment: Millis) -> str:
    """How long ago a moment was, in the largest full unit: `3h`."""
    seconds = max(0, now_ms() - moment) // 1000
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
