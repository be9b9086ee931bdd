"""Writes what is new or changed, up to 500 at a time, without touching what other people wrote.

Invariant: an entry goes out for the first time only after a look at what is there under its value, and a note in its
record. It is rendered before the note, so that the note is true of every entry that it names. A look at the whole
tenant serves for a while, so a long backlog costs a few calls of another quota in all.
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
        self._strangers: set[plan.Identity] = set()
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
        bodies = self._render(self._without_strangers(choice.send))
        if bodies:
            self._writer.write_ahead((entry, None) for entry in bodies if entry.remote_id is None)
            send = partial(self._send, bodies)
            for part in by_halves(list(bodies), send, _OF_SINGLE_ROWS):
                self._record(part)
        return 0.0

    def _render(self, entries: Sequence[Entry]) -> dict[Entry, Body]:
        """The entries as they are sent. One that cannot be rendered is rejected and keeps no other back."""
        found: dict[Entry, Body] = {}
        failed: list[Outcome] = []
        for entry in entries:
            try:
                found[entry] = body(entry, plan.action_of(entry), self._ioc_source, self._owner)
            except Exception as error:  # noqa: BLE001  # whatever is wrong with one entry is that entry's
                reason = Reason(code="not_renderable", detail=f"it cannot be written in Defender's form: {error!r}")
                failed.append(Outcome(entry, AppliedState.REJECTED, entry.remote_id, reason))
        if failed:
            self._writer.record(failed)
        return found

    def try_entry(self, entry: Entry) -> None:
        """See `Pusher.try_entry`. What is withdrawn is not rendered."""
        plan.marked([], self._owner, entry)
        if entry.wanted is not None:
            target = plan.action_of(entry)
            why_not(entry, target, now_ms())
            orjson.dumps((entry.rank, _spellings(entry), body(entry, target, self._ioc_source, self._owner)))

    def _without_strangers(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Those that somebody else has not written already; the others count as there."""
        new = [entry for entry in entries if entry.remote_id is None]
        if not new:
            return entries
        strangers = self._look(new)
        theirs = [entry for entry in new if plan.identity(entry) in strangers]
        if not theirs:
            return entries
        self._writer.record([Outcome(entry, AppliedState.APPLIED, None, plan.ALREADY_THERE) for entry in theirs])
        return [entry for entry in entries if entry not in set(theirs)]

    def _look(self, new: Sequence[Entry]) -> set[plan.Identity]:
        if self._clock() - self._looked_at < _LOOK_LASTS_S:
            return self._strangers
        values = [spelling for entry in new for spelling in _spellings(entry)]
        if len(values) <= FIND_MOST and all(len(value) <= FIND_CHARACTERS for value in values):
            return plan.foreign(self._client.find(values))
        self._strangers = plan.foreign(self._client.listing())
        self._looked_at = self._clock()
        return self._strangers

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
    """Hashes are kept as first submitted and compared in either case; whether a filter does so is unconfirmed."""
    value = value_of(entry)
    return (value, value.upper()) if entry.type.family is Family.HASH else (value,)
