"""Who may do what in Kafka: least privilege per service, in names that come from the code.

Invariant: a user is named after its workload, may touch what its service touches, and nothing else. What is granted is
proved by tests/e2e/test_access.py, which runs the whole exchange on a broker that enforces it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.topics import Topics
from schemas.vendors.registry import PULLERS, PUSHERS

Kind = Literal["topic", "group", "transactionalId"]


@dataclass(frozen=True, slots=True)
class Grant:
    """Operations on one resource, or on all whose name begins with `name`."""

    kind: Kind
    name: str
    operations: tuple[str, ...]
    prefixed: bool = False


def grants(topics: Topics) -> dict[str, list[Grant]]:
    """What each user may do in the installation of these topics, by the name of the user."""
    prefix = topics.prefix
    everyone = [
        _read(topics.policy.name),
        _write(topics.activity.name),
        _write(topics.deadletters.name),
    ]
    desired, applied = topics.desired("").name, topics.applied("").name
    users = {
        service.workload: [
            *everyone,
            *_member(topics, service.name),
            _write(topics.reports.name),
            _both(topics.checkpoints.name),
            _both(topics.holds.name),
            _both(topics.connections.name),
            _transactions(f"{prefix}-pull/"),
        ]
        for service in PULLERS
    }
    users["router"] = [
        *everyone,
        Grant("group", f"{prefix}-router", ("Read",)),
        Grant("topic", topics.reports.name, ("Read", "DescribeConfigs")),
        Grant("topic", topics.indicators.name, ("Read", "Write", "DescribeConfigs")),
        Grant("topic", desired, ("Write", "DescribeConfigs"), prefixed=True),
        _read(topics.requests.name),
        _write(topics.replies.name),
        _transactions(f"{prefix}-router-"),
    ]
    for service in PUSHERS:
        users[service.workload] = [
            *everyone,
            *_member(topics, service.name),
            Grant("topic", desired, ("Read",), prefixed=True),
            Grant("topic", applied, ("Read", "Write"), prefixed=True),
            _both(topics.holds.name),
            _both(topics.connections.name),
            _transactions(f"{prefix}-push/"),
        ]
    # Shows whatever there is, asks the router, writes what is configured and pushed, and sends dead letters back.
    # A destination that is made by it brings two topics.
    users["console"] = [
        *everyone,
        Grant("topic", f"{prefix}.", ("Describe", "DescribeConfigs", "Read"), prefixed=True),
        *(Grant("topic", name, ("Create",), prefixed=True) for name in (desired, applied)),
        *(_write(topic.name) for topic in (topics.policy, topics.requests)),
        *_resolver(topics),
        _transactions(f"{prefix}-policy"),
    ]
    # The command line: makes and checks topics, writes the policy and requests, and shows whatever there is.
    users["operator"] = [
        Grant("topic", f"{prefix}.", ("Create", "Describe", "DescribeConfigs", "Read"), prefixed=True),
        _write(topics.policy.name),
        _write(topics.requests.name),
        *_resolver(topics),
        _transactions(f"{prefix}-policy"),
    ]
    # The autoscaler looks at the lag of the routers.
    users["keda"] = [
        Grant("topic", topics.reports.name, ("Describe",)),
        Grant("group", f"{prefix}-router", ("Describe",)),
    ]
    return users


def _resolver(topics: Topics) -> Sequence[Grant]:
    """For who deals with dead letters: says what became of them, and produces them again wherever they came from."""
    names = (topics.resolutions, topics.activity, topics.reports, topics.checkpoints, topics.holds, topics.connections)
    entries = (topics.desired("").name, topics.applied("").name)
    return (
        *(_write(topic.name) for topic in names),
        *(Grant("topic", name, ("Write",), prefixed=True) for name in entries),
    )


def _read(topic: str) -> Grant:
    return Grant("topic", topic, ("Read",))


def _write(topic: str) -> Grant:
    return Grant("topic", topic, ("Write",))


def _both(topic: str) -> Grant:
    return Grant("topic", topic, ("Read", "Write"))


def _member(topics: Topics, service: str) -> Sequence[Grant]:
    return _read(topics.leases.name), Grant("group", f"{topics.prefix}-{service}", ("Read",))


def _transactions(name: str) -> Grant:
    return Grant("transactionalId", name, ("Describe", "Write"), prefixed=True)
