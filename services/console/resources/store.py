"""Reads `ioc.policy`, and writes to it only if it has not changed since it was read.

Opening the writer fences all earlier writers. Only then the end of the topic is compared with the snapshot's version,
so no other change can come in between: the write is refused, and the caller reads and plans again.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from kafka import KafkaConsumer, TopicPartition
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from schemas.policy import Policy
from schemas.record import UndecodableError
from schemas.resources import BUILT_IN, AnyResource, decode_resource
from services.runtime.kafka import clients
from services.runtime.kafka.bulk_read import read_to_end
from services.runtime.kafka.transactional_producer import FencedError, OutgoingRecord, TransactionalProducer
from services.runtime.settings import Settings

WRITER = "policy"
"""Transactional id shared by all writers of the policy and of resolutions, so that they fence each other."""
ATTEMPTS = 5
BOOTSTRAP_WITHIN_MS = 10_000
"""Shorter than the services' half a minute: a person waits for the answer."""


def competing() -> Retrying:
    """Attempts of a write that competes with other writers. The error of the last attempt is raised."""
    return Retrying(
        retry=retry_if_exception_type((FencedError, MovedError)),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.1, max=2),
        reraise=True,
    )


class NoPolicyError(Exception):
    """The policy topic does not exist."""


class MovedError(Exception):
    """The policy has changed since it was read."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A resource and the offset of its record as `version`; None if it is built in."""

    resource: AnyResource
    version: int | None


@dataclass(frozen=True)
class Snapshot:
    """All resources at one moment, by kind and name. `version` is the end offset of the topic at that moment.

    `unreadable`: records that this version cannot read, by key, with the error.
    """

    stored: dict[tuple[str, str], Stored] = field(default_factory=dict)
    version: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)

    @cached_property
    def listed(self) -> dict[tuple[str, str], Stored]:
        """All resources except deleted ones that are still being carried out."""
        return {id_: found for id_, found in self.stored.items() if found.resource.metadata.ended is None}

    @cached_property
    def policy(self) -> Policy:
        """The policy that services see."""
        return Policy.of((found.resource for found in self.stored.values()), self.version)


class PolicyStore:
    """Reads and writes the policy of one installation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._partition = TopicPartition(settings.topics.policy.name, 0)

    def read(self, reader: KafkaConsumer | None = None) -> Snapshot:
        """Read everything up to the current end. `reader`: a consumer to use instead of a new one.

        Raises:
            NoPolicyError: the topic does not exist.
            KafkaError: Kafka does not answer.

        """
        stored: dict[tuple[str, str], Stored] = {(one.kind, one.name): Stored(one, None) for one in BUILT_IN}
        unreadable: dict[str, str] = {}
        latest: dict[bytes, tuple[int, bytes]] = {}
        with self._reader(reader) as source:
            for record in read_to_end(source, self._partition):
                if record.key is not None and record.value is not None:
                    latest[record.key] = record.offset, record.value
                elif record.key is not None:
                    latest.pop(record.key, None)
            version = source.position(self._partition)
        for key, (offset, value) in latest.items():
            try:
                resource = decode_resource(value)
            except UndecodableError as error:
                unreadable[key.decode(errors="replace")] = str(error)
            else:
                stored[resource.kind, resource.name] = Stored(resource, offset)
        return Snapshot(stored, version, unreadable)

    def write(
        self, values: Iterable[tuple[str, bytes | None]], version: int, also: Iterable[OutgoingRecord] = ()
    ) -> None:
        """Write values by key, all or none, if the topic still ends at `version`. None deletes a key.

        `also` is written in the same transaction.

        Raises:
            MovedError: the topic has grown; nothing was written.
            FencedError: another writer took over; nothing was written.
            ProducerError, KafkaError: Kafka did not take the write.

        """
        with closing(TransactionalProducer(self._settings, WRITER)) as producer:
            with self._reader() as reader:
                if reader.end_offsets([self._partition])[self._partition] != version:
                    raise MovedError("the policy has changed in the meantime")
            producer.write(
                [*(OutgoingRecord(self._partition.topic, key.encode(), value) for key, value in values), *also]
            )

    @contextmanager
    def _reader(self, given: KafkaConsumer | None = None) -> Iterator[KafkaConsumer]:
        reader = given or clients.consumer(self._settings, bootstrap_timeout_ms=BOOTSTRAP_WITHIN_MS)
        try:
            if not reader.partitions_for_topic(self._partition.topic):
                raise NoPolicyError(
                    f"there is no topic {self._partition.topic} at {self._settings.kafka_bootstrap}; make it with "
                    "`ioc-bridge topics apply`, or correct IOC_BRIDGE_TOPIC_PREFIX"
                )
            yield reader
        finally:
            if given is None:
                reader.close()
