"""Plans the content of a destination profile, the writes that lead to it, and the outcome of every entry. Pure.

Invariant: as in `url_lists.plan`; and no write leaves a profile empty or larger than both its old and its new content.
A few changes are appends and removals, which affect nothing else. Many are one replacement, which loses values that
others add between read and write: see `FEW_CALLS`.
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
from services.push_netskope.url_lists.outcomes import mismatched, outcomes_of
from services.push_netskope.url_lists.plan import is_again
from services.push_netskope.url_lists.ranking import best, in_order, owned_by, split_settled, wanted_by, withdrawn
from services.runtime.reconciling.entry import Entry, Outcome

VALUES_A_CALL: Final = 10
"""Most values in one append or remove. Found by vendor-written connectors."""
FEW_CALLS: Final = 20
"""Most appends and removals instead of a replacement: about 4 s of the quota, which is 24 calls in 5 s."""
MOST_BYTES: Final = 9_000_000
"""Most bytes of values in one body: vendor-written connectors were refused above 9 MiB, despite the documentation."""
MOST_TOGETHER: Final = 300_000
"""Most values in all profiles except pattern profiles. Found in vendor-written connectors."""

Operation = Literal["create", "replace", "append", "remove"]


@dataclass(frozen=True, slots=True)
class Step:
    """One write: `create` and `replace` set all values, `append` and `remove` change some."""

    operation: Operation
    values: tuple[str, ...]


@dataclass(slots=True)
class ProfilePlan:
    """`left` are the values that stay. `again`: write the profile even if nothing changes.

    `doubt`: it is unknown whether an earlier write or withdrawal has been applied.
    """

    left: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    again: bool = False
    doubt: bool = False
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def values(self) -> tuple[str, ...]:
        """The desired content of the profile."""
        return (*self.left, *self.add)


def capacity_in(target: DestinationProfile, listing: ProfileListing) -> int:
    """Most values of a profile: its own limit, or what other profiles leave of the tenant's limit."""
    patterns = target.match == "regex"
    together = MOST_PATTERNS if patterns else MOST_TOGETHER
    return max(0, min(target.most, together - listing.taken(patterns=patterns)))


def plan_profile(entries: Collection[Entry], target: DestinationProfile, listing: ProfileListing) -> ProfilePlan:
    """Plan one profile that has the type of the target, or does not exist yet."""
    values = listing.there.values if listing.there else ()
    present = folded(values, target)
    bulk, others = split_settled(entries)
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
    """Plan a profile whose type differs from the target's: withdrawals are made, nothing else changes."""
    detail = f"the profile is {there.type}, the target says {target.match}; make the two alike, or name another profile"
    reason = Reason(code="profile_type", detail=detail)
    outcomes = mismatched(entries, reason)
    return _planned(entries, target, there.values, _Change([], withdrawn(entries)), outcomes)


def steps(planned: ProfilePlan, *, exists: bool, whole: bool, sure: bool) -> list[Step]:
    """The writes of a plan, in order; empty if there is nothing to write.

    `whole`: all values can be written at once; otherwise changes are written in pieces. `sure`: an answer has confirmed
    meanwhile that nothing is pending.
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
    """Writes that leave only these values: first as many as one body takes, then the rest."""
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
    """The plan for a change of the present values."""
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
    """Whether an outcome depends on a write whose answer is unknown."""
    entry = outcome.entry
    known = entry.state is AppliedState.APPLIED and not entry.uncertain and is_whole(entry.remote_id, present)
    return entry.present and not known and outcome.state in (AppliedState.APPLIED, None)


def folded(values: Iterable[str], target: DestinationProfile) -> frozenset[str]:
    """The values in the form in which they are compared."""
    return frozenset(_folded(value, target) for value in values)


def _folded(value: str, target: DestinationProfile) -> str:
    """A value in the form in which it is compared: in lower case if Netskope ignores case."""
    return value.lower() if target.match == "insensitive" else value


def _pieces(operation: Operation, values: Sequence[str]) -> Iterator[Step]:
    for start in range(0, len(values), VALUES_A_CALL):
        yield Step(operation, tuple(values[start : start + VALUES_A_CALL]))


def _split(values: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """As many values as one body takes, and the rest."""
    if len(orjson.dumps(values)) <= MOST_BYTES:
        return values, ()
    size = 0
    for position, value in enumerate(values):
        size += len(orjson.dumps(value)) + 1
        if size > MOST_BYTES:
            return values[:position], values[position:]
    return values, ()
