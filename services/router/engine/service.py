"""The router as a Faust app: Faust brings events and partitions, `PartitionWorker` does the work.

Faust's committed offsets are never trusted: on take-over the group is set back to the offset in the state, a repeat is
skipped, and an event beyond what is expected is only accepted where nothing but transaction markers lie between.
"""

import asyncio
import tempfile
from collections.abc import Iterable
from typing import Any, cast

import faust
from faust.auth import SASLCredentials, SSLCredentials

from schemas.policy import Policy
from schemas.request import Request
from services.router.engine import transport  # noqa: F401  # registers the transport
from services.router.engine.abort import abort
from services.router.engine.lag import LagWatch, Position
from services.router.engine.producers import PartitionProducers
from services.router.engine.store import URL, Store
from services.router.engine.takeover import changelog_ends, first_between, take_over
from services.router.engine.worker import Event, PartitionWorker
from services.router.evaluation.compile import compile_policy
from services.router.queries.requests import RequestFollower
from services.runtime.clock import now_ms
from services.runtime.kafka.clients import admin, tls_context
from services.runtime.kafka.topics import check_topics
from services.runtime.lifecycle import Context
from services.runtime.observability import log, metrics
from services.runtime.settings import Settings

_LOG = log.get(__name__)
_RAW: dict[str, Any] = {"key_type": bytes, "key_serializer": "raw", "value_type": bytes, "value_serializer": "raw"}
_BEAT_BOUND_S = 30.0
_MARKERS = 1
"""What a transaction leaves behind its records; more than that between two events is looked at."""


class Router:
    """The partitions this process owns, and the policy they are evaluated under."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings = context.settings
        self._workers: dict[int, PartitionWorker] = {}
        self._unchecked: set[int] = set()
        self._policy = compile_policy(Policy.of(()), now_ms())
        self._questions = RequestFollower(context, self._asked)
        self.app = _app(self._settings, self)
        self._producers = PartitionProducers(self._settings, self.app.conf.id)

    async def run(self) -> None:
        """Route until asked to leave."""
        self._context.health.wait_for("partitions", "taking over partitions and loading their state")
        self._context.health.done("start")
        await self._adopt_policy()
        if self._context.stop.is_set():
            return
        await self.app.start()
        aside = [
            asyncio.create_task(self._questions.run(), name="questions"),
            asyncio.create_task(LagWatch(self._settings, self._positions).run(), name="lag"),
        ]
        try:
            while not self._context.stop.is_set():
                self._context.health.beat("router", _BEAT_BOUND_S)
                await asyncio.sleep(0.1)
                await self._tick()
                for task in aside:
                    if task.done():
                        task.result()
        finally:
            for task in aside:
                task.cancel()
            await asyncio.gather(*(worker.stop() for worker in self._workers.values()))
            await self.app.stop()
            self._questions.close()

    async def _tick(self) -> None:
        """What the hour or a newer policy asks for."""
        change = self._policy.next_change
        if self._context.policy.view.version != self._policy.version or (change is not None and change <= now_ms()):
            await self._adopt_policy()
        for worker in self._workers.values():
            worker.tick()

    def _positions(self) -> dict[int, Position]:
        return {
            number: Position(worker.state.progress.reports_next, worker.oldest_at)
            for number, worker in self._workers.items()
        }

    def _asked(self, number: int, request: Request) -> None:
        if worker := self._workers.get(number):
            worker.ask(request)

    async def _adopt_policy(self) -> None:
        """Take the newest policy, once the topics it writes to are there."""
        view = self._context.policy.view
        compiled = await asyncio.to_thread(compile_policy, view, now_ms())
        while missing := await asyncio.to_thread(self._missing_topics, compiled.destinations):
            why = f"{', '.join(missing)} must exist; run: ioc-bridge topics apply"
            self._context.health.wait_for("topics", why)
            _LOG.warning("waiting for topics", missing=missing)
            self._context.health.beat("router", _BEAT_BOUND_S)
            await asyncio.sleep(1)
            if self._context.stop.is_set():
                return
        self._context.health.done("topics")
        self._policy = compiled
        _LOG.info("policy adopted", version=compiled.version, destinations=sorted(compiled.destinations))
        for worker in self._workers.values():
            worker.wake()

    def _missing_topics(self, destinations: Iterable[str]) -> list[str]:
        topics = self._settings.topics
        needed = [topics.reports, topics.indicators, *(topics.desired(name) for name in destinations)]
        client = admin(self._settings)
        try:
            return [state.topic.name for state in check_topics(client, needed) if state.state == "missing"]
        finally:
            client.close()

    async def dispatch(self, event: Event) -> None:
        """Bring an event to the worker of its partition; one that is not owned any more is its new owner's."""
        number, offset = event.message.partition, event.message.offset
        worker = self._workers.get(number)
        if worker is None:
            return
        expected = max(worker.state.progress.reports_next, worker.last_queued + 1)
        if offset > expected + (0 if number in self._unchecked else _MARKERS):
            found = await first_between(self._settings, number, expected, offset)
            if found is not None:
                abort(f"gap in partition {number}: expected {found}, got {offset}")
        self._unchecked.discard(number)
        await worker.put(event)

    async def revoked(self, *_: object, **__: object) -> None:
        """A rebalance begins: no unit may be under way when partitions change hands."""
        await asyncio.gather(*(worker.pause() for worker in self._workers.values()))

    async def rebalanced(self, numbers: set[int]) -> dict[int, int]:
        """Drop what went, take over what came, and say where each changelog ends now."""
        await self.revoked()
        for number in self._workers.keys() - numbers:
            await self._workers.pop(number).stop()
            await self._producers.close(number)
            metrics.forget("partition", str(number))
        new = numbers - self._workers.keys()
        if new:
            for number, state in (await take_over(self._settings, self._producers, new)).items():
                worker = PartitionWorker(
                    self._context, self._producers, state, lambda: self._policy, self._questions.reply
                )
                worker.start()
                self._workers[number] = worker
        self._unchecked = set(numbers)
        self._questions.own(numbers)
        return await changelog_ends(self._settings, numbers) if numbers else {}

    async def resumed(self, *_: object, **__: object) -> None:
        """The rebalance is over."""
        for worker in self._workers.values():
            worker.resume()
        self._context.health.done("partitions")


