"""Leases: which process works for which connection. Kafka's group protocol distributes the partitions of `ioc.leases`.

The owner of partition hash(name) works for the connection of that name.
Invariant: a process that was paused for longer than the session timeout detects that by its own clock before it does
anything else, and ends.
"""

import threading
import time
from collections.abc import Callable, Collection

from kafka import ConsumerRebalanceListener, TopicPartition

from schemas.partitions import partition_of
from services.runtime.kafka.clients import consumer
from services.runtime.kafka.kafka_python_internals import resume_join
from services.runtime.settings import Settings

_REJOIN_WITHIN = 6
"""Session timeouts that a rebalance may take. A member that waits longer has lost its place in the group."""


class LeaseLostError(Exception):
    """This process may no longer work for a connection."""


class Leases(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """The membership in one service's group. Call `poll` from the main thread, `check` from any.

    `on_revoked` is called before partitions go to another process. It must return well within the session timeout,
    because Kafka gets no heartbeat meanwhile. `check` stops workers that still run then; fencing is the last resort.
    """

    def __init__(self, settings: Settings, service: str, on_revoked: Callable[[], None]) -> None:
        self._timeout = settings.kafka_session_timeout_s
        self._partitions = settings.topics.leases.partitions
        self._on_revoked = on_revoked
        self._alive = time.monotonic()
        self._lost = threading.Event()
        self._owned: frozenset[int] = frozenset()
        self._between: float | None = None
        """When leases were revoked, by the monotonic clock in seconds; None once new ones are assigned."""
        self.joined = False
        self._consumer = consumer(
            settings,
            group_id=f"{settings.topic_prefix}-{service}",
            session_timeout_ms=int(self._timeout * 1000),
            heartbeat_interval_ms=int(self._timeout * 1000 / 5),
        )
        self._topic = settings.topics.leases.name
        self._subscribed = False

    def poll(self, timeout_s: float) -> None:
        """Take part in the group for `timeout_s` seconds.

        Raises:
            LeaseLostError: the process slept for longer than the session timeout, or was removed from the group.

        """
        self._note_alive()
        if self._subscribed or self._subscribe():
            self._consumer.poll(timeout_ms=int(timeout_s * 1000))
            resume_join(self._consumer)
        else:
            time.sleep(timeout_s)
        self._note_alive()

    def _subscribe(self) -> bool:
        """Join the group once the broker knows the topic's partitions. Returns whether this has joined.

        Right after the topic is created a broker may not know it. A group leader without the partitions assigns
        nothing, and a member that joins then was observed to stay ready without partitions for ever.
        """
        self._subscribed = bool(self._consumer.partitions_for_topic(self._topic))
        if self._subscribed:
            self._consumer.subscribe([self._topic], listener=self)
        return self._subscribed

    def _note_alive(self) -> None:
        self._check_awake()
        self._alive = time.monotonic()

    def _check_awake(self) -> None:
        silence = time.monotonic() - self._alive
        if silence > self._timeout * 0.9:
            self._lost.set()
        if self._between is not None and time.monotonic() - self._between > _REJOIN_WITHIN * self._timeout:
            raise LeaseLostError("leases revoked and none assigned for too long: the place in the group is lost")
        if self._lost.is_set():
            raise LeaseLostError(
                f"leases lost after {silence:.1f} s of silence (session timeout {self._timeout:.0f} s)"
            )

    def check(self, connection: str) -> None:
        """Make sure that this process owns a connection. Call it right before anything that a former owner must not do.

        Raises:
            LeaseLostError: it does not, or that is unknown.

        """
        self._check_awake()
        if not self.owns(connection):
            raise LeaseLostError(f"{connection} belongs to another process now")

    def owns(self, connection: str) -> bool:
        """Whether this process owns a connection."""
        return partition_of(connection, self._partitions) in self._owned

    def close(self) -> None:
        """Leave the group, so that other processes take over at once."""
        self._consumer.close(autocommit=False, timeout_ms=5_000)

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Give up partitions that Kafka revokes."""
        self._owned -= {partition.partition for partition in revoked}
        self._between = time.monotonic()
        self._on_revoked()

    def on_partitions_lost(self, lost: Collection[TopicPartition]) -> None:
        """Note that other processes own the partitions already."""
        if lost:
            self._lost.set()

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Take over the assigned partitions."""
        self._owned |= {partition.partition for partition in assigned}
        self._between = None
        self.joined = True
