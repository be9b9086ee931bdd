"""Waiting for a condition instead of sleeping."""

import time
from collections.abc import Callable


def eventually(condition: Callable[[], object], what: str, within_s: float = 60, every_s: float = 0.1) -> None:
    """Return as soon as the condition holds; fail, saying what was waited for, when it never does."""
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, f"still not so after {within_s:.0f} s: {what}"
        time.sleep(every_s)
