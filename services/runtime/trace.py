"""W3C trace context: one trace per poll, carried from the puller through the router to the pusher.

The form is that of the header `traceparent` (W3C Recommendation "Trace Context", version 00), always sampled.
"""

import secrets

HEADER = "traceparent"


def new() -> str:
    """The beginning of a new trace."""
    return _render(secrets.token_hex(16))


def child(parent: str) -> str:
    """A step within the trace of `parent`. Raises ValueError when that is no traceparent of ours."""
    return _render(trace_id(parent))


def trace_id(traceparent: str) -> str:
    """The trace's id, 32 hexadecimal digits. Raises ValueError."""
    parts = traceparent.split("-")
    if len(parts) != 4 or len(parts[1]) != 32:
        raise ValueError(f"{traceparent!a} is no traceparent; it has the form 00-<32 digits>-<16 digits>-01")
    return parts[1]


def _render(trace: str) -> str:
    return f"00-{trace}-{secrets.token_hex(8)}-01"
