"""What one connection spends of long quotas, noted before each call: a process that is killed cannot forget a call.

Invariant: a call that left was noted. So a fresh process may count one that did not leave, and none too few. Windows
shorter than it takes to start a process are not worth a note.
"""

import secrets
from collections.abc import Callable, Iterable
from typing import Final

from schemas.spent import Spent
from services.runtime.clock import now_ms
from services.runtime.vendors.budget import Budget

PROCESS: Final = secrets.token_hex(8)
"""This process, as its notes name it."""
_MINUTE_MS: Final = 60_000


class Spending:
    """The notes of one connection. `write` publishes one, or raises. Used by one thread."""

    def __init__(self, write: Callable[[Spent], None], process: str = PROCESS) -> None:
        self._write = write
        self._process = process
        self._latest: dict[str, Spent] = {}

    def note(self, bucket: str) -> None:
        """Note a call that is about to leave."""
        now, latest = now_ms(), self._latest.get(bucket)
        same_minute = latest is not None and latest.at // _MINUTE_MS == now // _MINUTE_MS
        calls = latest.calls + 1 if latest is not None and same_minute else 1
        note = Spent(bucket=bucket, calls=calls, at=now, process=self._process)
        self._write(note)
        self._latest[bucket] = note

    def restore(self, notes: Iterable[Spent], budget: Budget) -> None:
        """Count what other processes spent; of what left within a minute, all as if it had left last.

        A note of this minute is added to, since the next one takes its place.
        """
        now = now_ms()
        for note in sorted(notes, key=lambda note: note.at):
            self._latest[note.bucket] = note
            if note.process != self._process:
                budget.spent(note.bucket, note.calls, max(0, now - note.at) / 1000)
