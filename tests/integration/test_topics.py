"""Topics are made as they should be, and what differs is told and left alone."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from schemas.topics import Topics
from services.runtime.kafka import clients
from services.runtime.kafka.topics import apply_topics, check_topics
from tests.routing import settings_for


@pytest.fixture
def admin(bootstrap: str, prefix: str) -> Iterator[KafkaAdminClient]:
    with closing(clients.admin(settings_for(bootstrap, prefix))) as client:
        yield client


@pytest.fixture
def topics(prefix: str) -> Topics:
    return Topics(prefix, partitions=3)


def test_what_is_missing_is_made_and_then_as_it_should_be(admin: KafkaAdminClient, topics: Topics) -> None:
    wanted = topics.all(["acme"])
    assert {state.state for state in check_topics(admin, wanted)} == {"missing"}
    assert {state.state for state in check_topics(admin, wanted)} == {"missing"}, "checking makes nothing"
    assert [state.topic for state in apply_topics(admin, wanted, replication=1)] == wanted
    states = check_topics(admin, wanted)
    assert [(state.topic.name, state.state, state.wrong) for state in states] == [
        (topic.name, "as it should be", ()) for topic in wanted
    ]
    for state in states:
        named = {setting.name: setting.found for setting in state.settings}
        assert named.keys() >= {
            "partitions",
            "replication",
            "compression.type",
            "max.message.bytes",
            *state.topic.config,
        }
        assert "unknown" not in named.values()
    assert {state.state for state in apply_topics(admin, wanted, replication=1)} == {"as it should be"}


def test_only_what_is_missing_is_made(admin: KafkaAdminClient, topics: Topics) -> None:
    apply_topics(admin, [topics.policy], replication=1)
    states = apply_topics(admin, [topics.policy, topics.activity], replication=1)
    assert [state.state for state in states] == ["as it should be", "created"]


def test_what_differs_is_told_with_what_to_do_and_left_alone(admin: KafkaAdminClient, topics: Topics) -> None:
    apply_topics(admin, [replace(topics.reports, config={"cleanup.policy": "compact"})], replication=1)
    wanted = replace(topics.reports, partitions=4)
    for _ in range(2):
        (state,) = apply_topics(admin, [wanted], replication=1)
        assert state.state == "differs"
        assert len(state.wrong) == 2
        assert state.wrong[0].startswith("partitions is 3, should be 4: ")
        assert "set IOC_BRIDGE_PARTITIONS" in state.wrong[0]
        assert state.wrong[1] == ("cleanup.policy is compact, should be delete: change it with kafka-configs --alter")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("retention.ms", "1000", "should be 604800000"),
        ("retention.bytes", "1000000", "records would go before their time"),
        ("max.message.bytes", "500000", "should be 1000012 or more: records of services would be refused"),
        ("min.insync.replicas", "2", "should be 1: fewer may lose"),
        ("unclean.leader.election.enable", "true", "should be false"),
        ("cleanup.policy", "compact,delete", "should be delete"),
    ],
)
def test_every_setting_that_matters_is_told_with_what_to_do(
    admin: KafkaAdminClient, topics: Topics, name: str, value: str, said: str
) -> None:
    apply_topics(admin, [topics.reports], replication=1)
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topics.reports.name, {name: value})])
    (state,) = check_topics(admin, [topics.reports])
    (line,) = state.wrong
    assert line.startswith(f"{name} is {value}, ")
    assert said in line
    assert "change it with" in line


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd", "uncompressed"])
def test_every_codec_is_right_and_told(admin: KafkaAdminClient, topics: Topics, codec: str) -> None:
    topic = replace(topics.reports, config={**topics.reports.config, "compression.type": codec})
    apply_topics(admin, [topic], replication=1)
    (state,) = check_topics(admin, [topics.reports])
    assert state.state == "as it should be"
    assert ("compression.type", codec) in {(setting.name, setting.found) for setting in state.settings}


def test_fewer_copies_than_asked_for_are_told(admin: KafkaAdminClient, topics: Topics) -> None:
    apply_topics(admin, [topics.policy], replication=1)
    (state,) = check_topics(admin, [topics.policy], replication=3)
    assert state.wrong[0].startswith("replication is 1, should be 3 or more: ")
