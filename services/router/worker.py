"""The work of one partition: units of reports as they come, and re-evaluation in between when the policy is newer.

A unit is computed, sent in one transaction, and only then put into the local state and acknowledged to Faust.
Whatever goes wrong while sending ends the process: an agent that goes on after it was fenced looks alive and is not.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from aiokafka.errors import KafkaError

from schemas.progress import Progress
from schemas.record import UndecodableError
from schemas.report import ReportBatch
from services.router.compiled import CompiledPolicy
from services.router.leave import leave
from services.router.outbox import Outbox
from services.router.state import PartitionState
from services.router.unit import Unit
from services.runtime import log, metrics
from services.runtime.bulk import Raw
from services.runtime.clock import now_ms
from services.runtime.lifecycle import Context

_LOG = log.get(__name__)
REEVALUATE_AT_ONCE = 2_000

Event = Any
"""A Faust event: its value is the raw record, its message has offset and headers."""


class PartitionWorker:
    """Works for one owned partition."""

    def __init__(
        self, context: Context, outbox: Outbox, state: PartitionState, policy: Callable[[], CompiledPolicy]
    ) -> None:
        self.state = state
        self.last_queued: int | None = None
        self._context = context
        self._outbox = outbox
        self._policy = policy
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(context.settings.unit_batches * 2)
        self._todo: list[bytes] = []
        self._todo_version = 0
        self._task: asyncio.Task[None] | None = None
        self._running = asyncio.Event()
        self._idle = asyncio.Lock()

    def start(self) -> None:
        """Begin to work, as soon as `resume` allows."""
        self._task = asyncio.create_task(self._run(), name=f"partition-{self.state.number}")

    async def put(self, event: Event) -> None:
        """Queue an event; waits while the queue is full."""
        self.last_queued = event.message.offset
        await self._queue.put(event)

    def wake(self) -> None:
        """There is a new policy."""
        if not self._queue.full():
            self._queue.put_nowait(None)

    async def pause(self) -> None:
        """Begin no new unit, and return when the one under way is committed."""
        self._running.clear()
        async with self._idle:
            pass

    def resume(self) -> None:
        """Go on."""
        self._running.set()

    async def stop(self) -> None:
        """Finish the unit under way and end."""
        await self.pause()
        if self._task:
            self._task.cancel()

    async def _run(self) -> None:
        while True:
            events = await self._gather()
            await self._running.wait()
            async with self._idle:
                try:
                    if events:
                        await self._route(events)
                    if self._policy().version > self.state.progress.policy_version:
                        await self._reevaluate()
                except (KafkaError, AssertionError) as error:  # fenced, or a producer state that cannot be trusted
                    leave(f"partition {self.state.number}: {error!r}")

    async def _gather(self) -> list[Event]:
        """Events that are waiting, up to a unit's worth. Waits for the first, unless there is re-evaluation to do."""
        found: list[Event] = []
        if self._policy().version <= self.state.progress.policy_version and (event := await self._queue.get()):
            found.append(event)
        while len(found) < self._context.settings.unit_batches and not self._queue.empty():
            if event := self._queue.get_nowait():
                found.append(event)
        return found

    async def _route(self, events: list[Event]) -> None:
        unit = Unit(self.state, self._policy(), self._context.settings.topics)
        following = self.state.progress.reports_next
        for event in events:
            if event.message.offset < following:
                continue
            following = event.message.offset + 1
            await self._take(unit, event)
            await asyncio.sleep(0)
        await self._commit(unit, self.state.progress.model_copy(update={"reports_next": following}))
        for event in events:
            event.ack()

    async def _take(self, unit: Unit, event: Event) -> None:
        topic, number = self._context.settings.topics.reports.name, self.state.number
        try:
            headers = event.message.headers or {}
            trace = tuple((name, value) for name, value in dict(headers).items() if name == "traceparent")
            unit.take(ReportBatch.decode(event.value), trace)
            self._context.deadletters.limit.good(topic, number)
        except UndecodableError as error:
            raw = Raw(event.message.offset, event.message.key, event.value)
            await asyncio.to_thread(self._context.deadletters.set_aside, topic, number, raw, error)

    async def _reevaluate(self) -> None:
        """Evaluate a slice of what is stored. A newer policy begins anew; a restart too, and finds most of it done."""
        policy = self._policy()
        if self._todo_version != policy.version:
            self._todo, self._todo_version = list(self.state.indicators), policy.version
            _LOG.info("re-evaluating", partition=self.state.number, indicators=len(self._todo), policy=policy.version)
        unit, now = Unit(self.state, policy, self._context.settings.topics), now_ms()
        for key in self._todo[:REEVALUATE_AT_ONCE]:
            unit.reevaluate(key, now)
        metrics.REEVALUATED.inc(min(len(self._todo), REEVALUATE_AT_ONCE))
        del self._todo[:REEVALUATE_AT_ONCE]
        version = self.state.progress.policy_version if self._todo else policy.version
        await self._commit(unit, self.state.progress.model_copy(update={"policy_version": version}))

    async def _commit(self, unit: Unit, progress: Progress) -> None:
        with metrics.UNIT_SECONDS.time():
            await self._outbox.send(self.state.number, unit.parcel(progress))
        self.state.commit(unit.changed, progress)
        for outcome, count in unit.outcomes.items():
            metrics.ROUTED.labels(outcome).inc(count)
        for (destination, verb), count in unit.verbs.items():
            metrics.DESIRED.labels(destination, verb).inc(count)
        for (destination, reason), count in unit.skips.items():
            metrics.SKIPPED.labels(self._context.service, destination, reason).inc(count)
        number = str(self.state.number)
        metrics.STORED.labels(number).set(len(self.state.indicators))
        metrics.POLICY_APPLIED.labels(number).set(progress.policy_version)
