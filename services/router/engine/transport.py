"""Faust's Kafka transport, reading committed records only, and handing over none that Faust would lose.

Faust reads committed records only for its own exactly-once mode, whose producers the router does not use. A report of
an aborted transaction must not be merged: its source's snapshot does not know of it, so its withdrawal would never be
reported.
"""

from typing import Any

from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver

from services.router.engine import tolerant_records as _tolerant_records  # noqa: F401  # for every reader of the router

TRANSPORTS.aliases["committed"] = "services.router.engine.transport:Transport"


class _Thread(driver.AIOKafkaConsumerThread):
    logger = driver.logger

    def _create_worker_consumer(self, transport: Any) -> Any:  # noqa: ANN401  # untyped library
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # noqa: SLF001  # read when it starts; there is no setting for it
        return consumer


class _Consumer(driver.Consumer):
    logger = driver.logger

    async def perform_seek(self) -> None:
        """Seek with the flow stopped.

        At the end of a rebalance Faust (0.15.3, `Recovery.on_recovery_completed`) lets the flow go on, seeks, and only
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
