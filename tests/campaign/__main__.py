"""`python -m tests.campaign [--seconds N] [--seed N]`: play a campaign on an embedded Kafka and say how it ended."""

import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.sandbox.kafka import EmbeddedKafka
from tests.campaign.course import FAULTS, Campaign

LOGS = Path("build/campaign")
_WIDTH = 120


def main(
    seconds: Annotated[float, typer.Option(min=30, help="how long it takes, about")] = 3_600,
    seed: Annotated[int | None, typer.Option(help="what it is random by; left out it is chosen, and said")] = None,
    faults: Annotated[int, typer.Option(min=1, help="how many, about")] = FAULTS,
) -> None:
    """Random input and faults at every edge; afterwards the tenants must be as policy asks."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    number = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    began = time.monotonic()
    console.print(f"[bold]Campaign[/] of {seconds:.0f} s, {faults} faults; to repeat it: make campaign SEED={number}")
    logs = LOGS / str(number)
    with EmbeddedKafka() as broker:
        campaign = Campaign(broker, logs, console, number, faults)
        campaign.run(seconds)
    show(console, campaign, number, time.monotonic() - began, logs)
    sys.exit(1 if campaign.wrong else 0)


def show(console: Console, campaign: Campaign, number: int, took_s: float, logs: Path) -> None:
    """Print what befell whom and how it ended, and the line for docs/guarantees.md."""
    table = Table(title="What happened", title_justify="left", title_style="bold", header_style="dim")
    table.add_column("fault, or how a process ended")
    table.add_column("times", justify="right")
    for counts in (campaign.misfortune.counts, campaign.misfortune.ends):
        for name, count in sorted(counts.items()):
            table.add_row(name, str(count))
        table.add_section()
    console.print(table)
    result = Table(title="How it ended", title_justify="left", title_style="bold", header_style="dim")
    result.add_column("must be none")
    result.add_column("found", justify="right")
    figures = {
        "lost, or too many, at a tenant": len([line for line in campaign.wrong if line.startswith("round")]),
        "of other people touched": len(campaign.harmed),
        "calls over a quota": len(campaign.overruns),
        "processes that ended unforeseen": len(campaign.misfortune.unforeseen),
    }
    for name, count in figures.items():
        result.add_row(name, Text(str(count), "bold red" if count else "green"))
    console.print(result)
    for line in campaign.wrong:
        console.print(line, style="red", markup=False)
    outcome = "nothing wrong" if not campaign.wrong else f"{len(campaign.wrong)} things wrong; logs are in {logs}"
    ends = sum(campaign.misfortune.ends.values())
    said = (
        f"{datetime.now(UTC):%Y-%m-%d}, commit {_commit()}, seed {number}: {took_s / 60:.0f} minutes,"
        f" {campaign.rounds} rounds, {campaign.misfortune.total} faults, {campaign.input} legal changes,"
        f" {ends} processes ended and started again: {outcome}"
    )
    console.print(said, soft_wrap=True)


def _commit() -> str:
    said = subprocess.run(["git", "rev-parse", "--short", "HEAD"], check=False, capture_output=True, text=True)
    return said.stdout.strip() or "unknown"


if __name__ == "__main__":
    typer.run(main)
