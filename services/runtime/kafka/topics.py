"""Topics: create missing ones and check the settings of existing ones."""

from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from schemas.topics import Topic
from services.runtime.kafka.clients import admin
from services.runtime.kafka.topic_settings import TopicSetting, settings_of
from services.runtime.settings import Settings

_REPLICAS = "replica_nodes"
_ANSWER_WITHIN_MS = 5_000
"""Of a process that asks again and again, and must be able to leave in between."""

_LEADERS_WITHIN_MS = 120_000
"""For every partition of a new topic to have a leader. A cluster at work may take longer than the client's own 10 s."""


@dataclass(frozen=True, slots=True)
class TopicState:
    """The result for one topic. `settings` holds the checked settings, right or wrong; empty for a missing topic."""

    topic: Topic
    state: Literal["created", "as it should be", "differs", "missing"]
    settings: tuple[TopicSetting, ...] = ()

    @property
    def wrong(self) -> tuple[str, ...]:
        """The settings that differ, with their remedies, one line each."""
        return tuple(str(setting) for setting in self.settings if not setting.is_right)


def apply_topics(client: KafkaAdminClient, topics: Sequence[Topic], replication: int) -> list[TopicState]:
    """Create missing topics and check the rest. Existing topics are never changed: that is a person's decision."""
    states = check_topics(client, topics, replication)
    missing = [state.topic for state in states if state.state == "missing"]
    if missing:
        client.create_topics(
            {
                topic.name: {
                    "num_partitions": topic.partitions, "replication_factor": replication, "configs": topic.config
                }
                for topic in missing
            },
        )  # fmt: skip
        client.wait_for_topics([topic.name for topic in missing], timeout_ms=_LEADERS_WITHIN_MS)
    return [TopicState(s.topic, "created") if s.topic in missing else s for s in states]


def check_topics(client: KafkaAdminClient, topics: Sequence[Topic], replication: int = 1) -> list[TopicState]:
    """Compare topics with their required settings. Changes nothing."""
    existing = set(client.list_topics())
    known = [topic for topic in topics if topic.name in existing]
    partitions, configs = _partitions(client, known), _configs(client, known)
    states = {topic.name: _state(topic, partitions[topic.name], replication, configs[topic.name]) for topic in known}
    return [states.get(topic.name) or TopicState(topic, "missing") for topic in topics]


def _state(topic: Topic, partitions: Sequence[int], replication: int, config: dict[str, str]) -> TopicState:
    found = settings_of(topic, len(partitions), (min(partitions, default=0), replication), config)
    is_right = all(setting.is_right for setting in found)
    return TopicState(topic, "as it should be" if is_right else "differs", tuple(found))


def _partitions(client: KafkaAdminClient, topics: Sequence[Topic]) -> dict[str, list[int]]:
    """Return the number of replicas of each partition, by topic."""
    if not topics:
        return {}
    found = client.describe_topics([topic.name for topic in topics])
    return {one["name"]: [len(part[_REPLICAS]) for part in one["partitions"]] for one in found}


def _configs(client: KafkaAdminClient, topics: Sequence[Topic]) -> dict[str, dict[str, str]]:
    if not topics:
        return {}
    found: dict[str, Any] = client.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics], config_filter="all"
    )
    return {name: {key: data["value"] for key, data in config.items()} for name, config in found["topic"].items()}


def missing_topics(settings: Settings, topics: Collection[Topic]) -> list[str]:
    """The names of those that do not exist.

    Raises:
        KafkaError: Kafka does not answer.

    """
    with closing(_asking(settings)) as client:
        existing = set(client.list_topics())
    return [topic.name for topic in topics if topic.name not in existing]


def topic_ids(settings: Settings, names: Sequence[str]) -> dict[str, str]:
    """The id of each of these topics that exists. One that is deleted and re-created gets another.

    Raises:
        KafkaError: Kafka does not answer.

    """
    with closing(_asking(settings)) as client:
        found = client.describe_topics(list(names))
    return {one["name"]: str(one["topic_id"]) for one in found if not one["error_code"]}


def _asking(settings: Settings) -> KafkaAdminClient:
    return admin(settings, bootstrap_timeout_ms=_ANSWER_WITHIN_MS, request_timeout_ms=_ANSWER_WITHIN_MS)
