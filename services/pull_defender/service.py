"""Pulls one Defender tenant: lists all indicators and reports the new, changed and withdrawn ones.

Invariant: reports and the snapshot for the next comparison are committed together.
"""

from schemas.activity import ActivityItem
from schemas.checkpoint import Checkpoint
from schemas.vendors.defender import DefenderTenant
from services.pull_defender.client import DefenderClient
from services.pull_defender.normalize import normalise
from services.runtime.clock import now_ms
from services.runtime.lifecycle import Context
from services.runtime.observability.metrics import PULLED
from services.runtime.polling.owned_ids import OwnedIds
from services.runtime.polling.puller import Puller, SourceContext
from services.runtime.polling.reporter import Poll
from services.runtime.polling.schedule import Stream
from services.runtime.polling.shrink_guard import ListingGuard
from services.runtime.polling.snapshot import difference
from services.runtime.vendors.defender import DefenderSession
from services.runtime.vendors.pace import Pace
from services.runtime.vendors.session import BeforeCall
from services.runtime.worker_pool import Lease

READ_TIMEOUT_S = 120.0


class DefenderSource:
    """The tenant's listing. Closes the client and `owned_ids`, the record of our own rows."""

    paced = False

    def __init__(
        self, source_context: SourceContext, client: DefenderClient, owned_ids: OwnedIds | None = None
    ) -> None:
        spec = source_context.connection.spec
        if not isinstance(spec, DefenderTenant):
            raise TypeError(f"connection {source_context.name} is of type {spec.type}, not defender")
        self._spec = spec
        self._source_context = source_context
        self._client = client
        self._owned_ids = owned_ids
        self._guard = ListingGuard(source_context)
        self._chunks = dict(source_context.reporter.memory.chunks)
        self._listed_skips: set[ActivityItem] = set()

    @property
    def streams(self) -> list[Stream]:
        """The listing as the only stream."""
        return [self]

    def poll(self) -> float:
        """List, and publish the changes with the new snapshot. See `Stream`."""
        before = self._ours()
        rows, now = self._client.listing(), now_ms()
        ours = before | self._ours()  # both: our pusher may write and withdraw while the listing is read
        PULLED.labels(self._source_context.name).inc(len(rows))
        listing = normalise(rows, self._spec, now, ours)
        held = self._guard.held(self._chunks.values(), listing.reports)
        reports, chunks = difference(self._chunks, listing.reports, now, held)
        if reports:
            poll = Poll(self._source_context.name)
            checkpoint = Checkpoint(source=self._source_context.name, poll=poll.id, at=now, listed=len(rows))
            self._source_context.reporter.publish(poll, reports, checkpoint, chunks)
            for number, entries in chunks.items():
                if entries is None:
                    del self._chunks[number]
                else:
                    self._chunks[number] = entries
        if not held:
            self._guard.over()
        skips = set(listing.skips)
        self._source_context.skipped([item for item in listing.skips if item not in self._listed_skips])
        self._listed_skips = skips
        return self._spec.poll_interval.total_seconds()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        if self._owned_ids:
            self._owned_ids.close()

    def _ours(self) -> frozenset[str]:
        return self._owned_ids.ids() if self._owned_ids else frozenset()


def build_worker(context: Context, lease: Lease, pace: Pace | None = None) -> Puller:
    """Make the worker of one connection."""

    def make(source_context: SourceContext) -> DefenderSource:
        before = BeforeCall(source_context.check)
        session = DefenderSession(lease.connection, lease.stop, before=before, read_timeout_s=READ_TIMEOUT_S)
        owned_ids = OwnedIds(context, lease.name)
        return DefenderSource(source_context, DefenderClient(session), owned_ids)

    return Puller(context, lease, make, pace=pace)
