"""A progress bar for commands that wait for answers."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from services.console.queries import requests


@contextmanager
def progress_bar(what: str) -> Iterator[requests.Progress]:
    """Show `what` with a bar of answers received and expected, if standard error is a terminal."""
    stderr = Console(stderr=True)
    bar = Progress(
        TextColumn(what), BarColumn(), MofNCompleteColumn(),
        console=stderr, transient=True, disable=not stderr.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
