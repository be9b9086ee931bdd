"""An undecodable record stays readable: its own bytes, and where it came from in the headers."""

from contextlib import closing

import pytest
from kafka import TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from pydantic import ValidationError

from schemas.deadletter import DeadLetter
from services.runtime.deadletters import MAX_RUN, DeadLetters, TooManyDeadLettersError
from services.runtime.kafka import clients
from services.runtime.kafka.bulk_read import Raw
from services.runtime.kafka.topics import apply_topics
from services.runtime.settings import Settings
from tests.routing import settings_for


@pytest.fixture
def settings(bootstrap: str, prefix: str) -> Settings:
    settings = settings_for(bootstrap, prefix)
    with closing(clients.admin(settings)) as admin:
        apply_topics(admin, [settings.topics.deadletters], replication=1)
    return settings


def letters(settings: Settings) -> list[ConsumerRecord]:
    partition = TopicPartition(settings.topics.deadletters.name, 0)
    found: list[ConsumerRecord] = []
    with closing(clients.consumer(settings)) as reader:
        reader.assign([partition])
        reader.seek_to_beginning(partition)
        end = reader.end_offsets([partition])[partition]
        while reader.position(partition) < end:
            found += reader.poll(timeout_ms=500).get(partition, [])
    return found


def test_the_original_bytes_and_where_they_came_from_are_kept(settings: Settings) -> None:
    raw = Raw(offset=42, key=b"\x00\xffkey", value=b"\xfe not json")
    with closing(DeadLetters(settings, "router")) as deadletters:
        deadletters.set_aside("ioc.reports", 7, raw, ValueError("no good: ü " + "x" * 1000))
    (found,) = letters(settings)
    assert (found.key, found.value) == (raw.key, raw.value)
    letter = DeadLetter.from_headers(found.headers)
    assert (letter.topic, letter.partition, letter.offset, letter.service) == ("ioc.reports", 7, 42, "router")
    assert letter.error.startswith("no good: ü xxx")
    assert len(letter.error) == 500
    assert letter.at == pytest.approx(found.timestamp, abs=60_000)


def test_a_record_without_a_key_keeps_none(settings: Settings) -> None:
    with closing(DeadLetters(settings, "router")) as deadletters:
        deadletters.set_aside("ioc.reports", 0, Raw(0, None, b""), ValueError(""))
    (found,) = letters(settings)
    assert (found.key, found.value) == (None, b"")
    assert DeadLetter.from_headers(found.headers).error == ""


def test_past_the_limit_nothing_more_is_set_aside(settings: Settings) -> None:
    with closing(DeadLetters(settings, "router")) as deadletters:
        for number in range(MAX_RUN):
            deadletters.set_aside("ioc.reports", 0, Raw(number, b"k", b"v"), ValueError("bad"))
        with pytest.raises(TooManyDeadLettersError):
            deadletters.set_aside("ioc.reports", 0, Raw(MAX_RUN, b"k", b"v"), ValueError("bad"))
        deadletters.set_aside("ioc.reports", 1, Raw(0, b"k", b"v"), ValueError("another partition"))
    assert [DeadLetter.from_headers(found.headers).offset for found in letters(settings)] == [*range(MAX_RUN), 0]


@pytest.mark.parametrize("name", ["v", "topic", "offset"])
def test_headers_that_are_missing_or_wrong_are_refused(name: str) -> None:
    letter = DeadLetter(topic="t", partition=0, offset=0, service="router", error="bad", at=0)
    assert DeadLetter.from_headers([*letter.headers(), ("traceparent", b"x")]) == letter
    without = [header for header in letter.headers() if header[0] != f"ioc-bridge.{name}"]
    with pytest.raises(ValidationError):
        DeadLetter.from_headers(without)
    if name != "topic":
        with pytest.raises(ValidationError):
            DeadLetter.from_headers([*without, (f"ioc-bridge.{name}", b"two")])
