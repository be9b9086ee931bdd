"""The progress display: a live table on a terminal, plain lines otherwise."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from services.sandbox.demo.expect import Entry, Expected, Place
from services.sandbox.demo.words import title_of

_PER_SECOND = 4
_LINE_EVERY_S = 3.0
_BAR = 24


class Watch:
    """One phase: shows counts per target four times a second, and leaves one line at its end."""

    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._name = name
        self._began = time.monotonic()
        self._note = ""
        self._table: Table | None = None
        self._said = self._began
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=_PER_SECOND, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    @property
    def seconds(self) -> float:
        """The duration so far, seconds."""
        return time.monotonic() - self._began

    def note(self, text: str) -> None:
        """Show the current activity."""
        self._note = text
        self._say(text)

    def show(self, expected: Mapping[Place, Expected], truth: Mapping[Place, set[Entry]]) -> None:
        """Show the progress of every target."""
        table = Table.grid(padding=(0, 2))
        parts = []
        for place, have in truth.items():
            want = expected[place].entries if place in expected else set()
            there = len(want & have)
            extra = len(have - want)
            table.add_row(
                title_of(place), _bar(there, len(want)), f"{there} of {len(want)}", f"{extra} to go" if extra else ""
            )
            parts.append(f"{title_of(place)}: {there} of {len(want)}" + (f", {extra} to go" if extra else ""))
        self._table = table
        self._say("; ".join(parts))

    def _say(self, text: str) -> None:
        if not self._console.is_terminal and time.monotonic() - self._said >= _LINE_EVERY_S:
            self._said = time.monotonic()
            self._console.print(f"  {self.seconds:4.1f} s  {text}", soft_wrap=True)

    def _render(self) -> RenderableType:
        head = Text.assemble((f"{self._name} ", "bold"), (f"{self.seconds:.1f} s  ", "cyan"), (self._note, "dim"))
        return Group(head, self._table) if self._table else head


def _bar(done: int, whole: int) -> Text:
    full = _BAR if not whole else _BAR * done // whole
    return Text.assemble(("━" * full, "green"), ("━" * (_BAR - full), "bright_black"))
