"""Killing a service while it works, not while it starts or waits for the lease of the one that was killed before it."""

import random
import time

from services.sandbox.exchange import Exchange
from services.sandbox.tenant.serve import TenantServer
from tests.waiting import eventually

KILLS = 3
"""In one test. After each, Kafka takes the dead for alive until its session times out, which is 6 s in tests."""


def kill_at_work(exchange: Exchange, service: str, tenant: TenantServer, chance: random.Random) -> None:
    """Kill it up to a second after it called its tenant, and start a fresh process."""
    before = calls(exchange, tenant)
    eventually(lambda: calls(exchange, tenant) > before, f"{service} works for its tenant")
    time.sleep(chance.uniform(0, 1))
    exchange.services[service].kill()
    exchange.start(service)


def calls(exchange: Exchange, tenant: TenantServer) -> int:
    """How many calls a tenant has answered."""
    return sum(call["count"] for call in exchange.admin(tenant, "GET", "calls")["calls"])
