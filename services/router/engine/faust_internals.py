"""What is done inside Faust (0.15), because no public way leads there. No other module reaches into it.

- `Transport` reads committed records only. Faust does so only for its own exactly-once mode, whose producers the router
  does not use. A report of an aborted transaction must not be merged: its source's snapshot does not know of it, so its
  withdrawal would never be reported.
- Its consumer seeks with the flow stopped, so that Faust loses none of what it has fetched.
- `Store` tells the router which partitions it has, and Faust that nothing is to recover. Faust's own recovery reads one
  record at a time, and would wait for ever for a record at an offset that a transaction marker holds.
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
"""Of a broker's URL, for the transport."""
URL: Final = "router://"
"""Of the store."""
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
"""Called with the partitions now owned; returns the changelog end of each."""


class _Thread(driver.AIOKafkaConsumerThread):
    logger = driver.logger

    def _create_worker_consumer(self, transport: Any) -> Any:  # noqa: ANN401  # untyped library
        consumer = super()._create_worker_consumer(transport)
        read_committed(consumer)
        return consumer


class _Consumer(driver.Consumer):
    logger = driver.logger

    async def perform_seek(self) -> None:
        """Seek with the flow stopped.

        At the end of a rebalance Faust (`Recovery.on_recovery_completed`) lets the flow go on, seeks, and only
        then empties the queues of its agents. What was fetched between the two was lost with them. It lets the flow go
        on once more right after it has emptied them.
        """
        self.stop_flow()
        await super().perform_seek()

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)


class Transport(driver.Transport):
    """As Faust's, but for the isolation level."""

    Consumer = _Consumer


class Store(memory.Store[bytes, bytes]):
    """Holds no data itself: partitions keep theirs."""

    logger = logging.getLogger("faust.stores")
    changelog: str
    rebalanced: Rebalanced

    def __post_init__(self) -> None:
        """Begin with no partitions."""
        super().__post_init__()
        self._ends: dict[int, int] = {}

    def persisted_offset(self, tp: Any) -> int | None:  # noqa: ANN401  # Faust's TP
        """The last changelog offset that is in the state already: all of them."""
        end = self._ends.get(tp.partition)
        return end - 1 if end else None

    def set_persisted_offset(self, tp: Any, offset: int) -> None:  # noqa: ANN401  # Faust's TP
        """Only taking over moves the offset."""

    async def on_rebalance(self, assigned: Any, *_: Any) -> None:  # noqa: ANN401  # sets of Faust's TP
        """Take over what is assigned, before Faust seeks or recovers anything."""
        self._ends = await self.rebalanced({tp.partition for tp in assigned if tp.topic == self.changelog})
