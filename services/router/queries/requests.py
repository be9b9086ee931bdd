"""Requests to the owned partitions, from `ioc.requests`, and the replies to them.

After a take-over, requests of the last minute are answered as well: their senders may still wait. A repeated reply is
the same reply.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError

from schemas.record import UndecodableError
from schemas.request import Reply, Request
from services.runtime.clock import now_ms
from services.runtime.kafka import clients
from services.runtime.kafka.bulk_read import Raw
from services.runtime.lifecycle import Context
from services.runtime.observability.metrics import REQUESTS

_STILL_WAITING_MS = 60_000
_MOST_REPLIES = 1_000
_IDLE_S = 1.0
_BEAT_BOUND_S = 120.0
"""Writing a dead letter or a reply may take a minute while Kafka is slow."""

Deliver = Callable[[int, Request], None]
"""Takes an owned partition and a request to it."""


class RequestFollower:
    """Delivers requests to the partitions, and replies to Kafka."""

    def __init__(self, context: Context, deliver: Deliver) -> None:
        self._context = context
        self._settings = context.settings
        self._deliver = deliver
        self._wanted: frozenset[int] = frozenset()
        self._replies: asyncio.Queue[Reply] = asyncio.Queue(_MOST_REPLIES)

    def own(self, numbers: set[int]) -> None:
        """Follow the requests to these partitions from now on."""
        self._wanted = frozenset(numbers)

    async def reply(self, reply: Reply) -> None:
        """Queue a reply for `publish`; waits while the queue is full."""
        await self._replies.put(reply)

    async def publish(self) -> None:
        """Publish replies until cancelled, and then those that are still queued.

        Raises:
            KafkaError: Kafka does not take a reply.

        """
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.kafka_bootstrap.split(","),
            enable_idempotence=True,
            max_request_size=clients.MAX_REQUEST_BYTES,
            **clients.security(self._settings),
        )
        await producer.start()
        try:
            while True:
                self._context.health.beat("replies", _BEAT_BOUND_S)
                reply: Reply | None = None
                with suppress(TimeoutError):
                    async with asyncio.timeout(_IDLE_S):
                        reply = await self._replies.get()
                if reply is not None:
                    await self._send(producer, reply)
        finally:
            while not self._replies.empty():
                await self._send(producer, self._replies.get_nowait())
            await producer.stop()
            self._context.health.forget("replies")

    async def _send(self, producer: AIOKafkaProducer, reply: Reply) -> None:
        topic, key = self._settings.topics.replies.name, reply.id.encode()
        try:
            await producer.send_and_wait(topic, reply.encode(), key=key)
        except MessageSizeTooLargeError:
            short = Reply(
                id=reply.id, partition=reply.partition, partitions=reply.partitions, at=reply.at,
                error="the answer is too large for Kafka; request fewer lines or a shorter period",
            )  # fmt: skip
            await producer.send_and_wait(topic, short.encode(), key=key)

    async def run(self) -> None:
        """Follow requests until cancelled.

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
                        await self._take(part, Raw(record.offset, record.key, record.value, record.headers))
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

    async def _take(self, part: TopicPartition, record: Raw) -> None:
        if record.value is None or part.partition not in self._wanted:
            return
        try:
            request = Request.decode(record.value)
        except UndecodableError as error:
            await asyncio.to_thread(self._context.deadletters.set_aside, part.topic, part.partition, record, error)
            return
        REQUESTS.labels(request.verb).inc()
        self._deliver(part.partition, request)
