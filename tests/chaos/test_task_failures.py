"""An error raised inside each task and thread of each process ends the process, by name, with the right exit code, in
good order; and a fresh process loses nothing."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from services.sandbox.processes import ServiceProcess
from tests.chaos.injected import Injection, beat_of
from tests.routing import CONNECTIONS, SHARING, Exchange, numbered
from tests.waiting import eventually

KAFKA, AIOKAFKA = "kafka.errors.KafkaTimeoutError", "aiokafka.errors.KafkaTimeoutError"
UNFORESEEN, AGAIN = 1, 75
COUNT = 20
WITHIN_S = 180
"""On a busy machine. How quickly it goes is bounded by the process itself, which says when it did not end in time."""


class Case(NamedTuple):
    """What is injected, the task that fails by it, and the exit code."""

    injection: Injection
    task: str
    code: int

    def __str__(self) -> str:
        return str(self.injection)


SHARED = [
    Case(beat_of("policy"), "policy", UNFORESEEN),
    Case(beat_of("policy", KAFKA), "policy", AGAIN),
    Case(Injection("services.runtime.activity:ActivityLog._is_over"), "activity", UNFORESEEN),
    Case(Injection("socketserver:BaseServer.service_actions"), "health", UNFORESEEN),
]
ROUTER = [
    *SHARED,
    Case(beat_of("partition 1"), "partition 1", UNFORESEEN),
    Case(beat_of("partition 1", AIOKAFKA), "partition 1", AGAIN),
    Case(beat_of("partition 1", KAFKA), "partition 1", AGAIN),
    Case(beat_of("partition 1", "builtins.SystemExit"), "partition 1", UNFORESEEN),
    Case(beat_of("partition 1", "asyncio.CancelledError"), "partition 1", UNFORESEEN),
    Case(Injection("services.router.engine.producers:PartitionProducers.send", AIOKAFKA), "partition", AGAIN),
    Case(Injection("services.router.engine.producers:PartitionProducers.send"), "partition", UNFORESEEN),
    Case(Injection("services.router.engine.service:Router._dispatch"), "reports", UNFORESEEN),
    Case(beat_of("requests"), "requests", UNFORESEEN),
    Case(beat_of("replies", AIOKAFKA), "replies", AGAIN),
    Case(beat_of("lag"), "lag", UNFORESEEN),
    Case(beat_of("router"), "router", UNFORESEEN),
    Case(Injection("faust.transport.drivers.aiokafka:AIOKafkaConsumerThread.getmany"), "router", UNFORESEEN),
]
POOL = [Case(beat_of("worker pool"), "main", UNFORESEEN), Case(beat_of("worker pool", KAFKA), "main", AGAIN)]
VENDOR_FACING = [("pull_netskope", case) for case in (*SHARED, *POOL)] + [("push_defender", case) for case in POOL]
CONSOLE = [
    *SHARED,
    Case(beat_of("readmodel"), "readmodel", UNFORESEEN),
    Case(beat_of("readmodel", KAFKA), "readmodel", AGAIN),
    Case(Injection("uvicorn:Server.on_tick"), "api", UNFORESEEN),
    Case(Injection("uvicorn:Server.on_tick", "builtins.SystemExit"), "api", UNFORESEEN),
]


@pytest.fixture
def exchange(bootstrap: str, prefix: str, tmp_path: Path) -> Exchange:
    found = Exchange(bootstrap, prefix, tmp_path)
    found.apply(*CONNECTIONS, SHARING)
    return found


def failures(process: ServiceProcess) -> list[dict[str, Any]]:
    """The log lines that name a task that failed."""
    lines = [json.loads(line) for line in process.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if "task" in line and "code" in line]


def assert_it_ended_for(process: ServiceProcess, case: Case) -> None:
    eventually(lambda: process.exit_code is not None, "it ends", WITHIN_S)
    log = process.log.read_text()
    assert process.exit_code == case.code, log
    first = failures(process)[0]
    assert first["task"].startswith(case.task), log
    assert first["code"] == case.code
    assert "injected" in first["why"] or "ended before its owner ended it" in first["why"]
    assert "did not end in time" not in log, "it leaves in good order"


@pytest.mark.parametrize("case", ROUTER, ids=str)
def test_a_router_ends_when_any_of_its_tasks_does_and_the_next_loses_nothing(
    exchange: Exchange, tmp_path: Path, case: Case
) -> None:
    with exchange.start(**case.injection.environment(tmp_path)) as router:
        router.wait_ready(WITHIN_S)
        case.injection.arm(tmp_path)
        exchange.report(numbered(number) for number in range(COUNT))
        assert_it_ended_for(router, case)
    with exchange.start():
        eventually(lambda: len(exchange.desired()) == COUNT, "all are routed", WITHIN_S)
    assert {found.hits for found in exchange.indicators().values()} == {1}


@pytest.mark.parametrize(("service", "case"), VENDOR_FACING, ids=str)
def test_a_vendor_facing_service_ends_when_any_of_its_threads_does(
    exchange: Exchange, tmp_path: Path, service: str, case: Case
) -> None:
    with exchange.start(service, **case.injection.environment(tmp_path)) as process:
        eventually(lambda: is_up(process), "it has started", WITHIN_S)
        case.injection.arm(tmp_path)
        assert_it_ended_for(process, case)


@pytest.mark.parametrize("case", CONSOLE, ids=str)
def test_a_console_ends_when_any_of_its_threads_does(exchange: Exchange, tmp_path: Path, case: Case) -> None:
    own = {"IOC_BRIDGE_CONSOLE_PORT": "0", "IOC_BRIDGE_CONSOLE_READ_MODEL": str(tmp_path / "model.sqlite")}
    with exchange.start("console", **own, **case.injection.environment(tmp_path)) as process:
        process.wait_ready(WITHIN_S)
        case.injection.arm(tmp_path)
        assert_it_ended_for(process, case)


def is_up(process: ServiceProcess) -> bool:
    """Whether its leases are shared out; it has trouble with its vendor, which is none of ours."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{process.port}/readyz", trust_env=False)
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK
