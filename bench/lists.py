"""Writes of the pushers: 15,000 there and gone again under Defender's quotas, and a list of 300,000 at Netskope."""

import json
import time
from collections.abc import Iterable
from contextlib import closing

import orjson
from rich.console import Console

from bench.result import Figure, at_most
from bench.throughput import LOGS, fresh_settings
from schemas.canonical import indicator_id
from schemas.desired import AppliedState, Desired, entry_key
from schemas.resources import resource
from schemas.targets import Target
from schemas.types import IndicatorType, Severity
from schemas.vendors.defender import DefenderAction
from schemas.vendors.netskope import UrlList
from services.push_netskope import client
from services.push_netskope.render import give_form
from services.push_netskope.url_lists.incremental_plan import IncrementalUrlListPlan
from services.runtime.kafka.transactional_producer import OutgoingRecord, TransactionalProducer
from services.runtime.reconciling.entry import Outcome
from services.runtime.reconciling.entry_store import EntryStore
from services.runtime.settings import Settings
from services.sandbox.exchange import MDE, NETSKOPE, Exchange

ROWS, ENTRIES = 15_000, 300_000
_CHUNK = 5_000
_MINUTE_S = 62
"""After it, quotas of a minute are free again. What is measured at Netskope meanwhile takes about as long."""
_NO_GUARD = resource("Guard", "default", {})


def run(console: Console) -> list[Figure]:
    """seconds and MB: 15,000 rows come and go at Defender; 1 % of a list of 300,000 changes at Netskope"""
    target = DefenderAction(kind="defender-action", action="Block")
    desired_entries = [_wish(f"h{number}.example", target) for number in range(ROWS)]
    planned = _planned()
    with Exchange(fresh_settings(), LOGS / "lists", services=("push_defender",), more=[_NO_GUARD]) as exchange:
        with console.status("15,000 to Defender"):
            _write(exchange.settings, MDE, desired_entries)
            there = _until(exchange, "push_defender", "put", ROWS)
        free = time.monotonic() + _MINUTE_S
        netskope = _netskope(console)
        with console.status("waiting until the quotas of the minute are free again"):
            time.sleep(max(0.0, free - time.monotonic()))
        with console.status("15,000 withdrawn from Defender"):
            _write(exchange.settings, MDE, ((key, None) for key, _ in desired_entries))
            gone = _until(exchange, "push_defender", "withdraw", ROWS)
        if exchange.defender_rows():
            raise RuntimeError("rows are left in the tenant")
    return [
        *planned,
        at_most("lists seconds until 15,000 are at Defender", there, "s", 60),
        at_most("lists seconds until 15,000 are gone from Defender", gone, "s", 60),
        *netskope,
    ]


def _wish(value: str, target: Target) -> tuple[str, Desired]:
    record = Desired(
        target=target, type=IndicatorType.DOMAIN, value=value, severity=Severity.HIGH, reputation=5,
        sources=("source",), sharings=("share",), content="c1", reported_at=int(time.time() * 1000),
    )  # fmt: skip
    return entry_key(target.id, indicator_id(record.type, value)), record


def _planned() -> list[Figure]:
    """What a pusher does for a change of a list that it knows, from the answer it read to the text it sends.

    Beside it stand plain `json.dumps` of the list and one difference of two sets. Half of the change comes, half goes,
    so that the whole list is sent, as it is not when entries are only added.
    """
    target, half = UrlList(kind="url-list", name="bench", subdomains="exact"), ENTRIES // 200
    store = EntryStore()
    for number in range(ENTRIES):
        store.desire(*_wish(f"h{number}.example", target))
    for entry in store:
        give_form(entry, target)
        store.settle(Outcome(entry, AppliedState.APPLIED, entry.value))
    urls = tuple(entry.value for entry in store)
    kept = IncrementalUrlListPlan.of(store, target, urls, store.watch(target.id))
    for number in range(half):
        store.desire(_wish(f"h{number}.example", target)[0], None)
        store.desire(*_wish(f"new{number}.example", target))
    # As an answer is read: no text of it is one that is known already, and none has been hashed.
    there = client.UrlList(1, "bench", tuple(orjson.loads(orjson.dumps(urls))), "exact", pending=False)
    began = time.process_time()
    planned = kept.planned() if kept and kept.follows(target, there) else None
    text = orjson.dumps({"data": client.data_of(planned.urls, there.type)}) if planned and planned.urls else b""
    took = time.process_time() - began
    written = tuple(json.loads(text)["data"]["urls"])
    if not planned or planned.urls != written:
        raise RuntimeError("nothing was planned")
    began = time.process_time()
    json.dumps(planned.urls)
    difference = set(planned.urls) - set(urls)
    beside = time.process_time() - began
    if len(written) != ENTRIES or len(difference) != half:
        raise RuntimeError("what was planned is not what was asked for")
    return [
        Figure("lists plan and text of 300,000 entries, 1 % of them changed", took, "s"),
        at_most("lists times json.dumps and a set difference", took / beside, "×", 2),
    ]


def _write(settings: Settings, destination: str, records: Iterable[tuple[str, Desired | None]]) -> None:
    topic, entries = settings.topics.desired(destination).name, list(records)
    with closing(TransactionalProducer(settings, "bench")) as producer:
        for start in range(0, len(entries), _CHUNK):
            part = entries[start : start + _CHUNK]
            producer.write(
                OutgoingRecord(topic, key.encode(), desired_entry.encode() if desired_entry else None)
                for key, desired_entry in part
            )


def _netskope(console: Console) -> list[Figure]:
    target = UrlList(kind="url-list", name="bench", subdomains="exact")
    with Exchange(fresh_settings(), LOGS / "lists", services=("push_netskope",), more=[_NO_GUARD]) as exchange:
        with console.status("300,000 to Netskope"):
            _write(exchange.settings, NETSKOPE, (_wish(f"h{number}.example", target) for number in range(ENTRIES)))
            took = _until(exchange, "push_netskope", "put", ENTRIES)
        with console.status("15,000 to Netskope, and 15,000 withdrawn"):
            gone = [(_wish(f"h{number}.example", target)[0], None) for number in range(ROWS)]
            come = [_wish(f"new{number}.example", target) for number in range(ROWS)]
            _write(exchange.settings, NETSKOPE, [*gone, *come])
            changed = _until(exchange, "push_netskope", "withdraw", ROWS)
            changed += _until(exchange, "push_netskope", "put", ENTRIES + ROWS)
        resident = exchange.services["push_netskope"].total("process_resident_memory_bytes") / 1e6
    return [
        Figure("lists seconds until 300,000 are in a URL list", took, "s"),
        Figure("lists seconds until 15,000 others have come and 15,000 gone", changed, "s"),
        at_most("lists memory of a pusher with 300,000 entries", resident, "MB", 400),
    ]


def _until(exchange: Exchange, service: str, verb: str, count: int) -> float:
    began = time.monotonic()
    while exchange.services[service].total("ioc_bridge_pushed_total", verb=verb) < count:
        exchange.check_alive()
        time.sleep(0.1)
    return time.monotonic() - began
