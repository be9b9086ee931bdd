"""The work that every way of routing is given: reports about web addresses, a policy with one sharing, real topics."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice

from kafka import TopicPartition

from schemas.canonical import indicator_id
from schemas.partitions import partition_of
from schemas.policy import Policy
from schemas.report import Report, ReportBatch, Verb
from schemas.resources import AnyResource, encode_resource, resource, resource_key
from schemas.types import IndicatorType, Severity
from services.router.evaluation.compile import CompiledPolicy, compile_policy
from services.runtime.clock import now_ms
from services.runtime.kafka import clients
from services.runtime.kafka.bulk_read import read_to_end
from services.runtime.kafka.topics import apply_topics
from services.runtime.kafka.transactional_producer import OutgoingRecord, TransactionalProducer
from services.runtime.settings import Settings

SOURCE, DESTINATION = "source", "destination"
PER_BATCH = 500
_START = now_ms()
_BATCHES_PER_TRANSACTION = 64


def policy_resources() -> list[AnyResource]:
    """Two tenants and one sharing between them."""
    tenants: dict[str, dict[str, object]] = {
        SOURCE: {"type": "netskope", "tenantUrl": "http://127.0.0.1:1", "v2Token": {"env": "NONE"}},
        DESTINATION: {"type": "defender", "tenantId": "t", "appId": "a", "appSecret": {"env": "NONE"}},
    }
    sharing = {
        "source": SOURCE,
        "destination": DESTINATION,
        "target": {"kind": "defender-action", "action": "Block"},
    }
    found = [("Connection", name, spec) for name, spec in tenants.items()] + [("Sharing", "share", sharing)]
    return [resource(kind, name, spec) for kind, name, spec in found]


def compiled_policy() -> CompiledPolicy:
    """The policy as the router sees it."""
    return compile_policy(Policy.of(policy_resources(), version=1), now_ms())


def report(number: int, indicators: int) -> Report:
    """The numbered report: a sighting of one of `indicators` web addresses, always newer than the one before."""
    which = number % indicators
    return Report(
        verb=Verb.UPDATE,
        type=IndicatorType.URL,
        value=f"http://host{which}.evil.example/path/{which}",
        observed_at=_START + number,
        first_seen=_START,
        last_seen=_START + number,
        severity=Severity.HIGH,
        reputation=8,
        tags=("phish",),
        comments=f"campaign {number} - Phishing",
    )


def batches(reports: int, indicators: int, partitions: int, *, first: int = 0) -> Iterator[tuple[int, ReportBatch]]:
    """So many reports, from the one numbered `first` on, as batches with their partition."""
    waiting: dict[int, list[Report]] = defaultdict(list)
    for number in range(first, first + reports):
        said = report(number, indicators)
        partition = partition_of(indicator_id(said.type, said.value), partitions)
        waiting[partition].append(said)
        if len(waiting[partition]) == PER_BATCH:
            yield partition, ReportBatch(source=SOURCE, poll="bench", reports=tuple(waiting.pop(partition)))
    for partition, rest in waiting.items():
        yield partition, ReportBatch(source=SOURCE, poll="bench", reports=tuple(rest))


def prepare(settings: Settings) -> None:
    """Make the topics and write the policy."""
    with closing(clients.admin(settings)) as admin:
        apply_topics(admin, settings.topics.all([SOURCE, DESTINATION]), replication=1)
    write_policy(settings, policy_resources())


def write_policy(settings: Settings, resources: Iterable[AnyResource]) -> None:
    """Put resources where services read the policy."""
    with closing(TransactionalProducer(settings, "policy")) as producer:
        producer.write(
            OutgoingRecord(settings.topics.policy.name, resource_key(found).encode(), encode_resource(found))
            for found in resources
        )


def fill_batched(settings: Settings, reports: int, indicators: int, *, first: int = 0, at_once: bool = False) -> float:
    """Put so many reports into `ioc.reports`, from the one numbered `first` on, as a puller does.

    `at_once`: in one transaction, so that nobody sees any before all are committed. Returns when that was, by the
    monotonic clock.
    """
    made = (
        OutgoingRecord(settings.topics.reports.name, SOURCE.encode(), batch.encode(), partition)
        for partition, batch in batches(reports, indicators, settings.partitions, first=first)
    )
    with closing(TransactionalProducer(settings, f"pull/{SOURCE}")) as producer:
        if at_once:
            producer.write(list(made))  # made before the transaction begins, which must not take long
        else:
            while entries := list(islice(made, _BATCHES_PER_TRANSACTION)):
                producer.write(entries)
        return time.monotonic()


def fill_single(settings: Settings, topic: str, reports: int, indicators: int) -> None:
    """Put the same reports into a topic one record a report, keyed by indicator, as stream processors expect them."""
    with closing(clients.producer(settings, linger_ms=20, batch_size=200_000)) as producer:
        for number in range(reports):
            said = report(number, indicators)
            identity = indicator_id(said.type, said.value)
            partition = partition_of(identity, settings.partitions)
            producer.send(topic, said.encode(), key=identity.encode(), partition=partition)
        producer.flush()


def fill_changelog(settings: Settings, source: str, topic: str, most: int) -> int:
    """Copy indicators of the router's changelog into another one, compacted to the latest, from all partitions alike.

    Returns how many: about `most`.
    """
    count = 0
    with closing(clients.producer(settings, linger_ms=20, batch_size=200_000)) as producer:
        for partition in range(settings.partitions):
            latest: dict[bytes, bytes] = {}
            with closing(clients.consumer(settings)) as reader:
                for record in read_to_end(reader, TopicPartition(source, partition)):
                    if record.key and record.value and not record.key.startswith(b"\x00"):
                        latest[record.key] = record.value
            copied = dict(islice(latest.items(), most // settings.partitions))
            for key, value in copied.items():
                producer.send(topic, value, key=key, partition=partition)
            count += len(copied)
        producer.flush()
    return count
