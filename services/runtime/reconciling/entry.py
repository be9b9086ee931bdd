"""One entry of a destination: what is desired of it, what is known of it, and hence where it stands. Pure."""

from dataclasses import dataclass
from enum import Flag, StrEnum, auto

from schemas.desired import RELEASED, AppliedState, entry_key
from schemas.record import Reason
from schemas.targets import Target
from schemas.types import IndicatorType, Severity

UNCONFIRMED = "unconfirmed"
"""Reason code of an entry that was sent and whose outcome is not known (yet): it may be there."""
ID_UNKNOWN = "id_unknown"
"""Reason code of an entry that is there under an id the vendor did not tell."""
GUARD_SHRINK = Reason(code="guard_shrink", detail="withdrawn with too many others at once; a person must confirm that")
"""Why an entry that is not desired any more stays."""
GUARD_SURGE = Reason(code="guard_surge", detail="came with too many others at once; a person must confirm that")
"""Why an entry that is desired does not come."""
_DONE = frozenset({AppliedState.APPLIED, AppliedState.REJECTED, AppliedState.SKIPPED})
UNCERTAIN = frozenset({UNCONFIRMED, ID_UNKNOWN, RELEASED.code})
"""Reason codes of entries that are there, or may be, under whatever id."""


Rank = tuple[int, int, int]
_BY_SEVERITY = {severity: sync_state for sync_state, severity in enumerate(reversed(Severity))}


class SyncState(StrEnum):
    """Where an entry stands between what is desired and what is there."""

    PUT = "put"
    """To be written: new, changed, or due to be tried again."""
    WITHDRAW = "withdraw"
    """No longer desired, and there (or perhaps there)."""
    FORGET = "forget"
    """No longer desired and not there: only its record is left to be removed."""
    AMEND = "amend"
    """Only its record is left to be set right: it is not ours, or not held, any more."""
    HELD = "held"
    """Kept back until there is room."""
    GUARDED = "guarded"
    """To be written or withdrawn, and kept back because too much would change at once."""
    WAITING = "waiting"
    """Failed; to be tried again at its time."""
    SETTLED = "index"
    """Nothing to do until its desired content changes."""


class GuardedChanges(Flag):
    """What a guard keeps back at a target."""

    NOTHING = 0
    WITHDRAWALS = auto()
    ADDITIONS = auto()


