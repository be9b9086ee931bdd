"""Reconciles the lists and profiles of one Netskope tenant. All pending changes of a list are written together.

Invariant: trouble with one list does not delay others. A refusal becomes the reason of the list's entries, and the list
is tried again later; temporary errors are left to the reconcile loop.
"""

import time
from collections.abc import Callable, Collection

from schemas.desired import AppliedState
from schemas.record import Reason
from schemas.vendors.netskope import DestinationProfile, FileHashList, NetskopeTenant, UrlList
from services.push_netskope.client import NetskopeClient
from services.push_netskope.comparison import Comparison
from services.push_netskope.hash_lists.service import HashLists
from services.push_netskope.profiles.client import ProfileClient
from services.push_netskope.profiles.service import Profiles
from services.push_netskope.render import as_read_by, form_of, give_form
from services.push_netskope.url_lists.overflow import OverflowLists
from services.push_netskope.url_lists.ranking import ranks
from services.push_netskope.url_lists.service import UrlLists
from services.push_netskope.url_lists.tenant_limits import TenantLimits
from services.runtime.lifecycle import Context
from services.runtime.reconciling.entry import Entry, Outcome, SyncState
from services.runtime.reconciling.pusher import FOREVER
from services.runtime.reconciling.reconciler import Reconciler
from services.runtime.reconciling.status_writer import StatusWriter
from services.runtime.vendors.errors import (
    ForbiddenError,
    MisconfiguredError,
    RefusedError,
    ThrottledError,
    UnauthorizedError,
    VendorError,
)
from services.runtime.vendors.netskope import POLICY, V1, NetskopeSession
from services.runtime.vendors.pace import Pace
from services.runtime.vendors.session import BeforeCall
from services.runtime.worker_pool import Lease

READ_TIMEOUT_S = 120.0

_CHANGED = (SyncState.PUT, SyncState.WITHDRAW)
_UNSETTLED = (*_CHANGED, SyncState.WAITING)


