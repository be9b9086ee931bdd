"""Reports merged and written per second by one router process, beside three other ways of doing the same work."""

import secrets
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from rich.console import Console

from bench.result import Figure, at_least
from bench.rival import run_rival
from bench.workload import fill_batched, fill_single, prepare
from schemas.topics import Topic
from services.runtime import kafka
from services.runtime.settings import Settings, load_settings
from services.runtime.topics import apply_topics
from services.sandbox.processes import ServiceProcess

LOGS = Path("build/bench")
ROUNDS = 2
BATCHED, BATCHED_INDICATORS = 150_000, 100_000
SINGLE, SINGLE_INDICATORS = 36_000, 24_000
GUIDE = 9_000
_LOOK_EVERY_S = 0.2
"""A router that is asked for its metrics is a router that does not route."""


def run(console: Console) -> list[Figure]:
    """reports/s in one process; all ways call the same merge and evaluation and write changelog and desired entries"""
    rates: dict[str, list[float]] = {name: [] for name in WAYS}
    for number in range(1, ROUNDS + 1):
        settings = installation()
        with console.status(f"round {number} of {ROUNDS}: filling topics"):
            fill_batched(settings, BATCHED, BATCHED_INDICATORS)
            fill_single(settings, f"{settings.topic_prefix}.single", SINGLE, SINGLE_INDICATORS)
        for name, measure in WAYS.items():
            with console.status(f"round {number} of {ROUNDS}: {name}"):
                rates[name].append(measure(settings))
    median = {name: statistics.median(found) for name, found in rates.items()}
    ours = median["router"]
    return [
        *(Figure(f"throughput {name}", rate, "reports/s") for name, rate in median.items()),
        at_least("throughput router / plain loop", ours / median["plain loop"], "×", 0.35),
        at_least("throughput router / Faust as its guide", ours / median["Faust as its guide"], "×", 8),
        at_least("throughput router / Quix Streams", ours / median["Quix Streams"], "×", 1),
    ]


def fresh_settings() -> Settings:
    """Settings with a topic prefix that nobody has used."""
    return load_settings(topic_prefix=f"b{secrets.token_hex(3)}")


def installation() -> Settings:
    """A fresh set of topics with the policy in place, rivals' topics included."""
    settings = fresh_settings()
    prepare(settings)
    extra = [
        Topic(f"{settings.topic_prefix}.single", settings.partitions),
        Topic(f"{settings.topic_prefix}.guide-desired", 1),
        Topic(f"{settings.topic_prefix}.quix-desired", 1),
    ]
    with closing(kafka.admin(settings)) as admin:
        apply_topics(admin, extra, replication=1)
    return settings


def start_router(settings: Settings) -> ServiceProcess:
    """A router process of this installation."""
    return ServiceProcess(
        "router", {"IOC_BRIDGE_TOPIC_PREFIX": settings.topic_prefix}, LOGS / f"router-{settings.topic_prefix}.log"
    )


def router_rate(settings: Settings, reports: int) -> float:
    """Reports/s between the first reports counted as routed and the last, each committed when it is counted."""
    first = (0.0, 0.0)
    with start_router(settings) as router:
        router.wait_ready()
        while (done := router.total("ioc_bridge_routed_total")) < reports:
            now = time.monotonic()
            if done and not first[1]:
                first = (now, done)
            time.sleep(_LOOK_EVERY_S)
        return (done - first[1]) / (time.monotonic() - first[0])


WAYS: dict[str, Callable[[Settings], float]] = {
    "router": lambda settings: router_rate(settings, BATCHED),
    "plain loop": lambda settings: run_rival("plain", settings.topic_prefix, str(BATCHED)).rate,
    "Quix Streams": lambda settings: run_rival("quix", settings.topic_prefix, str(SINGLE)).rate,
    "Faust as its guide": lambda settings: run_rival("guide_faust", "route", settings.topic_prefix, str(GUIDE)).rate,
}
