"""What a destination profile should hold, by which writes it gets there, and what that makes of every entry. Pure.

Invariant: as in `plan`; besides, no write leaves a profile empty, and none makes it larger than it was or shall be.
Few changes are appended and removed, which touches nothing else; many are one replacement, which is read and written,
so that what another adds in between is lost: see `FEW_CALLS`.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import orjson

from schemas.desired import AppliedState
from schemas.record import Reason
from schemas.vendors.netskope import MOST_PATTERNS, DestinationProfile
from services.push_netskope.list_entries import is_whole
from services.push_netskope.profiles.client import Profile, ProfileListing
from services.push_netskope.url_lists.outcomes import outcomes_of
from services.push_netskope.url_lists.plan import is_again
from services.push_netskope.url_lists.ranking import best, in_order, owned_by, parted, wanted_by, withdrawn
from services.runtime.reconciling.entry import Entry, Outcome, SyncState

VALUES_A_CALL: Final = 10
"""Values that one append or remove takes at most. Found by vendor-written connectors."""
FEW_CALLS: Final = 20
"""Up to so many appends and removals are made one by one: about 4 s of the quota, which is 24 calls in 5 s."""
MOST_BYTES: Final = 9_000_000
"""Of the values in one body: vendor-written connectors were refused above 9 MiB, whatever is documented."""
MOST_TOGETHER: Final = 300_000
"""Values of all profiles that are not of patterns. Found in vendor-written connectors."""

Operation = Literal["create", "replace", "append", "remove"]


@dataclass(frozen=True, slots=True)
class Step:
    """One write: `create` and `replace` set all values, `append` and `remove` change some."""

    operation: Operation
    values: tuple[str, ...]


@dataclass(slots=True)
class ProfilePlan:
    """`left` is what stays of what is there. `again`: it shall be written even if nothing in it changes.

    `doubt`: something that was written or withdrawn is there, or gone, and it is not known whether that is applied.
    """

    left: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    again: bool = False
    doubt: bool = False
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def values(self) -> tuple[str, ...]:
        """The whole profile as it should be."""
        return (*self.left, *self.add)


def capacity_in(target: DestinationProfile, listing: ProfileListing) -> int:
    """Values up to which a profile may be filled: its own limit, or what other profiles leave of the tenant's."""
    patterns = target.match == "regex"
    together = MOST_PATTERNS if patterns else MOST_TOGETHER
    return max(0, min(target.most, together - listing.taken(patterns=patterns)))


def plan_profile(entries: Collection[Entry], target: DestinationProfile, listing: ProfileListing) -> ProfilePlan:
    """Plan one profile, which is of the type that the target says, or has to be made."""
    values = listing.there.values if listing.there else ()
    present = folded(values, target)
    bulk, others = parted(entries)
    owned = bulk | owned_by(others)
    default = _folded(target.default, target)
    foreign = present - owned - {default}
    repeats = len(values) - len(present)
    every = bulk | wanted_by(others)
    capacity = capacity_in(target, listing) - len(foreign) - repeats
    keep = every if len(every - foreign) <= capacity else best(entries, capacity, lambda _: 1, foreign)
    remove = (owned - keep) & present
    if keep or foreign:
        remove |= {default} & present - keep
    missing = keep - present
    add = in_order(missing, entries)
    outcomes = outcomes_of(others if bulk <= keep else entries, keep, foreign)
    return _planned(others, target, values, _Change(add, remove), outcomes)


def plan_mismatch(entries: Collection[Entry], target: DestinationProfile, there: Profile) -> ProfilePlan:
    """Plan a profile that is of another type than the target says: what is withdrawn goes, nothing else is touched."""
    detail = f"the profile is {there.type}, the target says {target.match}; make the two alike, or name another profile"
    reason = Reason(code="profile_type", detail=detail)
    outcomes = [
        Outcome(entry, AppliedState.FAILED, entry.remote_id, reason)
        if entry.wanted is not None
        else Outcome(entry, None)
        for entry in entries
        if entry.sync_state not in (SyncState.SETTLED, SyncState.GUARDED)
    ]
    return _planned(entries, target, there.values, _Change([], withdrawn(entries)), outcomes)


def steps(planned: ProfilePlan, *, exists: bool, whole: bool, sure: bool) -> list[Step]:
    """The writes that make a plan true, in order. None: there is nothing to write.

    `whole`: a write of all values is possible; where it is not, what changes is written piece by piece. `sure`: an
    answer has told meanwhile that nothing waits.
    """
    changes = bool(planned.add or planned.remove)
    if not exists:
        return _afresh("create", planned.add, whole=whole) if planned.add else []
    if not changes and not planned.again and (sure or not planned.doubt):
        return []
    if not planned.left:
        return _afresh("replace", planned.add, whole=whole)
    fits = whole and not _split(planned.values)[1]
    pieces = [*_pieces("remove", planned.remove), *_pieces("append", planned.add)]
    if changes and (not fits or (len(pieces) <= FEW_CALLS and not planned.again)):
        return pieces
    return [Step("replace", planned.values)] if fits else []


def _afresh(operation: Operation, values: tuple[str, ...], *, whole: bool) -> list[Step]:
    """Writes after which nothing but these values is there: as many as one body takes, then the rest."""
    head = (_split(values)[0] if whole else ()) or values[:1]
    return [Step(operation, head), *_pieces("append", values[len(head) :])]


@dataclass(frozen=True, slots=True)
class _Change:
    add: Sequence[str]
    remove: Collection[str]


def _planned(
    entries: Collection[Entry],
    target: DestinationProfile,
    values: Sequence[str],
    change: _Change,
    outcomes: list[Outcome],
) -> ProfilePlan:
    """The plan that makes these of the values that are there."""
    add, remove = change.add, change.remove
    left, gone = tuple(values), tuple[str, ...]()
    if remove:
        left = tuple(value for value in values if _folded(value, target) not in remove)
        gone = tuple(dict.fromkeys(value for value in values if _folded(value, target) in remove))
    if gone and not left and not add:
        add = [target.default]
    present = folded(values, target) if entries else frozenset()
    again = is_again(entries, present)
    doubt = any(_is_doubtful(outcome, present) for outcome in outcomes)
    return ProfilePlan(left, tuple(add), gone, again, doubt, outcomes)


def _is_doubtful(outcome: Outcome, present: Collection[str]) -> bool:
    """Whether an outcome rests on a write of which no answer is known."""
    entry = outcome.entry
    known = entry.state is AppliedState.APPLIED and not entry.uncertain and is_whole(entry.remote_id, present)
    return entry.present and not known and outcome.state in (AppliedState.APPLIED, None)


def folded(values: Iterable[str], target: DestinationProfile) -> frozenset[str]:
    """Values as they are compared with entries of ours."""
    return frozenset(_folded(value, target) for value in values)


def _folded(value: str, target: DestinationProfile) -> str:
    """A value as it is compared: where Netskope does not tell upper from lower case, nor do we."""
    return value.lower() if target.match == "insensitive" else value


def _pieces(operation: Operation, values: Sequence[str]) -> Iterator[Step]:
    for start in range(0, len(values), VALUES_A_CALL):
        yield Step(operation, tuple(values[start : start + VALUES_A_CALL]))


def _split(values: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """As many values as one body takes, and the rest."""
    if len(orjson.dumps(values)) <= MOST_BYTES:
        return values, ()
    size = 0
    for sync_state, value in enumerate(values):
        size += len(orjson.dumps(value)) + 1
        if size > MOST_BYTES:
            return values[:sync_state], values[sync_state:]
    return values, ()