class NetskopePusher:
    """Netskope's part of the reconcile loop. It owns the client and closes it."""

    def __init__(
        self,
        writer: StatusWriter,
        client: NetskopeClient,
        *,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        spec = writer.connection.spec
        if not isinstance(spec, NetskopeTenant):
            raise TypeError(f"connection {writer.connection.name} is of type {spec.type}, not netskope")
        self._spec = spec
        self._writer = writer
        self._client = client
        self._pace = pace or Pace()
        self._reconcile_s = spec.reconcile.interval.total_seconds()
        self._clock = clock
        self._limits = TenantLimits(writer, client, spec, clock)
        self._url_lists = OverflowLists(writer, UrlLists(writer, client, spec, self._limits), self._limits)
        self._hash_lists = HashLists(writer, client)
        self._profiles = Profiles(writer, ProfileClient(client), repairs=spec.reconcile.mode == "repair")
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._check_at: dict[str, float] = {}
        self._round = Comparison(writer)
        self._token_errors: dict[str, VendorError] = {}
        """Latest error of each token, by its quota bucket, until the token is accepted again."""

    def reconcile_once(self) -> float:
        """Reconcile the first list that has work, is due and has quota. See `Pusher`."""
        self._check_at |= dict.fromkeys(self._round.begin(), 0.0)
        waits = []
        for target_id, due in self._with_work().items():
            wait = max(due - self._clock(), self._client.seconds_until_free(self._bucket(target_id)))
            if wait <= 0:
                try:
                    self._converge(target_id)
                except ThrottledError as error:
                    waits.append(error.retry_after)
                    continue
                self._round.looked_at(target_id)
                self._check_tokens()
                return 0.0
            waits.append(wait)
        return min(waits, default=FOREVER)

    def try_entry(self, entry: Entry) -> None:
        """See `Pusher`."""
        form_of(entry, self._writer.store.targets[entry.target_id])
        ranks([entry])

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _with_work(self) -> dict[str, float]:
        """When each list is due: lists with changes first, then lists due for a drift check."""
        store = self._writer.store
        changed = {entry.target_id for sync_state in _CHANGED for entry in store.by_sync_state[sync_state]}
        due = {name: self._not_before.get(name, 0.0) for name in sorted(changed)}
        for name, entries in store.entries.items():
            if entries and name not in changed and isinstance(store.targets[name], UrlList | DestinationProfile):
                due[name] = self._check_at.get(name, 0.0)
        return due

    def _bucket(self, target_id: str) -> str:
        return V1 if isinstance(self._writer.store.targets[target_id], FileHashList) else POLICY

    def _check_tokens(self) -> None:
        """Raise what is said against the tokens where none of those of use is taken: no list can be written."""
        of_use = {self._bucket(target_id) for target_id, entries in self._writer.store.entries.items() if entries}
        if of_use and of_use <= self._token_errors.keys():
            raise self._token_errors[min(of_use)]

    def _converge(self, target_id: str) -> None:
        store = self._writer.store
        target, now = as_read_by(self._spec, store.targets[target_id]), self._clock()
        changed = [
            entry
            for sync_state in _CHANGED
            for entry in store.by_sync_state[sync_state]
            if entry.target_id == target_id
        ]
        for entry in changed:
            give_form(entry, target)
        try:
            done = True
            self._skip(changed)
            if isinstance(target, UrlList):
                done = self._url_lists.converge(target, changed=bool(changed))
            elif isinstance(target, FileHashList):
                done = self._hash_lists.converge(target)
            elif isinstance(target, DestinationProfile):
                self._profiles.converge(target)
            else:
                raise TypeError(f"{target_id}: this pusher writes no target of kind {target.kind}")
        except (RefusedError, MisconfiguredError) as error:
            reason = Reason(code=_code(error), detail=error.text)
            unsettled = [
                entry
                for sync_state in _UNSETTLED
                for entry in store.by_sync_state[sync_state]
                if entry.target_id == target_id
            ]
            self._writer.record([Outcome(entry, AppliedState.FAILED, entry.remote_id, reason) for entry in unsettled])
            done = False
            if isinstance(error, MisconfiguredError | UnauthorizedError | ForbiddenError):
                self._token_errors[self._bucket(target_id)] = error
        else:
            self._token_errors.pop(self._bucket(target_id), None)
        failures = 0 if done else self._failures.get(target_id, 0) + 1
        self._failures[target_id] = failures
        self._not_before[target_id] = now + self._pace.lasting(failures - 1) if failures else now
        # What is held is not among what changed, so a list that could not be dealt with is looked at before long.
        self._check_at[target_id] = self._not_before[target_id] if failures else now + self._reconcile_s
        if isinstance(target, UrlList):
            for name in self._limits.due(target.match):
                self._check_at[name] = self._not_before.get(name, 0.0)

    def _skip(self, entries: Collection[Entry]) -> None:
        """What cannot be in the list is done with, whether the list can be written or not."""
        self._writer.record(
            [
                Outcome(entry, AppliedState.SKIPPED, None, entry.form)
                for entry in entries
                if entry.sync_state is SyncState.PUT and isinstance(entry.form, Reason) and not entry.present
            ]
        )


def _code(error: VendorError) -> str:
    match error:
        case UnauthorizedError():
            return "unauthorized"
        case ForbiddenError():
            return "forbidden"
        case MisconfiguredError():
            return "misconfigured"
        case _:
            return "refused"


def build_worker(context: Context, lease: Lease, pace: Pace | None = None) -> Reconciler:
    """The worker for one connection."""

    def make(writer: StatusWriter) -> NetskopePusher:
        before = BeforeCall(writer.check)
        session = NetskopeSession(lease.connection, lease.stop, before=before, read_timeout_s=READ_TIMEOUT_S)
        return NetskopePusher(writer, NetskopeClient(session), pace=pace)

    return Reconciler(context, lease, make, pace=pace)
