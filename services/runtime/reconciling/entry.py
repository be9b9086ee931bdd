"""One entry of a destination: its desired and applied content, and the sync state that follows. Pure."""

from dataclasses import dataclass
from enum import Flag, StrEnum, auto

from schemas.desired import RELEASED, AppliedState, entry_key
from schemas.record import Reason
from schemas.targets import Target
from schemas.types import IndicatorType, Severity

UNCONFIRMED = "unconfirmed"
"""Reason code of an entry that was sent without a known outcome: it may be at the vendor."""
ID_UNKNOWN = "id_unknown"
"""Reason code of an entry that is at the vendor under an unknown id."""
GUARD_SHRINK = Reason(code="guard_shrink", detail="withdrawn with too many others at once; a person must confirm that")
"""Why an entry that is no longer desired is not deleted."""
GUARD_SURGE = Reason(code="guard_surge", detail="came with too many others at once; a person must confirm that")
"""Why a desired entry is not written."""
_DONE = frozenset({AppliedState.APPLIED, AppliedState.REJECTED, AppliedState.SKIPPED})
UNCERTAIN = frozenset({UNCONFIRMED, ID_UNKNOWN, RELEASED.code})
"""Reason codes of entries that are, or may be, at the vendor under any id."""


Rank = tuple[int, int, int]
_BY_SEVERITY = {severity: rank for rank, severity in enumerate(reversed(Severity))}


class SyncState(StrEnum):
    """Where an entry stands between desired and applied."""

    PUT = "put"
    """To be written: new, changed, or due for another try."""
    WITHDRAW = "withdraw"
    """No longer desired, and at the vendor or perhaps there."""
    FORGET = "forget"
    """No longer desired and not at the vendor: only its record must be removed."""
    AMEND = "amend"
    """Only its record must be corrected: it is no longer ours, or no longer held."""
    HELD = "held"
    """Waits for capacity."""
    GUARDED = "guarded"
    """To be written or withdrawn, but held because too much would change at once."""
    WAITING = "waiting"
    """Failed; waits for its next try."""
    SETTLED = "settled"
    """Nothing to do until its desired content changes."""


class GuardedChanges(Flag):
    """Which changes a guard holds at a target."""

    NOTHING = 0
    WITHDRAWALS = auto()
    ADDITIONS = auto()


class Entry:
    """One entry, compared by identity. `wanted` is the desired content or None; `content` is the one `state` refers to.

    `target` is that of its latest record: entries of one target id may differ in fields that are not part of the id.
    `at`, `since` and `confirmed` are as in `Applied`, `resend_at` and `released` as in `Desired`. `remote_id` is the id
    at the vendor if we wrote the entry; the pusher caches in `form` how the vendor writes it.
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
        """The key in the topics."""
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
        """The reason code of the state, or ""."""
        return self.reason.code if self.reason else ""

    @property
    def rank(self) -> Rank:
        """Sort key, the most important first: by severity, reputation, and the latest report."""
        return _BY_SEVERITY[self.severity], -self.reputation, -self.reported_at

    @property
    def present(self) -> bool:
        """Whether we wrote it to the vendor, or may have."""
        return self.remote_id is not None or self.uncertain

    @property
    def out_of_the_way(self) -> bool:
        """Whether the vendor or the target does not take its desired content."""
        is_refused = self.state in (AppliedState.REJECTED, AppliedState.SKIPPED)
        return is_refused and self.content == self.wanted and not self.again

    @property
    def again(self) -> bool:
        """Whether it must be written again although it has not changed."""
        return self.resend_at is not None and self.at < self.resend_at

    @property
    def let_through(self) -> bool:
        """Whether a person has confirmed exactly its present change."""
        return self.confirmed is not None and self.confirmed == (self.wanted or "")

    @property
    def leaving(self) -> bool:
        """Whether it is present and must be withdrawn."""
        return self.wanted is None and self.present and not self.released

    @property
    def new(self) -> bool:
        """Whether it must be added and was never present."""
        return self.wanted is not None and not self.present and self.state is not AppliedState.APPLIED

    @property
    def stays(self) -> bool:
        """Whether it is not desired but must not be changed: a held withdrawal, or released."""
        return self.wanted is None and (self.released or self.sync_state is SyncState.GUARDED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of work on an entry. `state` None: it is gone. `remote_id` is the entry's id afterwards."""

    entry: Entry
    state: AppliedState | None
    remote_id: str | None = None
    reason: Reason | None = None

    def since(self, at: int) -> int | None:
        """Return since when the entry is present, after an outcome at `at`; None if it is not."""
        is_present = self.remote_id is not None or (self.reason is not None and self.reason.code in UNCERTAIN)
        return (self.entry.since if self.entry.present else at) if is_present else None

    @property
    def confirmed(self) -> str | None:
        """The confirmed change afterwards; None once it is carried out or the desired content has changed."""
        is_done = self.state is None if self.entry.wanted is None else self.state in _DONE
        return self.entry.confirmed if self.entry.let_through and not is_done else None


def sync_state_of(entry: Entry, kept: GuardedChanges) -> SyncState | None:
    """Return the sync state, given the changes that a guard holds at the target. None: the entry can be forgotten."""
    if entry.retry_at:
        return SyncState.WAITING
    if entry.wanted is None:
        return _state_of_unwanted(entry, kept)
    if _must_be_written(entry):
        is_guarded = GuardedChanges.ADDITIONS in kept and entry.new and not entry.let_through
        return SyncState.GUARDED if is_guarded else SyncState.PUT
    if entry.state is AppliedState.HELD:
        return SyncState.HELD
    return SyncState.AMEND if entry.because == GUARD_SHRINK.code or entry.confirmed is not None else SyncState.SETTLED


def _must_be_written(entry: Entry) -> bool:
    if entry.wanted != entry.content or entry.state is None or entry.state is AppliedState.FAILED:
        return True
    if entry.state is AppliedState.HELD:
        return entry.because == GUARD_SURGE.code
    return entry.again or entry.because == RELEASED.code


def _state_of_unwanted(entry: Entry, kept: GuardedChanges) -> SyncState | None:
    if entry.released and entry.present:
        return SyncState.SETTLED if entry.because == RELEASED.code else SyncState.AMEND
    if entry.present:
        return SyncState.GUARDED if GuardedChanges.WITHDRAWALS in kept and not entry.let_through else SyncState.WITHDRAW
    return None if entry.state is None else SyncState.FORGET
