"""Writes of the pushers: 15,000 there and gone again under Defender's quotas, and a list of 300,000 at Netskope."""

import json
import time
from collections.abc import Iterable
from contextlib import closing

from rich.console import Console

from bench.result import Figure, at_most
from bench.throughput import LOGS, fresh_settings
from schemas.canonical import indicator_id
from schemas.desired import AppliedState, Desired, entry_key
from schemas.resources import resource
from schemas.targets import DefenderAction, Target, UrlList
from schemas.types import IndicatorType, Severity
from services.push_netskope import client, plan
from services.push_netskope.render import form_of
from services.runtime.ledger import Entry, Ledger
from services.runtime.settings import Settings
from services.runtime.standing import Outcome, Standing
from services.sandbox.exchange import MDE, NETSKOPE, Exchange

ROWS, ENTRIES = 15_000, 300_000
_CHUNK = 5_000
_NO_GUARD = resource("Guard", "default", {})


def run(console: Console) -> list[Figure]:
    """seconds and MB: 15,000 rows come and go at Defender; 1 % of a list of 300,000 changes at Netskope"""
    return [*_planned(), *_defender(console), *_netskope(console)]


def _wish(value: str, target: Target) -> tuple[str, Desired]:
    record = Desired(
        target=target, type=IndicatorType.DOMAIN, value=value, severity=Severity.HIGH, reputation=5,
        sources=("source",), sharings=("share",), content="c1", reported_at=int(time.time() * 1000),
    )  # fmt: skip
    return entry_key(target.id, indicator_id(record.type, value)), record


def _planned() -> list[Figure]:
    """A plan and its text, beside plain `json.dumps` of the list and one difference of two sets."""
    target = UrlList(kind="url-list", name="bench")
    standing, changed = Standing(detailed=False), ENTRIES // 100
    for number in range(changed, ENTRIES + changed):
        standing.desire(*_wish(f"h{number}.example", target))
    for number in range(ENTRIES):
        standing.desire(*_wish(f"h{number}.example", target))
    items = list(standing)
    for item in items:
        item.form = form_of(item, target)
        if int(item.value[1:].partition(".")[0]) >= changed:
            standing.settle(Outcome(item, AppliedState.APPLIED, item.value))
    urls = tuple(item.value for item in items if item.state is AppliedState.APPLIED)
    there = client.UrlList(1, "bench", urls, "exact", pending=False)
    began = time.perf_counter()
    written = plan.plan_url_list(items, target, there).urls or ()
    text = json.dumps(written)
    took = time.perf_counter() - began
    began = time.perf_counter()
    plain = json.dumps(written)
    difference = set(written) - set(urls)
    beside = time.perf_counter() - began
    if text != plain or not difference:
        raise RuntimeError("nothing was planned")
    return [
        Figure("lists plan and text of 300,000 entries, 1 % of them new", took, "s"),
        at_most("lists times json.dumps and a set difference", took / beside, "×", 2),
    ]


def _write(settings: Settings, destination: str, records: Iterable[tuple[str, Desired | None]]) -> None:
    topic, entries = settings.topics.desired(destination).name, list(records)
    with closing(Ledger(settings, "bench")) as ledger:
        for start in range(0, len(entries), _CHUNK):
            part = entries[start : start + _CHUNK]
            ledger.write(Entry(topic, key.encode(), wish.encode() if wish else None) for key, wish in part)


def _defender(console: Console) -> list[Figure]:
    target = DefenderAction(kind="defender-action", action="Block")
    with Exchange(fresh_settings(), LOGS / "lists", services=("push_defender",), more=[_NO_GUARD]) as exchange:
        wishes = [_wish(f"h{number}.example", target) for number in range(ROWS)]
        with console.status("15,000 to Defender"):
            _write(exchange.settings, MDE, wishes)
            there = _until(exchange, "push_defender", "put", ROWS)
        time.sleep(62)  # the quotas of the minute are to be free again
        with console.status("15,000 withdrawn from Defender"):
            _write(exchange.settings, MDE, ((key, None) for key, _ in wishes))
            gone = _until(exchange, "push_defender", "withdraw", ROWS)
        if exchange.defender_rows():
            raise RuntimeError("rows are left in the tenant")
    return [
        at_most("lists seconds until 15,000 are at Defender", there, "s", 60),
        at_most("lists seconds until 15,000 are gone from Defender", gone, "s", 60),
    ]


def _netskope(console: Console) -> list[Figure]:
    target = UrlList(kind="url-list", name="bench")
    with Exchange(fresh_settings(), LOGS / "lists", services=("push_netskope",), more=[_NO_GUARD]) as exchange:
        with console.status("300,000 to Netskope"):
            _write(exchange.settings, NETSKOPE, (_wish(f"h{number}.example", target) for number in range(ENTRIES)))
            took = _until(exchange, "push_netskope", "put", ENTRIES)
        resident = exchange.services["push_netskope"].total("process_resident_memory_bytes") / 1e6
    return [
        Figure("lists seconds until 300,000 are in a URL list", took, "s"),
        at_most("lists memory of a pusher with 300,000 entries", resident, "MB", 400),
    ]


def _until(exchange: Exchange, service: str, verb: str, count: int) -> float:
    began = time.monotonic()
    while exchange.services[service].total("ioc_bridge_pushed_total", verb=verb) < count:
        exchange.check_alive()
        time.sleep(0.1)
    return time.monotonic() - began
