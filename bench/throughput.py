"""Reports merged and written per second by one router process, beside three other ways of doing the same work."""

import secrets
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from rich.console import Console

from bench.result import Figure, at_least
from bench.rival import run_rival
from bench.workload import fill_batched, fill_single, prepare
from schemas.topics import Topic
from services.runtime.kafka import clients
from services.runtime.kafka.topics import apply_topics
from services.runtime.settings import Settings, load_settings
from services.sandbox.processes import ServiceProcess

LOGS = Path("build/bench")
ROUNDS = 3
BATCHED, BATCHED_INDICATORS = 105_000, 70_000
SINGLE, SINGLE_INDICATORS = 24_000, 16_000
GUIDE = 9_000
_LOOK_EVERY_S = 1.0
"""A router that is asked for its metrics is a router that does not route; so it is asked more often only when nearly
all are routed.
"""
_NEARLY = 0.9


def run(console: Console) -> list[Figure]:
    """reports/s in one process; all ways call the same merge and evaluation and write changelog and desired entries"""
    rates: dict[str, list[float]] = {name: [] for name in WAYS}
    for number in range(1, ROUNDS + 1):
        settings = installation()
        with console.status(f"round {number} of {ROUNDS}: filling topics"):
            fill_single(settings, f"{settings.topic_prefix}.single", SINGLE, SINGLE_INDICATORS)
        for name, measure in WAYS.items():
            with console.status(f"round {number} of {ROUNDS}: {name}"):
                rates[name].append(measure(settings))
    return [
        *(Figure(f"throughput {name}", statistics.median(found), "reports/s") for name, found in rates.items()),
        *(_beside(name, rates, goal) for name, goal in GOALS.items()),
    ]


def _beside(name: str, rates: Mapping[str, list[float]], goal: float) -> Figure:
    """The router beside another way: the median of the rounds, each against itself, since machines drift in between."""
    ratios = [ours / theirs for ours, theirs in zip(rates["router"], rates[name], strict=True)]
    return at_least(f"throughput router / {name}", statistics.median(ratios), "×", goal)


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
    with closing(clients.admin(settings)) as admin:
        apply_topics(admin, extra, replication=1)
    return settings


def start_router(settings: Settings) -> ServiceProcess:
    """A router process of this installation."""
    return ServiceProcess(
        "router", {"IOC_BRIDGE_TOPIC_PREFIX": settings.topic_prefix}, LOGS / f"router-{settings.topic_prefix}.log"
    )


def router_rate(settings: Settings) -> float:
    """Reports/s from when a router that waits can see them, all at once, until all are committed.

    Not from the first that it counts: by then, units of all other partitions may be nearly done.
    """
    with start_router(settings) as router:
        router.wait_ready()
        began = fill_batched(settings, BATCHED, BATCHED_INDICATORS, at_once=True)
        while (done := router.total("ioc_bridge_routed_total")) < BATCHED:
            time.sleep(_LOOK_EVERY_S if done < _NEARLY * BATCHED else _LOOK_EVERY_S / 5)
        return BATCHED / (time.monotonic() - began)


WAYS: dict[str, Callable[[Settings], float]] = {
    "router": router_rate,
    "Faust as its guide": lambda settings: run_rival("guide_faust", "route", settings.topic_prefix, str(GUIDE)).rate,
    "plain loop": lambda settings: run_rival("plain", settings.topic_prefix, str(BATCHED)).rate,
    "Quix Streams": lambda settings: run_rival("quix", settings.topic_prefix, str(SINGLE)).rate,
}
GOALS = {"plain loop": 0.35, "Faust as its guide": 8, "Quix Streams": 1}
"""By the other way: how many times as much as it the router is to do."""
