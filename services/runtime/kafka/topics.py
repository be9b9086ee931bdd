"""Creating topics and checking that those which exist are as they should be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from schemas.topics import Topic


@dataclass(frozen=True, slots=True)
class TopicState:
    """What was found or done about one topic. `wrong` says what differs and what to do, a line each."""

    topic: Topic
    state: Literal["created", "as it should be", "differs", "missing"]
    wrong: tuple[str, ...] = ()


def apply_topics(client: KafkaAdminClient, topics: Sequence[Topic], replication: int) -> list[TopicState]:
    """Create what is missing and check the rest. Nothing that exists is changed: that is for a person to decide."""
    states = check_topics(client, topics)
    missing = [state.topic for state in states if state.state == "missing"]
    if missing:
        client.create_topics(
            {
                topic.name: {
                    "num_partitions": topic.partitions, "replication_factor": replication, "configs": topic.config
                }
                for topic in missing
            },
            wait_for_metadata=True,
        )  # fmt: skip
    return [TopicState(s.topic, "created") if s.topic in missing else s for s in states]


def check_topics(client: KafkaAdminClient, topics: Sequence[Topic]) -> list[TopicState]:
    """Compare topics with what they should be, and change nothing."""
    existing = set(client.list_topics())
    known = [topic for topic in topics if topic.name in existing]
    partitions = _partitions(client, known)
    configs = _configs(client, known)
    return [
        _state(topic, partitions[topic.name], configs[topic.name]) if topic.name in existing
        else TopicState(topic, "missing")
        for topic in topics
    ]  # fmt: skip


def _state(topic: Topic, partitions: int, config: dict[str, str]) -> TopicState:
    wrong = []
    if partitions != topic.partitions:
        wrong.append(
            f"has {partitions} partitions, should have {topic.partitions}: indicators would change partition; "
            "set IOC_BRIDGE_PARTITIONS to what the topic has, or begin with new topics"
        )
    for key, value in topic.config.items():
        if (found := config.get(key)) != value:
            wrong.append(f"{key} is {found}, should be {value}: change it with kafka-configs --alter")
    return TopicState(topic, "differs" if wrong else "as it should be", tuple(wrong))


def _partitions(client: KafkaAdminClient, topics: Sequence[Topic]) -> dict[str, int]:
    if not topics:
        return {}
    return {found["name"]: len(found["partitions"]) for found in client.describe_topics([t.name for t in topics])}


def _configs(client: KafkaAdminClient, topics: Sequence[Topic]) -> dict[str, dict[str, str]]:
    if not topics:
        return {}
    found: dict[str, Any] = client.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics], config_filter="all"
    )
    return {name: {key: data["value"] for key, data in config.items()} for name, config in found["topic"].items()}
