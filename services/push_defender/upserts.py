"""Writes new and changed entries, up to 500 at a time, without touching rows of other people.

Invariant: before an entry is first sent, the tenant's rows with its value are read and a write-ahead record is made.
Rendering comes before the write-ahead, so that only entries that are sent are recorded. A listing of the whole tenant
is reused for a while, so a long backlog costs few calls of that quota.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import orjson

from schemas.desired import AppliedState
from schemas.record import Reason
from schemas.types import Family
from services.push_defender import plan
from services.push_defender.capabilities import Capabilities
from services.push_defender.capacity import Capacity
from services.push_defender.client import BATCH, FIND_CHARACTERS, FIND_MOST, Body, DefenderClient
from services.push_defender.render import body, value_of, why_not
from services.runtime.clock import now_ms
from services.runtime.reconciling.entry import Entry, Outcome, SyncState
from services.runtime.reconciling.halving import RefusedPart, by_halves
from services.runtime.reconciling.pusher import FOREVER
from services.runtime.reconciling.status_writer import StatusWriter
from services.runtime.vendors.defender import IMPORT

_LOOK_LASTS_S: Final = 60.0
_OF_SINGLE_ROWS: Final = frozenset({400, 413, 422})


class Upserts:
    """Writes of one connection."""

    def __init__(
        self,
        writer: StatusWriter,
        client: DefenderClient,
        capacity: Capacity,
        capabilities: Capabilities,
        *,
        owner: str,
        ioc_source: str,
        clock: Callable[[], float],
    ) -> None:
        self._writer = writer
        self._client = client
        self._capacity = capacity
        self._capabilities = capabilities
        self._owner = owner
        self._ioc_source = ioc_source
        self._clock = clock
        self._foreign: set[plan.Identity] = set()
        self._looked_at = -_LOOK_LASTS_S

    def reconcile_once(self) -> float:
        """Write one batch. See `Pusher.reconcile_once`."""
        store = self._writer.store
        if self._capacity.left != 0:
            self._capabilities.wake()
        choice = plan.choose(
            store.by_sync_state[SyncState.PUT],
            store.by_sync_state[SyncState.HELD],
            capacity=self._capacity.left,
            size=BATCH,
            now_ms=now_ms(),
            declined=self._capabilities.why_not,
        )
        if choice.skipped:
            self._writer.record(choice.skipped)
        if not choice.send:
            if choice.skipped:
                return 0.0
            held = self._capacity.seconds_until_probe if store.by_sync_state[SyncState.HELD] else FOREVER
            return held if self._capacity.left == 0 else min(held, self._capabilities.seconds_until_wake())
        wait = self._client.seconds_until_free(IMPORT)
        if wait > 0:
            return wait
        bodies = self._render(self._without_foreign(choice.send))
        if bodies:
            self._writer.write_ahead((entry, None) for entry in bodies if entry.remote_id is None)
            send = partial(self._send, bodies)
            for part in by_halves(list(bodies), send, _OF_SINGLE_ROWS):
                self._record(part)
        return 0.0

    def _render(self, entries: Sequence[Entry]) -> dict[Entry, Body]:
        """The rendered entries. An entry that cannot be rendered is rejected and does not delay others."""
        found: dict[Entry, Body] = {}
        failed: list[Outcome] = []
        for entry in entries:
            try:
                found[entry] = body(entry, plan.action_of(entry), self._ioc_source, self._owner)
            except Exception as error:  # noqa: BLE001  # an error of one entry must not affect others
                reason = Reason(code="not_renderable", detail=f"it cannot be written in Defender's form: {error!r}")
                failed.append(Outcome(entry, AppliedState.REJECTED, entry.remote_id, reason))
        if failed:
            self._writer.record(failed)
        return found

    def try_entry(self, entry: Entry) -> None:
        """See `Pusher.try_entry`. Withdrawn entries are not rendered."""
        plan.marked([], self._owner, entry)
        if entry.wanted is not None:
            target = plan.action_of(entry)
            why_not(entry, target, now_ms())
            orjson.dumps((entry.rank, _spellings(entry), body(entry, target, self._ioc_source, self._owner)))

    def _without_foreign(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """The entries that nobody else has written already; the others are recorded as applied."""
        new = [entry for entry in entries if entry.remote_id is None]
        if not new:
            return entries
        foreign = self._look(new)
        already_there = [entry for entry in new if plan.identity(entry) in foreign]
        if not already_there:
            return entries
        self._writer.record([Outcome(entry, AppliedState.APPLIED, None, plan.ALREADY_THERE) for entry in already_there])
        return [entry for entry in entries if entry not in set(already_there)]

    def _look(self, new: Sequence[Entry]) -> set[plan.Identity]:
        if self._clock() - self._looked_at < _LOOK_LASTS_S:
            return self._foreign
        values = [spelling for entry in new for spelling in _spellings(entry)]
        if len(values) <= FIND_MOST and all(len(value) <= FIND_CHARACTERS for value in values):
            return plan.foreign(self._client.find(values))
        self._foreign = plan.foreign(self._client.listing())
        self._looked_at = self._clock()
        return self._foreign

    def _send(self, bodies: Mapping[Entry, Body], entries: Sequence[Entry]) -> None:
        if self._capacity.is_full():
            # The tenant became full while this batch was being halved.
            held = [entry for entry in entries if entry.remote_id is None]
            self._writer.record([Outcome(entry, AppliedState.HELD, None, plan.CAPACITY) for entry in held])
            entries = [entry for entry in entries if entry.remote_id is not None]
        if not entries:
            return
        new = {entry for entry in entries if entry.remote_id is None}
        answers = self._client.import_many([bodies[entry] for entry in entries])
        outcomes = self._capabilities.heed(plan.results(entries, answers, self._ioc_source))
        self._writer.record(outcomes)
        self._capacity.taken(sum(o.state is AppliedState.APPLIED and o.entry in new for o in outcomes))
        if any(o.reason is plan.CAPACITY for o in outcomes):
            self._capacity.full()

    def _record(self, part: RefusedPart[Entry]) -> None:
        why = part.error.message or part.error.text
        if not part.is_tried:
            reason = Reason(code="batch_refused", detail=why)
            self._writer.record([Outcome(e, AppliedState.FAILED, e.remote_id, reason) for e in part.members])
            return
        (entry,) = part.members
        if plan.is_capacity(part.error.message, plan.texts_of(entry, self._ioc_source)):
            self._capacity.full()
            self._writer.record([plan.no_capacity(entry)])
        else:
            self._writer.record(self._capabilities.heed([plan.refused(entry, why)]))


def _spellings(entry: Entry) -> tuple[str, ...]:
    """The spellings to look up. Defender compares hashes in either case; that filters do so is unconfirmed."""
    value = value_of(entry)
    return (value, value.upper()) if entry.type.family is Family.HASH else (value,)
