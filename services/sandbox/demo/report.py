"""The final tables: targets compared with policy, what was not shared and why, counts of services, durations."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.sandbox.demo.account import Line
from services.sandbox.demo.counters import ServiceCounters
from services.sandbox.demo.expect import Entry, Expected, Place
from services.sandbox.demo.words import WHY, title_of
from services.sandbox.latency import quantile

_SHOWN = 3


def differences(expected: Mapping[Place, Expected], truth: Mapping[Place, set[Entry]]) -> list[str]:
    """Return a line for each difference between the tenants and the policy."""
    found = []
    for place, have in truth.items():
        want = expected[place].entries if place in expected else set()
        for what, entries in (("missing", want - have), ("too many", have - want)):
            if entries:
                some = ", ".join(" ".join(entry).strip() for entry in sorted(entries)[:_SHOWN])
                found.append(f"{title_of(place)}: {len(entries)} {what}: {some}{' …' if len(entries) > _SHOWN else ''}")
    return found


def _explained(table: Table, text: str) -> Table:
    table.caption, table.caption_justify = text, "left"
    return table


def targets(expected: Mapping[Place, Expected], truth: Mapping[Place, set[Entry]]) -> Table:
    """Table of every target: desired, present, missing and surplus entries. Those of other people count as present."""
    table = _table("What policy asks for, and what the tenants hold", "target")
    for heading in ("asked for", "there", "by others already", "missing", "too many"):
        table.add_column(heading, justify="right")
    for place, have in truth.items():
        found = expected.get(place)
        want = found.entries if found else set()
        others = len(found.by_others) if found else 0
        name = title_of(place) if found else f"{title_of(place)} (no longer shared)"
        missing, extra = len(want - have), len(have - want)
        table.add_row(
            name, str(len(want) + others), str(len(want & have) + others), str(others), _zero(missing), _zero(extra)
        )
    return _explained(
        table,
        "Asked for: what the policy file makes of the seeds, by the demo's own model. There: read from the tenants."
        " By others already: somebody had the same there before; left alone.",
    )


def untravelled(lines: Sequence[Line]) -> Table:
    """Table of what was not shared, by reason. `foreseen` is the model's count, `counted` that of the services."""
    table = _table("What did not travel, and why", "tenant", "reason")
    table.add_column("foreseen", justify="right")
    table.add_column("counted", justify="right")
    table.add_column("that is", overflow="fold")
    for line in lines:
        foreseen = "–" if line.foreseen is None else str(line.foreseen)
        style = "" if line.foreseen in (None, line.told) else "bold red"
        words = WHY.get(line.reason, line.example)
        table.add_row(line.connection, line.reason, foreseen, Text(str(line.told), style), words)
    return _explained(table, "Foreseen: by the same model. Counted: by the services, one for each target.")


def services(told: ServiceCounters, sources: Sequence[str], destinations: Sequence[str]) -> Table:
    """Table of the work of every service, by its own metrics."""
    table = _table("What the services did, by their own metrics", "service")
    table.add_column("did", overflow="fold")
    for name in sources:
        polls, rows = told.of("polls_total", name, "ok"), told.of("pulled_total", name)
        update, withdraw = told.of("reports_total", name, "update"), told.of("reports_total", name, "withdraw")
        table.add_row(
            f"pull_{name}", f"{polls} polls read {rows:,} records; reported {update} new or edited, {withdraw} gone"
        )
    changed, unchanged = told.of("routed_total", "changed"), told.of("routed_total", "unchanged")
    asked = "; ".join(
        f"asked {name} for {told.of('desired_changes_total', name, 'put')} puts"
        f" and {told.of('desired_changes_total', name, 'withdraw')} withdrawals"
        for name in destinations
    )
    table.add_row(
        "router", f"merged {changed + unchanged} reports: {changed} changed something, {unchanged} did not; {asked}"
    )
    for name in destinations:
        put, withdrawn = told.of("pushed_total", name, "put"), told.of("pushed_total", name, "withdraw")
        table.add_row(f"push_{name}", f"put {put} entries, withdrew {withdrawn}")
    return table


def seconds(measured: Mapping[str, Sequence[float]], polls: Mapping[str, str]) -> Table:
    """Table of the time from a change at one tenant to its effect at the other."""
    often = ", ".join(f"{vendor} every {poll}" for vendor, poll in polls.items())
    table = _table("Seconds from vendor to vendor", "way")
    _explained(table, f"With the wait for the next poll: {often}")
    for heading in ("changes seen", "p50", "p99", "slowest"):
        table.add_column(heading, justify="right")
    for way, found in measured.items():
        figures = (quantile(found, 0.5), quantile(found, 0.99), max(found))
        table.add_row(way, str(len(found)), *(f"{figure:.2f}" for figure in figures))
    return table


def show(console: Console, tables: Sequence[Table]) -> None:
    """Print tables with blank lines between them."""
    for table in tables:
        console.print()
        console.print(table)


def _zero(count: int) -> Text:
    return Text(str(count), "bold red" if count else "green")


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    for heading in headings:
        table.add_column(heading)
    return table
