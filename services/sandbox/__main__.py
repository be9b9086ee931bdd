"""`python -m services.sandbox demo [--keep]`: the whole exchange on an embedded Kafka, compared at the end."""

import secrets
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from schemas.canonical import Canonical, Refused, canonicalise
from schemas.types import Family, IndicatorType
from services.runtime.settings import Settings
from services.sandbox.exchange import HASH_LIST, Exchange
from services.sandbox.kafka import EmbeddedKafka, EmbeddedKafkaError
from services.sandbox.processes import ServiceFailedError

_VENDOR = {IndicatorType.DOMAIN: "DomainName", IndicatorType.SHA256: "FileSha256", IndicatorType.MD5: "FileMd5"}
_WITHIN_S = 60.0
app = typer.Typer(no_args_is_help=True)


@app.callback()
def _root() -> None:
    """The sandbox."""


@app.command()
def demo(keep: Annotated[bool, typer.Option(help="leave everything up until Ctrl-C")] = False) -> None:
    """Carry real public indicators both ways, change them, and compare both tenants with what policy asks for."""
    console = Console()
    try:
        with EmbeddedKafka() as kafka:
            settings = Settings(kafka_bootstrap=kafka.bootstrap, topic_prefix=f"demo{secrets.token_hex(2)}")
            console.print(f"Kafka at {kafka.bootstrap}; starting two tenants and five services (logs: build/demo)")
            with Exchange(settings, Path("build/demo")) as exchange:
                agreed = _play(exchange, console)
                if keep:
                    console.print(f"Defender {exchange.mde.url}, Netskope {exchange.netskope.url}; Ctrl-C stops all")
                    while True:
                        time.sleep(1)
    except (EmbeddedKafkaError, ServiceFailedError) as error:
        sys.exit(f"ioc-bridge demo: {error}")
    except KeyboardInterrupt:
        return
    if not agreed:
        sys.exit("the tenants differ from what policy asks for")


def _play(exchange: Exchange, console: Console) -> bool:
    found = _sample()
    half = len(found) // 2
    held = {one.value: one for one in found[:half] if one.type in _VENDOR}
    alerts = [one for one in found[half:] if one.type in (IndicatorType.MD5, IndicatorType.SHA256, IndicatorType.URL)]
    exchange.admin(exchange.mde, "POST", "seed", {"rows": [_row(one) for one in held.values()]})
    exchange.admin(exchange.netskope, "POST", "seed", {"alerts": [_alert(one) for one in alerts]})
    console.print(f"seeded {len(held)} indicators at Defender, {len(alerts)} alerts at Netskope")
    first = _await(exchange, console, held, alerts, "initial convergence")
    gone = sorted(held)[:20]
    exchange.admin(exchange.mde, "POST", "rows/delete", {"values": gone})
    fresh = Canonical(IndicatorType.DOMAIN, "added-in-the-demo.example")
    exchange.admin(exchange.mde, "POST", "seed", {"rows": [_row(fresh)]})
    held = {value: one for value, one in held.items() if value not in gone} | {fresh.value: fresh}
    return _await(exchange, console, held, alerts, "20 deletions and an addition") and first


def _await(
    exchange: Exchange, console: Console, held: dict[str, Canonical], alerts: list[Canonical], what: str
) -> bool:
    want = {
        "Netskope URL list": {v for v, one in held.items() if one.type.family is Family.URL},
        "Netskope file-hash list": {v for v, one in held.items() if one.type.family is Family.HASH},
        "Defender, from Netskope": {one.value for one in alerts} - held.keys(),
    }
    began = time.monotonic()
    with console.status(what):
        while (have := _have(exchange, held)) != want and time.monotonic() - began < _WITHIN_S:
            exchange.check_alive()
            time.sleep(0.2)
    table = Table(
        "target", "asked for", "there", "missing", "too many", title=f"{what}: {time.monotonic() - began:.1f} s"
    )
    for name, values in want.items():
        there = have[name]
        table.add_row(name, *(str(len(part)) for part in (values, there, values - there, there - values)))
    console.print(table)
    return have == want


def _have(exchange: Exchange, held: dict[str, Canonical]) -> dict[str, set[str]]:
    return {
        "Netskope URL list": exchange.url_list(),
        "Netskope file-hash list": exchange.hash_list(HASH_LIST),
        "Defender, from Netskope": {str(row["indicatorValue"]) for row in exchange.defender_rows()} - held.keys(),
    }


def _sample() -> list[Canonical]:
    lines = (files("services.sandbox") / "data/indicators.tsv").read_text().splitlines()[1:]
    found: dict[str, Canonical] = {}
    for line in lines:
        try:
            one = canonicalise(line.partition("\t")[0])
        except Refused:
            continue  # a tenant could not hold it either
        if "_" not in one.value:
            found[one.id] = one
    return list(found.values())


def _row(one: Canonical) -> dict[str, Any]:
    return {"indicatorValue": one.value, "indicatorType": _VENDOR[one.type], "action": "Block", "title": "demo"}


def _alert(one: Canonical) -> dict[str, Any]:
    if one.type is IndicatorType.URL:
        return {"kind": "malsite", "url": one.value}
    return {"kind": "malware", one.type.value: one.value}


if __name__ == "__main__":
    app()
