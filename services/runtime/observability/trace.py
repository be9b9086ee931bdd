"""W3C trace context: one trace per poll, carried from the puller through the router to the pusher, and to the vendors.

Contexts have the form of the header `traceparent` (W3C Recommendation "Trace Context", version 00), always sampled.
Spans go to the exporter that `export_to` sets; without one, a span only costs an id.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

HEADER = "traceparent"

_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


@dataclass(slots=True)
class Span:
    """One span of a trace. Times are nanoseconds since the epoch; `links` are spans of other traces that it serves."""

    name: str
    traceparent: str
    parent: str | None
    links: tuple[str, ...]
    attributes: dict[str, str | int] = field(default_factory=dict)
    began: int = 0
    ended: int = 0
    failure: str | None = None


Export = Callable[[Span], None]
_export: list[Export] = []


def export_to(export: Export | None) -> None:
    """Set the exporter that gets every ended span; None removes it."""
    _export[:] = [export] if export else []


def new() -> str:
    """Return the traceparent of a new trace."""
    return _render(secrets.token_hex(16))


def child(parent: str) -> str:
    """Return a new traceparent within the trace of `parent`. Raises ValueError as `trace_id`."""
    return _render(trace_id(parent))


def trace_id(traceparent: str) -> str:
    """Return the trace's id, 32 hexadecimal digits. Raises ValueError if the text is no traceparent."""
    parts = traceparent.split("-")
    if len(parts) != 4 or len(parts[1]) != 32:
        raise ValueError(f"{traceparent!a} is no traceparent; it has the form 00-<32 digits>-<16 digits>-01")
    return parts[1]


def current() -> str | None:
    """Return the traceparent of the present span of this thread or task, or None."""
    return _current.get()


def headers() -> tuple[tuple[str, bytes], ...]:
    """Return the trace header for a record that the present span writes; empty without a span."""
    traceparent = _current.get()
    return ((HEADER, traceparent.encode()),) if traceparent else ()


def of(found: Iterable[tuple[str, bytes | None]]) -> str | None:
    """Return the traceparent among a record's headers, or None if there is no valid one."""
    for name, value in found:
        if name == HEADER and value is not None:
            text = value.decode("ascii", "replace")
            try:
                trace_id(text)
            except ValueError:
                return None
            return text
    return None


@contextmanager
def span(name: str, *, parent: str | None = None, links: Iterable[str] = (), **attributes: str | int) -> Iterator[Span]:
    """Run a span in the trace of `parent`, else in that of the present span, else in a new trace."""
    above = parent or _current.get()
    step = Span(name, child(above) if above else new(), above, tuple(links), attributes, time.time_ns())
    token = _current.set(step.traceparent)
    try:
        yield step
    except BaseException as error:
        step.failure = type(error).__name__
        raise
    finally:
        _current.reset(token)
        step.ended = time.time_ns()
        for export in _export:
            export(step)


def _render(trace: str) -> str:
    return f"00-{trace}-{secrets.token_hex(8)}-01"
