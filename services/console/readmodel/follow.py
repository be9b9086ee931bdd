"""Follows the topics into the read model, all partitions at once, from the stored offsets on.

Invariant: rows and their offsets are committed together, so a restart continues where it stopped. A recreated or
truncated topic is detected by its offsets, and everything is read again.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from schemas.note import RESERVED
from schemas.progress import PROGRESS_KEY, Progress
from schemas.record import UndecodableError
from schemas.topics import DAY_MS
from services.console.queries.progress import read_progress
from services.console.readmodel import ingest
from services.console.readmodel.database import Database
from services.console.readmodel.ingest import Changes, Indicators, Unreadable
from services.runtime.clock import now_ms
from services.runtime.kafka import clients
from services.runtime.observability import log
from services.runtime.settings import Settings
from services.runtime.supervision import SupervisedThread, Supervisor

_LOG = log.get(__name__)
_FORGET_EVERY_S = 3_600.0
_ACTIVITY_MS = 30 * DAY_MS

Destinations = Callable[[], Iterable[str]]
"""Returns the names of the current destinations."""
Beat = Callable[[], None]


class Follower:
    """Follows the topics in its own thread. `caught_up` is set once everything present at the start has been read."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        destinations: Destinations,
        supervisor: Supervisor,
        beat: Beat = lambda: None,
    ) -> None:
        self.caught_up = threading.Event()
        self.progress: dict[int, Progress] = {}
        self.left = 0
        """Records left to read, at the last check."""
        self._settings = settings
        self._topics = settings.topics
        self._database = database
        self._destinations = destinations
        self._beat = beat
        self._stop = threading.Event()
        self._supervisor = supervisor
        self._thread: SupervisedThread | None = None
        self._known: frozenset[str] = frozenset()
        self._goals: dict[TopicPartition, int] = {}
        self._forget_at = 0.0
        self._indicators = Indicators(database.writer)

    def start(self) -> None:
        """Start to follow."""
        self._thread = self._supervisor.start_thread("readmodel", self._run, ending=self._stop)

    def stop(self) -> None:
        """Finish the current batch and end."""
        if self._thread:
            self._thread.end(10)

    def _run(self) -> None:
        self.progress = {number: known for number, known in read_progress(self._settings).items() if known}
        reader = clients.consumer(self._settings)
        try:
            self._follow(reader)
        finally:
            reader.close()

    def _follow(self, reader: KafkaConsumer) -> None:
        while not self._stop.is_set():
            self._beat()
            if self._wanted() != self._known:
                self._assign(reader)
            found = reader.poll(timeout_ms=200, max_records=20_000)
            if found:
                self._take(reader, found)
            if not self.caught_up.is_set():
                self._look(reader)
            self._forget_old()

    def _wanted(self) -> frozenset[str]:
        names = self._destinations()
        topics = (topic for name in names for topic in (self._topics.desired(name), self._topics.applied(name)))
        return frozenset({self._topics.indicators.name, self._topics.activity.name, *(topic.name for topic in topics)})

    def _assign(self, reader: KafkaConsumer) -> None:
        """Assign the wanted topics, each from its stored offset or from the beginning."""
        self._known = self._wanted()
        existing = {name for name in self._known if reader.partitions_for_topic(name)}
        partitions = [TopicPartition(name, number) for name in sorted(existing) for number in self._numbers(name)]
        reader.assign(partitions)
        first, ends = reader.beginning_offsets(partitions), reader.end_offsets(partitions)
        positions = self._positions()
        if any(not 0 <= positions.get(part, 0) <= ends[part] for part in partitions):
            _LOG.warning("topics were recreated or truncated; reading everything again")
            self._database.clear()
            self._indicators = Indicators(self._database.writer)
            positions = {}
        for part in partitions:
            reader.seek(part, max(first[part], positions.get(part, 0)))
        if not self.caught_up.is_set():
            self._goals = ends

    def _numbers(self, topic: str) -> range:
        return range(self._topics.indicators.partitions if topic == self._topics.indicators.name else 1)

    def _positions(self) -> dict[TopicPartition, int]:
        rows = self._database.writer.execute("SELECT topic, part, next FROM positions")
        return {TopicPartition(topic, part): following for topic, part, following in rows}

    def _take(self, reader: KafkaConsumer, found: Mapping[TopicPartition, list[ConsumerRecord]]) -> None:
        db = self._database.writer
        db.execute("BEGIN")
        for part, records in found.items():
            unreadable = self._take_part(part, records)
            notes = [(part.topic, part.partition, key, why) for key, why in unreadable.found.items()]
            db.executemany("INSERT OR REPLACE INTO unreadable VALUES (?, ?, ?, ?)", notes)
            if notes:
                _LOG.warning("records could not be read", topic=part.topic, count=len(notes), why=notes[0][3])
            position = (part.topic, part.partition, reader.position(part))
            db.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", position)
        db.execute("COMMIT")

    def _take_part(self, part: TopicPartition, records: list[ConsumerRecord]) -> Unreadable:
        if part.topic == self._topics.activity.name:
            entries = [(record.offset, record.value) for record in records if record.value is not None]
            return ingest.take_activity(self._database.writer, entries)
        changes: dict[bytes, bytes | None] = {r.key: r.value for r in records if r.key is not None}
        if part.topic == self._topics.indicators.name:
            self._note_progress(part.partition, changes.pop(PROGRESS_KEY, None))
            return self._indicators.take(changes)
        return self._take_entries(part.topic, changes)

    def _take_entries(self, topic: str, changes: Changes) -> Unreadable:
        prefix = f"{self._settings.topic_prefix}.desired."
        if topic.startswith(prefix):
            return ingest.take_desired(self._database.writer, topic.removeprefix(prefix), changes)
        destination = topic.removeprefix(f"{self._settings.topic_prefix}.applied.")
        entries = {key: value for key, value in changes.items() if not key.startswith(RESERVED)}
        return ingest.take_applied(self._database.writer, destination, entries)

    def _note_progress(self, number: int, raw: bytes | None) -> None:
        if raw is not None:
            try:
                self.progress[number] = Progress.decode(raw)
            except UndecodableError as error:
                _LOG.warning("progress of the router could not be read", partition=number, why=str(error))

    def _look(self, reader: KafkaConsumer) -> None:
        """Set `caught_up` if everything present at the start has been read."""
        self.left = sum(max(0, end - reader.position(part)) for part, end in self._goals.items())
        if self.left == 0:
            self._database.index()
            self.caught_up.set()

    def _forget_old(self) -> None:
        if time.monotonic() >= self._forget_at:
            self._forget_at = time.monotonic() + _FORGET_EVERY_S
            ingest.forget_activity(self._database.writer, max(0, now_ms() - _ACTIVITY_MS))
