"""The loop of a puller for one connection: become the source's one writer, recall how far it was read, then poll.

Invariant: no vendor call without ownership checked right before it. The vendor's trouble never ends the loop; whatever
else fails does, because only Kafka knows what is true then. A wait ends at once when the service is asked to leave.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Protocol

from schemas.activity import ActivityItem
from services.runtime import log
from services.runtime.book import Pace
from services.runtime.breaker import Breaker
from services.runtime.budget import Budget
from services.runtime.clock import now_ms
from services.runtime.fleet import Tenure
from services.runtime.hearing import Hearing
from services.runtime.holds import Holds
from services.runtime.kafka import consumer
from services.runtime.lifecycle import Context
from services.runtime.metrics import BUDGET_WAIT_SECONDS, POLL_INTERVAL
from services.runtime.reporting import Reporter
from services.runtime.status import Status, known_state
from services.runtime.turn import Lane, Turn
from services.runtime.vendors.errors import StoppedError

BEAT_BOUND_S = 180.0
_SLICE_S = 5.0
_LISTEN_S = 0.5
"""How often it is looked whether a person has spoken."""

_LOG = log.get(__name__)


class Desk:
    """What the vendor's part of a puller works with."""

    def __init__(self, context: Context, tenure: Tenure, reporter: Reporter) -> None:
        self.connection = tenure.connection
        self.name = tenure.name
        self.stop = tenure.stop
        self.reporter = reporter
        self.policy = context.policy
        self.status = Status(context, tenure.name, reporter.write)
        self.holds = Holds(context, tenure.name, reporter.write, reporter.memory.holds)
        self._context = context
        self._tenure = tenure

    def check(self) -> None:
        """Make sure that work may go on.

        Raises:
            StoppedError: asked to leave.
            LeaseLostError: the connection belongs to another process.

        """
        self._context.health.beat(f"pull {self.name}", BEAT_BOUND_S)
        if self.stop.is_set():
            raise StoppedError(f"asked to leave while working for {self.name}")
        self._tenure.check()

    def wait(self, seconds: float) -> None:
        """Wait, as long as work may go on. Raises as `check`."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.check()
            self.stop.wait(min(left, _SLICE_S))
        self.check()

    def rest(self, seconds: float, hearing: Hearing, *, patient: bool) -> None:
        """Wait for the next turn, or until a person asks for it, or has let through what is held. Raises as `check`.

        `patient`: it is not for a person to say, since the vendor is in trouble; but they may ask whether it still is.
        """
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.check()
            if hearing.has_news or (not patient and self.holds.awaits(self.policy.view, now_ms())):
                return
            self.stop.wait(min(left, _LISTEN_S))
        self.check()

    def ready(self, budget: Budget, bucket: str) -> None:
        """Wait until a call has room in its quota; to be called right before the call. Raises as `check`.

        The ownership is checked after the wait: a former owner must not move what the vendor keeps for the present one.
        """
        while (wait := budget.seconds_until_free(bucket)) > 0:
            self.wait(wait)
            BUDGET_WAIT_SECONDS.labels(self.name, bucket).inc(wait)
        self.check()

    def skipped(self, items: Sequence[ActivityItem]) -> None:
        """List and count what is not reported, each with its reason."""
        self._context.activity.skipped(self.name, items)


class Source(Protocol):
    """The vendor's part of a puller."""

    @property
    def lanes(self) -> Sequence[Lane]:
        """What is polled, in turn."""

    def close(self) -> None:
        """Close the connections."""


class Puller:
    """Works for one connection until its tenure ends: a `Worker` for the fleet."""

    def __init__(
        self, context: Context, tenure: Tenure, make: Callable[[Desk], Source], *, pace: Pace | None = None
    ) -> None:
        self._context = context
        self._tenure = tenure
        self._make = make
        self._pace = pace or Pace()

    def run(self) -> None:
        """Work.

        Raises:
            LedgerError, LeaseLostError: someone else works for the connection.
            TooManyDeadLettersError: what is remembered of the source cannot be read.

        """
        name, settings = self._tenure.name, self._context.settings
        try:
            self._await_topics()
            self._waiting(f"reading {settings.topics.checkpoints.name}")
            with closing(Reporter(self._context, name)) as reporter:
                self._context.health.done(f"memory of {name}")
                desk = Desk(self._context, self._tenure, reporter)
                desk.status.recall(known_state(self._context, name))
                with closing(self._make(desk)) as source:
                    self._poll(desk, source.lanes)
        except StoppedError:
            pass  # that is how a wait ends
        finally:
            self._context.health.done(f"memory of {name}")
            self._context.health.forget(f"pull {name}")
            self._context.health.remark(f"connection {name}", None)

    def _poll(self, desk: Desk, lanes: Sequence[Lane]) -> None:
        if interval := getattr(desk.connection.spec, "poll_interval", None):
            POLL_INTERVAL.labels(desk.name).set(interval.total_seconds())
        breaker = Breaker(self._context, desk.name, desk.status, self._pace)
        turns = [Turn(desk.name, lane, breaker.circuit()) for lane in lanes]
        if not turns:
            _LOG.warning("spec.types leaves nothing that this vendor tells of", connection=desk.name)
        hearing = Hearing(desk.status, desk.policy, turns, lambda: desk.reporter.published)
        while True:
            hearing.listen()
            turn = min(turns, key=lambda turn: turn.due, default=None)
            wait = turn.due - time.monotonic() if turn else _SLICE_S
            desk.rest(wait, hearing, patient=turn is None or not turn.may_hurry)
            if turn and not hearing.has_news:
                hearing.took(turn, well=turn.take())

    def _await_topics(self) -> None:
        topics = self._context.settings.topics
        with closing(consumer(self._context.settings)) as reader:
            for topic in (topics.reports, topics.checkpoints, topics.holds, topics.connections):
                while len(reader.partitions_for_topic(topic.name) or ()) != topic.partitions:
                    self._waiting(
                        f"{topic.name} must exist with {topic.partitions} partitions; run: ioc-bridge topics apply"
                    )
                    if self._tenure.stop.wait(1):
                        raise StoppedError(f"asked to leave while waiting for topics of {self._tenure.name}")

    def _waiting(self, why: str) -> None:
        self._context.health.wait_for(f"memory of {self._tenure.name}", why)
