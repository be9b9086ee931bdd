"""What tests of the pullers stand on: a source polled by hand, and what it would have committed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar, cast

from schemas.canonical import indicator_id
from schemas.checkpoint import Checkpoint
from schemas.deadletter import DeadLetter
from schemas.hold import Hold
from schemas.report import Report, Verb
from schemas.resources import Connection
from services.runtime.kafka.transactional_producer import OutgoingRecord
from services.runtime.polling.puller import Source, SourceContext
from services.runtime.polling.reporter import Memory, Poll
from services.runtime.settings import Settings
from tests.pushing import Context, Tenure, Told, View

DEAD_LETTERS = Settings().topics.deadletters.name
_S = TypeVar("_S", bound=Source)


class Committed:
    """Reports and memory as committed transactions would leave them: a reporter without Kafka.

    `failure`, when set, is raised by the next `publish` instead of committing.
    """

    def __init__(self) -> None:
        self.memory = Memory()
        self.reports: list[Report] = []
        self.rescued: list[Report] = []
        self.commits = 0
        self.failure: Exception | None = None
        self.letters: list[tuple[DeadLetter, bytes]] = []

    def publish(
        self,
        poll: Poll,
        reports: Sequence[Report],
        checkpoint: Checkpoint,
        chunks: Mapping[int, Mapping[str, str] | None] | None = None,
    ) -> None:
        if self.failure:
            failure, self.failure = self.failure, None
            raise failure
        assert checkpoint.poll == poll.id
        self.commits += 1
        self.reports += reports
        self.memory.checkpoint = Checkpoint.decode(checkpoint.encode())
        for number, entries in (chunks or {}).items():
            if entries is None:
                self.memory.chunks.pop(number)
            else:
                self.memory.chunks[number] = dict(entries)

    def write(self, entries: Iterable[OutgoingRecord]) -> None:
        for entry in entries:
            assert entry.key is not None
            if entry.topic == DEAD_LETTERS:
                self.letters.append((DeadLetter.from_headers(entry.headers), entry.value or b""))
            elif entry.value is None:
                del self.memory.holds[entry.key.decode()]
            else:
                self.memory.holds[entry.key.decode()] = Hold.decode(entry.value)

    def rescue(self, _: Poll, reports: Sequence[Report]) -> None:
        self.rescued += reports

    def held(self) -> dict[str, Report]:
        """What the source vouches for, after all its reports."""
        latest = {indicator_id(report.type, report.value): report for report in self.reports}
        return {key: report for key, report in latest.items() if report.verb is Verb.UPDATE}


class Bench(Generic[_S]):
    """One source at work. `restart` begins anew from what was committed, as a fresh process would."""

    def __init__(self, connection: Connection, make: Callable[[SourceContext], _S]) -> None:
        self.connection = connection
        self.committed = Committed()
        self.told = Told()
        self.policy = View()
        self._make = make
        self._open()

    def _open(self) -> None:
        context, lease = Context(self.told, self.policy), Tenure(self.connection)
        self.source_context = SourceContext(cast("Any", context), cast("Any", lease), cast("Any", self.committed))
        self.source = self._make(self.source_context)

    def restart(self) -> None:
        self.close()
        self._open()

    def close(self) -> None:
        self.source.close()

    def skips(self) -> list[str]:
        """The reasons of everything skipped so far."""
        return [entry.reason for entry in self.told.entries]
