"""Pulls one Defender tenant: lists all, compares with the last listing, reports what is new, changed and vanished.

Invariant: the snapshot that the next listing is compared with is committed together with the reports that led to it.
"""

from functools import partial

from schemas.activity import ActivityItem
from schemas.checkpoint import Checkpoint
from schemas.resources.connection import DefenderTenant
from services.pull_defender.client import DefenderClient
from services.pull_defender.holding import ListingGuard
from services.pull_defender.normalize import normalise
from services.pull_defender.snapshot import difference
from services.runtime.book import Pace
from services.runtime.clock import now_ms
from services.runtime.fleet import Tenure
from services.runtime.lifecycle import Context
from services.runtime.metrics import PULLED
from services.runtime.placed import Placed
from services.runtime.polling import Desk, Puller
from services.runtime.reporting import Poll
from services.runtime.retry import RetryPolicy
from services.runtime.turn import Lane
from services.runtime.vendors.defender import DefenderSession

READ_TIMEOUT_S = 120.0
ONCE = RetryPolicy(attempts=1)
"""The loop is what repeats."""


class DefenderSource:
    """The tenant's listing, polled whole. It takes over and closes the client, and `placed`, our record of our rows."""

    paced = False

    def __init__(self, desk: Desk, client: DefenderClient, placed: Placed | None = None) -> None:
        spec = desk.connection.spec
        if not isinstance(spec, DefenderTenant):
            raise TypeError(f"connection {desk.name} is of type {spec.type}, not defender")
        self._spec = spec
        self._desk = desk
        self._client = client
        self._placed = placed
        self._guard = ListingGuard(desk)
        self._chunks = dict(desk.reporter.memory.chunks)
        self._told: set[ActivityItem] = set()

    @property
    def lanes(self) -> list[Lane]:
        """There is one listing."""
        return [self]

    def poll(self) -> float:
        """List, report what changed, remember. See `Lane`."""
        before = self._ours()
        rows, now = self._client.listing(), now_ms()
        ours = before | self._ours()  # what is withdrawn, or put there, while the listing is read
        PULLED.labels(self._desk.name).inc(len(rows))
        listing = normalise(rows, self._spec, now, ours)
        held = self._guard.held(self._chunks.values(), listing.reports)
        reports, chunks = difference(self._chunks, listing.reports, now, held)
        if reports:
            poll = Poll(self._desk.name)
            checkpoint = Checkpoint(source=self._desk.name, poll=poll.id, at=now, listed=len(rows))
            self._desk.reporter.publish(poll, reports, checkpoint, chunks)
            for number, entries in chunks.items():
                if entries is None:
                    del self._chunks[number]
                else:
                    self._chunks[number] = entries
        if not held:
            self._guard.over()
        skips = set(listing.skips)
        self._desk.skipped([item for item in listing.skips if item not in self._told])
        self._told = skips
        return self._spec.poll_interval.total_seconds()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        if self._placed:
            self._placed.close()

    def _ours(self) -> frozenset[str]:
        return self._placed.ids() if self._placed else frozenset()


def hire(context: Context, tenure: Tenure, pace: Pace | None = None) -> Puller:
    """The worker for one connection."""

    def make(desk: Desk) -> DefenderSource:
        session = DefenderSession(tenure.connection, tenure.stop, policy=ONCE, read_timeout_s=READ_TIMEOUT_S)
        placed = Placed(context, tenure.name)
        return DefenderSource(desk, DefenderClient(session, partial(desk.ready, session.budget)), placed)

    return Puller(context, tenure, make, pace=pace)
