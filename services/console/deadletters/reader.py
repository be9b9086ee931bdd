"""Reads `ioc.deadletters` together with `ioc.resolutions`.

Invariant: a resolution applies only to the bytes it was made for. A recreated topic has other records at the same
offsets, and those are open.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace

from kafka import KafkaConsumer, TopicPartition

from schemas.deadletter import DeadLetter
from schemas.record import Millis, UndecodableError
from schemas.resolution import Resolution
from schemas.resolution_state import ResolutionState
from schemas.topics import Topic
from services.console.deadletters.dead_letter import ListedDeadLetter
from services.console.resources.planning import NotFoundError
from services.console.resources.store import BOOTSTRAP_WITHIN_MS, NoPolicyError
from services.runtime.kafka.bulk_read import Raw, read_to_end
from services.runtime.kafka.clients import consumer
from services.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Only:
    """A filter of dead letters by topic, service, state and time; None matches all.

    `topic` may be given without the prefix of the installation.
    """

    topic: str | None = None
    service: str | None = None
    state: ResolutionState | None = None
    since: Millis | None = None

    def matches(self, letter: ListedDeadLetter, prefix: str) -> bool:
        """Whether a dead letter passes the filter. `prefix` is that of the installation."""
        return (
            (self.topic is None or letter.last.topic in (self.topic, f"{prefix}.{self.topic}"))
            and (self.service is None or self.service in letter.services)
            and (self.state is None or letter.state is self.state)
            and (self.since is None or letter.last.at >= self.since)
        )


@dataclass(frozen=True, slots=True)
class DeadLetterBox:
    """Every dead letter by its id, oldest first. `stale` are the ids of resolutions without a dead letter."""

    letters: dict[str, ListedDeadLetter]
    stale: Sequence[str] = ()
    prefix: str = ""
    strangers: int = 0
    """Records in the topic that are no dead letters."""
    counts: Counter[str] = field(default_factory=Counter)
    """Number of dead letters by state."""

    def select(self, only: Only) -> list[ListedDeadLetter]:
        """The dead letters that pass the filter."""
        return [letter for letter in self.letters.values() if only.matches(letter, self.prefix)]

    def find(self, name: str) -> ListedDeadLetter:
        """The dead letter with an id, given with or without the prefix of the installation.

        Raises:
            NotFoundError: there is no such dead letter.

        """
        found = self.letters.get(name) or self.letters.get(f"{self.prefix}.{name}")
        if found is None:
            raise NotFoundError(f"there is no dead letter {name}; `ioc-bridge deadletters list` lists them")
        return found


def read_box(settings: Settings) -> DeadLetterBox:
    """Read all dead letters up to the current end of the topic.

    Raises:
        NoPolicyError: a topic does not exist.
        KafkaError: Kafka does not answer.

    """
    letters: dict[str, ListedDeadLetter] = {}
    strangers = 0
    with closing(consumer(settings, bootstrap_timeout_ms=BOOTSTRAP_WITHIN_MS)) as reader:
        resolutions = _resolutions(reader, _partition(reader, settings.topics.resolutions))
        records = list(read_to_end(reader, _partition(reader, settings.topics.deadletters)))
    for record in records:
        try:
            note = DeadLetter.from_headers(record.headers)
        except UndecodableError:
            strangers += 1
            continue
        letters[note.id] = _noted(letters.get(note.id), record, note, resolutions.get(note.id))
    # An unreadable record may be of a newer version, and one of these resolutions may belong to it.
    stale = [] if strangers else [id_ for id_ in resolutions if id_ not in letters]
    counts = Counter(str(letter.state) for letter in letters.values())
    return DeadLetterBox(letters, stale, settings.topic_prefix, strangers, counts)


def _noted(
    before: ListedDeadLetter | None, record: Raw, note: DeadLetter, resolution: Resolution | None
) -> ListedDeadLetter:
    value = None if note.is_stub else record.value
    letter = ListedDeadLetter(record.key, value, DeadLetter.original(record.headers), [note])
    if before is not None and before.digest == letter.digest:
        whole = before if letter.is_stub else letter
        headers = letter.headers or before.headers
        letter = ListedDeadLetter(whole.key, whole.value, headers, [*before.notes, note])
    is_for_it = resolution is not None and resolution.digest == letter.digest
    return replace(letter, resolution=resolution) if is_for_it else letter


def _partition(reader: KafkaConsumer, topic: Topic) -> TopicPartition:
    if not reader.partitions_for_topic(topic.name):
        raise NoPolicyError(f"there is no topic {topic.name}; make it with `ioc-bridge topics apply`")
    return TopicPartition(topic.name, 0)


def _resolutions(reader: KafkaConsumer, partition: TopicPartition) -> dict[str, Resolution]:
    """Resolutions by dead-letter id. Ignores records of a newer version."""
    found: dict[str, Resolution] = {}
    for record in read_to_end(reader, partition):
        id_ = (record.key or b"").decode(errors="replace")
        found.pop(id_, None)
        if record.value is not None:
            with suppress(UndecodableError):
                found[id_] = Resolution.decode(record.value)
    return found
