"""Iterators over streams of records: the tenant keeps the cursor, the client moves it.

Invariants: a cursor belongs to (path, index) and moves by `next`, an epoch, `head` and `tail`, never by `resend`; a
refused request moves nothing; two requests of one cursor never overlap. Netskope "Using the REST API v2 dataexport
Iterator Endpoints"; `wait_time` and `timestamp_hwm` as read by vendor-written clients.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from services.sandbox.netskope.errors import gateway
from services.sandbox.netskope.streams import Stream
from services.sandbox.netskope.switches import NetskopeSwitches

CONCURRENCY: Final = "Concurrency found while calling the API"
_EPOCH: Final = re.compile(r"[0-9]{1,15}")
_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Page:
    """What one request gets. `hwm` is epoch seconds, `wait_time` seconds or None to leave it out."""

    records: list[bytes]
    hwm: int
    wait_time: int | None

    def body(self) -> bytes:
        """The page as the API sends it."""
        wait = b"" if self.wait_time is None else b',"wait_time":%d' % self.wait_time
        return b'{"ok":1,"result":[%s]%s,"timestamp_hwm":%d}' % (b",".join(self.records), wait, self.hwm)


@dataclass(slots=True)
class Cursor:
    """Where one index of one endpoint stands."""

    position: int
    floor: int
    """Records that happened before this and lie ahead are passed over: the epoch the client asked for."""
    window: int
    """Start of the hour served next, where pages are bound to an hour."""
    hwm: int
    last: tuple[int, int, int, int | None] | None = None
    """The last page: its places, its high-water mark, its wait."""
    allowed_at: float = 0.0
    early: int = 0
    """Requests made before the wait the last page asked for was over."""


class Iterators:
    """Every cursor of a tenant."""

    def __init__(
        self, streams: Mapping[str, Stream], switches: NetskopeSwitches, page_size: int, clock: Callable[[], float]
    ) -> None:
        self._streams = streams
        self._switches = switches
        self._page_size = page_size
        self._clock = clock
        self._busy: set[tuple[str, str]] = set()
        self.cursors: dict[tuple[str, str], Cursor] = {}

    @contextmanager
    def serving(self, path: str, index: str) -> Iterator[None]:
        """Holds the cursor for one request. Raises RefusedError 409 while another one does."""
        key = path, index
        if key in self._busy:
            raise gateway(409, CONCURRENCY)
        self._busy.add(key)
        try:
            yield
        finally:
            self._busy.discard(key)

    def in_flight(self) -> list[tuple[str, str]]:
        """The (path, index) of every request being served."""
        return sorted(self._busy)

    def page(self, path: str, index: str | None, operation: str | None) -> Page:
        """Serves one operation. Raises RefusedError 400 for a missing index or an unknown operation."""
        if not index:
            raise gateway(400, "index is required")
        operation = self._known(operation)
        stream = self._streams[path]
        cursor = self.cursors.get((path, index))
        if operation == "resend":
            return self._resend(stream, cursor)
        self._note_early(cursor)
        if operation != "next" or cursor is None:
            early = cursor.early if cursor else 0
            cursor = self.cursors[path, index] = self._placed(stream, operation)
            cursor.early = early
        return self._serve(stream, cursor)

    def truth(self) -> list[dict[str, object]]:
        """Every cursor, for people and tests."""
        return [
            {
                "path": path,
                "index": index,
                "position": cursor.position,
                "behind": len(self._streams[path]) - cursor.position,
                "timestamp_hwm": cursor.hwm,
                "early_calls": cursor.early,
            }
            for (path, index), cursor in sorted(self.cursors.items())
        ]

    def _known(self, operation: str | None) -> str:
        named = {"next", "resend", "head", "tail"} if self._switches.head_tail else {"next", "resend"}
        if operation in named or _EPOCH.fullmatch(operation or ""):
            return str(operation)
        raise gateway(400, f"operation must be an epoch timestamp or one of {', '.join(sorted(named))}")

    def _placed(self, stream: Stream, operation: str) -> Cursor:
        now = int(self._clock())
        if operation.isdigit():
            epoch = int(operation)
            return Cursor(position=stream.place_of(epoch), floor=epoch, window=epoch, hwm=epoch)
        if operation == "head" or (operation == "next" and self._switches.fresh_next == "oldest"):
            position = 0
        elif operation == "tail":
            position = max(0, len(stream) - self._page_size)
        else:
            position = len(stream)
        start = stream.stamps[position] if position < len(stream) else now
        return Cursor(position=position, floor=0, window=start, hwm=start)

    def _serve(self, stream: Stream, cursor: Cursor) -> Page:
        start = stream.place_of(cursor.floor, cursor.position)
        end = min(start + self._page_size, len(stream))
        hwm, behind = cursor.hwm, False
        if self._switches.hour_batches:
            close = cursor.window + _HOUR
            full = end - start == self._page_size
            end = min(end, stream.place_of(close, start))
            if close <= self._clock() and not (full and end - start == self._page_size):
                cursor.window = hwm = close
                behind = True
        hwm = max([hwm, *stream.stamps[start:end]])
        wait = self._switches.wait_time_backlog if behind or end < len(stream) else self._switches.wait_time_idle
        cursor.position, cursor.hwm = end, hwm
        cursor.last = start, end, hwm, wait
        cursor.allowed_at = self._clock() + (wait or 0)
        return Page(stream.slice(start, end), hwm, wait)

    def _resend(self, stream: Stream, cursor: Cursor | None) -> Page:
        if cursor is None or cursor.last is None:
            if self._switches.resend_on_fresh == "refuse":
                raise gateway(400, "no page to resend for this index")
            return Page([], int(self._clock()), self._switches.wait_time_idle)
        start, end, hwm, wait = cursor.last
        return Page(stream.slice(start, end), hwm, wait)

    def _note_early(self, cursor: Cursor | None) -> None:
        if cursor and self._clock() < cursor.allowed_at:
            cursor.early += 1
