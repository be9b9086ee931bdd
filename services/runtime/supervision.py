"""Supervision of the threads and tasks of a process.

Invariant: a task that raises, or returns before its owner ends it, is a failure of the process. The failure is logged
with the task's name, `stop` is set so that all else ends in order, and the process exits with the code of the first
failure. `on_end` hands the end of a thread to its owner instead.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NamedTuple, Self

from services.runtime.exits import EXIT_UNFORESEEN, Exit, exit_of
from services.runtime.observability import log

_LOG = log.get(__name__)

OnEnd = Callable[[BaseException | None], None]
"""Called in the thread that ended, with its error, or None if it returned."""


class EndedEarlyError(Exception):
    """A task returned before its owner ended it."""


class Failure(NamedTuple):
    """A task that failed, its error, and the exit of the process."""

    task: str
    error: BaseException
    exit: Exit


class Supervisor:
    """Owns the threads and tasks of a process. `stop` is set by the first failure. Safe to use from any thread."""

    def __init__(
        self, stop: threading.Event | None = None, on_failure: Callable[[Failure], None] = lambda _: None
    ) -> None:
        self.stop = stop or threading.Event()
        self.failure: Failure | None = None
        self._on_failure = on_failure
        self._lock = threading.Lock()

    def fail(self, task: str, error: BaseException) -> None:
        """End the process because a task failed. Later failures are only logged.

        The same error, raised again by a caller, does not count twice.
        """
        failure = Failure(task, error, exit_of(error))
        with self._lock:
            if self.failure and self.failure.error is error:
                return
            is_first = self.failure is None
            if is_first:
                self.failure = failure
        trace = error if failure.exit.code == EXIT_UNFORESEEN else None
        _LOG.error(failure.exit.line, task=task, why=describe(error), code=failure.exit.code, exc_info=trace)
        if is_first:
            self._on_failure(failure)
            self.stop.set()

    @contextmanager
    def watch(self, task: str) -> Iterator[None]:
        """End the process with any error raised inside, and raise it again. For code that a library calls."""
        try:
            yield
        except Exception as error:
            self.fail(task, error)
            raise

    def start_thread(
        self,
        name: str,
        run: Callable[[], None],
        *,
        ending: threading.Event | None = None,
        on_end: OnEnd | None = None,
    ) -> "SupervisedThread":
        """Start a thread. Its owner sets `ending` before the thread may return; the default is a new event."""
        return SupervisedThread(self, name, run, ending or threading.Event(), on_end)

    def tasks(self) -> "TaskOwner":
        """Return an owner of asyncio tasks; leaving its `async with` block ends them."""
        return TaskOwner(self)


class SupervisedThread:
    """A running thread. Its owner sets `ending` to end it."""

    def __init__(
        self,
        supervisor: Supervisor,
        name: str,
        run: Callable[[], None],
        ending: threading.Event,
        on_end: OnEnd | None,
    ) -> None:
        self.name = name
        self.ending = ending
        self._supervisor = supervisor
        self._target = run
        self._on_end = on_end
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def join(self, within_s: float) -> bool:
        """Wait for the thread to end; returns whether it has."""
        if self._thread is not threading.current_thread():
            self._thread.join(within_s)
        return not self._thread.is_alive()

    def end(self, within_s: float) -> bool:
        """Set `ending` and wait for the thread to end; returns whether it has."""
        self.ending.set()
        return self.join(within_s)

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._target()
        except BaseException as raised:  # noqa: BLE001  # every error of a thread arrives here
            error = raised
        try:
            if self._on_end is not None:
                self._on_end(error)
                return
        except BaseException as raised:  # noqa: BLE001  # as above
            error = raised
        if error is None and not self.ending.is_set() and not self._supervisor.stop.is_set():
            error = EndedEarlyError(f"{self.name} ended before its owner ended it")
        if error is not None:
            self._supervisor.fail(self.name, error)


class TaskOwner:
    """Owns asyncio tasks. Leaving the block cancels the running ones and waits for them."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._group = asyncio.TaskGroup()
        self._running: dict[str, tuple[asyncio.Task[None], Coroutine[Any, Any, None]]] = {}
        self._ending: set[str] = set()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in list(self._running):
            await self.end(name)
        # Without the error of the block, which the block raises anyway: the group would wrap it.
        await self._group.__aexit__(None, None, None)

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Start a task. No running task may have the same name."""
        assert name not in self._running
        self._running[name] = self._group.create_task(self._own(name, work), name=name), work

    async def end(self, name: str) -> None:
        """Cancel a task and wait for its end. Does nothing if it has ended."""
        if name not in self._running:
            return
        task, work = self._running[name]
        self._ending.add(name)
        task.cancel()
        await asyncio.wait([task])
        work.close()  # a task that is cancelled before its first step never starts its coroutine
        self._running.pop(name, None)
        self._ending.discard(name)

    async def _own(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        error: BaseException | None = None
        try:
            await work
        except asyncio.CancelledError:
            pass  # by its owner; otherwise it ended early
        except BaseException as raised:  # noqa: BLE001  # every error of a task arrives here
            error = raised
        is_ending = name in self._ending or self._supervisor.stop.is_set()
        del self._running[name]
        if error is None and not is_ending:
            error = EndedEarlyError(f"{name} ended before its owner ended it")
        if error is not None:
            self._supervisor.fail(name, error)


def describe(error: BaseException) -> str:
    """Return the kind and the text of an error."""
    return f"{type(error).__name__}: {error}"
