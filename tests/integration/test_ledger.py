"""A unit of work is seen as a whole or not at all, and a former owner cannot write any more."""

from contextlib import closing

import pytest
from kafka import TopicPartition

from schemas.topics import Topic
from services.runtime.kafka import clients
from services.runtime.kafka.bulk_read import latest
from services.runtime.kafka.topics import apply_topics
from services.runtime.kafka.transactional_producer import (
    FencedError,
    OutgoingRecord,
    ProducerError,
    TransactionalProducer,
)
from services.runtime.settings import Settings
from tests.routing import settings_for
from tests.waiting import ANSWER_S


@pytest.fixture
def settings(bootstrap: str, prefix: str) -> Settings:
    return settings_for(bootstrap, prefix)


@pytest.fixture
def topic(settings: Settings) -> str:
    found = Topic(f"{settings.topic_prefix}.some", 2)
    with closing(clients.admin(settings)) as admin:
        apply_topics(admin, [found], replication=1)
    return found.name


def everything(settings: Settings, topic: str) -> dict[bytes, bytes]:
    return latest(settings, topic, 0) | latest(settings, topic, 1)


def test_all_entries_of_a_unit_are_there_with_their_headers(settings: Settings, topic: str) -> None:
    with closing(TransactionalProducer(settings, "owner")) as producer:
        producer.write(
            [OutgoingRecord(topic, b"a", b"1", 0, (("traceparent", b"00-1"),)), OutgoingRecord(topic, b"b", b"2", 1)]
        )
        producer.write([OutgoingRecord(topic, b"a", None)])
    assert everything(settings, topic) == {b"b": b"2"}
    with closing(clients.consumer(settings)) as reader:
        reader.assign([TopicPartition(topic, 0)])
        reader.seek_to_beginning()
        (record, *_) = next(iter(reader.poll(timeout_ms=ANSWER_S * 1_000).values()))
        assert record.headers == [("traceparent", b"00-1")]


def test_nothing_is_there_when_one_entry_is_not_taken(settings: Settings, topic: str) -> None:
    with closing(TransactionalProducer(settings, "owner")) as producer:
        too_large = b"x" * (clients.MAX_REQUEST_BYTES + 1)
        with pytest.raises(ProducerError, match="Kafka did not take a unit of work of owner"):
            producer.write([OutgoingRecord(topic, b"a", b"1"), OutgoingRecord(topic, b"b", too_large, 1)])
    with closing(TransactionalProducer(settings, "owner")) as producer:  # whoever opens it next ends what was left open
        producer.write([OutgoingRecord(topic, b"c", b"3")])
    assert everything(settings, topic) == {b"c": b"3"}


def test_a_former_owner_is_fenced_and_leaves_no_trace(settings: Settings, topic: str) -> None:
    with (
        closing(TransactionalProducer(settings, "owner")) as former,
        closing(TransactionalProducer(settings, "owner")) as present,
    ):
        with pytest.raises(FencedError, match="another process owns owner now"):
            former.write([OutgoingRecord(topic, b"a", b"former")])
        present.write([OutgoingRecord(topic, b"b", b"present")])
    assert everything(settings, topic) == {b"b": b"present"}


def test_owners_of_other_things_do_not_fence_each_other(settings: Settings, topic: str) -> None:
    with (
        closing(TransactionalProducer(settings, "one")) as one,
        closing(TransactionalProducer(settings, "other")) as other,
    ):
        one.write([OutgoingRecord(topic, b"a", b"1")])
        other.write([OutgoingRecord(topic, b"b", b"2")])
        one.write([OutgoingRecord(topic, b"c", b"3")])
    assert everything(settings, topic) == {b"a": b"1", b"b": b"2", b"c": b"3"}
