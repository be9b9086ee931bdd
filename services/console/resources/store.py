"""`ioc.policy` as it stands, and writing to it on one condition: that it is still as it was read.

Opening the writer fences whoever wrote before. Only then the end of the topic is compared with that of the reading, so
nobody's change can slip in between: the writing is refused, and its owner reads and plans again.
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
"""The one writer that everybody becomes who changes something by hand: the policy, or what was made of dead letters."""
ATTEMPTS = 5
BOOTSTRAP_WITHIN_MS = 10_000
"""A person waits: half a minute, as services do, is too long to learn that an address is wrong."""


def competing() -> Retrying:
    """Attempts of somebody who writes where others do as well; the last one's error is theirs to deal with."""
    return Retrying(
        retry=retry_if_exception_type((FencedError, MovedError)),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.1, max=2),
        reraise=True,
    )


class NoPolicyError(Exception):
    """The topic does not exist."""


class MovedError(Exception):
    """The policy has changed since it was read."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A resource and the offset of its record; None for what is built in."""

    resource: AnyResource
    version: int | None


@dataclass(frozen=True)
class Snapshot:
    """All resources of one moment, by kind and name; `version` is the end of the topic then.

    `unreadable` has the keys of records which this version cannot read, and why.
    """

    stored: dict[tuple[str, str], Stored] = field(default_factory=dict)
    version: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)

    @cached_property
    def listed(self) -> dict[tuple[str, str], Stored]:
        """All but what was deleted and is still being carried out."""
        return {id_: found for id_, found in self.stored.items() if found.resource.metadata.ended is None}

    @cached_property
    def policy(self) -> Policy:
        """The resources as services see them."""
        return Policy.of((found.resource for found in self.stored.values()), self.version)


class PolicyStore:
    """Reads and writes the policy of one installation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._partition = TopicPartition(settings.topics.policy.name, 0)

    def read(self, reader: KafkaConsumer | None = None) -> Snapshot:
        """Read everything up to the present end; by a consumer that is there already, if one is given.

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
        """Write values by key, all or none, provided that the policy still ends at `version`. None deletes.

        `also` becomes visible together with them.

        Raises:
            MovedError: it does not; nothing was written.
            FencedError: someone else began to write; nothing was written.
            LedgerError, KafkaError: Kafka did not take it.

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
