"""Pullers killed in mid-poll while their tenants change: what Kafka was told, taken together, is what the tenant holds.

No router runs: the committed reports are folded here, the latest verb per indicator, as any reader would.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import TopicPartition

from schemas.report import ReportBatch, Verb
from services.runtime.kafka.bulk_read import read_to_end
from services.runtime.kafka.clients import consumer
from services.runtime.settings import Settings
from services.sandbox.exchange import MDE, NETSKOPE, Exchange
from services.sandbox.netskope.settings import NetskopeTenant
from tests.chaos.kills import KILLS, kill_at_work
from tests.routing import settings_for
from tests.waiting import eventually


def reports_of(settings: Settings, source: str) -> Iterator[tuple[Verb, str]]:
    """Every committed report of a source, in the order of its partition."""
    reader = consumer(settings)
    try:
        for number in range(settings.partitions):
            for record in read_to_end(reader, TopicPartition(settings.topics.reports.name, number)):
                assert record.value
                batch = ReportBatch.decode(record.value)
                if batch.source == source:
                    yield from ((report.verb, report.value) for report in batch.reports)
    finally:
        reader.close()


def store(settings: Settings, source: str) -> set[str]:
    """What a source vouches for, after all its reports."""
    latest = {value: verb for verb, value in reports_of(settings, source)}
    return {value for value, verb in latest.items() if verb is Verb.UPDATE}


def test_a_killed_defender_puller_never_loses_an_addition_or_a_withdrawal(
    bootstrap: str, prefix: str, tmp_path: Path
) -> None:
    settings, chance = settings_for(bootstrap, prefix), random.Random(3)
    held: set[str] = set()
    with Exchange(settings, tmp_path, services=["pull_defender"]) as exchange:
        for step in range(KILLS):
            fresh = {f"host{step}-{number}.evil.example" for number in range(150)}
            rows = [
                {"indicatorValue": v, "indicatorType": "DomainName", "action": "Block", "title": "t"} for v in fresh
            ]
            exchange.admin(exchange.mde, "POST", "seed", {"rows": rows})
            gone = set(chance.sample(sorted(held), min(len(held), 60)))
            exchange.admin(exchange.mde, "POST", "rows/delete", {"values": sorted(gone)})
            held = (held | fresh) - gone
            kill_at_work(exchange, "pull_defender", exchange.mde, chance)
        eventually(lambda: store(settings, MDE) == held, "reports add up to what the tenant holds", every_s=1)
        assert {row["indicatorValue"] for row in exchange.defender_rows()} == held


@pytest.mark.parametrize("fault", [None, {"kind": "cut", "path": "malsite", "probability": 0.3, "seed": 5, "times": 6}])
def test_a_killed_netskope_puller_loses_no_page(
    bootstrap: str, prefix: str, tmp_path: Path, fault: dict[str, object] | None
) -> None:
    settings, chance = settings_for(bootstrap, prefix), random.Random(4)
    numbered = [f"host{number}.evil.example/x" for number in range(1_200)]
    tenant = NetskopeTenant(page_size=40)
    with Exchange(settings, tmp_path, services=["pull_netskope"], netskope=tenant) as exchange:
        if fault:
            exchange.admin(exchange.netskope, "POST", "faults", fault)
        for step in range(KILLS):
            alerts = [{"kind": "malsite", "url": url} for url in numbered[step::KILLS]]
            exchange.admin(exchange.netskope, "POST", "seed", {"alerts": alerts})
            kill_at_work(exchange, "pull_netskope", exchange.netskope, chance)
        expected = {f"http://{url}" for url in numbered}

        def reported() -> int:
            return len(store(settings, NETSKOPE))

        eventually(lambda: store(settings, NETSKOPE) == expected, "every alert reported", every_s=1, progress=reported)
