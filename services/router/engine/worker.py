"""The worker of one partition: units of work for reports, and background work in slices between them.

Invariant: a unit is sent in one transaction; only after its commit does it change the local state and is acknowledged
to Faust. Any error while sending ends the process, since a fenced agent must not go on.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from schemas.progress import Progress
from schemas.request import Reply, Request
from services.router.engine.background_work import AT_ONCE, Reevaluation
from services.router.engine.batches import Batches, Event
from services.router.engine.failures import FailureLog
from services.router.engine.producers import PartitionProducers
from services.router.engine.state import PartitionState
from services.router.engine.stored import StoredError
from services.router.engine.unit import Unit
from services.router.evaluation.compile import CompiledPolicy
from services.router.queries.query import Query
from services.runtime.clock import now_ms
from services.runtime.lifecycle import Context
from services.runtime.observability import log, metrics

_LOG = log.get(__name__)
_PRIME_AT_ONCE = 20_000
_BREATHE_EVERY = 100
_IDLE_S = 1.0
"""How long an idle partition waits for a report before its loop turns again."""
BEAT_BOUND_S = 120.0
"""The longest step between two beats is a wait for Kafka: a commit, or writing a dead letter."""


class PartitionWorker:
    """Works for one owned partition, from the first `resume` on. Replies to requests go into `replies`."""

    def __init__(
        self,
        context: Context,
        producers: PartitionProducers,
        state: PartitionState,
        policy: CompiledPolicy,
        replies: asyncio.Queue[Reply],
        *,
        failures: FailureLog,
    ) -> None:
        self.state = state
        self.name = f"partition {state.number}"
        self.last_queued = -1
        self.oldest_at: int | None = None
        """When the oldest report of the running unit was written, milliseconds since the epoch; None: there is none."""
        self._context = context
        self._topics = context.settings.topics
        self._producers = producers
        self._policy = policy
        self._replies = replies
        self._failures = failures
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(context.settings.unit_batches * 2)
        self._queries: deque[Query] = deque()
        self._reevaluation = Reevaluation()
        self._primed = False
        self._batches = Batches(context, state.number, self._beat)
        self._running = asyncio.Event()
        self._idle = asyncio.Lock()
        state.begin_priming()

    async def put(self, event: Event) -> None:
        """Queue an event; waits while the queue is full."""
        self.last_queued = event.message.offset
        await self._queue.put(event)

    def answer(self, request: Request) -> None:
        """Queue a request; it is answered after earlier ones."""
        self._queries.append(Query(request, self.state, self._policy, self._topics.partitions))
        self.wake()

    def adopt(self, policy: CompiledPolicy) -> None:
        """Evaluate under this policy from the next unit of work on."""
        self._policy = policy
        self.wake()

    def tick(self) -> None:
        """Wake the worker if background work is due."""
        if self._has_background_work():
            self.wake()

    def wake(self) -> None:
        """Make an idle worker check for work."""
        if self._queue.empty():
            self._queue.put_nowait(None)

    async def pause(self) -> None:
        """Start no new unit, and return when the running one is committed."""
        self._running.clear()
        async with self._idle:
            pass

    def resume(self) -> None:
        """Start units again."""
        self._running.set()

    async def run(self) -> None:
        """Work until cancelled.

        Raises:
            TooManyDeadLettersError, ProducerError, KafkaError: this process cannot go on with the partition.

        """
        try:
            while True:
                events = await self._gather()
                await self._wait_while_paused()
                async with self._idle:
                    if events:
                        await self._route(events)
                    await self._do_background_work()
        finally:
            self._context.health.forget(self.name)

    def _beat(self) -> None:
        self._context.health.beat(self.name, BEAT_BOUND_S)

    async def _wait_while_paused(self) -> None:
        while not self._running.is_set():
            self._beat()
            with suppress(TimeoutError):
                async with asyncio.timeout(_IDLE_S):
                    await self._running.wait()

    async def _gather(self) -> list[Event]:
        """Return queued events, at most those of one unit. Waits for the first unless there is background work."""
        self._beat()
        found: list[Event] = []
        if not self._has_background_work():
            with suppress(TimeoutError):
                async with asyncio.timeout(_IDLE_S):
                    if event := await self._queue.get():
                        found.append(event)
        while len(found) < self._context.settings.unit_batches and not self._queue.empty():
            if event := self._queue.get_nowait():
                found.append(event)
        self.oldest_at = round(found[0].message.timestamp * 1000) if found else None  # Faust has seconds
        return found

    async def _route(self, events: list[Event]) -> None:
        expected = self.state.progress.reports_next
        unit = await self._batches.merge([event for event in events if event.message.offset >= expected], self._unit)
        following = max([expected, *(event.message.offset + 1 for event in events)])
        await self._commit(unit, self.state.progress.model_copy(update={"reports_next": following}))
        for event in events:
            event.ack()
        self.oldest_at = None

    def _has_background_work(self) -> bool:
        first = self.state.alarms.first
        return bool(
            not self._primed
            or self._queries
            or self._reevaluation.is_due(self.state, self._policy)
            or (first is not None and first <= now_ms())
        )

    async def _do_background_work(self) -> None:
        """Do one slice of each kind of background work."""
        if not self._primed:
            self._primed = not self.state.prime(_PRIME_AT_ONCE)
        if self._reevaluation.is_due(self.state, self._policy):
            await self._reevaluate()
        await self._wake_due()
        if self._queries:
            await self._continue_query(self._queries[0])

    async def _reevaluate(self) -> None:
        policy = self._policy
        keys, progress = self._reevaluation.slice(self.state, policy)
        unit = Unit(self.state, policy, self._topics, now_ms())
        await self._look_at(unit, keys)
        metrics.REEVALUATED.inc(len(keys))
        await self._commit(unit, progress)
        metrics.REEVALUATION_LEFT.labels(str(self.state.number)).set(progress.of - progress.done)
        if progress.reevaluating is None:
            _LOG.info("evaluated for the policy", partition=self.state.number, policy=progress.policy_version)

    async def _wake_due(self) -> None:
        unit = self._unit()
        await self._look_at(unit, self.state.alarms.due(now_ms(), AT_ONCE))
        if unit.is_empty:
            self.state.commit({}, unit.moments, self.state.progress)
        else:
            await self._commit(unit, self.state.progress)

    async def _look_at(self, unit: Unit, keys: Iterable[bytes]) -> None:
        for number, key in enumerate(keys):
            try:
                unit.reevaluate(key)
            except StoredError as error:
                await self._drop(unit, error)
            except Exception as error:
                error.add_note(f"while evaluating {key!r}")
                raise
            if number % _BREATHE_EVERY == 0:
                self._beat()
                await asyncio.sleep(0)

    async def _drop(self, unit: Unit, error: StoredError) -> None:
        await self._batches.set_aside_stored(error)
        unit.drop(error.key, error.raw)

    async def _continue_query(self, query: Query) -> None:
        unit = self._unit()
        for _ in range(AT_ONCE // _BREATHE_EVERY):
            if not query.is_done:
                self._beat()
                try:
                    query.look(_BREATHE_EVERY, unit)
                except StoredError as error:
                    await self._drop(unit, error)
                except Exception as error:  # noqa: BLE001  # pure code: any error concerns this request
                    _LOG.exception("a request cannot be answered", id=query.request.id)
                    query.fail(error)
                await asyncio.sleep(0)
        if not unit.is_empty:
            await self._commit(unit, self.state.progress)
        if query.is_done:
            self._queries.popleft()
            await self._replies.put(query.reply())

    def _unit(self) -> Unit:
        return Unit(self.state, self._policy, self._topics, now_ms())

    async def _commit(self, unit: Unit, progress: Progress) -> None:
        with metrics.UNIT_SECONDS.time():
            await self._producers.send(self.state.number, unit.outgoing(progress))
        self.state.commit(unit.changed, unit.moments, progress)
        for outcome, count in unit.outcomes.items():
            metrics.ROUTED.labels(outcome).inc(count)
        for (destination, verb), count in unit.verbs.items():
            metrics.DESIRED.labels(destination, verb).inc(count)
        for (destination, reason), count in unit.skips.items():
            metrics.SKIPPED.labels(self._context.service, destination, reason).inc(count)
        self._failures.note(unit.failing, unit.policy_version)
        number = str(self.state.number)
        metrics.STORED.labels(number).set(len(self.state.indicators))
        metrics.POLICY_APPLIED.labels(number).set(progress.policy_version)
