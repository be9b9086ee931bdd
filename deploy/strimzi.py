"""Strimzi's resources for the topics and users of an installation, made from what the code says of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deploy.access import Grant
from schemas.topics import Topic

API = "kafka.strimzi.io/v1"
CLUSTER = "ioc-bridge"
REPLICAS = 3

Resource = dict[str, Any]


def topics(wanted: Iterable[Topic]) -> list[Resource]:
    """A KafkaTopic for each topic."""
    return [
        {
            "apiVersion": API, "kind": "KafkaTopic", "metadata": _metadata(topic.name),
            "spec": {"partitions": topic.partitions, "replicas": REPLICAS, "config": dict(topic.config)},
        }
        for topic in wanted
    ]  # fmt: skip


def users(wanted: Mapping[str, Sequence[Grant]]) -> list[Resource]:
    """A KafkaUser for each user; its password is made by the operator, in a Secret of the same name."""
    return [
        {
            "apiVersion": API, "kind": "KafkaUser", "metadata": _metadata(name),
            "spec": {
                "authentication": {"type": "scram-sha-512"},
                "authorization": {"type": "simple", "acls": [_acl(grant) for grant in grants]},
            },
        }
        for name, grants in wanted.items()
    ]  # fmt: skip


def _metadata(name: str) -> Resource:
    return {"name": name, "labels": {"strimzi.io/cluster": CLUSTER}}


def _acl(grant: Grant) -> Resource:
    pattern = "prefix" if grant.prefixed else "literal"
    return {
        "resource": {"type": grant.kind, "name": grant.name, "patternType": pattern},
        "operations": list(grant.operations),
    }
