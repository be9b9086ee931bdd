"""A rolling restart of every service under load: nothing is lost, and no tenant ever has two that work for it.

As Kubernetes does it: a fresh process first, and once it is ready the former one is asked to leave. Each process keeps
a log of its own, whose lines tell when it worked for which tenant.
"""

import itertools
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from services.sandbox.exchange import Exchange
from services.sandbox.processes import ServiceProcess
from tests.routing import settings_for
from tests.waiting import eventually

VENDOR_FACING = ("pull_defender", "pull_netskope", "push_defender", "push_netskope")


class Turn(NamedTuple):
    """One process working for one tenant."""

    began: datetime
    ended: datetime


def row(value: str) -> dict[str, object]:
    return {"indicatorValue": value, "indicatorType": "DomainName", "action": "Block", "title": "t"}


def turns(log: Path) -> Iterator[tuple[str, Turn]]:
    """When the process of this log worked for each tenant."""
    began: dict[str, datetime] = {}
    for line in log.read_text().splitlines():
        said = json.loads(line) if line.startswith("{") else {}
        if said.get("event") == "a worker started":
            began[said["connection"]] = datetime.fromisoformat(said["timestamp"])
        elif said.get("event") == "a worker ended":
            name = said["connection"]
            yield name, Turn(began.pop(name), datetime.fromisoformat(said["timestamp"]))
    assert not began, "whoever worked for a tenant says when it no longer does"


def test_a_rolling_restart_under_load_loses_nothing_and_no_tenant_has_two_owners(
    bootstrap: str, prefix: str, tmp_path: Path
) -> None:
    logs: dict[str, list[Path]] = defaultdict(list)
    with Exchange(settings_for(bootstrap, prefix), tmp_path) as exchange:

        def fresh(name: str) -> ServiceProcess:
            logs[name].append(tmp_path / f"{name}-{len(logs[name])}.log")
            return ServiceProcess(name, exchange.environment, logs[name][-1])

        held: set[str] = set()
        alerted: set[str] = set()
        for name in list(exchange.services):
            logs[name].append(exchange.services[name].log)
            for step in ("before", "while", "after"):
                values = {f"{step}-{number}.{name.replace('_', '-')}.example" for number in range(40)}
                exchange.admin(exchange.mde, "POST", "seed", {"rows": [row(value) for value in sorted(values)]})
                gone = set(sorted(held)[:15])
                exchange.admin(exchange.mde, "POST", "rows/delete", {"values": sorted(gone)})
                held = (held | values) - gone
                seen = [f"n{number}.{step}.{name.replace('_', '-')}.example/x" for number in range(20)]
                alerts = [{"kind": "malsite", "url": url} for url in seen]
                exchange.admin(exchange.netskope, "POST", "seed", {"alerts": alerts})
                alerted |= {f"http://{url}" for url in seen}
                if step == "before":
                    former, exchange.services[name] = exchange.services[name], fresh(name)
                    exchange.services[name].wait_ready()
                elif step == "while":
                    assert former.stop() == 0, former.last_lines()
        eventually(
            lambda: exchange.url_list() == held,
            "Netskope holds what Defender does",
            every_s=0.5,
            progress=exchange.url_list,
        )
        eventually(
            lambda: {str(found["indicatorValue"]) for found in exchange.defender_rows()} == held | alerted,
            "Defender holds what both know",
            every_s=0.5,
            progress=lambda: len(exchange.defender_rows()),
        )
        exchange.check_alive()
    for name in VENDOR_FACING:
        by_tenant: dict[str, list[Turn]] = defaultdict(list)
        for log in logs[name]:
            for tenant, schedule in turns(log):
                by_tenant[tenant].append(schedule)
        assert by_tenant, f"{name} worked for a tenant"
        for tenant, found in by_tenant.items():
            ordered = sorted(found)
            assert all(one.ended <= next_.began for one, next_ in itertools.pairwise(ordered)), (
                name,
                tenant,
            )
