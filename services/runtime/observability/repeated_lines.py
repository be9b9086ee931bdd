"""Limits repeated log lines of libraries, such as Kafka's clients while no broker answers, to one a minute."""

import logging
import threading
from collections.abc import Sequence

EVERY_S = 60.0
_KINDS = 1_000
"""Bound on the memory, for libraries that format values into their texts. Beyond it, counting starts again."""


class RepeatedLines(logging.Filter):
    """Passes the first line of each kind, then one every `every_s` seconds with the number of lines left out.

    Lines are of one kind if they share logger and text before formatting.
    """

    def __init__(self, libraries: Sequence[str], every_s: float = EVERY_S) -> None:
        super().__init__()
        self._libraries = frozenset(libraries)
        self._every_s = every_s
        self._kinds: dict[tuple[str, str], tuple[float, int]] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written. Adds to it how many were left out before."""
        if record.name.partition(".")[0] not in self._libraries:
            return True
        left_out = self._left_out((record.name, str(record.msg)), record.created)
        if left_out:
            record.msg = f"{record.msg} (and {left_out} more like it since the last)"
        return left_out is not None

    def _left_out(self, kind: tuple[str, str], at: float) -> int | None:
        """Return how many lines were left out before this one, or None if it is left out, too."""
        with self._lock:
            due, left_out = self._kinds.get(kind, (at, 0))
            if at < due:
                self._kinds[kind] = due, left_out + 1
                return None
            if len(self._kinds) >= _KINDS:
                self._kinds.clear()
            self._kinds[kind] = at + self._every_s, 0
            return left_out
