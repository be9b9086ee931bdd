"""The private parts of Faust (0.15) that the router uses, for lack of a public interface. No other module uses any.

- `Transport` reads committed records only, which Faust does only in its own exactly-once mode. A report of an aborted
  transaction must not be merged: its source's snapshot lacks it, so its withdrawal would never be reported.
- Its consumer seeks with the flow stopped, so that no fetched record is lost, and to offset 0 as well.
- `Store` passes partition changes to the router and disables Faust's recovery, which reads one record at a time and
  would wait for ever for a record at the offset of a transaction marker.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from faust.stores import STORES, memory
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver

from services.router.engine.aiokafka_internals import read_committed
from services.runtime.kafka.private_use import PrivateUse

SCHEME: Final = "committed"
"""The scheme of broker URLs that selects the transport."""
URL: Final = "router://"
"""The URL that selects the store."""
TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"
STORES.aliases["router"] = f"{__name__}:Store"
USES: Final = (
    PrivateUse(
        "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._create_worker_consumer",
        ('isolation_level: str = "read_uncommitted"', "if self.consumer.in_transaction:", "aiokafka.AIOKafkaConsumer(",
         "isolation_level=isolation_level"),
        "_Thread overrides it for the isolation level; where there is a setting by now, take it",
    ),
    PrivateUse(
        "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread.seek_to_committed",
        ("self.call_thread(self._ensure_consumer().seek_to_committed)",),
        "_Thread.seek_to_committed calls it, and seeks in the same thread",
    ),
    PrivateUse(
        "aiokafka.consumer.consumer:AIOKafkaConsumer.seek_to_committed",
        ("if offset and offset > 0:",),
        "it passes over a committed offset of 0, so _Thread.seek_to_committed seeks there; delete that where it does",
    ),
    PrivateUse(
        "faust.transport.drivers.aiokafka:Consumer._new_consumer_thread",
        ("AIOKafkaConsumerThread", "loop=self.loop", "beacon=self.beacon"),
        "_Consumer overrides it to make its own thread, in the same way",
    ),
    PrivateUse(
        "faust.tables.recovery:Recovery.on_recovery_completed",
        ("consumer.resume_partitions(", "consumer.perform_seek()", "self.app.flow_control.resume()",
         "consumer.resume_flow()"),
        "_Consumer.perform_seek stops the flow because Faust empties its queues after the seek and lets the flow go on"
        " only then: see that both are still so, or reports are lost in a rebalance",
    ),
    PrivateUse(
        "faust.transport.consumer:Consumer.perform_seek",
        ("async def perform_seek(self) -> None:", "await self.seek_to_committed()"),
        "_Consumer.perform_seek calls it with the flow stopped",
    ),
    PrivateUse(
        "faust.stores.base:Store.on_rebalance",
        ("async def on_rebalance(", "assigned", "revoked", "newly_assigned", "generation_id"),
        "Store.on_rebalance is called with these, before Faust seeks or recovers anything",
    ),
    PrivateUse(
        "faust.tables.recovery:Recovery._add",
        ("persisted_offset(",),
        "Store.persisted_offset says that all of the changelog is in the state, so that Faust recovers nothing",
    ),
)  # fmt: skip

Rebalanced = Callable[[set[int]], Awaitable[dict[int, int]]]
"""Called with the owned partitions; returns the changelog end of each."""
REBALANCED: Final = "rebalanced"
"""The option of the table that holds it."""


class _Thread(driver.AIOKafkaConsumerThread):
    logger = driver.logger

    def _create_worker_consumer(self, transport: Any) -> Any:  # noqa: ANN401  # untyped library
        consumer = super()._create_worker_consumer(transport)
        read_committed(consumer)
        return consumer

    async def seek_to_committed(self) -> Any:  # noqa: ANN401  # untyped library
        """Seek to an offset of 0 as well, which aiokafka passes over."""
        committed = await super().seek_to_committed()
        await self.call_thread(self._seek_to_start, [part for part, offset in committed.items() if offset == 0])
        return committed

    async def _seek_to_start(self, parts: list[Any]) -> None:
        for part in parts:
            self._ensure_consumer().seek(part, 0)


class _Consumer(driver.Consumer):
    logger = driver.logger

    async def perform_seek(self) -> None:
        """Seek with the flow stopped.

        At the end of a rebalance Faust (`Recovery.on_recovery_completed`) resumes the flow, seeks, and only then
        empties the queues of its agents: records that were fetched in between were lost. It resumes the flow again
        after that.
        """
        self.stop_flow()
        await super().perform_seek()

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)


class Transport(driver.Transport):
    """Faust's transport with the changed consumer."""

    Consumer = _Consumer


class Store(memory.Store[bytes, bytes]):
    """Holds no data: `PartitionState` does. Faust constructs it with the options of the table."""

    logger = logging.getLogger("faust.stores")

    def __post_init__(self) -> None:
        """Start with no partitions."""
        super().__post_init__()
        self._ends: dict[int, int] = {}

    def persisted_offset(self, tp: Any) -> int | None:  # noqa: ANN401  # Faust's TP
        """Return the last changelog offset: the state already has all records."""
        end = self._ends.get(tp.partition)
        return end - 1 if end else None

    def set_persisted_offset(self, tp: Any, offset: int) -> None:  # noqa: ANN401  # Faust's TP
        """Do nothing: only a take-over moves the offset."""

    async def on_rebalance(self, assigned: Any, *_: Any) -> None:  # noqa: ANN401  # sets of Faust's TP
        """Take over the assigned partitions, before Faust seeks or recovers."""
        assert self.options
        rebalanced: Rebalanced = self.options[REBALANCED]
        changelog = self.table.changelog_topic.get_topic_name()
        self._ends = await rebalanced({tp.partition for tp in assigned if tp.topic == changelog})
