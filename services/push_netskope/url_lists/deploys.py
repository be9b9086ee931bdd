"""Deploys of URL lists. Netskope's deploy applies every pending change in the tenant, including those of other people.

Invariant: nothing is deployed while a change of other people is pending, unless the connection allows it. A change is
ours if the list differs from its former state only in entries that we wrote; after a restart, the entries written
ahead show that. A change made between the check and the deploy is deployed too: the vendor offers no lock. One check
serves a write and its deploy, because the vendor allows few calls a second.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.desired import AppliedState
from schemas.level import Level
from schemas.record import Reason
from schemas.vendors.netskope import NetskopeTenant, UrlList
from services.push_netskope import client as api
from services.push_netskope.list_entries import all_of, entries_of, is_whole, united
from services.push_netskope.url_lists.outcomes import is_full
from services.push_netskope.url_lists.partition import ListPart, from_vendor, lists_at, members, to_vendor
from services.push_netskope.url_lists.plan import UrlListPlan
from services.runtime.observability.metrics import DEPLOY_WAITS
from services.runtime.reconciling.entry import Entry, Outcome
from services.runtime.reconciling.status_writer import StatusWriter

OTHERS_PENDING: Final = "others_pending"
"""Reason code of an entry not written yet because changes of other people to URL lists are pending."""
WRITTEN: Final = "others_pending_written"
"""Reason code of an entry written before such a change was seen, and not deployed yet."""
_REMEDY: Final = (
    "apply or discard those changes in Netskope; the pusher goes on by itself. To have such changes deployed along "
    "always, set spec.deploy.othersPending of the connection to deploy"
)
_NAMED: Final = 5
_FRESH_S: Final = 2.0
"""How long a check stays valid for a deploy, seconds."""


@dataclass(slots=True)
class _Change:
    """A list of ours with a pending change, in the vendor's spelling. `urls`: the list as we wrote it; None: not ours.

    `touched` are the entries we added or removed. `by` is the last editor that the vendor reported since our write.
    `mixed`: the change includes edits of other people.
    """

    urls: Collection[str] | None
    touched: set[str] = field(default_factory=set)
    by: str | None = None
    mixed: bool = False


class Deploys:
    """The pending changes of URL lists in the tenant of one connection."""

    def __init__(self, writer: StatusWriter, client: api.NetskopeClient, tenant: NetskopeTenant) -> None:
        self._writer = writer
        self._client = client
        self._tenant = tenant
        self._deploys_others = tenant.deploy.others_pending == "deploy"
        self._changes: dict[str, _Change] = {}
        self._looked: set[str] = set()
        self._reported: tuple[api.PendingList, ...] = ()
        self._went_ahead: float | None = None
        """Monotonic time of the last check that found no change of other people; None once a list is read again."""
        DEPLOY_WAITS.labels(writer.connection.name).set(0)

    def look(self, target: UrlList, there: api.UrlList | None) -> None:
        """Determine whether the pending change of a list, if there is one, is ours alone. `there` was just read."""
        self._went_ahead = None
        change, is_first = self._changes.get(target.name), target.name not in self._looked
        self._looked.add(target.name)
        if there is None or not there.pending:
            self._changes.pop(target.name, None)
        elif change is None:
            entries = members(self._writer.store, target)
            known = is_first and _noted(
                entries, frozenset(there.urls), left=isinstance(target, ListPart) and target.left
            )
            urls = to_vendor(there.urls, target) if known else None
            self._changes[target.name] = _Change(urls, set(to_vendor([target.default], target)), mixed=urls is None)
        elif change.urls is not None:
            change.mixed = set(to_vendor(there.urls, target)) - change.touched != set(change.urls) - change.touched

    def writing(self, target: UrlList, planned: UrlListPlan) -> None:
        """Record that a list is about to be written."""
        change = self._changes.setdefault(target.name, _Change(None, set(to_vendor([target.default], target))))
        change.urls, change.by, change.mixed = to_vendor(planned.urls or (), target), None, False
        change.touched.update(to_vendor(planned.add, target), to_vendor(planned.remove, target))

    def is_ours(self, target: UrlList) -> bool:
        """Whether the list has a pending change that is ours alone."""
        change = self._changes.get(target.name)
        return change is not None and not change.mixed

    def is_theirs(self, target: UrlList) -> bool:
        """Whether the list has a pending change of other people that must not be deployed."""
        change = self._changes.get(target.name)
        return change is not None and change.mixed and not self._deploys_others

    def waits_for(self) -> Reason | None:
        """Return why nothing may be deployed now, None if a deploy is allowed. Reports each new reason once.

        Raises:
            VendorError, StoppedError: as the client does.

        """
        others = (
            ()
            if self._deploys_others
            else tuple(row for row in self._client.pending_url_lists() if self._is_others(row))
        )
        DEPLOY_WAITS.labels(self._writer.connection.name).set(len(others))
        reason = _reason(others) if others else None
        if others != self._reported:
            self._reported = others
            text = reason.detail if reason else "no change of other people waits any more; what was held goes on"
            level, remedy = (Level.WARNING, _REMEDY) if reason else (Level.INFO, None)
            code = "deploy_waits" if reason else "deploy_goes_on"
            self._writer.activity.tell(level, code, text, connection=self._writer.connection.name, remedy=remedy)
        self._went_ahead = None if reason else time.monotonic()
        return reason

    def deploy(self) -> Reason | None:
        """Deploy the pending changes. Returns why not, None if deployed. Raises as `waits_for`."""
        fresh = self._went_ahead is not None and time.monotonic() - self._went_ahead < _FRESH_S
        reason = None if fresh else self.waits_for()
        if reason is None:
            self._client.deploy()
            self._changes.clear()
        return reason

    def _is_others(self, row: api.PendingList) -> bool:
        change = self._changes.get(row.name)
        if change is None:
            target = next(
                (found for found in lists_at(self._writer.store, self._tenant) if found.name == row.name), None
            )
            if target is None:
                return True
            self.look(target, from_vendor(self._client.url_list(row.id), target))
            change = self._changes.get(row.name)
        if change is None or change.mixed:
            return change is not None
        if change.by is None:
            change.by = row.modify_by
        return change.by != row.modify_by


def withheld(
    outcomes: Collection[Outcome], there: api.UrlList | None, reason: Reason, *, ours: bool
) -> tuple[list[Outcome], list[Outcome]]:
    """Split outcomes while a deploy waits: those already true, and those held until the deploy.

    `ours`: the list was written, and only our change is pending. An entry to be sent again keeps its record until then.
    """
    pending = ours or (there is not None and there.pending)
    present = frozenset() if pending or there is None else frozenset(there.urls)
    reason = Reason(code=WRITTEN if ours else OTHERS_PENDING, detail=reason.detail)
    done, held = list[Outcome](), list[Outcome]()
    for outcome in outcomes:
        entry, state = outcome.entry, outcome.state
        stale = all_of([entry.remote_id]) - all_of([outcome.remote_id])
        gone = not pending and present.isdisjoint(all_of([entry.remote_id]))
        is_applied = state is AppliedState.APPLIED
        leaves = state is None or (not is_applied and entry.remote_id not in (None, outcome.remote_id))
        stands = is_whole(entry.form, present) and stale.isdisjoint(present)
        if gone if leaves else not is_applied or stands:
            done.append(outcome)
        elif ours or not entry.again:
            remote_id = entry.remote_id
            if ours and is_applied and outcome.remote_id is not None:
                remote_id = united(remote_id, entries_of(outcome.remote_id))
            recorded = (AppliedState.HELD, entry.wanted or entry.content, remote_id, reason)
            if (entry.state, entry.content, entry.remote_id, entry.reason) != recorded:
                held.append(Outcome(entry, AppliedState.HELD, remote_id, reason))
    return done, held


def _noted(entries: Collection[Entry], present: Collection[str], *, left: bool) -> bool:
    """Whether our records show a write of this list that may not have been deployed. `left`: our entries leave it."""

    def shows_write(entry: Entry) -> bool:
        in_doubt = entry.uncertain or entry.because == WRITTEN or entry.state is AppliedState.FAILED
        if is_whole(entry.remote_id, present):
            return in_doubt or entry.again
        goes = entry.wanted is None or entry.out_of_the_way or is_full(entry.form)
        return in_doubt and (goes or left or (entry.remote_id is not None and is_whole(entry.form, present)))

    return any(shows_write(entry) for entry in entries)


def _reason(others: Sequence[api.PendingList]) -> Reason:
    names = ", ".join(f"{row.name} (by {row.modify_by or 'somebody'})" for row in others[:_NAMED])
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    detail = f"a deploy would also apply what other people changed and did not apply yet: {names}{more}"
    return Reason(code=OTHERS_PENDING, detail=detail)
