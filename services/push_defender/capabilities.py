"""Learns which kinds of entries a tenant does not accept: FileMd5, and the action Warn for a type.

Both are documented, but connectors or other pages of the documentation contradict it, so only the tenant's answers
decide. A kind counts as refused after one refusal that names the kind, or after several refusals if none was ever
accepted. Entries of a refused kind are skipped without a call, until the tenant accepts one again.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from schemas.desired import AppliedState
from schemas.level import Level
from schemas.record import Reason
from schemas.types import IndicatorType
from services.push_defender.plan import action_of, texts_of
from services.push_defender.render import TYPES
from services.runtime.reconciling.entry import Entry, Outcome, SyncState
from services.runtime.reconciling.status_writer import StatusWriter
from services.runtime.vendors.capabilities import NOT_ACCEPTED, LearnedRefusals
from services.runtime.vendors.echo import own_words

SEVERAL: Final = 10
"""Refusals of a kind, without one accepted entry, after which the kind counts as refused."""

_NOT_SUPPORTED: Final = re.compile(
    r"can(?:no|')t be (?:created|submitted|imported)|(?:not|never|no longer) (?:be )?(?:supported|accepted|allowed"
    r"|enabled|available)|unsupported",
    re.IGNORECASE,
)
_REMEDY: Final = (
    "share only what the tenant accepts, or make it accept this kind; one entry is tried again after a day, or at once "
    "with ioc-bridge reconcile"
)


class Capabilities:
    """The kinds of entries that the tenant of one connection accepts."""

    def __init__(self, writer: StatusWriter, refusals: LearnedRefusals) -> None:
        self._writer = writer
        self._refusals = refusals
        self._trying: dict[str, Entry] = {}
        """By kind, the one entry that is sent to find out whether the kind is accepted now."""
        self._turned_down: dict[str, set[Entry]] = {}

    def why_not(self, entry: Entry) -> Reason | None:
        """Why an entry is skipped; None if it may be sent."""
        for kind in _kinds(entry):
            if (reason := self._refusals.why(kind)) and not self._may_try(kind, entry):
                return reason
        return None

    def wake(self) -> None:
        """Release one skipped entry of each kind that is due for another attempt."""
        for kind in self._refusals.due():
            left_out = self._left_out(kind)
            if left_out and not self._is_trying(kind):
                self._trying[kind] = min(left_out, key=lambda entry: entry.rank)
                self._writer.store.missing(self._trying[kind])

    def seconds_until_wake(self) -> float:
        """Seconds until `wake` has something to do; inf if nothing is skipped."""
        idle = {kind for kind in self._refusals.due() if self._is_trying(kind) or not self._left_out(kind)}
        waits = self._refusals.waits()
        return min((wait for kind, wait in waits.items() if kind not in idle), default=float("inf"))

    def doubt(self) -> None:
        """Make every kind due for another attempt, because a person requested a check."""
        self._refusals.doubt()

    def heed(self, outcomes: Iterable[Outcome]) -> list[Outcome]:
        """Learn from the outcomes of sent entries. Entries of a refused kind become skipped instead of rejected.

        Raises:
            StoppedError, LeaseLostError, ProducerError: raised by the status writer; nothing was recorded.

        """
        outcomes = list(outcomes)
        for outcome in outcomes:
            if outcome.state is AppliedState.APPLIED:
                for kind in _kinds(outcome.entry):
                    self._accepted(kind)
            elif outcome.state is AppliedState.REJECTED:
                self._rejected(outcome)
        return [self._put_right(outcome) for outcome in outcomes]

    def _accepted(self, kind: str) -> None:
        self._turned_down.pop(kind, None)
        self._trying.pop(kind, None)
        left_out = self._left_out(kind) if kind in self._refusals else []
        if self._refusals.accepted(kind):
            for entry in left_out:
                self._writer.store.missing(entry)
            text = f"the tenant accepts {kind} now; {len(left_out)} skipped entries are written"
            self._writer.activity.tell(Level.INFO, "kind_accepted", text, connection=self._writer.connection.name)

    def _rejected(self, outcome: Outcome) -> None:
        text = outcome.reason.detail if outcome.reason else ""
        for kind in _kinds(outcome.entry):
            turned_down = self._turned_down.setdefault(kind, set())
            turned_down.add(outcome.entry)
            tried = self._trying.get(kind) is outcome.entry
            known = kind in self._refusals and not tried
            believed = tried or _is_about_kind(kind, outcome.entry, text) or len(turned_down) >= SEVERAL
            if known or not believed or self._was_taken(kind):
                continue
            self._trying.pop(kind, None)
            self._turned_down.pop(kind, None)
            if self._refusals.refused(kind, text):
                message = f"the tenant does not accept {kind}: {text}; entries of this kind are skipped"
                name = self._writer.connection.name
                self._writer.activity.tell(Level.WARNING, "kind_refused", message, connection=name, remedy=_REMEDY)

    def _put_right(self, outcome: Outcome) -> Outcome:
        reasons = [self._refusals.why(kind) for kind in _kinds(outcome.entry)]
        reason = next(filter(None, reasons), None)
        if outcome.state is AppliedState.REJECTED and reason:
            return replace(outcome, state=AppliedState.SKIPPED, reason=reason)
        return outcome

    def _may_try(self, kind: str, entry: Entry) -> bool:
        if self._trying.get(kind) is entry:
            return True
        if kind in self._refusals.due() and not self._is_trying(kind):
            self._trying[kind] = entry
            return True
        return False

    def _is_trying(self, kind: str) -> bool:
        entry = self._trying.get(kind)
        return entry is not None and entry.wanted is not None and entry.sync_state in (SyncState.PUT, SyncState.WAITING)

    def _left_out(self, kind: str) -> Sequence[Entry]:
        return [
            entry for entry in self._writer.store
            if entry.because == NOT_ACCEPTED and entry.wanted is not None and kind in _kinds(entry)
            and entry.sync_state is SyncState.SETTLED
        ]  # fmt: skip

    def _was_taken(self, kind: str) -> bool:
        """Whether the tenant holds an entry of the kind that we wrote. Then refusals are not about the kind."""
        return any(
            entry.state is AppliedState.APPLIED and entry.remote_id is not None and kind in _kinds(entry)
            for entry in self._writer.store
        )


def _kinds(entry: Entry) -> Iterator[str]:
    """The uncertain kinds that an entry belongs to."""
    if entry.type is IndicatorType.MD5:
        yield TYPES[entry.type]
    if (action := action_of(entry).action) == "Warn":
        yield f"{action} for {TYPES[entry.type]}"


def _is_about_kind(kind: str, entry: Entry, text: str) -> bool:
    """Whether a refusal is about the kind. Ignores what it repeats of the entry."""
    own_text = own_words(text, texts_of(entry), parts=True)
    word = kind.partition(" ")[0].removeprefix("File")
    return bool(_NOT_SUPPORTED.search(own_text) and re.search(rf"\b(?:File)?{word}\b", own_text, re.IGNORECASE))
