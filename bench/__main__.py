"""`python -m bench [--only NAME]`: run the benchmarks on an embedded Kafka, print tables, write build/bench.json."""

import os
import sys
import time
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console

from bench import flowing, latency, listing, lists, memory, quota, recovery, reevaluation, throughput
from bench.result import FILE, Figure, save, show
from services.sandbox.kafka import EmbeddedKafka

BENCHES: dict[str, Callable[[Console], list[Figure]]] = {
    "throughput": throughput.run,
    "recovery": recovery.run,
    "memory": memory.run,
    "flowing": flowing.run,
    "quota": quota.run,
    "latency": latency.run,
    "listing": listing.run,
    "reevaluation": reevaluation.run,
    "lists": lists.run,
}


def main(only: Annotated[str, typer.Option(help=f"one of {', '.join(BENCHES)}")] = "") -> None:
    """Measure, and exit non-zero where a goal is missed."""
    if only and only not in BENCHES:
        sys.exit(f"there is no bench {only}; choose one of {', '.join(BENCHES)}")
    console = Console()
    missed = []
    with EmbeddedKafka() as broker:
        os.environ["IOC_BRIDGE_KAFKA_BOOTSTRAP"] = broker.bootstrap
        for name, run in BENCHES.items():
            if only in ("", name):
                began = time.monotonic()
                figures = run(console)
                took = time.monotonic() - began
                show(console, f"{name}: {(run.__doc__ or '').splitlines()[0]} ({took:.0f} s)", figures)
                save(figures)
                missed += [figure.name for figure in figures if figure.holds is False]
    console.print(f"written to {FILE}")
    if missed:
        sys.exit(f"goals missed: {', '.join(missed)}")


if __name__ == "__main__":
    typer.run(main)
