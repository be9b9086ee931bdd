"""Memory of a router per 100,000 live indicators, over that of one without any."""

from rich.console import Console

from bench.filled import INDICATORS, filled, taken_over_mb
from bench.result import Figure, at_most


def run(console: Console) -> list[Figure]:
    """MB resident per 100,000 live indicators: 300,000 routed and taken over by a fresh process, less an empty one"""
    settings, empty, routed = filled(console)
    full = taken_over_mb(settings)
    return [
        Figure("memory empty router", empty, "MB"),
        Figure("memory router with 300,000 just routed", routed, "MB"),
        Figure("memory router with 300,000 taken over", full, "MB"),
        at_most("memory per 100,000 live indicators", (max(full, routed) - empty) / INDICATORS * 100_000, "MB", 150),
    ]
