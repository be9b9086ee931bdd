"""Spending: the calls of one connection against long quotas, published before each call.

Invariant: every call that left was noted, so a new process never counts too few, and at most one too many. Windows
shorter than the start of a process need no note.
"""

import secrets
from collections.abc import Callable, Iterable
from typing import Final

from schemas.spent import Spent
from services.runtime.clock import now_ms
from services.runtime.vendors.budget import Budget

PROCESS: Final = secrets.token_hex(8)
"""The name of this process in its notes."""
_MINUTE_MS: Final = 60_000


class Spending:
    """The notes of one connection. `write` publishes a note, or raises. Used by one thread."""

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
        """Count the calls of other processes in `budget`; those of one minute count as made at its last call.

        A note of the present minute continues, since the next note replaces it.
        """
        now = now_ms()
        for note in sorted(notes, key=lambda note: note.at):
            self._latest[note.bucket] = note
            if note.process != self._process:
                budget.spent(note.bucket, note.calls, max(0, now - note.at) / 1000)
