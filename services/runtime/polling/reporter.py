"""Publishes the reports of one source together with its checkpoint.

Invariant: the owner of a source commits reports and the checkpoint or snapshot that covers them in one transaction. So
no report is lost, the checkpoint never runs ahead of the reports, and a former owner is fenced.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from schemas.canonical import indicator_id
from schemas.checkpoint import Checkpoint, SnapshotChunk
from schemas.hold import Hold
from schemas.partitions import partition_of
from schemas.record import UndecodableError
from schemas.report import MAX_REPORTS, Report, ReportBatch
from services.runtime.chunks import bounded_chunks
from services.runtime.deadletters import DeadLetters
from services.runtime.holds import known_holds
from services.runtime.kafka.bulk_read import Raw, read_everything
from services.runtime.kafka.clients import producer
from services.runtime.kafka.record_headers import sendable
from services.runtime.kafka.transactional_producer import OutgoingRecord, TransactionalProducer
from services.runtime.lifecycle import Context
from services.runtime.observability import log, trace
from services.runtime.observability.metrics import CHECKPOINT, REPORTED
from services.runtime.settings import Settings

SCHEMA = b"report-batch/1"
MAX_BATCH_BYTES = 500_000
"""Half of Kafka's limit, since a single report and the envelope are added to it."""
_RESCUE_S = 30.0

_LOG = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Poll:
    """One poll of one source, with the trace that its records carry."""

    source: str
    traceparent: str = field(default_factory=lambda: trace.current() or trace.new())

    @property
    def id(self) -> str:
        """The poll's id, which is that of its trace."""
        return trace.trace_id(self.traceparent)


@dataclass(slots=True)
class Memory:
    """What Kafka stores about a source. `chunks` map indicator ids to fingerprints; `holds` are by id."""

    checkpoint: Checkpoint | None = None
    chunks: dict[int, dict[str, str]] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)


def batches(poll: Poll, reports: Iterable[Report], partitions: int) -> Iterator[tuple[int, ReportBatch]]:
    """Yield (partition, batch) for these reports, in order within each partition, bounded in number and bytes."""
    parts: dict[int, list[Report]] = {}
    for report in reports:
        number = partition_of(indicator_id(report.type, report.value), partitions)
        parts.setdefault(number, []).append(report)
    for number, part in sorted(parts.items()):
        for piece in bounded_chunks(part, MAX_REPORTS, MAX_BATCH_BYTES, lambda report: len(report.encode())):
            yield number, ReportBatch(source=poll.source, poll=poll.id, reports=piece)


class Reporter:
    """The only writer of a source. Used by one thread.

    Raises:
        ProducerError: the ownership cannot be taken.
        TooManyDeadLettersError: too many records about the source are undecodable.

    """

    def __init__(self, context: Context, source: str) -> None:
        self._settings = settings = context.settings
        self._source = source
        self.published = 0
        """Reports published by this process."""
        # Before reading: becoming the owner ends a former owner's open transaction, so no record follows later.
        self._producer = TransactionalProducer(settings, f"pull/{source}")
        try:
            self.memory = recall(settings, source, context.deadletters)
            self.memory.holds = known_holds(context, source)
            if self.memory.checkpoint:
                CHECKPOINT.labels(source).set(self.memory.checkpoint.at / 1000)
        except BaseException:
            self._producer.close()
            raise

    def publish(
        self,
        poll: Poll,
        reports: Sequence[Report],
        checkpoint: Checkpoint,
        chunks: Mapping[int, Mapping[str, str] | None] | None = None,
    ) -> None:
        """Publish reports, the checkpoint and these chunks of the snapshot in one transaction. None deletes a chunk.

        Raises:
            FencedError: another process owns the source.
            ProducerError: Kafka did not take the records.

        """
        topic = self._settings.topics.checkpoints.name
        memory = [OutgoingRecord(topic, self._source.encode(), checkpoint.encode())]
        for number, entries in (chunks or {}).items():
            value = None if entries is None else SnapshotChunk(source=self._source, chunk=number, entries=dict(entries))
            memory.append(OutgoingRecord(topic, f"{self._source}/{number}".encode(), value.encode() if value else None))
        self._producer.write([*self._entries(poll, reports), *memory])
        CHECKPOINT.labels(self._source).set(checkpoint.at / 1000)
        self._count(reports)

    def write(self, entries: Iterable[OutgoingRecord]) -> None:
        """Publish other records as the owner of the source. Raises as `publish`."""
        self._producer.write(entries)

    def rescue(self, poll: Poll, reports: Sequence[Report]) -> None:
        """Publish reports that the vendor will not serve again, without a checkpoint, after the ownership was lost.

        Only for reports that stay true regardless of the process and the time of publication.
        """
        _LOG.warning("publishing what was read before the ownership was lost", source=self._source, count=len(reports))
        with closing(producer(self._settings, compression_type="gzip")) as plain:
            sent = [
                plain.send(e.topic, e.value, key=e.key, partition=e.partition, headers=sendable(e.headers))
                for e in self._entries(poll, reports)
            ]
            for future in sent:
                future.get(timeout=_RESCUE_S)
        self._count(reports)

    def close(self) -> None:
        """Close the producer."""
        self._producer.close()

    def _entries(self, poll: Poll, reports: Iterable[Report]) -> list[OutgoingRecord]:
        topic, key = self._settings.topics.reports.name, self._source.encode()
        return [
            OutgoingRecord(
                topic,
                key,
                batch.encode(),
                number,
                ((trace.HEADER, trace.child(poll.traceparent).encode()), ("schema", SCHEMA)),
            )
            for number, batch in batches(poll, reports, self._settings.partitions)
        ]

    def _count(self, reports: Iterable[Report]) -> None:
        for verb, count in Counter(report.verb for report in reports).items():
            REPORTED.labels(self._source, verb).inc(count)
            self.published += count


def recall(settings: Settings, source: str, deadletters: DeadLetters) -> Memory:
    """Read what Kafka stores about a source. Only its owner may rely on the result."""
    memory, prefix = Memory(), f"{source}/".encode()
    topic = settings.topics.checkpoints.name
    deadletters.limit.begin(topic, 0)
    for record in read_everything(settings, topic):
        try:
            if record.key == source.encode():
                memory.checkpoint = Checkpoint.decode(record.value) if record.value else None
            elif record.key and record.key.startswith(prefix):
                _learn(memory, record)
            deadletters.limit.good(topic, 0)
        except UndecodableError as error:
            # An unreadable chunk only means that its indicators are reported again; at worst they expire by themselves.
            deadletters.set_aside(topic, 0, record, error)
    return memory


def _learn(memory: Memory, record: Raw) -> None:
    assert record.key is not None
    number = record.key.rpartition(b"/")[2]
    if not number.isdigit():
        raise UndecodableError(f"{record.key!r} is not <source>/<chunk>")
    if record.value is None:
        memory.chunks.pop(int(number), None)
    else:
        memory.chunks[int(number)] = SnapshotChunk.decode(record.value).entries
