"""The router service: Faust delivers events and partitions, a `PartitionWorker` for each partition does the work.

Invariant: the state decides the offset, not Faust. A take-over sets the group to the offset in the state, repeated
events are skipped, and an event behind a gap is accepted only if the gap holds nothing but transaction markers.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import aclosing, suppress

from schemas.guard_explained import flawed_entries
from schemas.policy import Policy
from schemas.request import Reply
from schemas.topics import Topic
from services.router.engine.app import make_app
from services.router.engine.batches import Event
from services.router.engine.failures import FailureLog
from services.router.engine.lag import LagWatch, Position
from services.router.engine.producers import PartitionProducers
from services.router.engine.state import PartitionState
from services.router.engine.takeover import changelog_ends, first_between, take_over
from services.router.engine.topic_watch import TASK as TOPIC_WATCH
from services.router.engine.topic_watch import TopicWatch
from services.router.engine.worker import PartitionWorker
from services.router.evaluation.compile import compile_policy
from services.router.queries.replies import ReplyPublisher
from services.router.queries.requests import RequestFollower
from services.runtime.clock import now_ms
from services.runtime.exits import LostFootingError
from services.runtime.lifecycle import Context, wait_for_topics
from services.runtime.observability import log, metrics
from services.runtime.supervision import TaskOwner

_LOG = log.get(__name__)
_BEAT_BOUND_S = 120.0
_REBALANCE_BOUND_S = 300.0
"""How long a rebalance may take, including loading the state."""
_UNITS_END_WITHIN_S = 10.0
_PRODUCERS_CLOSE_WITHIN_S = 1.0
_MOST_REPLIES = 1_000
"""Replies that may wait to be published; with more, the workers wait."""
_MARKERS = 1
"""Offsets that a transaction takes behind its records. A larger gap between two events is checked."""


class Router:
    """The owned partitions of this process, and their policy."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings = context.settings
        self._workers: dict[int, PartitionWorker] = {}
        self._unchecked: set[int] = set()
        self._policy = compile_policy(Policy.of(()), now_ms())
        self._failures = FailureLog(context.activity)
        self._requests = RequestFollower(context)
        self._replies: asyncio.Queue[Reply] = asyncio.Queue(_MOST_REPLIES)
        self._topic_watch = TopicWatch(context, self._kept_topics())
        self._tasks: TaskOwner | None = None
        self._paused_since: float | None = None
        self.app = make_app(self._settings, self)
        self._producers = PartitionProducers(self._settings, self.app.conf.id)

    async def run(self) -> None:
        """Route until the process stops."""
        self._context.health.wait_for("partitions", "taking over partitions and loading their state")
        self._context.health.done("start")
        await self._adopt_policy()
        if self._context.stop.is_set():
            return
        async with self._context.supervisor.tasks() as self._tasks:
            try:
                with self._context.supervisor.watch("router"):
                    await self._serve(self._tasks)
            finally:
                await self._leave()

    async def _serve(self, tasks: TaskOwner) -> None:
        await asyncio.to_thread(self._topic_watch.begin)
        self._context.supervisor.start_thread(TOPIC_WATCH, self._topic_watch.run)
        await self.app.start()
        tasks.start("requests", self._deliver_requests())
        tasks.start("replies", ReplyPublisher(self._context, self._replies).run())
        tasks.start("lag", LagWatch(self._settings, self._positions, self._context.health).run())
        while not self._context.stop.is_set():
            self._context.health.beat("router", _BEAT_BOUND_S)
            await asyncio.sleep(0.1)
            await self._tick()

    async def _leave(self) -> None:
        """Finish the running units of work if possible, leave the group, and close the producers."""
        try:
            async with asyncio.timeout(1 if self._context.supervisor.failure else _UNITS_END_WITHIN_S):
                await asyncio.gather(*(worker.pause() for worker in self._workers.values()))
        except TimeoutError:
            _LOG.warning("a unit of work did not end in time; the next process repeats it")
        await self.app.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(_PRODUCERS_CLOSE_WITHIN_S):
                closing = (self._producers.close(number) for number in self._producers.partitions)
                await asyncio.gather(*closing, return_exceptions=True)

    async def _tick(self) -> None:
        """Adopt a newer policy, and wake workers that have something due."""
        if self.app.should_stop:
            raise self.app.crash_reason or LostFootingError("Faust stopped by itself")
        if self._paused_since is not None and time.monotonic() - self._paused_since > _REBALANCE_BOUND_S:
            raise LostFootingError(f"a rebalance has taken more than {_REBALANCE_BOUND_S:.0f} s")
        change = self._policy.next_change
        if self._context.policy.view.version != self._policy.version or (change is not None and change <= now_ms()):
            await self._adopt_policy()
        for worker in self._workers.values():
            worker.tick()

    def _positions(self) -> dict[int, Position]:
        return {
            number: Position(worker.state.progress.reports_next, worker.oldest_at)
            for number, worker in self._workers.items()
            if self._paused_since is None  # or reports rightly do not come
        }

    async def _deliver_requests(self) -> None:
        async with aclosing(self._requests.follow()) as requests:
            async for number, request in requests:
                if worker := self._workers.get(number):
                    worker.answer(request)

    async def _adopt_policy(self) -> None:
        """Adopt the newest policy once the topics that it needs exist."""
        view = self._context.policy.view
        compiled = await asyncio.to_thread(compile_policy, view, now_ms())
        for name, entry in await asyncio.to_thread(lambda: list(flawed_entries(view.guards.values()))):
            _LOG.warning("guard entry blocks nothing", guard=name, field=".".join(entry.path), why=entry.flaw)
        self._context.health.forget("router")  # it may wait for any time, and /readyz says so
        if not await asyncio.to_thread(wait_for_topics, self._context, self._needed(compiled.destinations)):
            return
        self._policy = compiled
        self._failures.expect(view.rules)
        _LOG.info("policy adopted", version=compiled.version, destinations=sorted(compiled.destinations))
        for worker in self._workers.values():
            worker.adopt(compiled)

    def _needed(self, destinations: Iterable[str]) -> list[Topic]:
        return [*self._kept_topics(), *(self._settings.topics.desired(name) for name in destinations)]

    def _kept_topics(self) -> list[Topic]:
        topics = self._settings.topics
        return [topics.reports, topics.indicators, topics.requests, topics.replies]

    async def dispatch(self, event: Event) -> None:
        """Queue an event at the worker of its partition. Ignores events of partitions that are no longer owned."""
        if self._context.stop.is_set():
            return  # the next owner routes it
        with self._context.supervisor.watch("reports"):
            await self._dispatch(event)

    async def _dispatch(self, event: Event) -> None:
        number, offset = event.message.partition, event.message.offset
        worker = self._workers.get(number)
        if worker is None:
            return
        expected = max(worker.state.progress.reports_next, worker.last_queued + 1)
        if offset > expected + (0 if number in self._unchecked else _MARKERS):
            found = await first_between(self._settings, number, expected, offset)
            if found is not None:
                raise LostFootingError(f"gap in partition {number}: expected {found}, got {offset}")
        self._unchecked.discard(number)
        await worker.put(event)

    async def revoked(self, *_: object, **__: object) -> None:
        """Pause the workers, so that no unit of work runs while partitions change their owners."""
        if self._paused_since is None:
            self._paused_since = time.monotonic()
        self._context.health.wait_for("partitions", "rebalancing partitions and loading their state")
        await asyncio.gather(*(worker.pause() for worker in self._workers.values()))

    async def rebalanced(self, numbers: set[int]) -> dict[int, int]:
        """Drop lost partitions, take over new ones, and return the changelog end of each."""
        with self._context.supervisor.watch("rebalance"):
            await self.revoked()
            for number in self._workers.keys() - numbers:
                await self._drop(number)
            new = numbers - self._workers.keys()
            if new:
                reports_id = self._topic_watch.id_of(self._settings.topics.reports)
                states = await take_over(self._settings, self._producers, self._context.deadletters, new, reports_id)
                for state in states.values():
                    self._add(state)
            self._unchecked = set(numbers)
            self._requests.own(numbers)
            return await changelog_ends(self._settings, numbers) if numbers else {}

    def _add(self, state: PartitionState) -> None:
        assert self._tasks
        worker = PartitionWorker(
            self._context, self._producers, state, self._policy, self._replies, failures=self._failures
        )
        self._workers[state.number] = worker
        self._tasks.start(worker.name, worker.run())

    async def _drop(self, number: int) -> None:
        assert self._tasks
        await self._tasks.end(self._workers.pop(number).name)
        await self._producers.close(number)
        metrics.forget("partition", str(number))

    async def resumed(self, *_: object, **__: object) -> None:
        """Resume the workers after a rebalance."""
        self._paused_since = None
        for worker in self._workers.values():
            worker.resume()
        self._context.health.done("partitions")
