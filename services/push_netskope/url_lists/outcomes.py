"""Outcomes of a list plan: the new state of each entry whose record differs from it. Pure."""

from collections.abc import Collection, Container, Iterable, Mapping
from typing import Final

from schemas.desired import AppliedState
from schemas.record import Reason
from services.push_netskope.list_entries import entries_of, left_of, text_of, united
from services.push_netskope.url_lists.ranking import list_entry_of
from services.runtime.reconciling.entry import Entry, Outcome, SyncState

ALREADY_THERE: Final = Reason(
    code="already_there", detail="another writer's entry has the same value; it stays as it is"
)
HALF_THERE: Final = Reason(
    code="already_there",
    detail="another writer put one entry of the pair there, and it stays; the other entry is ours",
)
LIST_FULL: Final = Reason(code="list_full", detail="the list has reached its size limit")
TENANT_FULL: Final = Reason(
    code="tenant_full", detail="the URL lists of the tenant together have reached the limit of entries"
)
FULL: Final = frozenset({LIST_FULL.code, TENANT_FULL.code})
"""Reason codes of entries that are held because there is no room."""


def is_full(form: str | Reason | None) -> bool:
    """Whether this form says that there is no room for the indicator."""
    return isinstance(form, Reason) and form.code in FULL


def unwritten(entries: Iterable[Entry], list_entries: Collection[str]) -> list[tuple[Entry, str | None]]:
    """Return the indicators behind these entries to write ahead, each with the remote id to record.

    The remote id names the entries that are ours already and those about to be written.
    """
    found = list[tuple[Entry, str | None]]()
    for entry in entries:
        text = list_entry_of(entry)
        if text is None or text == entry.remote_id:
            continue
        added = [list_entry for list_entry in entries_of(text) if list_entry in list_entries]
        remote_id = united(entry.remote_id, added)
        if added and remote_id != entry.remote_id:
            found.append((entry, remote_id))
    return found


def outcomes_of(entries: Iterable[Entry], keep: Container[str], foreign: Container[str]) -> list[Outcome]:
    """Return the outcomes of entries whose record differs from the plan.

    `keep` are our entries that fit, `foreign` the entries of other writers in the list.
    """
    outcomes = (
        _outcome(entry, keep, foreign)
        for entry in entries
        if entry.sync_state is not SyncState.GUARDED and not entry.stays
    )
    return [outcome for outcome in outcomes if not _is_recorded(outcome)]


def _outcome(entry: Entry, keep: Container[str], foreign: Container[str]) -> Outcome:
    if entry.wanted is None:
        return Outcome(entry, None)
    if isinstance(entry.form, Reason):
        state = AppliedState.HELD if is_full(entry.form) else AppliedState.SKIPPED
        return Outcome(entry, state, None, entry.form)
    if entry.out_of_the_way:
        return Outcome(entry, entry.state, None, entry.reason)
    list_entries = entries_of(entry.form or "")
    if any(list_entry not in keep for list_entry in list_entries):
        return Outcome(entry, AppliedState.HELD, None, LIST_FULL)
    ours = [list_entry for list_entry in list_entries if list_entry not in foreign]
    if len(ours) == len(list_entries):
        return Outcome(entry, AppliedState.APPLIED, entry.form)
    return Outcome(entry, AppliedState.APPLIED, text_of(ours), HALF_THERE if ours else ALREADY_THERE)


def rejections(entries: Iterable[Entry], present: Container[str], reasons: Mapping[str, str]) -> list[Outcome]:
    """Reject the indicators with an entry that the vendor refused. `reasons` has the vendor's words by entry.

    An entry of a rejected pair that is present stays ours, so that the next plan removes it.
    """
    found = list[Outcome]()
    for entry in entries:
        text = list_entry_of(entry)
        refused = (
            next((list_entry for list_entry in entries_of(text) if list_entry in reasons), None)
            if text is not None
            else None
        )
        if refused is not None:
            reason = Reason(code="vendor_rejected", detail=reasons[refused])
            found.append(Outcome(entry, AppliedState.REJECTED, left_of(entry.remote_id, present), reason))
    return found


def _is_recorded(outcome: Outcome) -> bool:
    entry = outcome.entry
    return (
        not entry.uncertain
        and not entry.again
        and entry.wanted is not None
        and (entry.state, entry.content, entry.remote_id, entry.reason)
        == (outcome.state, entry.wanted, outcome.remote_id, outcome.reason)
    )


def mismatched(entries: Iterable[Entry], reason: Reason) -> list[Outcome]:
    """Outcomes at a container of another type than its target's: what is desired failed, what is not is gone."""
    return [
        Outcome(entry, AppliedState.FAILED, entry.remote_id, reason)
        if entry.wanted is not None
        else Outcome(entry, None)
        for entry in entries
        if entry.sync_state not in (SyncState.SETTLED, SyncState.GUARDED)
    ]
