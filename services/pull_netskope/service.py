"""Pulls one Netskope tenant's alerts: an iterator per kind, page by page.

Invariant: each page that the tenant may have served is published before the cursor moves again. `next` is called only
after the last page is committed; if that is uncertain (a broken answer, no answer, a restart), `resend` serves the same
page again. So a page may be reported twice, but is never lost. A page that is unreadable in `TRIES` tries becomes a
dead letter, and the iterator goes on.
"""

import time
from collections.abc import Callable

from schemas.checkpoint import Checkpoint, IteratorMark
from schemas.vendors.netskope import NetskopeTenant
from services.pull_netskope.client import NEXT, RESEND, Kind, NetskopeClient, Page
from services.pull_netskope.normalize import TELLS, AlertFilter, normalise
from services.pull_netskope.unread import is_page, keep_page
from services.runtime.clock import now_ms
from services.runtime.kafka.transactional_producer import FencedError
from services.runtime.lifecycle import Context
from services.runtime.observability.metrics import PAGES_SET_ASIDE, PULLED
from services.runtime.polling.puller import Puller, SourceContext
from services.runtime.polling.reporter import Poll
from services.runtime.vendors.errors import BrokenAnswerError, RefusedError, ThrottledError, VendorError
from services.runtime.vendors.netskope import NetskopeSession
from services.runtime.vendors.pace import Pace
from services.runtime.vendors.session import BeforeCall
from services.runtime.worker_pool import Lease

READ_TIMEOUT_S = 120.0
UNSAID_WAIT_S = 30.0
"""Wait after a page without `wait_time` (seen in connectors)."""
IDLE_WAIT_S = 1.0
"""Shortest wait after an empty page near the present."""
REMEMBER_S = 60.0
"""Longest time between checkpoints while there is nothing to report."""
_LIVE_S = 3_600
"""A high-water mark older than this means that more history follows, even after an empty page."""

TRIES = 10
"""Tries of a page before it becomes a dead letter: about 5 minutes at the breaker's pace."""


class Marks:
    """The positions of the iterators of a source, which share one checkpoint."""

    def __init__(self, source_context: SourceContext) -> None:
        remembered = source_context.reporter.memory.checkpoint
        self._marks = dict(remembered.iterators) if remembered else {}
        self._source = source_context.name

    def get(self, key: str) -> IteratorMark | None:
        """Return the last committed position of an iterator."""
        return self._marks.get(key)

    def checkpoint(self, poll: Poll, key: str, mark: IteratorMark, listed: int) -> Checkpoint:
        """Return the checkpoint with one mark moved."""
        marks = {**self._marks, key: mark}
        return Checkpoint(source=self._source, poll=poll.id, at=now_ms(), listed=listed, iterators=marks)

    def moved(self, key: str, mark: IteratorMark) -> None:
        """Note that the checkpoint with this mark is committed."""
        self._marks[key] = mark


