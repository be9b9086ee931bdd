"""15,000 indicators from a Netskope tenant into a Defender tenant, under Defender's documented quotas."""

import hashlib
import time

from rich.console import Console

from bench.result import Figure, at_most
from bench.throughput import LOGS, fresh_settings
from services.sandbox.exchange import NETSKOPE, Exchange

INDICATORS = 15_000
ONE_BY_ONE_PER_HOUR = 1_500
"""Microsoft: Submit or Update Indicator API: 100 calls a minute and 1,500 an hour."""


def run(console: Console) -> list[Figure]:
    """seconds until all are in the tenant, once their reports are in; one POST each is computed from the quota"""
    services = ("pull_netskope", "router", "push_defender")
    with Exchange(fresh_settings(), LOGS / "quota", services=services) as exchange:
        seeds = [
            {"kind": "malware", "sha256": hashlib.sha256(str(number).encode()).hexdigest()}
            for number in range(INDICATORS)
        ]
        exchange.admin(exchange.netskope, "POST", "seed", {"alerts": seeds})
        began = time.monotonic()
        puller, pusher = exchange.services["pull_netskope"], exchange.services["push_defender"]
        with console.status("pulling 15,000"):
            while puller.total("ioc_bridge_reports_total", connection=NETSKOPE) < INDICATORS:
                exchange.check_alive()
                time.sleep(0.05)
        reported = time.monotonic()
        with console.status("pushing 15,000"):
            while pusher.total("ioc_bridge_pushed_total", verb="put") < INDICATORS:
                exchange.check_alive()
                time.sleep(0.05)
        done = time.monotonic()
        rows = len(exchange.defender_rows())
        calls = pusher.total("ioc_bridge_vendor_calls_total", status="200")
    if rows != INDICATORS:
        raise RuntimeError(f"{rows} rows in the tenant, {INDICATORS} were shared")
    one_by_one = INDICATORS / ONE_BY_ONE_PER_HOUR * 3600
    return [
        Figure("quota seconds from alert to all reports", reported - began, "s"),
        at_most("quota seconds from reports to all 15,000 in the tenant", done - reported, "s", 60),
        Figure("quota calls answered", calls, "calls"),
        Figure("quota one POST each, computed", one_by_one, "s"),
        Figure("quota times faster than one POST each", one_by_one / (done - reported), "×"),
    ]
