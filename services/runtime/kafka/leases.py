"""Who works for which connection: Kafka's group protocol shares out the partitions of `ioc.leases`.

A connection belongs to the owner of partition hash(name). There is no other coordinator: start more replicas and
tenants spread, kill one and they move. A process that was paused for longer than the session timeout has lost its
leases without knowing; it finds out by its own clock, before it does anything else, and must leave.
"""

import threading
import time
from collections.abc import Callable, Collection

from kafka import ConsumerRebalanceListener, TopicPartition

from schemas.partitions import partition_of
from services.runtime.kafka.clients import consumer
from services.runtime.settings import Settings

_REJOIN_WITHIN = 6
"""Session timeouts that a rebalance may take: whoever waits longer than anybody else would has been forgotten."""


class LeaseLostError(Exception):
    """This process may no longer work for a connection."""


class Leases(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Membership of one service's group. `poll` from the main thread; `check` from any.

    `on_revoked` is called before partitions go to someone else; it must return well within the session timeout, since
    no heartbeat is sent meanwhile. Whoever is still at work then is stopped by `check`, and at the latest fenced.
    """

    def __init__(self, settings: Settings, service: str, on_revoked: Callable[[], None]) -> None:
        self._timeout = settings.kafka_session_timeout_s
        self._partitions = settings.topics.leases.partitions
        self._on_revoked = on_revoked
        self._alive = time.monotonic()
        self._lost = threading.Event()
        self._owned: frozenset[int] = frozenset()
        self._between: float | None = None
        """Since when leases are given back and none are given yet, seconds."""
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
        """Take part in the group for a moment.

        Raises:
            LeaseLostError: the process slept for longer than the session timeout, or was put out of the group.

        """
        self._note_alive()
        if self._subscribed or self._subscribe():
            self._consumer.poll(timeout_ms=int(timeout_s * 1000))
            self._take_up_join()
        else:
            time.sleep(timeout_s)
        self._note_alive()

    def _subscribe(self) -> bool:
        """Join once the broker tells of the topic's partitions: who leads a group without knowing them assigns nothing.

        Right after the topic was made a broker may not know it yet, and a member that joined then has been seen to stay
        without partitions for ever, ready by its looks.
        """
        self._subscribed = bool(self._consumer.partitions_for_topic(self._topic))
        if self._subscribed:
            self._consumer.subscribe([self._topic], listener=self)
        return self._subscribed

    def _take_up_join(self) -> None:
        """See that the next poll goes on with a join that this one's timeout interrupted.

        kafka-python (3.0.12, `join_group_async`) does so only while a rejoin is due. Where the reason to rejoin was
        that the topic's partitions became known, it no longer is once they are assigned; then the member would wait for
        good, without heartbeats, and nobody would work for what it was given.
        """
        coordinator = self._consumer._coordinator  # noqa: SLF001  # there is no public way to ask or to say so
        if coordinator._join_task is not None:  # noqa: SLF001
            coordinator.request_rejoin()

    def _note_alive(self) -> None:
        self._check_awake()
        self._alive = time.monotonic()

    def _check_awake(self) -> None:
        silence = time.monotonic() - self._alive
        if silence > self._timeout * 0.9:
            self._lost.set()
        if self._between is not None and time.monotonic() - self._between > _REJOIN_WITHIN * self._timeout:
            raise LeaseLostError("gave its leases back and was given none for long; its place in the group is lost")
        if self._lost.is_set():
            raise LeaseLostError(
                f"leases lost after {silence:.1f} s of silence (session timeout {self._timeout:.0f} s)"
            )

    def check(self, connection: str) -> None:
        """Make sure that a connection is still ours; call it right before anything that a former owner must not do.

        Raises:
            LeaseLostError: it is not, or that cannot be known.

        """
        self._check_awake()
        if not self.owns(connection):
            raise LeaseLostError(f"{connection} belongs to another process now")

    def owns(self, connection: str) -> bool:
        """Whether this process works for a connection."""
        return partition_of(connection, self._partitions) in self._owned

    def close(self) -> None:
        """Leave the group, so that others take over at once."""
        self._consumer.close(autocommit=False, timeout_ms=5_000)

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Kafka asks for partitions back."""
        self._owned -= {partition.partition for partition in revoked}
        self._between = time.monotonic()
        self._on_revoked()

    def on_partitions_lost(self, lost: Collection[TopicPartition]) -> None:
        """Kafka has already given the partitions to someone else."""
        if lost:
            self._lost.set()

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Kafka gives partitions."""
        self._owned |= {partition.partition for partition in assigned}
        self._between = None
        self.joined = True
