"""A figure with its goal, the table people read, and the file that later runs add to."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

FILE = Path("build/bench.json")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `goal` is text such as `≥ 0.35`; `holds` is None for a figure that has no goal of its own."""

    name: str
    value: float
    unit: str
    goal: str = ""
    holds: bool | None = None


def at_least(name: str, value: float, unit: str, goal: float) -> Figure:
    """A figure that must not be smaller than its goal."""
    return Figure(name, value, unit, f"≥ {goal:g}", value >= goal)


def at_most(name: str, value: float, unit: str, goal: float) -> Figure:
    """A figure that must not be greater than its goal."""
    return Figure(name, value, unit, f"≤ {goal:g}", value <= goal)


def show(console: Console, title: str, figures: Sequence[Figure]) -> None:
    """Print figures as a table."""
    table = Table(title=title, title_justify="left")
    for heading in ("figure", "value", "unit", "goal", "holds"):
        table.add_column(heading, justify="right" if heading == "value" else "left")
    for figure in figures:
        holds = {None: "", True: "[green]yes[/]", False: "[red]no[/]"}[figure.holds]
        table.add_row(figure.name, f"{figure.value:,.3g}" if abs(figure.value) < 100 else f"{figure.value:,.0f}",
                      figure.unit, figure.goal, holds)  # fmt: skip
    console.print(table)


def save(figures: Sequence[Figure]) -> None:
    """Write the figures over those of the same names from earlier runs, and keep the others."""
    kept = json.loads(FILE.read_text()) if FILE.exists() else []
    fresh = {figure.name for figure in figures}
    FILE.parent.mkdir(parents=True, exist_ok=True)
    rows = [row for row in kept if row["name"] not in fresh] + [asdict(figure) for figure in figures]
    FILE.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