def _app(settings: Settings, router: Router) -> faust.App:
    app = faust.App(
        f"{settings.topic_prefix}-router",
        broker=[f"committed://{host}" for host in settings.kafka_bootstrap.split(",")],
        broker_credentials=_credentials(settings),
        store=URL,
        topic_partitions=settings.partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        stream_buffer_maxsize=64,
        stream_wait_empty=False,
        broker_max_poll_records=50,
        broker_session_timeout=settings.kafka_session_timeout_s,
        broker_heartbeat_interval=settings.kafka_session_timeout_s / 5,
        broker_commit_interval=1.0,
        web_enabled=False,
        datadir=tempfile.mkdtemp(prefix="ioc-bridge-router-"),
    )
    reports = app.topic(settings.topics.reports.name, partitions=settings.partitions, **_RAW)
    changelog = app.topic(settings.topics.indicators.name, partitions=settings.partitions, compacting=True, **_RAW)
    table = app.Table(
        "indicators", key_type=bytes, value_type=bytes, partitions=settings.partitions, changelog_topic=changelog
    )
    store = cast("Store", table.data)
    store.changelog, store.rebalanced = settings.topics.indicators.name, router.rebalanced

    async def route(stream: faust.StreamT[bytes]) -> None:
        async for event in cast("faust.Stream[bytes]", stream).noack().events():
            await router.dispatch(event)

    app.agent(reports, name="route")(route)
    app.on_partitions_revoked.connect(router.revoked, weak=False)
    app.on_rebalance_complete.connect(router.resumed, weak=False)
    return app


def _credentials(settings: Settings) -> SASLCredentials | SSLCredentials | None:
    context = tls_context(settings) if settings.kafka_security_protocol.endswith("SSL") else None
    if settings.kafka_security_protocol.startswith("SASL"):
        assert settings.kafka_sasl_password
        return SASLCredentials(
            mechanism=settings.kafka_sasl_mechanism,
            username=settings.kafka_sasl_username,
            password=settings.kafka_sasl_password.get_secret_value(),
            ssl_context=context,
        )
    return SSLCredentials(context) if context else None
