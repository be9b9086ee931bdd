"""Vendor to vendor: additions, edits and deletions at both tenants, with every service killed at random meanwhile.

Afterwards each tenant holds what policy asks for, by set equality, and nothing has come back to where it came from.
"""

import random
import time
from pathlib import Path

from services.sandbox.exchange import Exchange
from tests.routing import settings_for
from tests.waiting import eventually


def row(value: str, kind: str = "DomainName", **more: object) -> dict[str, object]:
    return {"indicatorValue": value, "indicatorType": kind, "action": "Block", "title": "t", **more}


def values(exchange: Exchange) -> set[str]:
    return {str(found["indicatorValue"]) for found in exchange.defender_rows()}


def test_both_directions_with_additions_edits_and_deletions(bootstrap: str, prefix: str, tmp_path: Path) -> None:
    with Exchange(settings_for(bootstrap, prefix), tmp_path) as exchange:
        hosts, files = [f"d{n}.example" for n in range(40)], [f"{n:064x}" for n in range(1, 21)]
        rows = [row(host) for host in hosts] + [row(file, "FileSha256") for file in files]
        exchange.admin(exchange.mde, "POST", "seed", {"rows": rows})
        alerts = [{"kind": "malsite", "url": f"n{n}.example/x"} for n in range(30)]
        alerts += [{"kind": "malware", "md5": f"{n:032x}"} for n in range(1, 11)]
        exchange.admin(exchange.netskope, "POST", "seed", {"alerts": alerts})
        from_netskope = {f"http://n{n}.example/x" for n in range(30)} | {f"{n:032x}" for n in range(1, 11)}
        eventually(lambda: exchange.url_list() == set(hosts), "domains at Netskope")
        eventually(lambda: exchange.hash_list() == set(files), "hashes at Netskope")
        eventually(lambda: values(exchange) == {*hosts, *files, *from_netskope}, "alerts at Defender")
        exchange.admin(exchange.mde, "POST", "rows/delete", {"values": [hosts[0], files[0]]})
        exchange.admin(exchange.mde, "POST", "seed", {"rows": [row("new.example")]})
        again = {"kind": "malware", "md5": f"{1:032x}", "severity": "Low", "malware_name": "Renamed"}
        exchange.admin(exchange.netskope, "POST", "seed", {"alerts": [{**again, "timestamp": int(time.time()) + 60}]})
        eventually(
            lambda: exchange.url_list() == {*hosts[1:], "new.example"}, "a deletion and an addition carried over"
        )
        eventually(lambda: exchange.hash_list() == set(files[1:]), "the deletion of a hash carried over")

        def edited() -> bool:
            found = [one for one in exchange.defender_rows() if one["indicatorValue"] == f"{1:032x}"]
            return [one["severity"] for one in found] == ["Low"]

        eventually(edited, "the edit is at Defender, in place")
        assert values(exchange) == {*hosts[1:], *files[1:], *from_netskope, "new.example"}


def test_every_service_killed_at_random_and_the_tenants_still_agree(
    bootstrap: str, prefix: str, tmp_path: Path
) -> None:
    chance = random.Random(7)
    held: set[str] = set()
    alerted: set[str] = set()
    with Exchange(settings_for(bootstrap, prefix), tmp_path) as exchange:
        for step in range(10):
            fresh = {f"d{step}-{number}.example" for number in range(60)}
            exchange.admin(exchange.mde, "POST", "seed", {"rows": [row(value) for value in sorted(fresh)]})
            gone = set(chance.sample(sorted(held), min(len(held), 25)))
            exchange.admin(exchange.mde, "POST", "rows/delete", {"values": sorted(gone)})
            held = (held | fresh) - gone
            seen = [f"n{step}-{number}.example/x" for number in range(40)]
            alerts = [{"kind": "malsite", "url": url} for url in seen]
            exchange.admin(exchange.netskope, "POST", "seed", {"alerts": alerts})
            alerted |= {f"http://{url}" for url in seen}
            time.sleep(chance.uniform(0.3, 1.5))
            victim = chance.choice(sorted(exchange.services))
            exchange.services[victim].kill()
            exchange.start(victim)

        def settled() -> bool:
            for name, service in exchange.services.items():
                if service.exit_code is not None:
                    exchange.start(name)
            return exchange.url_list() == held and values(exchange) == held | alerted

        def progress() -> tuple[int, int]:
            return len(exchange.url_list() ^ held), len(values(exchange) ^ (held | alerted))

        eventually(settled, "both tenants hold what policy asks for", every_s=1, progress=progress)
