"""Timers: call something once, later, unless it is cancelled first. Errors are logged."""

import logging
import threading
from collections.abc import Callable

_LOG = logging.getLogger(__name__)


def start_timer(name: str, after_s: float, action: Callable[[], None]) -> threading.Timer:
    """Call `action` once after `after_s` seconds, in its own thread. `cancel()` prevents the call."""

    def act() -> None:
        try:
            action()
        except Exception:  # noqa: BLE001  # no caller is left to handle it
            _LOG.exception("the timer %s failed", name)

    timer = threading.Timer(after_s, act)
    timer.name = name
    timer.daemon = True
    timer.start()
    return timer
