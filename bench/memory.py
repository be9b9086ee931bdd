"""Memory of a router per 100,000 live indicators, over that of one without any."""

from rich.console import Console

from bench.result import Figure, at_most
from bench.throughput import installation, start_router
from bench.workload import fill_batched
from services.runtime.settings import Settings

INDICATORS = 300_000


def run(console: Console) -> list[Figure]:
    """MB resident per 100,000 live indicators: 300,000 routed and taken over by a fresh process, less an empty one"""
    settings = installation()
    empty = _resident(settings)
    with console.status("routing 300,000 indicators"):
        fill_batched(settings, INDICATORS, INDICATORS)
        with start_router(settings) as router:
            router.wait_ready()
            while router.total("ioc_bridge_routed_total") < INDICATORS:
                if router.exit_code is not None:
                    raise RuntimeError(router.last_lines())
            routed = router.total("process_resident_memory_bytes") / 1e6
    full = _resident(settings)
    return [
        Figure("memory empty router", empty, "MB"),
        Figure("memory router with 300,000 just routed", routed, "MB"),
        Figure("memory router with 300,000 taken over", full, "MB"),
        at_most("memory per 100,000 live indicators", (max(full, routed) - empty) / 3, "MB", 150),
    ]


def _resident(settings: Settings) -> float:
    with start_router(settings) as router:
        router.wait_ready()
        return router.total("process_resident_memory_bytes") / 1e6
