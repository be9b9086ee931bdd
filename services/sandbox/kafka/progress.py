"""What a person sees while the broker is fetched or slow to come.

Invariant: standard error only, and nothing at all when all is at hand and quick.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn


def say(line: str) -> None:
    """Write one line to standard error."""
    Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(line)


class DownloadProgress:
    """Counts jars and megabytes: a bar on a terminal, otherwise a line every few seconds. Safe across threads."""

    def __init__(self, title: str, jars: int, console: Console | None = None) -> None:
        self._title, self._jars = title, jars
        self._console = console or Console(stderr=True, soft_wrap=True, highlight=False)
        self._lock = threading.Lock()
        self._done, self._bytes = 0, 0
        self._next_line = 0.0
        self._bar = Progress(TextColumn("{task.description}"), BarColumn(), console=self._console, transient=True)
        self._task = self._bar.add_task(str(self), total=jars)

    def __str__(self) -> str:
        return f"{self._title}: {self._done} of {self._jars} jars, {self._bytes / 1e6:.1f} MB"

    def __enter__(self) -> "DownloadProgress":
        if self._console.is_terminal:
            self._bar.start()
        else:
            self._show()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._bar.stop()
        self._console.print(str(self))

    @contextmanager
    def receiving(self, _name: str, _size: int) -> Iterator[Callable[[int], None]]:
        """Give jgo what it calls with each piece of a file received."""
        yield self._received

    def jar_done(self) -> None:
        """Count one jar as complete."""
        with self._lock:
            self._done += 1
            self._show()

    def _received(self, count: int) -> None:
        with self._lock:
            self._bytes += count
            self._show()

    def _show(self) -> None:
        if self._console.is_terminal:
            self._bar.update(self._task, completed=self._done, description=str(self))
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + 3
            self._console.print(str(self))
