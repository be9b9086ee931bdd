"""What a tenant does not accept as a whole, learnt from its own answers: FileMd5, and the action Warn for a type.

Both are documented, and contradicted by connectors or by another page of the documentation; only the tenant knows. A
refusal that says so of the kind is believed at once; without such words, so many refusals of a kind of which nothing
was ever taken. Then entries of the kind are left out before a call is spent on them, until the tenant takes one again.
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
"""Refusals of a kind, without one that was taken, that speak for all of it."""

_SAYS_SO: Final = re.compile(
    r"can(?:no|')t be (?:created|submitted|imported)|(?:not|never|no longer) (?:be )?(?:supported|accepted|allowed"
    r"|enabled|available)|unsupported",
    re.IGNORECASE,
)
_REMEDY: Final = (
    "share what the tenant accepts, or have it accept this; one is tried again a day after the last time, and at once "
    "with ioc-bridge reconcile"
)


class Capabilities:
    """What the tenant of one connection accepts."""

    def __init__(self, writer: StatusWriter, refusals: LearnedRefusals) -> None:
        self._writer = writer
        self._refusals = refusals
        self._trying: dict[str, Entry] = {}
        """By kind, the one entry that may go to show whether the kind is accepted by now."""
        self._turned_down: dict[str, set[Entry]] = {}

    def why_not(self, entry: Entry) -> Reason | None:
        """Why an entry is left out; None where it may go."""
        for kind in _kinds(entry):
            if (reason := self._refusals.why(kind)) and not self._may_try(kind, entry):
                return reason
        return None

    def wake(self) -> None:
        """Let one entry of each kind go about which the tenant is to be asked again."""
        for kind in self._refusals.due():
            left_out = self._left_out(kind)
            if left_out and not self._is_trying(kind):
                self._trying[kind] = min(left_out, key=lambda entry: entry.rank)
                self._writer.store.missing(self._trying[kind])

    def seconds_until_wake(self) -> float:
        """When `wake` will do something; inf where nothing is left out."""
        idle = {kind for kind in self._refusals.due() if self._is_trying(kind) or not self._left_out(kind)}
        waits = self._refusals.waits()
        return min((wait for kind, wait in waits.items() if kind not in idle), default=float("inf"))

    def doubt(self) -> None:
        """Ask again about everything: a person wants to know."""
        self._refusals.doubt()

    def heed(self, outcomes: Iterable[Outcome]) -> list[Outcome]:
        """Learn from what became of entries that were sent. What is of a refused kind is left out, not rejected.

        Raises:
            StoppedError, LeaseLostError, LedgerError: as the book does; nothing was recorded.

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
            text = f"the tenant accepts {kind} by now; {len(left_out)} that were left out are written"
            self._writer.activity.tell(Level.INFO, "kind_accepted", text, connection=self._writer.connection.name)

    def _rejected(self, outcome: Outcome) -> None:
        text = outcome.reason.detail if outcome.reason else ""
        for kind in _kinds(outcome.entry):
            turned_down = self._turned_down.setdefault(kind, set())
            turned_down.add(outcome.entry)
            tried = self._trying.get(kind) is outcome.entry
            known = kind in self._refusals and not tried
            believed = tried or _says_so(kind, outcome.entry, text) or len(turned_down) >= SEVERAL
            if known or not believed or self._was_taken(kind):
                continue
            self._trying.pop(kind, None)
            self._turned_down.pop(kind, None)
            if self._refusals.refused(kind, text):
                told = f"the tenant does not accept {kind}: {text}; further ones are left out"
                name = self._writer.connection.name
                self._writer.activity.tell(Level.WARNING, "kind_refused", told, connection=name, remedy=_REMEDY)

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
        """Whether something of the kind is there that we put there: what is refused is then not the kind."""
        return any(
            entry.state is AppliedState.APPLIED and entry.remote_id is not None and kind in _kinds(entry)
            for entry in self._writer.store
        )


def _kinds(entry: Entry) -> Iterator[str]:
    """The kinds that an entry is of, as far as it is uncertain whether a tenant accepts them."""
    if entry.type is IndicatorType.MD5:
        yield TYPES[entry.type]
    if (action := action_of(entry).action) == "Warn":
        yield f"{action} for {TYPES[entry.type]}"


def _says_so(kind: str, entry: Entry, text: str) -> bool:
    """Whether a refusal is about the kind. What it repeats of the entry says nothing."""
    said = own_words(text, texts_of(entry), parts=True)
    word = kind.partition(" ")[0].removeprefix("File")
    return bool(_SAYS_SO.search(said) and re.search(rf"\b(?:File)?{word}\b", said, re.IGNORECASE))
