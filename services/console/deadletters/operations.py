"""Operations on dead letters, shared by the command line and the HTTP API.

Invariant: a change fences all other writers before it reads, and writes records, resolution and activity in one
transaction. So two people cannot replay the same dead letter at once, and no replay is partial.
"""

from collections.abc import Callable, Sequence
from contextlib import closing

import orjson

from schemas.resolution import Resolution
from schemas.resolution_state import ResolutionState
from services.console.audit import entries
from services.console.deadletters.dead_letter import ListedDeadLetter
from services.console.deadletters.edits import Payload, UnfitError
from services.console.deadletters.originals import with_originals
from services.console.deadletters.planning import flaw, plan
from services.console.deadletters.reader import DeadLetterBox, Only, read_box
from services.console.deadletters.reasons import Outcome, Why
from services.console.deadletters.staleness import stale
from services.console.resources.store import WRITER, competing
from services.runtime.chunks import chunks
from services.runtime.clock import now_ms
from services.runtime.kafka.transactional_producer import OutgoingRecord, TransactionalProducer
from services.runtime.settings import Settings

EDITED, REPLAYED, DROPPED = "dead_letter_edited", "dead_letters_replayed", "dead_letters_dropped"
"""Codes in the activity log."""
_AT_ONCE = 100
"""Dead letters in one transaction."""
Resolutions = Sequence[tuple[Resolution, Sequence[OutgoingRecord]]]
"""Resolutions, each with the records to produce with it."""
Judge = Callable[[Sequence[ListedDeadLetter]], tuple[Resolutions, Sequence[Outcome]]]
"""Decides which dead letters are resolved, and which are left and why."""


