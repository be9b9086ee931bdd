"""Routers killed, paused past their session timeout and replaced while numbered reports flow: none lost, none twice.

Each report says something new of its indicator, so an indicator's hits count the reports merged into it, and the
latest desired entry must carry the words of the last one.
"""

import random
import signal
import threading
import time
from pathlib import Path

import pytest

from services.sandbox.processes import ServiceProcess
from tests.routing import CONNECTIONS, SHARING, Exchange, numbered
from tests.waiting import eventually

INDICATORS, ROUNDS = 400, 40


class Supervisor:
    """Keeps two routers running, as Kubernetes would: whoever leaves is replaced."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.routers = [exchange.start() for _ in range(2)]
        self.exits: list[int] = []

    def replace_the_gone(self) -> None:
        for at, router in enumerate(self.routers):
            if (code := router.exit_code) is not None:
                self.exits.append(code)
                self.routers[at] = self._exchange.start()

    def stop(self) -> None:
        for router in self.routers:
            router.stop()


def feed(exchange: Exchange, pause_s: float) -> None:
    for time_ in range(ROUNDS):
        exchange.report((numbered(n, time_, comments=f"round {time_}") for n in range(INDICATORS)), per_batch=20)
        time.sleep(pause_s)


def merged(exchange: Exchange) -> int:
    return sum(indicator.hits for indicator in exchange.indicators().values())


def assert_all_there_once(exchange: Exchange) -> None:
    indicators, desired = exchange.indicators(), exchange.desired()
    assert {key: found.hits for key, found in indicators.items()} == dict.fromkeys(indicators, ROUNDS)
    assert len(indicators) == INDICATORS
    assert {entry.comments for entry in desired.values()} == {f"round {ROUNDS - 1}"}
    assert {key.partition("/")[2] for key in desired} == set(indicators)


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_and_clean_stops_lose_and_repeat_nothing(bootstrap: str, prefix: str, tmp_path: Path, seed: int) -> None:
    exchange, chance = Exchange(bootstrap, prefix, tmp_path), random.Random(seed)
    exchange.apply(*CONNECTIONS, SHARING)
    supervisor = Supervisor(exchange)
    feeder = threading.Thread(target=feed, args=(exchange, 0.2))
    feeder.start()
    try:
        while feeder.is_alive():
            time.sleep(chance.uniform(0.5, 2.5))
            victim: ServiceProcess = chance.choice(supervisor.routers)
            victim.signal(chance.choice([signal.SIGKILL, signal.SIGTERM]))
            supervisor.replace_the_gone()
        feeder.join()

        def settled() -> bool:
            supervisor.replace_the_gone()
            return merged(exchange) >= INDICATORS * ROUNDS

        eventually(settled, "every report merged", within_s=90, every_s=1)
        assert_all_there_once(exchange)
        assert len(supervisor.exits) >= 2, "somebody must have been killed"
    finally:
        feeder.join()
        supervisor.stop()


def test_a_router_that_slept_past_its_session_cannot_write_and_leaves(
    bootstrap: str, prefix: str, tmp_path: Path
) -> None:
    exchange = Exchange(bootstrap, prefix, tmp_path)
    exchange.apply(*CONNECTIONS, SHARING)
    sleeper = exchange.start()
    heir: ServiceProcess | None = None
    feeder = threading.Thread(target=feed, args=(exchange, 0.3))
    try:
        sleeper.wait_ready()
        feeder.start()
        eventually(lambda: sleeper.total("ioc_bridge_routed_total") > 0, "it works")
        sleeper.signal(signal.SIGSTOP)
        heir = exchange.start()
        heir.wait_ready()
        eventually(lambda: heir.total("ioc_bridge_routed_total") > 0, "another took over")
        sleeper.signal(signal.SIGCONT)
        feeder.join()
        replacement: list[ServiceProcess] = []

        def settled() -> bool:
            if sleeper.exit_code is not None and not replacement:
                replacement.append(exchange.start())
            return merged(exchange) >= INDICATORS * ROUNDS

        eventually(settled, "every report merged", within_s=90, every_s=1)
        assert_all_there_once(exchange)
        for router in replacement:
            router.stop()
    finally:
        if feeder.is_alive():
            feeder.join()
        sleeper.stop()
        if heir is not None:
            heir.stop()
