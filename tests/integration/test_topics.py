"""Topics are made as they should be, and what differs is told and left alone."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from kafka.admin import KafkaAdminClient

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
        assert state.wrong[0].startswith("has 3 partitions, should have 4: ")
        assert "set IOC_BRIDGE_PARTITIONS" in state.wrong[0]
        assert state.wrong[1] == ("cleanup.policy is compact, should be delete: change it with kafka-configs --alter")
