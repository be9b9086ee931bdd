"""Limits on the entries of all URL lists of a tenant together, and the share of each target.

Invariants: no plan exceeds the limit, entries of other people included. A present entry leaves only for one of better
rank, never because other people fill the tenant. When room appears, `due` names the targets to reconcile again.

Sources: Netskope documents 1,000 patterns and 300,000 exact values for all destination profiles of a tenant together;
its connectors hold URL lists to the same numbers. What the vendor does beyond them is not documented.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

from schemas.desired import AppliedState
from schemas.level import Level
from schemas.vendors.netskope import MOST_PATTERNS, NetskopeTenant, UrlList
from services.push_netskope.client import ListSize, NetskopeClient
from services.push_netskope.render import as_read_by, give_form
from services.push_netskope.url_lists.outcomes import TENANT_FULL, is_full
from services.push_netskope.url_lists.shares import Claim, claim_for, claim_of, hold_back, shares
from services.runtime.observability.metrics import TENANT_ENTRIES, TENANT_ENTRIES_HELD, TENANT_ENTRIES_LIMIT
from services.runtime.reconciling.entry import Entry
from services.runtime.reconciling.status_writer import StatusWriter

MOST_EXACT: Final = 300_000
MOST_ENTRIES: Final[dict[str, int]] = {"exact": MOST_EXACT, "regex": MOST_PATTERNS}
"""Most entries of all URL lists of a type together."""
_REMEDY: Final = "share fewer indicators to URL lists of this tenant, or delete entries from unused lists"


class TenantLimits:
    """The totals of one connection's tenant. Holds the size of each list as last read or written, by name."""

    def __init__(
        self, writer: StatusWriter, client: NetskopeClient, tenant: NetskopeTenant, clock: Callable[[], float]
    ) -> None:
        self._writer = writer
        self._client = client
        self._tenant = tenant
        self._clock = clock
        self._sizes: dict[str, ListSize] = {}
        self._read_at: float | None = None
        self._held: dict[str, tuple[str, int]] = {}
        """By target: the type of its lists and the number of indicators held because the tenant is full."""
        self._used: dict[str, int] = {}
        """By target: its limit in the last plan."""
        self._seen: dict[str, int] = {}
        """By target: its limit when `due` last computed it."""
        self._reported: set[str] = set()

    def refresh(self) -> None:
        """Read the sizes of the tenant's lists if they are unknown or older than the reconcile interval.

        Raises:
            VendorError, StoppedError: as the client does.

        """
        now, interval = self._clock(), self._tenant.reconcile.interval.total_seconds()
        if self._read_at is None or now - self._read_at >= interval:
            self._sizes = self._client.url_list_sizes()
            self._read_at = now
            self._show()

    def forget(self) -> None:
        """Read the sizes again before the next plan, because a refusal of the vendor contradicts them."""
        self._read_at = None

    def note(self, name: str, size: ListSize | None) -> None:
        """Record the size of a list that was read or written; None if no list has this name."""
        if size is None:
            self._sizes.pop(name, None)
        else:
            self._sizes[name] = size

    def is_tight(self, match: str) -> bool:
        """Whether entries are held because the tenant is full, so that ranks over all targets decide."""
        return any(type_ == match for type_, _ in self._held.values())

    def leaves_room(self, match: str, growth: int) -> bool:
        """Whether lists may grow by `growth` entries without comparing targets."""
        return not self.is_tight(match) and growth <= self._free(match)

    def limit(
        self, target: UrlList, entries: Collection[Entry], keep: Collection[str], free: Collection[str], ours: int
    ) -> None:
        """Hold the entries of a target beyond its share, as `hold_back` does.

        `keep` are the entries that fit into its lists, `free` the entries of other people in them, `ours` is the
        number of our entries in them.
        """
        match, needed = target.match, sum(list_entry not in free for list_entry in keep)
        self._used.pop(target.id, None)
        self._held.pop(target.id, None)
        room = self._free(match) + ours
        if self.is_tight(match) or needed > room:
            claims = {other.id: claim_of(found) for other, found in self._targets(match) if other.id != target.id}
            claims[target.id] = claim_for(entries, keep, free, ours)
            limit = min(shares(claims, self._capacity(match, claims))[target.id], room)
            self._used[target.id] = limit
            if needed > limit and (held := hold_back(entries, keep, free, limit)):
                self._held[target.id] = (match, held)

    def release(self, target: UrlList) -> None:
        """Clear the forms of held entries, so that the next plan considers them again."""
        for entry in self._writer.store.entries.get(target.id, {}).values():
            if is_full(entry.form):
                entry.form = None

    def due(self, match: str) -> set[str]:
        """Return the targets to reconcile again, because their room changed since their last plan."""
        self._show()
        if not self.is_tight(match):
            return set()
        found = {target.id: (claim_of(entries), entries) for target, entries in self._targets(match)}
        claims = {name: claim for name, (claim, _) in found.items()}
        parts, free = shares(claims, self._capacity(match, claims)), self._free(match)
        due = set[str]()
        for name, (claim, entries) in found.items():
            limit = min(parts[name], free + claim.ours)
            if limit == self._seen.get(name):
                continue
            self._seen[name] = limit
            rises = limit > self._used.get(name, limit) and any(map(_is_held, entries))
            if rises or claim.ours > limit:
                due.add(name)
        return due

    def _targets(self, match: str) -> Iterator[tuple[UrlList, Collection[Entry]]]:
        store = self._writer.store
        for each in list(store.targets.values()):
            target = as_read_by(self._tenant, each)
            if isinstance(target, UrlList) and target.match == match:
                entries = list(store.entries.get(target.id, {}).values())
                for entry in entries:
                    give_form(entry, target)
                yield target, entries

    def _count(self, match: str) -> int:
        return sum(size.entries for size in self._sizes.values() if size.type == match)

    def _free(self, match: str) -> int:
        return max(0, MOST_ENTRIES[match] - self._count(match))

    def _capacity(self, match: str, claims: Mapping[str, Claim]) -> int:
        """Return how many entries we may have. Present entries may stay even if other people exceed the limit."""
        ours = sum(claim.ours for claim in claims.values())
        return max(MOST_ENTRIES[match] - max(0, self._count(match) - ours), ours)

    def _show(self) -> None:
        name = self._writer.connection.name
        for match, most in MOST_ENTRIES.items():
            held = sum(number for type_, number in self._held.values() if type_ == match)
            TENANT_ENTRIES.labels(name, match).set(self._count(match))
            TENANT_ENTRIES_LIMIT.labels(name, match).set(most)
            TENANT_ENTRIES_HELD.labels(name, match).set(held)
            if held and match not in self._reported:
                text = f"the URL lists of the tenant together take at most {most} {match} entries: {held} are held"
                self._writer.activity.tell(Level.WARNING, TENANT_FULL.code, text, connection=name, remedy=_REMEDY)
            (self._reported.add if held else self._reported.discard)(match)


def _is_held(entry: Entry) -> bool:
    return entry.state is AppliedState.HELD and entry.because == TENANT_FULL.code