class Entry:
    """One entry. `wanted` is the desired content or None; `content` is the one that `state` speaks of.

    `target` is as its latest record says: entries of one target id may differ in what is not part of the id.
    `at`, `since` and `confirmed` are as in `Applied`, `resend_at` and `released` as in `Desired`. `remote_id` names the
    entry at the vendor if we put it there; `form` is for the pusher to cache how the vendor writes it. Compared by
    identity.
    """

    __slots__ = (
        "at",
        "attempts",
        "comments",
        "confirmed",
        "content",
        "expires_at",
        "form",
        "indicator_id",
        "reason",
        "released",
        "remote_id",
        "reported_at",
        "reputation",
        "resend_at",
        "retry_at",
        "severity",
        "since",
        "state",
        "sync_state",
        "tags",
        "target",
        "target_id",
        "uncertain",
        "wanted",
    )  # fmt: skip

    def __init__(self, target_id: str, indicator_id: str) -> None:
        self.target_id = target_id
        self.indicator_id = indicator_id
        self.wanted: str | None = None
        self.target: Target | None = None
        self.severity = Severity.UNKNOWN
        self.reputation = 0
        self.comments = ""
        self.tags: tuple[str, ...] = ()
        self.expires_at: int | None = None
        self.reported_at = 0
        self.state: AppliedState | None = None
        self.content = ""
        self.remote_id: str | None = None
        self.reason: Reason | None = None
        self.uncertain = False
        self.attempts = 0
        self.retry_at = 0.0
        self.form: str | Reason | None = None
        self.sync_state: SyncState | None = None
        self.at = 0
        self.since: int | None = None
        self.confirmed: str | None = None
        self.resend_at: int | None = None
        self.released = False

    @property
    def key(self) -> str:
        """Its key in the topics."""
        return entry_key(self.target_id, self.indicator_id)

    @property
    def type(self) -> IndicatorType:
        """The indicator's type."""
        return IndicatorType(self.indicator_id.partition(":")[0])

    @property
    def value(self) -> str:
        """The indicator's canonical value."""
        return self.indicator_id.partition(":")[2]

    @property
    def because(self) -> str:
        """The code of the reason for its state, if there is one."""
        return self.reason.code if self.reason else ""

    @property
    def rank(self) -> Rank:
        """What goes first, and stays when not all fit, comes first: the worst, then who was reported last."""
        return _BY_SEVERITY[self.severity], -self.reputation, -self.reported_at

    @property
    def present(self) -> bool:
        """Whether we put it there, or may have."""
        return self.remote_id is not None or self.uncertain

    @property
    def out_of_the_way(self) -> bool:
        """Whether its desired content is one that the vendor or the target will not take."""
        turned_down = self.state in (AppliedState.REJECTED, AppliedState.SKIPPED)
        return turned_down and self.content == self.wanted and not self.again

    @property
    def again(self) -> bool:
        """Whether it is to be written once more, although nothing of it changed."""
        return self.resend_at is not None and self.at < self.resend_at

    @property
    def let_through(self) -> bool:
        """Whether a person confirmed just what is to be done with it."""
        return self.confirmed is not None and self.confirmed == (self.wanted or "")

    @property
    def leaving(self) -> bool:
        """Whether it is there and to be withdrawn."""
        return self.wanted is None and self.present and not self.released

    @property
    def new(self) -> bool:
        """Whether it is to come to where it never was."""
        return self.wanted is not None and not self.present and self.state is not AppliedState.APPLIED

    @property
    def stays(self) -> bool:
        """Whether it is to be left just as it is although nobody desires it: withdrawn but kept back, or released."""
        return self.wanted is None and (self.released or self.sync_state is SyncState.GUARDED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an entry. `state` None: it is not there any more. `remote_id` is as the entry's after it."""

    entry: Entry
    state: AppliedState | None
    remote_id: str | None = None
    reason: Reason | None = None

    def since(self, at: int) -> int | None:
        """Since when the entry is there, after an outcome of this moment."""
        there = self.remote_id is not None or (self.reason is not None and self.reason.code in UNCERTAIN)
        return (self.entry.since if self.entry.present else at) if there else None

    @property
    def confirmed(self) -> str | None:
        """What a person let through, after it. That counts until it is done, or something else is desired."""
        done = self.state is None if self.entry.wanted is None else self.state in _DONE
        return self.entry.confirmed if self.entry.let_through and not done else None


def sync_state_of(entry: Entry, kept: GuardedChanges) -> SyncState | None:
    """Where an entry stands, given what a guard keeps back at its target. None: nothing is left to know of it."""
    if entry.retry_at:
        return SyncState.WAITING
    if entry.wanted is None:
        return _place_of_unwanted(entry, kept)
    if _is_to_be_written(entry):
        held = GuardedChanges.ADDITIONS in kept and entry.new and not entry.let_through
        return SyncState.GUARDED if held else SyncState.PUT
    if entry.state is AppliedState.HELD:
        return SyncState.HELD
    return SyncState.AMEND if entry.because == GUARD_SHRINK.code or entry.confirmed is not None else SyncState.SETTLED


def _is_to_be_written(entry: Entry) -> bool:
    if entry.wanted != entry.content or entry.state is None or entry.state is AppliedState.FAILED:
        return True
    if entry.state is AppliedState.HELD:
        return entry.because == GUARD_SURGE.code
    return entry.again or entry.because == RELEASED.code


def _place_of_unwanted(entry: Entry, kept: GuardedChanges) -> SyncState | None:
    if entry.released and entry.present:
        return SyncState.SETTLED if entry.because == RELEASED.code else SyncState.AMEND
    if entry.present:
        return SyncState.GUARDED if GuardedChanges.WITHDRAWALS in kept and not entry.let_through else SyncState.WITHDRAW
    return None if entry.state is None else SyncState.FORGET
