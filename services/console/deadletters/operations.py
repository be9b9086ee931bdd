"""What can be done about dead letters, for whoever asks: the command line and the HTTP API alike.

Invariant: whoever writes has become the one writer first and read everything after that, so nobody's resolution can
slip in between; the records, the resolution and the word in the activity log are one transaction. So nothing is
replayed twice by two people at once, nor half.
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
"""Letters in one transaction."""
Said = Sequence[tuple[Resolution, Sequence[OutgoingRecord]]]
"""What is said of letters, each with the records that go with it."""
Judge = Callable[[Sequence[ListedDeadLetter]], tuple[Said, Sequence[Outcome]]]
"""Says of letters which are resolved, and which are left and why."""


class DeadLetterOperations:
    """The verbs on the dead letters of one installation, for one person or program (`by`).

    Every method may raise KafkaError; those that change something LedgerError, and FencedError where others kept
    writing at the same time.
    """

    def __init__(self, settings: Settings, by: str) -> None:
        self._settings = settings
        self._topics = settings.topics
        self._by = by

    def box(self) -> DeadLetterBox:
        """Everything as it stands."""
        return read_box(self._settings)

    def find(self, name: str) -> ListedDeadLetter:
        """The letter of an id, with its original bytes as far as these are still somewhere.

        Raises:
            NotFoundError: there is none.

        """
        return self._whole([self.box().find(name)])[0]

    def problem(self, letter: ListedDeadLetter) -> str:
        """What is wrong with a letter now, by the rules of this version; empty where it may be replayed."""
        found = flaw(self._topics, letter, letter.payload)
        return found[1] if found else ""

    def edit(self, name: str, change: Callable[[ListedDeadLetter], Payload]) -> ListedDeadLetter:
        """Put a payload in the place of a letter's value, from now on. The letter is open again then.

        Raises:
            NotFoundError: there is no such letter.
            UnfitError: the payload is not what may be replayed; says which field.

        """

        def work(producer: TransactionalProducer) -> None:
            box = self.box()
            (letter,) = self._whole([box.find(name)])
            payload = change(letter)
            found = flaw(self._topics, letter, orjson.dumps(payload))
            if found:
                raise UnfitError(found[1])
            said = self._resolution(letter, ResolutionState.OPEN)
            said = said.model_copy(update={"payload": payload, "edited_by": self._by, "edited_at": said.at})
            self._write(producer, box, [(said, [])], EDITED, f"edited {letter.id}")

        self._compete(work)
        return self.find(name)

    def replay(self, names: Sequence[str] | None, only: Only | None = None, *, force: bool = False) -> list[Outcome]:
        """Produce letters again where they came from: those named, or all open ones that are meant.

        Raises:
            NotFoundError: one that is named does not exist; nothing was done.

        """

        def judge(letters: Sequence[ListedDeadLetter]) -> tuple[Said, Sequence[Outcome]]:
            letters = self._whole(letters)
            planned = plan(self._topics, letters, {} if force else stale(self._settings, letters), force=force)
            return [(self._replayed(letter), records) for letter, records in planned.going], planned.left

        return self._settle(names, only, judge, REPLAYED)

    def drop(self, names: Sequence[str], reason: str = "") -> list[Outcome]:
        """Let letters be. They stay where they are for as long as they are kept, and may still be replayed.

        Raises:
            NotFoundError: one that is named does not exist; nothing was done.

        """

        def judge(letters: Sequence[ListedDeadLetter]) -> tuple[Said, Sequence[Outcome]]:
            going = [one for one in letters if one.state is ResolutionState.OPEN]
            left = [_left(one) for one in letters if one.state is not ResolutionState.OPEN]
            return [(self._resolution(one, ResolutionState.DROPPED, reason), []) for one in going], left

        return self._settle(names, None, judge, DROPPED, f": {reason}" if reason else "")

    def _settle(
        self, names: Sequence[str] | None, only: Only | None, judge: Judge, code: str, because: str = ""
    ) -> list[Outcome]:
        """Resolve what is meant as `judge` says, a part at a time; where others write, it is judged anew."""
        done: dict[str, Outcome] = {}
        left: list[Outcome] = []

        def work(producer: TransactionalProducer) -> None:
            box = self.box()
            going, left[:] = judge([one for one in self._meant(box, names, only) if one.id not in done])
            for part in chunks(going, _AT_ONCE):
                self._write(producer, box, part, code, f"{_what(code)} {_some(part)}{because}")
                done.update({one.id: Outcome(one.id, one.state) for one, _ in part})

        self._compete(work)
        return [*done.values(), *left]

    def _compete(self, work: Callable[[TransactionalProducer], None]) -> None:
        for attempt in competing():
            with attempt, closing(TransactionalProducer(self._settings, WRITER)) as producer:
                work(producer)

    def _whole(self, letters: Sequence[ListedDeadLetter]) -> list[ListedDeadLetter]:
        return with_originals(self._settings, letters)

    @staticmethod
    def _meant(box: DeadLetterBox, names: Sequence[str] | None, only: Only | None) -> list[ListedDeadLetter]:
        if names is not None:
            return [box.find(name) for name in dict.fromkeys(names)]
        return [one for one in box.select(only or Only()) if one.state is ResolutionState.OPEN]

    def _resolution(self, letter: ListedDeadLetter, state: ResolutionState, reason: str = "") -> Resolution:
        """What is said of a letter from now on; what was put in its place stays."""
        said = {
            "id": letter.id, "digest": letter.digest, "state": state, "by": self._by, "at": now_ms(), "reason": reason,
        }  # fmt: skip
        return letter.resolution.model_copy(update=said) if letter.resolution else Resolution.model_validate(said)

    def _replayed(self, letter: ListedDeadLetter) -> Resolution:
        said = self._resolution(letter, ResolutionState.REPLAYED)
        return said.model_copy(update={"replays": said.replays + 1})

    def _write(self, producer: TransactionalProducer, box: DeadLetterBox, said: Said, code: str, text: str) -> None:
        topic = self._topics.resolutions.name
        told = entries(self._settings, code, f"{self._by}: {text}", [(one.id, _what(code)) for one, _ in said])
        swept = [OutgoingRecord(topic, id_.encode(), None) for id_ in box.stale]
        producer.write([
            *(record for _, records in said for record in records),
            *(OutgoingRecord(topic, one.id.encode(), one.encode()) for one, _ in said),
            *swept, *told,
        ])  # fmt: skip


def _left(letter: ListedDeadLetter) -> Outcome:
    why = Why.DROPPED if letter.state is ResolutionState.DROPPED else Why.REPLAYED
    return Outcome(letter.id, letter.state, why, f"it is {letter.state} already")


def _what(code: str) -> str:
    return code.rpartition("_")[2]


def _some(said: Said) -> str:
    first = ", ".join(one.id for one, _ in said[:3])
    return f"{first}{f' and {len(said) - 3} more' if len(said) > 3 else ''}"