class Iterator:
    """The stream of one kind of alert."""

    paced = True

    def __init__(
        self,
        source_context: SourceContext,
        client: NetskopeClient,
        kind: Kind,
        marks: Marks,
        clock: Callable[[], float],
    ) -> None:
        spec = source_context.connection.spec
        assert isinstance(spec, NetskopeTenant)
        self._source_context = source_context
        self._client = client
        self._kind = kind
        self._marks = marks
        # With the host: a cursor belongs to a tenant, and a connection to another tenant starts from the beginning.
        self._key = f"{kind}@{spec.tenant_url.host}"
        self._terms = AlertFilter(frozenset(spec.types))
        self._interval = spec.poll_interval.total_seconds()
        self._clock = clock
        self._doubt = True
        """Whether the tenant may have served a page that is not published yet."""
        self._committed_at = float("-inf")
        PAGES_SET_ASIDE.labels(source_context.name, f"alerts_{kind}")  # starts at 0, so that the first is an increase
        self._unread = 0
        """Number of unreadable pages in a row."""
        mark = marks.get(self._key)
        self._epoch = None if mark else max(0, int(clock() - spec.initial_range.total_seconds()))
        """Where the cursor must be set, epoch seconds; None: it is set."""

    def poll(self) -> float:
        """Read and publish one page. See `Stream`."""
        poll = Poll(self._source_context.name)
        try:
            page = self._page()
        except BrokenAnswerError as error:
            self._unread = self._unread + 1 if is_page(error) else 0
            if self._unread < TRIES:
                raise
            self._skip_page(poll, error)
            return 0.0
        self._unread = 0
        if page is None:
            return 0.0
        PULLED.labels(self._source_context.name).inc(len(page.records))
        before = self._marks.get(self._key)
        self._publish(poll, page, before)
        self._doubt, self._epoch = False, None
        return self._wait(page, before)

    def _page(self) -> Page | None:
        """Return the next page, or None if the tenant cannot serve the last one again."""
        operation = str(self._epoch) if self._epoch is not None else RESEND if self._doubt else NEXT
        try:
            return self._client.page(self._kind, operation)
        except RefusedError as error:
            mark = self._marks.get(self._key)
            if operation != RESEND or error.status != 400 or mark is None:
                self._doubt |= error.status < 400
                raise
            # The tenant does not have the cursor (any more): set it to the end of its last page.
            self._epoch = max(mark.epoch, self._past(mark.high_water) or 0)
            return None
        except ThrottledError:
            raise
        except VendorError:
            self._doubt = True
            raise

    def _skip_page(self, poll: Poll, error: BrokenAnswerError) -> None:
        """Make a dead letter of a page and go on after it."""
        keep_page(self._source_context, error)
        before = self._marks.get(self._key) or IteratorMark(epoch=self._epoch or 0)
        mark = _moved(before, None)
        self._source_context.reporter.publish(poll, [], self._marks.checkpoint(poll, self._key, mark, 0))
        self._marks.moved(self._key, mark)
        self._doubt, self._epoch, self._unread = False, None, 0

    def _publish(self, poll: Poll, page: Page, before: IteratorMark | None) -> None:
        reports, skips = normalise(self._kind, page.records, self._terms, now_ms())
        mark = _moved(before or IteratorMark(epoch=self._epoch or 0), self._past(page.high_water))
        due = self._epoch is not None or time.monotonic() - self._committed_at > REMEMBER_S
        if reports or due:
            checkpoint = self._marks.checkpoint(poll, self._key, mark, len(page.records))
            try:
                self._source_context.reporter.publish(poll, reports, checkpoint)
            except FencedError:
                # The new owner may have called `resend` before we got this page, and then never gets it.
                self._source_context.reporter.rescue(poll, reports)
                raise
            self._marks.moved(self._key, mark)
            self._committed_at = time.monotonic()
        self._source_context.skipped(skips)

    def _wait(self, page: Page, before: IteratorMark | None) -> float:
        wait = UNSAID_WAIT_S if page.wait_s is None else page.wait_s
        if not page.records and not self._behind(page, before):
            wait = max(wait, IDLE_WAIT_S)
        return min(wait, self._interval)

    def _behind(self, page: Page, before: IteratorMark | None) -> bool:
        """Whether more history follows an empty page: its high-water mark moved but is not yet near the present."""
        high_water = self._past(page.high_water)
        if high_water is None or (before and before.high_water and high_water <= before.high_water):
            return False
        return high_water < self._clock() - _LIVE_S

    def _past(self, high_water: int | None) -> int | None:
        """Return a high-water mark, or None if it is in the future: a cursor there would skip alerts."""
        return high_water if high_water is not None and high_water <= self._clock() else None


def _moved(mark: IteratorMark, high_water: int | None) -> IteratorMark:
    """Return the mark after a page. The high-water mark only rises, even if a page is served again."""
    highest = max((at for at in (mark.high_water, high_water) if at is not None), default=None)
    return mark.model_copy(update={"high_water": highest, "pages": mark.pages + 1})


class NetskopeSource:
    """The iterators of a tenant. Closes the client. `clock`: epoch seconds, as the tenant counts them."""

    def __init__(
        self, source_context: SourceContext, client: NetskopeClient, clock: Callable[[], float] = time.time
    ) -> None:
        spec = source_context.connection.spec
        assert isinstance(spec, NetskopeTenant)
        marks = Marks(source_context)
        wanted = [kind for kind in Kind if not spec.types or TELLS[kind] & set(spec.types)]
        self.streams = [Iterator(source_context, client, kind, marks, clock) for kind in wanted]
        self._client = client

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def build_worker(context: Context, lease: Lease, pace: Pace | None = None) -> Puller:
    """Make the worker of one connection."""

    def make(source_context: SourceContext) -> NetskopeSource:
        before = BeforeCall(source_context.check)
        session = NetskopeSession(lease.connection, lease.stop, before=before, read_timeout_s=READ_TIMEOUT_S)
        return NetskopeSource(source_context, NetskopeClient(session, f"ioc-bridge-{lease.name}"))

    return Puller(context, lease, make, pace=pace)
