"""One worker thread for each connection that this process owns; they come and go with leases and policy.

A worker that fails ends alone and is started again (`failures`), from what is in Kafka; only the loss of ownership, or
of what the process runs on, ends the process. Vendor trouble is no failure; workers deal with that themselves.
"""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from schemas.resources import Connection
from services.runtime.failures import STEADY_AFTER_S, Failures, ends_process
from services.runtime.kafka.leases import LeaseLostError, Leases
from services.runtime.lifecycle import Context
from services.runtime.observability import log, metrics
from services.runtime.supervision import SupervisedThread
from services.runtime.vendors.budget import forget_budgets, show_budgets

_LOG = log.get(__name__)
_BEAT_BOUND_S = 60.0
_SHOWN_EVERY_S = 5.0


class Lease:
    """One connection in the hands of this process, for as long as the lease lasts, and one worker for it."""

    def __init__(self, connection: Connection, leases: Leases, steady_after_s: float = STEADY_AFTER_S) -> None:
        self.connection = connection
        self.stop = threading.Event()
        self._leases = leases
        self._steady_at = time.monotonic() + steady_after_s
        self._has_worked = False

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.connection.name

    @property
    def is_steady(self) -> bool:
        """Whether the worker has done some work, and stayed up for long enough to count as working."""
        return self._has_worked and time.monotonic() >= self._steady_at

    def worked(self) -> None:
        """A unit of work is done, or ended in trouble of the vendor's."""
        self._has_worked = True

    def check(self) -> None:
        """Make sure it is still ours, right before a call that a former owner must not make.

        Raises:
            LeaseLostError: it is not.

        """
        self._leases.check(self.name)


class Worker(Protocol):
    """Works for one connection until its tenure's `stop` is set, then finishes the unit of work and returns."""

    def run(self) -> None:
        """Work."""


class WorkerHandle(NamedTuple):
    """The thread that works for one connection, and the lease it works under."""

    lease: Lease
    thread: SupervisedThread


class WorkerPool:
    """Keeps one worker at work for each connection that is wanted and owned."""

    def __init__(
        self, context: Context, wants: Callable[[Connection], bool], build_worker: Callable[[Context, Lease], Worker]
    ) -> None:
        self._context = context
        self._wants = wants
        self._build_worker = build_worker
        self._posts: dict[str, WorkerHandle] = {}
        self._failures = Failures(context)
        self._leases = Leases(context.settings, context.service, self._stop_disowned)

    def run(self) -> None:
        """Work until asked to leave, or until something fails that is not one connection's alone.

        Raises:
            LeaseLostError: the process slept too long.

        """
        health = self._context.health
        health.wait_for("leases", "joining the group that shares out the connections")
        health.done("start")
        shown = 0.0
        try:
            while not self._context.stop.is_set():
                self._leases.poll(0.2)
                if self._leases.joined:
                    health.done("leases")
                health.beat("fleet", _BEAT_BOUND_S)
                self._forget_ended()
                self._adjust()
                if time.monotonic() - shown > _SHOWN_EVERY_S:
                    show_budgets()
                    shown = time.monotonic()
            self._stop([*self._posts], within_s=15.0)
        finally:
            self._leases.close()

    def _forget_ended(self) -> None:
        for name, post in list(self._posts.items()):
            if not post.thread.is_alive():
                del self._posts[name]
                forget_budgets(name)
                metrics.forget("connection", name)
                if name in self._failures:
                    self._failures.show(name)
            elif name in self._failures and post.lease.is_steady and not post.lease.stop.is_set():
                self._failures.over(name)

    def _adjust(self) -> None:
        """Stop who is not wanted any more or has a changed connection, start who is missing."""
        policy = self._context.policy.view
        mine = {name: c for name, c in policy.connections.items() if self._leases.owns(name) and self._wants(c)}
        stale = [name for name, post in self._posts.items() if mine.get(name) != post.lease.connection]
        self._stop(stale, within_s=0)
        for name in self._failures.names():
            if name not in mine:
                self._failures.forget(name)
                metrics.forget("connection", name)
        for name in mine.keys() - self._posts.keys():
            if self._failures.may_start(mine[name]):
                self._start(mine[name])
        metrics.LEASES.set(len(self._posts))

    def _start(self, connection: Connection) -> None:
        lease = Lease(connection, self._leases, self._failures.steady_after_s(connection.name))
        thread = self._context.supervisor.start_thread(connection.name, lambda: self._work(lease), ending=lease.stop)
        self._posts[connection.name] = WorkerHandle(lease, thread)

    def _work(self, lease: Lease) -> None:
        _LOG.info("working for", connection=lease.name)
        try:
            self._build_worker(self._context, lease).run()
        except LeaseLostError:
            if not lease.stop.is_set():
                raise
        except Exception as error:
            if ends_process(error):
                raise
            if lease.stop.is_set():
                _LOG.warning("a worker failed while it ended", connection=lease.name, why=repr(error))
            else:
                lease.stop.set()  # first: publishing a failure takes a while, and this worker is not a working one
                self._failures.take(lease.connection, error)
        _LOG.info("no longer working for", connection=lease.name)

    def _stop_disowned(self) -> None:
        # No heartbeats are sent while this runs, so it waits for less than the session timeout.
        gone = [name for name in self._posts if not self._leases.owns(name)]
        self._stop(gone, within_s=self._context.settings.kafka_session_timeout_s / 2)

    def _stop(self, names: list[str], within_s: float) -> None:
        for name in names:
            self._posts[name].lease.stop.set()
        until = time.monotonic() + within_s
        for name in names:
            self._posts[name].thread.join(max(0.0, until - time.monotonic()))
