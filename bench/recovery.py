"""How fast a new owner has its state back, beside Faust's own recovery of the same records."""

import secrets

from rich.console import Console

from bench.filled import filled
from bench.result import Figure, at_least
from bench.rival import run_rival
from bench.throughput import start_router
from bench.workload import fill_changelog
from schemas.topics import Topic
from services.runtime.kafka import clients
from services.runtime.kafka.topics import apply_topics

FAUSTS = 60_000
"""Of the records, those that Faust recovers: it takes them one by one, so more would only take longer."""


def run(console: Console) -> list[Figure]:
    """records/s of changelog read until a router is ready, 300,000 indicators, fencing and group offsets included;
    Faust's own with a fifth of the same records
    """
    settings = filled(console).settings
    with console.status("a new router takes over"), start_router(settings) as router:
        router.wait_ready()
        seconds = router.total("ioc_bridge_recovery_seconds")
        ours = router.total("ioc_bridge_recovered_records_total") / seconds
    guide = f"{settings.topic_prefix}-{secrets.token_hex(2)}"
    changelog = Topic(f"{guide}-guide-indicators-changelog", settings.partitions, {"cleanup.policy": "compact"})
    needed = [changelog, Topic(f"{guide}.single", settings.partitions), Topic(f"{guide}.guide-desired", 1)]
    with console.status("Faust recovers a fifth of the same records"):
        admin = clients.admin(settings)
        apply_topics(admin, needed, replication=1)
        admin.close()
        copied = fill_changelog(settings, settings.topics.indicators.name, changelog.name, FAUSTS)
        faust = run_rival("guide_faust", "recover", guide, str(copied))
    return [
        Figure("recovery router seconds for 300,000", seconds, "s"),
        Figure("recovery router", ours, "records/s"),
        Figure("recovery Faust's own", faust.rate, "records/s"),
        at_least("recovery router / Faust's own", ours / faust.rate, "×", 20),
    ]
