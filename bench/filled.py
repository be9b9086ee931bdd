"""An installation in which 300,000 indicators were routed: what several benches begin with, made once a run."""

from functools import cache
from typing import NamedTuple

from rich.console import Console

from bench.throughput import installation, start_router
from bench.workload import fill_batched
from services.runtime.settings import Settings
from services.sandbox.processes import ServiceProcess

INDICATORS = 300_000


class Filled(NamedTuple):
    """The installation, and how much memory its router took: before anything came, and when all was routed (MB)."""

    settings: Settings
    empty_mb: float
    routed_mb: float


def filled(console: Console) -> Filled:
    """Make it, unless an earlier bench did."""
    with console.status(f"routing {INDICATORS:,} indicators, to have something stored"):
        return _filled()


@cache
def _filled() -> Filled:
    settings = installation()
    empty = taken_over_mb(settings)
    fill_batched(settings, INDICATORS, INDICATORS)
    with start_router(settings) as router:
        router.wait_ready()
        while router.total("ioc_bridge_routed_total") < INDICATORS:
            if router.exit_code is not None:
                raise RuntimeError(router.last_lines())
        return Filled(settings, empty, resident_mb(router))


def resident_mb(router: ServiceProcess) -> float:
    """Memory of a router, MB."""
    return router.total("process_resident_memory_bytes") / 1e6


def taken_over_mb(settings: Settings) -> float:
    """Memory of a fresh router that has taken over all there is, MB."""
    with start_router(settings) as router:
        router.wait_ready()
        return resident_mb(router)
