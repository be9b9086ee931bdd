"""Routers killed, paused past their session timeout and replaced while numbered reports flow: none lost, none twice.

Each report says something new of its indicator, so an indicator's hits count the reports merged into it, and the
latest desired entry must carry the words of the last one.
"""

import random
import signal
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Self

import httpx
import pytest

from services.sandbox.processes import ServiceProcess
from tests.routing import CONNECTIONS, SHARING, Exchange, numbered
from tests.waiting import eventually

INDICATORS, SLICE, KILLS = 400, 20, 3


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

    def all_work(self) -> bool:
        self.replace_the_gone()
        return all(at_work(router) for router in self.routers)

    def close(self) -> None:
        for router in self.routers:
            router.stop()


def at_work(router: ServiceProcess) -> bool:
    try:
        return router.total("ioc_bridge_routed_total") > 0
    except httpx.TransportError:
        return False  # it has not come so far, or is gone


class Feed:
    """Reports of all indicators, round after round in small transactions, for as long as it is entered."""

    def __init__(self, exchange: Exchange) -> None:
        self.rounds = 0
        self._exchange = exchange
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._enough.is_set():
            for first in range(0, INDICATORS, SLICE):
                numbers = range(first, first + SLICE)
                self._exchange.report(numbered(n, self.rounds, comments=f"round {self.rounds}") for n in numbers)
            self.rounds += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()


def merged(exchange: Exchange) -> int:
    return sum(indicator.hits for indicator in exchange.indicators().values())


def assert_all_there_once(exchange: Exchange, rounds: int) -> None:
    indicators, desired = exchange.indicators(), exchange.desired()
    assert {key: found.hits for key, found in indicators.items()} == dict.fromkeys(indicators, rounds)
    assert len(indicators) == INDICATORS
    assert {entry.comments for entry in desired.values()} == {f"round {rounds - 1}"}
    assert {key.partition("/")[2] for key in desired} == set(indicators)


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_and_clean_stops_lose_and_repeat_nothing(bootstrap: str, prefix: str, tmp_path: Path, seed: int) -> None:
    exchange, chance = Exchange(bootstrap, prefix, tmp_path), random.Random(seed)
    exchange.apply(*CONNECTIONS, SHARING)
    with closing(Supervisor(exchange)) as supervisor:
        with Feed(exchange) as feed:
            for how in chance.sample([signal.SIGKILL, signal.SIGTERM, signal.SIGKILL], KILLS):
                eventually(supervisor.all_work, "both work")
                time.sleep(chance.uniform(0, 0.5))
                victim = chance.choice(supervisor.routers)
                victim.signal(how)

        def settled() -> bool:
            supervisor.replace_the_gone()
            return merged(exchange) >= INDICATORS * feed.rounds

        eventually(settled, "every report merged", every_s=0.5, progress=lambda: merged(exchange))
        assert_all_there_once(exchange, feed.rounds)


def test_a_router_that_slept_past_its_session_cannot_write_and_leaves(
    bootstrap: str, prefix: str, tmp_path: Path
) -> None:
    exchange = Exchange(bootstrap, prefix, tmp_path)
    exchange.apply(*CONNECTIONS, SHARING)
    with exchange.start() as sleeper, ExitStack() as others:
        with Feed(exchange) as feed:
            eventually(lambda: at_work(sleeper), "it works")
            sleeper.signal(signal.SIGSTOP)
            heir = others.enter_context(exchange.start())
            eventually(lambda: at_work(heir), "another took over")
            sleeper.signal(signal.SIGCONT)
            woke = feed.rounds
            eventually(lambda: feed.rounds > woke + 1, "there is work when it wakes")
        replacement: list[ServiceProcess] = []

        def settled() -> bool:
            if sleeper.exit_code is not None and not replacement:
                replacement.append(others.enter_context(exchange.start()))
            return merged(exchange) >= INDICATORS * feed.rounds

        eventually(settled, "every report merged", every_s=0.5, progress=lambda: merged(exchange))
        assert_all_there_once(exchange, feed.rounds)
