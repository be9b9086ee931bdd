"""The index of one list's entries: which are settled and which are open, updated from changes.

Invariant: each entry is settled (counted by its form), left out (it needs nothing until it changes), or open. An entry
is classified again whenever it changes, and only then.
"""

from collections.abc import Iterable, Sequence

from schemas.desired import AppliedState
from schemas.record import Reason
from schemas.vendors.netskope import FileHashList, UrlList
from services.push_netskope.list_entries import entries_of
from services.push_netskope.render import give_form
from services.push_netskope.url_lists import ranking
from services.push_netskope.url_lists.outcomes import FULL
from services.runtime.reconciling.entry import Entry, SyncState
from services.runtime.reconciling.entry_store import Changes


class EntryIndex:
    """`list_entries` counts the indicators behind each settled entry; `size` is the bytes those entries take.

    `changes` is filled by the entry store and emptied here.
    """

    def __init__(self, entries: Iterable[Entry], target: UrlList | FileHashList, extra: int, changes: Changes) -> None:
        self.list_entries: dict[str, int] = {}
        self.size = 0
        self.open: dict[Entry, None] = {}
        self._target = target
        self._extra = extra
        self._changes = changes
        for entry in entries:
            self._take(entry)

    @property
    def is_full(self) -> bool:
        """Whether entries are held because the list is full: then a plan needs the ranks of all entries."""
        return any(entry.state is AppliedState.HELD and entry.because in FULL for entry in self.open)

    def absorb(self) -> dict[str, bool]:
        """Apply the changes. Returns the entries that became settled (True) or stopped being settled (False)."""
        was_settled: dict[str, bool] = {}
        for entry, was in self._changes.items():
            if entry in self.open:
                del self.open[entry]
            elif was is not None:
                for list_entry in entries_of(was):
                    was_settled.setdefault(list_entry, True)
                    self._uncount(list_entry)
            if entry.sync_state is not None:
                for list_entry in self._take(entry):
                    was_settled.setdefault(list_entry, self.list_entries[list_entry] > 1)
        self._changes.clear()
        return {
            list_entry: not before
            for list_entry, before in was_settled.items()
            if before != (list_entry in self.list_entries)
        }

    def wanted(self) -> set[str]:
        """Return the list entries that the open indicators need."""
        return ranking.wanted_by(self.open)

    def _take(self, entry: Entry) -> Sequence[str]:
        """Classify an indicator. Returns the list entries it counts for, if it is settled."""
        give_form(entry, self._target)
        text = ranking.settled_entry(entry)
        if text is None:
            if not _is_out(entry):
                self.open[entry] = None
            return ()
        list_entries = entries_of(text)
        for list_entry in list_entries:
            count = self.list_entries.get(list_entry, 0)
            self.list_entries[list_entry] = count + 1
            if not count:
                self.size += len(list_entry) + self._extra
        return list_entries

    def _uncount(self, list_entry: str) -> None:
        count = self.list_entries[list_entry] - 1
        if count:
            self.list_entries[list_entry] = count
        else:
            del self.list_entries[list_entry]
            self.size -= len(list_entry) + self._extra


def _is_out(entry: Entry) -> bool:
    """Whether the entry is not in the list, will not be added, and its record says why."""
    if entry.sync_state is not SyncState.SETTLED or entry.present or not entry.out_of_the_way:
        return False
    return not isinstance(entry.form, Reason) or (entry.state, entry.reason) == (AppliedState.SKIPPED, entry.form)
