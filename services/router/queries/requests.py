"""Requests to the owned partitions, from `ioc.requests`.

After a take-over, requests of the last minute are delivered as well: their senders may still wait.
"""

import asyncio
from collections.abc import AsyncGenerator

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.record import UndecodableError
from schemas.request import Request
from services.runtime.clock import now_ms
from services.runtime.kafka import clients
from services.runtime.kafka.bulk_read import Raw
from services.runtime.lifecycle import Context
from services.runtime.observability.metrics import REQUESTS

_STILL_WAITING_MS = 60_000
_BEAT_BOUND_S = 120.0
"""Writing a dead letter may take a minute while Kafka is slow."""


class RequestFollower:
    """Reads the requests to the owned partitions."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings = context.settings
        self._wanted: frozenset[int] = frozenset()

    def own(self, numbers: set[int]) -> None:
        """Follow the requests to these partitions from now on."""
        self._wanted = frozenset(numbers)

    async def follow(self) -> AsyncGenerator[tuple[int, Request]]:
        """Yield each request with its partition, until closed.

        Raises:
            KafkaError: Kafka does not answer.

        """
        reader = AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka_bootstrap.split(","),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="latest",
            **clients.security(self._settings),
        )
        await reader.start()
        owned: frozenset[int] = frozenset()
        try:
            while True:
                self._context.health.beat("requests", _BEAT_BOUND_S)
                if owned != self._wanted:
                    await self._follow(reader, owned)
                    owned = self._wanted
                if not owned:
                    await asyncio.sleep(0.2)
                    continue
                for part, records in (await reader.getmany(timeout_ms=200)).items():
                    for record in records:
                        raw = Raw(record.offset, record.key, record.value, record.headers)
                        if part.partition in self._wanted and (request := await self._read(part, raw)):
                            yield part.partition, request
        finally:
            await reader.stop()
            self._context.health.forget("requests")

    async def _follow(self, reader: AIOKafkaConsumer, before: frozenset[int]) -> None:
        topic, wanted = self._settings.topics.requests.name, self._wanted
        positions = {number: await reader.position(TopicPartition(topic, number)) for number in before & wanted}
        reader.assign([TopicPartition(topic, number) for number in wanted])
        new = [TopicPartition(topic, number) for number in wanted - before]
        for number, position in positions.items():
            reader.seek(TopicPartition(topic, number), position)
        if new:
            recent = await reader.offsets_for_times(dict.fromkeys(new, now_ms() - _STILL_WAITING_MS))
            ends = await reader.end_offsets(new)
            for part in new:
                reader.seek(part, recent[part].offset if recent.get(part) else ends[part])

    async def _read(self, part: TopicPartition, record: Raw) -> Request | None:
        if record.value is None:
            return None
        try:
            request = Request.decode(record.value)
        except UndecodableError as error:
            await asyncio.to_thread(self._context.deadletters.set_aside, part.topic, part.partition, record, error)
            return None
        REQUESTS.labels(request.verb).inc()
        return request
