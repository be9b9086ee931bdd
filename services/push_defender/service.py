"""Reconciles one Defender tenant: withdrawals first, since they free capacity, then upserts by rank.

Invariant: the result of a call is recorded before the next call. Every call may be repeated: an import updates in
place, and deleting a missing row counts as done. An exhausted quota delays only its own kind of call.
"""

import time
from collections.abc import Callable
from contextlib import closing

from schemas.marker import owner
from schemas.refusal import Refusal
from schemas.spent import Spent
from schemas.vendors.defender import DefenderTenant
from services.push_defender.capabilities import Capabilities
from services.push_defender.capacity import Capacity
from services.push_defender.client import DefenderClient
from services.push_defender.deletes import Deletes
from services.push_defender.drift_check import DriftCheck
from services.push_defender.eviction import Eviction
from services.push_defender.upserts import Upserts
from services.runtime.kafka.clients import admin
from services.runtime.lifecycle import Context
from services.runtime.reconciling.entry import Entry
from services.runtime.reconciling.reconciler import Reconciler
from services.runtime.reconciling.status_writer import StatusWriter
from services.runtime.vendors.capabilities import LearnedRefusals
from services.runtime.vendors.defender import DefenderSession
from services.runtime.vendors.errors import ThrottledError
from services.runtime.vendors.pace import Pace
from services.runtime.vendors.session import BeforeCall
from services.runtime.worker_pool import Lease

PROBE_S = 300.0
"""Seconds between attempts to write one entry to a full tenant."""
READ_TIMEOUT_S = 120.0


class DefenderPusher:
    """Defender's part of the reconcile loop. It owns the client and closes it."""

    def __init__(
        self,
        writer: StatusWriter,
        client: DefenderClient,
        owner_name: str,
        *,
        probe_s: float = PROBE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        spec = writer.connection.spec
        if not isinstance(spec, DefenderTenant):
            raise TypeError(f"connection {writer.connection.name} is of type {spec.type}, not defender")
        self._client = client
        capacity = Capacity(clock, probe_s)
        self._deletes = Deletes(writer, client, capacity, owner_name)
        refusals = LearnedRefusals(writer.note, writer.forget, _tenant(spec), writer.notes.of(Refusal))
        self._writer = writer
        self._seen_request = ""
        self._capabilities = capabilities = Capabilities(writer, refusals)
        self._upserts = Upserts(
            writer, client, capacity, capabilities, owner=owner_name, ioc_source=spec.ioc_source, clock=clock
        )
        self._eviction = Eviction(writer, client, capacity, probe_s, clock)
        self._drift_check = DriftCheck(writer, client, owner_name, spec.reconcile, clock)

    def reconcile_once(self) -> float:
        """Do one unit of work of the first kind that has work and quota. See `Pusher`."""
        if (request := self._writer.asked) and request.id != self._seen_request:
            self._seen_request = request.id
            self._capabilities.doubt()
            self._drift_check.hurry()
        waits = []
        for kind in (self._deletes, self._upserts, self._eviction, self._drift_check):
            try:
                wait = kind.reconcile_once()
            except ThrottledError as error:
                wait = error.retry_after
            if wait <= 0:
                return 0.0
            waits.append(wait)
        return min(waits)

    def try_entry(self, entry: Entry) -> None:
        """See `Pusher`."""
        self._upserts.try_entry(entry)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _tenant(spec: DefenderTenant) -> str:
    return f"{spec.tenant_id} at {spec.api_url or spec.region}"


def build_worker(context: Context, lease: Lease, pace: Pace | None = None) -> Reconciler:
    """The worker for one connection."""

    def make(writer: StatusWriter) -> DefenderPusher:
        with closing(admin(context.settings)) as client:
            cluster = str(client.describe_cluster().get("cluster_id"))
        before = BeforeCall(writer.check, writer.spending.note)
        session = DefenderSession(lease.connection, lease.stop, before=before, read_timeout_s=READ_TIMEOUT_S)
        writer.spending.restore(writer.notes.of(Spent), session.budget)
        name = owner(cluster, context.settings.topic_prefix, lease.name)
        return DefenderPusher(writer, DefenderClient(session), name)

    return Reconciler(context, lease, make, pace=pace)
