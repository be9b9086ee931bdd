"""What of a list is as it should be, and which entries are still open: kept up from what changes, not counted anew.

Invariant: every entry of the list is counted by its form (it is settled), left out (nothing will come of it until it
changes), or open. Each is judged anew once it changed, and between two changes nothing of it differs.
"""

from collections.abc import Iterable

from schemas.desired import AppliedState
from schemas.record import Reason
from schemas.targets import FileHashList, UrlList
from services.push_netskope import plan
from services.push_netskope.render import give_form
from services.runtime.standing import Changes, Item, Place


class Settled:
    """`entries` has for each settled entry how many indicators are behind it, `size` is what those take, bytes.

    `changes` is where the standing notes what changes; it is emptied here.
    """

    def __init__(self, items: Iterable[Item], target: UrlList | FileHashList, extra: int, changes: Changes) -> None:
        self.entries: dict[str, int] = {}
        self.size = 0
        self.open: dict[Item, None] = {}
        self._target = target
        self._extra = extra
        self._changes = changes
        for item in items:
            self._take(item)

    @property
    def is_full(self) -> bool:
        """Whether some are held for want of room: who stays is then a matter of all ranks."""
        return any(item.state is AppliedState.HELD and item.because == plan.LIST_FULL.code for item in self.open)

    def absorb(self) -> dict[str, bool]:
        """Take in what changed. Returns the entries that are settled now (True) or no more (False) for that."""
        was_settled: dict[str, bool] = {}
        for item, was in self._changes.items():
            if item in self.open:
                del self.open[item]
            elif was is not None:
                was_settled.setdefault(was, True)
                self._uncount(was)
            if item.place is not None:
                entry = self._take(item)
                if entry is not None:
                    was_settled.setdefault(entry, self.entries[entry] > 1)
        self._changes.clear()
        return {entry: not before for entry, before in was_settled.items() if before != (entry in self.entries)}

    def wanted(self) -> set[str]:
        """The entries that open indicators ask for."""
        return {entry for item in self.open if (entry := plan.entry_of(item)) is not None}

    def _take(self, item: Item) -> str | None:
        """Judge an entry. Returns what it counts for, if it is settled."""
        give_form(item, self._target)
        entry = plan.settled_entry(item)
        if entry is None:
            if not _is_out(item):
                self.open[item] = None
            return None
        count = self.entries.get(entry, 0)
        self.entries[entry] = count + 1
        if not count:
            self.size += len(entry) + self._extra
        return entry

    def _uncount(self, entry: str) -> None:
        count = self.entries[entry] - 1
        if count:
            self.entries[entry] = count
        else:
            del self.entries[entry]
            self.size -= len(entry) + self._extra


def _is_out(item: Item) -> bool:
    """Whether it is neither there nor to come, and its record says why."""
    if item.place is not Place.SETTLED or item.present or not item.out_of_the_way:
        return False
    return not isinstance(item.form, Reason) or (item.state, item.reason) == (AppliedState.SKIPPED, item.form)
