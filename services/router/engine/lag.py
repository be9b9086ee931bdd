"""The lag of the router per owned partition: in offsets, and as the age of the oldest batch that is not merged yet.

Measured with a separate consumer, because records that wait inside Faust's are neither merged nor in its lag; a worker
that has reports knows their age itself, which saves the read. Transaction markers take offsets, so a partition without
lag may end behind its last batch; the consumer checks that once per end offset.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.runtime.clock import now_ms
from services.runtime.kafka import clients
from services.runtime.kafka.errors import KAFKA_ERRORS
from services.runtime.observability import log
from services.runtime.observability.metrics import LAG_RECORDS, LAG_SECONDS
from services.runtime.settings import Settings

EVERY_S = 15.0
"""The usual scrape interval of metrics."""
_FETCH_BYTES = 65_536
_LOOK_WITHIN_S = 60.0
_PASSING: tuple[type[Exception], ...] = (*KAFKA_ERRORS, TimeoutError)

_LOG = log.get(__name__)


class Position(NamedTuple):
    """The next offset to merge of a partition, and when the oldest report that its worker has was written.

    `oldest_at`: milliseconds since the epoch; None if the worker has none.
    """

    merged: int
    oldest_at: int | None = None


class LagWatch:
    """Updates the lag gauges of the owned partitions. `positions` returns their present positions."""

    def __init__(
        self,
        settings: Settings,
        positions: Callable[[], Mapping[int, Position]],
        beat: Callable[[], None] = lambda: None,
        every_s: float = EVERY_S,
    ) -> None:
        self._settings = settings
        self._positions = positions
        self._beat = beat
        self._every_s = every_s
        self._nothing_up_to: dict[int, int] = {}
        """By partition, an end offset before which no batch waits."""

    async def run(self) -> None:
        """Watch until cancelled."""
        reader = AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka_bootstrap.split(","),
            isolation_level="read_committed",
            enable_auto_commit=False,
            max_partition_fetch_bytes=_FETCH_BYTES,
            **clients.security(self._settings),
        )
        await reader.start()
        try:
            while True:
                self._beat()
                try:
                    async with asyncio.timeout(_LOOK_WITHIN_S):
                        await self._look(reader)
                except _PASSING as error:  # not fatal: the workers notice by themselves if Kafka is away
                    _LOG.warning("cannot measure the lag", why=repr(error))
                await asyncio.sleep(self._every_s)
        finally:
            await reader.stop()

    async def _look(self, reader: AIOKafkaConsumer) -> None:
        topic = self._settings.topics.reports.name
        positions = dict(self._positions())
        if not positions:
            return
        ends = await reader.end_offsets([TopicPartition(topic, number) for number in positions])
        behind = {
            part: at for part, end in ends.items()
            if end > max((at := positions[part.partition]).merged, self._nothing_up_to.get(part.partition, 0))
        }  # fmt: skip
        oldest = {part: (at.merged, at.oldest_at) for part, at in behind.items() if at.oldest_at is not None}
        if unknown := {part: at.merged for part, at in behind.items() if part not in oldest}:
            oldest |= await self._oldest(reader, unknown, ends)
        now, still = now_ms(), self._positions()
        for part, end in ends.items():
            if part.partition not in still:
                continue  # another router owns it now
            found = oldest.get(part)
            label = str(part.partition)
            LAG_RECORDS.labels(label).set(end - found[0] if found else 0)
            LAG_SECONDS.labels(label).set(max(0, now - found[1]) / 1000 if found else 0)

    async def _oldest(
        self, reader: AIOKafkaConsumer, behind: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, tuple[int, int]]:
        """Return offset and timestamp of the first waiting batch of each partition that has one."""
        reader.assign(list(behind))
        kept_from = await reader.beginning_offsets(list(behind))
        for part, start in behind.items():
            reader.seek(part, max(start, kept_from[part]))
        found: dict[TopicPartition, tuple[int, int]] = {}
        left = set(behind)
        while left:
            for part, messages in (await reader.getmany(*left, timeout_ms=200)).items():
                if messages:
                    found[part] = messages[0].offset, messages[0].timestamp
            for part in list(left):
                if part in found:
                    left.discard(part)
                elif await reader.position(part) >= ends[part]:
                    self._nothing_up_to[part.partition] = ends[part]
                    left.discard(part)
        reader.unsubscribe()
        return found
