"""Pulls one Netskope tenant's alerts: an iterator per kind, page by page.

Invariant: a page that the tenant may have served is published before the cursor is moved again. So `next` is asked only
when what came before is committed; whenever that is in doubt (a broken answer, none at all, a restart) it is `resend`,
which serves the same page once more. A page may thus be reported twice, never not at all. A page that cannot be read
in `TRIES` tries is kept in the dead letters with its bytes, and the iterator goes on.
"""

import time
from collections.abc import Callable

from schemas.checkpoint import Checkpoint, IteratorMark
from schemas.vendors.netskope import NetskopeTenant
from services.pull_netskope.client import NEXT, RESEND, Kind, NetskopeClient, Page
from services.pull_netskope.normalize import TELLS, AlertFilter, normalise
from services.pull_netskope.unread import is_page, set_aside
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
"""Shortest wait after a page that says that there is nothing more for now."""
REMEMBER_S = 60.0
"""How old a checkpoint may get while there is nothing to report."""
_LIVE_S = 3_600
"""A high-water mark older than this means that there is history left, even where a page of it is empty."""

TRIES = 10
"""Tries of a page before it is set aside: about 5 minutes at the breaker's pace."""


class Marks:
    """Where the iterators of a source stand. They share one checkpoint."""

    def __init__(self, source_context: SourceContext) -> None:
        remembered = source_context.reporter.memory.checkpoint
        self._marks = dict(remembered.iterators) if remembered else {}
        self._source = source_context.name

    def get(self, key: str) -> IteratorMark | None:
        """Where an iterator stood when that was last committed."""
        return self._marks.get(key)

    def checkpoint(self, poll: Poll, key: str, mark: IteratorMark, listed: int) -> Checkpoint:
        """The checkpoint with one mark moved."""
        marks = {**self._marks, key: mark}
        return Checkpoint(source=self._source, poll=poll.id, at=now_ms(), listed=listed, iterators=marks)

    def moved(self, key: str, mark: IteratorMark) -> None:
        """The checkpoint is committed."""
        self._marks[key] = mark


class Iterator:
    """One kind of alert: a lane."""

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
        # A cursor is the tenant's: pointed to another one, the connection begins anew.
        self._key = f"{kind}@{spec.tenant_url.host}"
        self._terms = AlertFilter(frozenset(spec.types))
        self._interval = spec.poll_interval.total_seconds()
        self._clock = clock
        self._doubt = True
        """Whether the tenant may have served a page that is not published."""
        self._committed_at = float("-inf")
        PAGES_SET_ASIDE.labels(
            source_context.name, f"alerts_{kind}"
        )  # there from the start, or the first is no increase
        self._unread = 0
        """How often in a row a page came that could not be read."""
        mark = marks.get(self._key)
        self._epoch = None if mark else max(0, int(clock() - spec.initial_range.total_seconds()))
        """Where to position the cursor, epoch seconds; None: it is positioned."""

    def poll(self) -> float:
        """One page. See `Lane`."""
        poll = Poll(self._source_context.name)
        try:
            page = self._page()
        except BrokenAnswerError as error:
            self._unread = self._unread + 1 if is_page(error) else 0
            if self._unread < TRIES:
                raise
            self._pass_over(poll, error)
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
        """The next page, or None when there is none to be served again."""
        operation = str(self._epoch) if self._epoch is not None else RESEND if self._doubt else NEXT
        try:
            return self._client.page(self._kind, operation)
        except RefusedError as error:
            mark = self._marks.get(self._key)
            if operation != RESEND or error.status != 400 or mark is None:
                self._doubt |= error.status < 400
                raise
            # The tenant does not know the cursor (any more): begin again where its last page ended.
            self._epoch = max(mark.epoch, self._past(mark.high_water) or 0)
            return None
        except ThrottledError:
            raise
        except VendorError:
            self._doubt = True
            raise

    def _pass_over(self, poll: Poll, error: BrokenAnswerError) -> None:
        """Set a page aside and go on after it."""
        set_aside(self._source_context, error)
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
                # The new owner may have asked for its `resend` before we were served, and then never sees this page.
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
        """Whether an empty page is one of history: its high-water mark moved, and is not yet near the present."""
        high_water = self._past(page.high_water)
        if high_water is None or (before and before.high_water and high_water <= before.high_water):
            return False
        return high_water < self._clock() - _LIVE_S

    def _past(self, high_water: int | None) -> int | None:
        """A high-water mark, or None where it is yet to come: a cursor positioned there would pass over alerts."""
        return high_water if high_water is not None and high_water <= self._clock() else None


def _moved(mark: IteratorMark, high_water: int | None) -> IteratorMark:
    """The mark after a page. The high-water mark only rises: a page served again must not take it back."""
    highest = max((at for at in (mark.high_water, high_water) if at is not None), default=None)
    return mark.model_copy(update={"high_water": highest, "pages": mark.pages + 1})


class NetskopeSource:
    """The vendor's part. It takes over and closes the client. `clock`: epoch seconds, as the tenant counts them."""

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
    """The worker for one connection."""

    def make(source_context: SourceContext) -> NetskopeSource:
        before = BeforeCall(source_context.check)
        session = NetskopeSession(lease.connection, lease.stop, before=before, read_timeout_s=READ_TIMEOUT_S)
        return NetskopeSource(source_context, NetskopeClient(session, f"ioc-bridge-{lease.name}"))

    return Puller(context, lease, make, pace=pace)