class DeadLetterOperations:
    """Operations on the dead letters of one installation, in the name of `by`.

    Every method may raise KafkaError. Methods that change something may raise ProducerError, and FencedError if other
    writers keep interfering.
    """

    def __init__(self, settings: Settings, by: str) -> None:
        self._settings = settings
        self._topics = settings.topics
        self._by = by

    def box(self) -> DeadLetterBox:
        """All dead letters, read now."""
        return read_box(self._settings)

    def find(self, name: str) -> ListedDeadLetter:
        """The dead letter with an id, with its original bytes if they still exist.

        Raises:
            NotFoundError: there is no such dead letter.

        """
        return self._whole([self.box().find(name)])[0]

    def problem(self, dead_letter: ListedDeadLetter) -> str:
        """Why this version cannot replay a dead letter; empty if it can."""
        found = flaw(self._topics, dead_letter, dead_letter.payload)
        return found[1] if found else ""

    def edit(self, name: str, change: Callable[[ListedDeadLetter], Payload]) -> ListedDeadLetter:
        """Replace the payload of a dead letter and set it to open.

        Raises:
            NotFoundError: there is no such dead letter.
            UnfitError: the payload may not be replayed; names the field.

        """

        def work(producer: TransactionalProducer) -> None:
            box = self.box()
            (dead_letter,) = self._whole([box.find(name)])
            payload = change(dead_letter)
            found = flaw(self._topics, dead_letter, orjson.dumps(payload))
            if found:
                raise UnfitError(found[1])
            opened = self._resolution(dead_letter, ResolutionState.OPEN)
            edited = opened.model_copy(update={"payload": payload, "edited_by": self._by, "edited_at": opened.at})
            self._write(producer, box, [(edited, [])], EDITED, f"edited {dead_letter.id}")

        self._compete(work)
        return self.find(name)

    def replay(self, names: Sequence[str] | None, only: Only | None = None, *, force: bool = False) -> list[Outcome]:
        """Produce dead letters again to their topics: those in `names`, or all open ones that match `only`.

        Raises:
            NotFoundError: a name does not exist; nothing was done.

        """

        def judge(dead_letters: Sequence[ListedDeadLetter]) -> tuple[Resolutions, Sequence[Outcome]]:
            dead_letters = self._whole(dead_letters)
            planned = plan(
                self._topics, dead_letters, {} if force else stale(self._settings, dead_letters), force=force
            )
            return [(self._replayed(dead_letter), records) for dead_letter, records in planned.going], planned.left

        return self._settle(names, only, judge, REPLAYED)

    def drop(self, names: Sequence[str], reason: str = "") -> list[Outcome]:
        """Mark dead letters as dropped. They stay in the topic for its retention time and may still be replayed.

        Raises:
            NotFoundError: a name does not exist; nothing was done.

        """

        def judge(dead_letters: Sequence[ListedDeadLetter]) -> tuple[Resolutions, Sequence[Outcome]]:
            going = [one for one in dead_letters if one.state is ResolutionState.OPEN]
            left = [_left(one) for one in dead_letters if one.state is not ResolutionState.OPEN]
            return [(self._resolution(one, ResolutionState.DROPPED, reason), []) for one in going], left

        return self._settle(names, None, judge, DROPPED, f": {reason}" if reason else "")

    def _settle(
        self, names: Sequence[str] | None, only: Only | None, judge: Judge, code: str, because: str = ""
    ) -> list[Outcome]:
        """Resolve the selected dead letters as `judge` decides, in chunks; decide again after a conflict."""
        done: dict[str, Outcome] = {}
        left: list[Outcome] = []

        def work(producer: TransactionalProducer) -> None:
            box = self.box()
            going, left[:] = judge([one for one in self._meant(box, names, only) if one.id not in done])
            for part in chunks(going, _AT_ONCE):
                self._write(producer, box, part, code, f"{_verb(code)} {_some(part)}{because}")
                done.update({one.id: Outcome(one.id, one.state) for one, _ in part})

        self._compete(work)
        return [*done.values(), *left]

    def _compete(self, work: Callable[[TransactionalProducer], None]) -> None:
        for attempt in competing():
            with attempt, closing(TransactionalProducer(self._settings, WRITER)) as producer:
                work(producer)

    def _whole(self, dead_letters: Sequence[ListedDeadLetter]) -> list[ListedDeadLetter]:
        return with_originals(self._settings, dead_letters)

    @staticmethod
    def _meant(box: DeadLetterBox, names: Sequence[str] | None, only: Only | None) -> list[ListedDeadLetter]:
        if names is not None:
            return [box.find(name) for name in dict.fromkeys(names)]
        return [one for one in box.select(only or Only()) if one.state is ResolutionState.OPEN]

    def _resolution(self, dead_letter: ListedDeadLetter, state: ResolutionState, reason: str = "") -> Resolution:
        """The new resolution of a dead letter. An edited payload is kept."""
        fields = {
            "id": dead_letter.id, "digest": dead_letter.digest, "state": state, "by": self._by, "at": now_ms(),
            "reason": reason,
        }  # fmt: skip
        return (
            dead_letter.resolution.model_copy(update=fields)
            if dead_letter.resolution
            else Resolution.model_validate(fields)
        )

    def _replayed(self, dead_letter: ListedDeadLetter) -> Resolution:
        found = self._resolution(dead_letter, ResolutionState.REPLAYED)
        return found.model_copy(update={"replays": found.replays + 1})

    def _write(
        self, producer: TransactionalProducer, box: DeadLetterBox, resolved: Resolutions, code: str, text: str
    ) -> None:
        topic = self._topics.resolutions.name
        activity = entries(self._settings, code, f"{self._by}: {text}", [(one.id, _verb(code)) for one, _ in resolved])
        expired = [OutgoingRecord(topic, id_.encode(), None) for id_ in box.stale]
        producer.write([
            *(record for _, records in resolved for record in records),
            *(OutgoingRecord(topic, one.id.encode(), one.encode()) for one, _ in resolved),
            *expired, *activity,
        ])  # fmt: skip


def _left(dead_letter: ListedDeadLetter) -> Outcome:
    why = Why.DROPPED if dead_letter.state is ResolutionState.DROPPED else Why.REPLAYED
    return Outcome(dead_letter.id, dead_letter.state, why, f"it is {dead_letter.state} already")


def _verb(code: str) -> str:
    return code.rpartition("_")[2]


def _some(resolved: Resolutions) -> str:
    first = ", ".join(one.id for one, _ in resolved[:3])
    return f"{first}{f' and {len(resolved) - 3} more' if len(resolved) > 3 else ''}"
