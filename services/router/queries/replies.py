"""Replies of the owned partitions, to `ioc.replies`. A repeated reply is the same reply."""

import asyncio
from contextlib import suppress

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from schemas.request import Reply
from services.runtime.kafka import clients
from services.runtime.lifecycle import Context

_IDLE_S = 1.0
_BEAT_BOUND_S = 120.0
"""Sending a reply may take a minute while Kafka is slow."""


class ReplyPublisher:
    """Publishes what is put into `replies`."""

    def __init__(self, context: Context, replies: asyncio.Queue[Reply]) -> None:
        self._context = context
        self._settings = context.settings
        self._replies = replies

    async def run(self) -> None:
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
