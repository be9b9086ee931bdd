"""Seconds from a change at one vendor to its effect at the other, at rest and while 100,000 reports flow."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from rich.console import Console

from bench.result import Figure, at_most
from bench.throughput import LOGS, fresh_settings
from bench.workload import batches
from schemas.report import ReportBatch
from schemas.resources import AnyResource, resource
from services.runtime.kafka.transactional_producer import OutgoingRecord, TransactionalProducer
from services.sandbox.exchange import Exchange
from services.sandbox.latency import Effect, Stopwatch, quantile

CHANGES = 60
EVERY_S = 0.35
POLL_S = 1.0
FLOWING = 100_000
OTHER, ELSEWHERE = "other", "elsewhere"
TO_DEFENDER, TO_NETSKOPE = "Netskope to Defender", "Defender to Netskope"
_REPORTS_PER_S = 6_000
_GIVE_UP_S = 120.0


def run(console: Console) -> list[Figure]:
    """seconds from vendor to vendor, both directions; goals are beyond the poll interval of one second"""
    figures: list[Figure] = []
    with _warm_exchange(console) as exchange, console.status(f"at rest: {CHANGES} changes each way"):
        rest = _measure(exchange, "rest", CHANGES)
    with _warm_exchange(console) as exchange:
        flow = threading.Thread(target=_flow, args=(exchange,))
        flow.start()
        with console.status(f"while {FLOWING:,} reports flow: {CHANGES} changes each way"):
            loaded = _measure(exchange, "load", CHANGES, while_true=flow.is_alive)
        flow.join()
    for name, seconds in (("at rest", rest), ("while 100,000 reports flow", loaded)):
        for way, found in seconds.items():
            figures += [
                Figure(f"latency {name}, {way}, p50", quantile(found, 0.5), "s"),
                Figure(f"latency {name}, {way}, p99", quantile(found, 0.99), "s"),
            ]
    both = [value for found in rest.values() for value in found]
    figures.append(at_most("latency at rest, p99 beyond the poll interval", quantile(both, 0.99) - POLL_S, "s", 2))
    return figures


@contextmanager
def _warm_exchange(console: Console) -> Iterator[Exchange]:
    """Services and tenants of their own, whose quotas nobody has used: else it is those that the figures would tell of.

    So often polled and written to, a Defender tenant refuses calls after less than a minute.
    """
    with Exchange(fresh_settings(), LOGS / "latency", poll=f"{POLL_S:.0f}s", more=_unreachable()) as exchange:
        with console.status("warming up"):
            _measure(exchange, "warm", 4)
        yield exchange


def _unreachable() -> list[AnyResource]:
    """A source whose reports the bench writes itself, shared to a tenant that is down: that load must hurt nobody."""
    spec = {"type": "netskope", "tenantUrl": "http://127.0.0.1:9", "v2Token": {"env": "SANDBOX_NETSKOPE_TOKEN"}}
    target = {"kind": "url-list", "name": ELSEWHERE}
    return [
        resource("Connection", OTHER, spec),
        resource("Connection", ELSEWHERE, {**spec, "polling": False}),
        resource("Sharing", ELSEWHERE, {"source": OTHER, "destination": ELSEWHERE, "target": target}),
    ]


def _measure(
    exchange: Exchange, word: str, changes: int, while_true: Callable[[], bool] = lambda: False
) -> dict[str, list[float]]:
    """Change both tenants, one change at a time and at a steady pace, and note when each is seen at the other."""
    stopwatch, number, began, until = Stopwatch(), 0, time.monotonic(), math.inf
    while stopwatch.waiting or number < changes or while_true():
        exchange.check_alive()
        if (number < changes or while_true()) and time.monotonic() >= began + number * EVERY_S:
            _change(exchange, stopwatch, f"{word}{number}.{word}.example")
            number += 1
        stopwatch.look({TO_DEFENDER: _at_defender(exchange), TO_NETSKOPE: exchange.url_list()})
        if number >= changes and not while_true():
            until = min(until, time.monotonic() + _GIVE_UP_S)
        if time.monotonic() > until:
            raise RuntimeError(f"not seen after {_GIVE_UP_S:.0f} s: {list(stopwatch.waiting)}")
        time.sleep(0.02)
    return stopwatch.seconds


def _change(exchange: Exchange, stopwatch: Stopwatch, host: str) -> None:
    stopwatch.began(TO_DEFENDER, Effect(TO_DEFENDER, f"a{host}"), time.monotonic())
    exchange.admin(exchange.netskope, "POST", "seed", {"alerts": [{"kind": "malsite", "url": f"a{host}/x"}]})
    row = {"indicatorValue": f"d{host}", "indicatorType": "DomainName", "action": "Block", "title": "bench"}
    stopwatch.began(TO_NETSKOPE, Effect(TO_NETSKOPE, f"d{host}"), time.monotonic())
    exchange.admin(exchange.mde, "POST", "seed", {"rows": [row]})


def _at_defender(exchange: Exchange) -> set[str]:
    rows = exchange.defender_rows()
    return {str(row["indicatorValue"]).split("/")[2] for row in rows if row["indicatorType"] == "Url"}


def _flow(exchange: Exchange) -> None:
    """100,000 reports of another source, at a steady pace."""
    topics, began, sent = exchange.settings.topics, time.monotonic(), 0
    with closing(TransactionalProducer(exchange.settings, "bench")) as producer:
        for number, batch in batches(FLOWING, FLOWING, exchange.settings.partitions):
            said = ReportBatch(source=OTHER, poll="bench", reports=batch.reports)
            producer.write([OutgoingRecord(topics.reports.name, OTHER.encode(), said.encode(), number)])
            sent += len(batch.reports)
            time.sleep(max(0.0, began + sent / _REPORTS_PER_S - time.monotonic()))
