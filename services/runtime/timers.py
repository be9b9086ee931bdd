"""Timers whose errors are logged: what is to happen once, later, unless it is cancelled first."""

import logging
import threading
from collections.abc import Callable

_LOG = logging.getLogger(__name__)


def start_timer(name: str, after_s: float, action: Callable[[], None]) -> threading.Timer:
    """Call `action` once after so many seconds, in a thread of its own. `cancel()` prevents it."""

    def act() -> None:
        try:
            action()
        except Exception:  # noqa: BLE001  # there is nobody else to learn of it
            _LOG.exception("the timer %s failed", name)

    timer = threading.Timer(after_s, act)
    timer.name = name
    timer.daemon = True
    timer.start()
    return timer
