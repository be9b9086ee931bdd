"""The worker pool: one worker thread for each connection that this process holds the lease of.

A worker that fails ends alone and starts again from Kafka (`failures`); only lost ownership or an unusable environment
ends the process. Workers handle vendor errors themselves.
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
    """The right of this process to work for one connection, and the state of the worker that does."""

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
        """Whether the worker has done a unit of work and stayed up long enough to count as working."""
        return self._has_worked and time.monotonic() >= self._steady_at

    def worked(self) -> None:
        """Note that a unit of work ended, well or with a vendor error."""
        self._has_worked = True

    def check(self) -> None:
        """Make sure that the lease still holds. Call it right before anything that a former owner must not do.

        Raises:
            LeaseLostError: the lease is lost.

        """
        self._leases.check(self.name)


class Worker(Protocol):
    """Works for one connection."""

    def run(self) -> None:
        """Work until the lease's `stop` is set, finish the unit of work, and return."""


class WorkerHandle(NamedTuple):
    """The thread that works for one connection, and the lease it works under."""

    lease: Lease
    thread: SupervisedThread


class WorkerPool:
    """Runs one worker for each owned connection for which `wants` is true."""

    def __init__(
        self, context: Context, wants: Callable[[Connection], bool], build_worker: Callable[[Context, Lease], Worker]
    ) -> None:
        self._context = context
        self._wants = wants
        self._build_worker = build_worker
        self._handles: dict[str, WorkerHandle] = {}
        self._failures = Failures(context)
        self._leases = Leases(context.settings, context.service, self._stop_disowned)

    def run(self) -> None:
        """Run workers until `stop` is set, or until a failure concerns more than one connection.

        Raises:
            LeaseLostError: the process slept for longer than the session timeout.

        """
        health = self._context.health
        health.wait_for("leases", "joining the group that distributes the connections")
        health.done("start")
        shown = 0.0
        try:
            while not self._context.stop.is_set():
                self._leases.poll(0.2)
                if self._leases.joined:
                    health.done("leases")
                health.beat("worker pool", _BEAT_BOUND_S)
                self._forget_ended()
                self._adjust()
                if time.monotonic() - shown > _SHOWN_EVERY_S:
                    show_budgets()
                    shown = time.monotonic()
            self._stop([*self._handles], within_s=15.0)
        finally:
            self._leases.close()

    def _forget_ended(self) -> None:
        for name, handle in list(self._handles.items()):
            if not handle.thread.is_alive():
                del self._handles[name]
                forget_budgets(name)
                metrics.forget("connection", name)
                if name in self._failures:
                    self._failures.show(name)
            elif name in self._failures and handle.lease.is_steady and not handle.lease.stop.is_set():
                self._failures.over(name)

    def _adjust(self) -> None:
        """Stop workers whose connection is gone or has changed, and start missing ones."""
        policy = self._context.policy.view
        mine = {name: c for name, c in policy.connections.items() if self._leases.owns(name) and self._wants(c)}
        stale = [name for name, handle in self._handles.items() if mine.get(name) != handle.lease.connection]
        self._stop(stale, within_s=0)
        for name in self._failures.names():
            if name not in mine:
                self._failures.forget(name)
                metrics.forget("connection", name)
        for name in mine.keys() - self._handles.keys():
            if self._failures.may_start(mine[name]):
                self._start(mine[name])
        metrics.LEASES.set(len(self._handles))

    def _start(self, connection: Connection) -> None:
        lease = Lease(connection, self._leases, self._failures.steady_after_s(connection.name))
        thread = self._context.supervisor.start_thread(connection.name, lambda: self._work(lease), ending=lease.stop)
        self._handles[connection.name] = WorkerHandle(lease, thread)
        self._failures.show(connection.name)  # the gauge starts at 0, so that the first failure is an increase

    def _work(self, lease: Lease) -> None:
        _LOG.info("a worker started", connection=lease.name)
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
                lease.stop.set()  # before publishing, which takes a while: this worker no longer counts as working
                self._failures.take(lease.connection, error)
        _LOG.info("a worker ended", connection=lease.name)

    def _stop_disowned(self) -> None:
        # Kafka gets no heartbeats while this runs, so it waits for less than the session timeout.
        gone = [name for name in self._handles if not self._leases.owns(name)]
        self._stop(gone, within_s=self._context.settings.kafka_session_timeout_s / 2)

    def _stop(self, names: list[str], within_s: float) -> None:
        for name in names:
            self._handles[name].lease.stop.set()
        until = time.monotonic() + within_s
        for name in names:
            self._handles[name].thread.join(max(0.0, until - time.monotonic()))
