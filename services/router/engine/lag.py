"""The lag of the router per owned partition: in offsets, and as the age of the oldest batch that is not merged yet.

Measured with a separate consumer, because records that wait inside Faust's are neither merged nor in its lag; a worker
that has reports knows their age itself, which saves the read. Transaction markers take offsets, so a partition without
lag may end behind its last batch; the consumer checks that once per end offset.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.runtime.clock import now_ms
from services.runtime.exits import LostFootingError
from services.runtime.kafka import clients
from services.runtime.kafka.errors import KAFKA_ERRORS
from services.runtime.observability import log
from services.runtime.observability.health import Health
from services.runtime.observability.metrics import LAG_RECORDS, LAG_SECONDS
from services.runtime.settings import Settings

EVERY_S = 15.0
"""The usual scrape interval of metrics."""
_FETCH_BYTES = 65_536
_LOOK_WITHIN_S = 20.0
_NOT_READY_AFTER_S = 40.0
_LOST_AFTER_S = 120.0
"""Longer than any unit of work, so that one that is slow is not taken for reports that do not come."""
_BEAT_BOUND_S = 120.0
TASK = "lag"
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
        health: Health,
        every_s: float = EVERY_S,
    ) -> None:
        self._settings = settings
        self._positions = positions
        self._health = health
        self._every_s = every_s
        self._still: dict[int, tuple[int, float]] = {}
        """By partition where reports wait and none are in hand: how far it is, and since when (monotonic seconds)."""
        self._nothing_up_to: dict[int, int] = {}
        """By partition, an end offset before which no batch waits."""

    async def run(self) -> None:
        """Watch until cancelled. The router is not ready while reports cannot be read, or wait and do not arrive.

        Raises:
            LostFootingError: the topic was re-created, or reports do not arrive for long; a new process reads them.

        """
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
                self._health.beat(TASK, _BEAT_BOUND_S)
                try:
                    async with asyncio.timeout(_LOOK_WITHIN_S):
                        await self._look(reader)
                except _PASSING as error:
                    _LOG.warning("cannot measure the lag", why=repr(error))
                    self._health.wait_for(TASK, f"{self._settings.topics.reports.name} cannot be read: {error!r}")
                await asyncio.sleep(self._every_s)
        finally:
            await reader.stop()
            self._health.forget(TASK)

    async def _look(self, reader: AIOKafkaConsumer) -> None:
        topic = self._settings.topics.reports.name
        positions = dict(self._positions())
        if not positions:
            self._health.done(TASK)
            return
        ends = await reader.end_offsets([TopicPartition(topic, number) for number in positions])
        for part, end in ends.items():
            if end < positions[part.partition].merged:
                raise LostFootingError(
                    f"{topic}-{part.partition} ends at {end}, before {positions[part.partition].merged} that was "
                    "merged already: the topic was re-created"
                )
        behind = {
            part: at for part, end in ends.items()
            if end > max((at := positions[part.partition]).merged, self._nothing_up_to.get(part.partition, 0))
        }  # fmt: skip
        oldest = {part: (at.merged, at.oldest_at) for part, at in behind.items() if at.oldest_at is not None}
        if unknown := {part: at.merged for part, at in behind.items() if part not in oldest}:
            oldest |= await self._oldest(reader, unknown, ends)
        self._judge({part.partition: at for part, at in behind.items() if part in oldest})
        now, still = now_ms(), self._positions()
        for part, end in ends.items():
            if part.partition not in still:
                continue  # another router owns it now
            found = oldest.get(part)
            label = str(part.partition)
            LAG_RECORDS.labels(label).set(end - found[0] if found else 0)
            LAG_SECONDS.labels(label).set(max(0, now - found[1]) / 1000 if found else 0)

    def _judge(self, waiting: Mapping[int, Position]) -> None:
        """Whether the reports that wait come at all."""
        now = time.monotonic()
        self._still = {
            number: (at.merged, now) if self._still.get(number, (-1, 0.0))[0] != at.merged else self._still[number]
            for number, at in waiting.items()
            if at.oldest_at is None
        }
        stuck = sorted(number for number, (_, since) in self._still.items() if now - since > _NOT_READY_AFTER_S)
        if not stuck:
            self._health.done(TASK)
            return
        why = f"reports wait in partitions {stuck}, and none of them come"
        self._health.wait_for(TASK, why)
        if any(now - since > _LOST_AFTER_S for _, since in self._still.values()):
            raise LostFootingError(why)

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
