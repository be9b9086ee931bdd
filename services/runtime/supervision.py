"""Supervision: every thread and task of a process has an owner that learns of its end.

A task is named, and ends only when its owner ends it or the process is asked to leave. One that raises, or returns
while it was to go on, is the failure of the process: it is logged with its name, `stop` is set so that everything else
ends in good order, and the process exits with the code of the first failure. Give `on_end` to a thread whose end is
not the failure of the process; its owner then deals with it.
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
    """A task returned although nothing asked it to end."""


class Failure(NamedTuple):
    """The task that failed first, its error, and how the process ends for it."""

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
        """Let the process end because a task failed. Later failures are logged and change nothing.

        The same error, passed on by a caller of what failed, is no other failure.
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
        """Let the process fail with whatever is raised inside, and raise it: for what a library calls."""
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
        """Start a thread. `ending` is set by its owner before it may return; made where none is given."""
        return SupervisedThread(self, name, run, ending or threading.Event(), on_end)

    def tasks(self) -> "TaskOwner":
        """Tasks of asyncio, owned until the `async with` block is left."""
        return TaskOwner(self)


class SupervisedThread:
    """A running thread and its owner's wish for it to end."""

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
        """Whether it still runs."""
        return self._thread.is_alive()

    def join(self, within_s: float) -> bool:
        """Wait for its end; returns whether it ended."""
        if self._thread is not threading.current_thread():
            self._thread.join(within_s)
        return not self._thread.is_alive()

    def end(self, within_s: float) -> bool:
        """Ask it to end and wait for that; returns whether it ended."""
        self.ending.set()
        return self.join(within_s)

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._target()
        except BaseException as raised:  # noqa: BLE001  # this is where every error of a thread arrives
            error = raised
        try:
            if self._on_end is not None:
                self._on_end(error)
                return
        except BaseException as raised:  # noqa: BLE001  # as above
            error = raised
        if error is None and not self.ending.is_set() and not self._supervisor.stop.is_set():
            error = EndedEarlyError(f"{self.name} ended although nothing asked it to")
        if error is not None:
            self._supervisor.fail(self.name, error)


class TaskOwner:
    """Owns tasks of asyncio. Leaving the block cancels those that still run, and waits for them."""

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
        # Without the error of the block: the group would wrap it, and the block raises it anyway.
        await self._group.__aexit__(None, None, None)

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Start a task. Its name must not be that of a task that runs."""
        assert name not in self._running
        self._running[name] = self._group.create_task(self._own(name, work), name=name), work

    async def end(self, name: str) -> None:
        """Cancel a task and wait for its end. Nothing happens where it has ended."""
        if name not in self._running:
            return
        task, work = self._running[name]
        self._ending.add(name)
        task.cancel()
        await asyncio.wait([task])
        work.close()  # one that was cancelled before its first step has not begun
        self._running.pop(name, None)
        self._ending.discard(name)

    async def _own(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        error: BaseException | None = None
        try:
            await work
        except asyncio.CancelledError:
            pass  # by its owner, or else it ended early
        except BaseException as raised:  # noqa: BLE001  # this is where every error of a task arrives
            error = raised
        is_asked = name in self._ending or self._supervisor.stop.is_set()
        del self._running[name]
        if error is None and not is_asked:
            error = EndedEarlyError(f"{name} ended although nothing asked it to")
        if error is not None:
            self._supervisor.fail(name, error)


def describe(error: BaseException) -> str:
    """The kind and the text of an error."""
    return f"{type(error).__name__}: {error}"
