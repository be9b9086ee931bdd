"""A partition, or a connection, whose work does not go on turns /livez red by name, and green once it goes on."""

from pathlib import Path

import httpx
import pytest

from services.sandbox.processes import ServiceProcess
from tests.chaos.injected import STUCK, Injection
from tests.routing import CONNECTIONS, DESTINATION, SHARING, SOURCE, Exchange, numbered
from tests.waiting import eventually

BOUND_S = 5.0
"""In place of minutes."""
COUNT = 20
PARTITION = Injection(
    "services.router.engine.producers:PartitionProducers.send", STUCK, 1,
    constants=(("services.router.engine.worker:BEAT_BOUND_S", BOUND_S),),
)  # fmt: skip
PULLED = Injection(
    "services.runtime.kafka.leases:Leases.check", STUCK, SOURCE,
    constants=(("services.runtime.polling.puller:BEAT_BOUND_S", BOUND_S),),
)  # fmt: skip
PUSHED = Injection(
    "services.runtime.reconciling.entry_store:EntryStore.wake", STUCK,
    constants=(
        ("services.runtime.reconciling.status_writer:BEAT_BOUND_S", BOUND_S),
        ("services.runtime.reconciling.reconciler:BEAT_BOUND_S", BOUND_S),
    ),
)  # fmt: skip


@pytest.fixture
def exchange(bootstrap: str, prefix: str, tmp_path: Path) -> Exchange:
    found = Exchange(bootstrap, prefix, tmp_path)
    found.apply(*CONNECTIONS, SHARING)
    return found


def livez(process: ServiceProcess) -> tuple[int, str]:
    answer = httpx.get(f"http://127.0.0.1:{process.port}/livez", trust_env=False)
    return answer.status_code, answer.text


def is_red_for(process: ServiceProcess, task: str) -> bool:
    code, text = livez(process)
    return code == httpx.codes.SERVICE_UNAVAILABLE and f"{task} last turned" in text


def test_a_stuck_partition_turns_livez_red_and_the_others_go_on(exchange: Exchange, tmp_path: Path) -> None:
    with exchange.start(**PARTITION.environment(tmp_path)) as router:
        router.wait_ready(180)
        PARTITION.arm(tmp_path)
        exchange.report(numbered(number) for number in range(COUNT))
        eventually(lambda: is_red_for(router, "partition 1"), "the stuck partition is named", 180)
        assert 0 < len(exchange.desired()) < COUNT, "the others are routed"
        PARTITION.disarm(tmp_path)
        eventually(lambda: len(exchange.desired()) == COUNT, "it goes on", 180)
        eventually(lambda: livez(router)[0] == httpx.codes.OK, "and is live again", 180)


@pytest.mark.parametrize(
    ("service", "stuck", "task"),
    [("pull_netskope", PULLED, f"pull {SOURCE}"), ("push_defender", PUSHED, f"push {DESTINATION}")],
)
def test_a_stuck_connection_turns_livez_red(
    exchange: Exchange, tmp_path: Path, service: str, stuck: Injection, task: str
) -> None:
    with exchange.start(service, **stuck.environment(tmp_path)) as process:
        process.wait_ready(180)
        stuck.arm(tmp_path)
        if service == "push_defender":  # the puller is the source's one writer itself
            exchange.report(numbered(number) for number in range(COUNT))
        eventually(lambda: is_red_for(process, task), "the stuck connection is named", 180)
        stuck.disarm(tmp_path)
        eventually(lambda: livez(process)[0] == httpx.codes.OK, "and it is live again", 180)
