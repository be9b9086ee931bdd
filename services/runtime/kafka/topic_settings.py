"""Topic settings that matter: the required value of each, and the remedy if it differs. Pure.

Names are Kafka's; `partitions` and `replication` come from its metadata. Source: Apache Kafka, "Topic Configs".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from schemas.topics import Topic
from services.runtime.kafka.clients import MAX_REQUEST_BYTES

CODECS: Final = ("producer", "uncompressed", "gzip", "snappy", "lz4", "zstd")
"""Values of `compression.type`. Every reader here can read all of them."""
_LEAST_BYTES: Final = MAX_REQUEST_BYTES + 12
"""The largest batch that a service sends; Kafka counts its first 12 bytes as well."""
_ALTER: Final = "change it with kafka-configs --alter"
_PARTITIONS: Final = (
    "indicators would change partition; set IOC_BRIDGE_PARTITIONS to what the topic has, or begin with new topics"
)
_REPLICAS: Final = "fewer than IOC_BRIDGE_REPLICATION; change it with kafka-reassign-partitions"
_BYTES: Final = f"records of services would be refused; {_ALTER}"
_INSYNC: Final = f"fewer may lose what was acknowledged, more stops writing while one broker is down; {_ALTER}"
_UNCLEAN: Final = f"it may lose what was acknowledged; {_ALTER}"
_TIMESTAMPS: Final = ("CreateTime", "LogAppendTime")


@dataclass(frozen=True, slots=True)
class TopicSetting:
    """One setting: its present value, the required one, and the remedy, which is empty when the value is right."""

    name: str
    found: str
    wanted: str
    remedy: str = ""

    @property
    def is_right(self) -> bool:
        """Whether the present value is right."""
        return not self.remedy

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{self.name} is {self.found}" + ("" if self.is_right else f", should be {self.wanted}: {self.remedy}")


def settings_of(
    topic: Topic, partitions: int, replication: tuple[int, int], config: Mapping[str, str]
) -> list[TopicSetting]:
    """Return the settings of a topic. `replication`: replicas of its least replicated partition, and required ones."""
    replicas, wanted_replicas = replication

    def setting(name: str, wanted: str, is_right: Callable[[str], bool], remedy: str = _ALTER) -> TopicSetting:
        found = config.get(name, "unknown")
        return TopicSetting(name, found, wanted, "" if is_right(found) else remedy)

    least_insync, most_insync = (2 if replicas >= 3 else 1), max(1, replicas - 1)
    partitions_remedy = "" if partitions == topic.partitions else _PARTITIONS
    replicas_remedy = "" if replicas >= wanted_replicas else _REPLICAS
    found = [
        TopicSetting("partitions", str(partitions), str(topic.partitions), partitions_remedy),
        TopicSetting("replication", str(replicas), f"{wanted_replicas} or more", replicas_remedy),
        *(setting(name, wanted, wanted.__eq__) for name, wanted in topic.config.items()),
        setting("compression.type", f"any of {', '.join(CODECS)}", CODECS.__contains__),
        setting("max.message.bytes", f"{_LEAST_BYTES} or more", lambda text: _number(text) >= _LEAST_BYTES, _BYTES),
        setting(
            "min.insync.replicas",
            str(least_insync) if least_insync == most_insync else f"{least_insync} to {most_insync}",
            lambda text: least_insync <= _number(text) <= most_insync,
            _INSYNC,
        ),
        setting("message.timestamp.type", f"any of {', '.join(_TIMESTAMPS)}", _TIMESTAMPS.__contains__),
        setting("unclean.leader.election.enable", "false", "false".__eq__, _UNCLEAN),
    ]
    if topic.config.get("cleanup.policy") == "delete":
        found.append(setting("retention.bytes", "-1", "-1".__eq__, f"records would go before their time; {_ALTER}"))
    return found


def _number(text: str) -> int:
    return int(text) if text.lstrip("-").isdecimal() else -1
