"""Topics that are missing, or re-created: services wait and say for what, or end with 75 and a fresh one works."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from schemas.progress import PROGRESS_KEY
from schemas.topics import Topic
from services.runtime.kafka.clients import admin, producer
from services.runtime.kafka.topics import apply_topics
from services.sandbox.processes import ServiceProcess
from tests.routing import CONNECTIONS, DESTINATION, SHARING, SOURCE, Exchange, numbered
from tests.waiting import ANSWER_S, eventually


@pytest.fixture
def exchange(bootstrap: str, prefix: str, tmp_path: Path) -> Exchange:
    return Exchange(bootstrap, prefix, tmp_path)


def delete(exchange: Exchange, topics: Iterable[Topic]) -> None:
    names = {topic.name for topic in topics}
    with closing(admin(exchange.settings)) as client:
        client.delete_topics(sorted(names))
        eventually(lambda: not names & set(client.list_topics()), "they are gone")


def make(exchange: Exchange) -> None:
    with closing(admin(exchange.settings)) as client:
        apply_topics(client, exchange.settings.topics.all([SOURCE, DESTINATION]), replication=1)


def readiness(process: ServiceProcess) -> str:
    try:
        return httpx.get(f"http://127.0.0.1:{process.port}/readyz", trust_env=False).text
    except httpx.TransportError:
        return ""


@pytest.mark.parametrize("service", ["router", "pull_netskope", "push_defender", "console"])
def test_a_service_waits_for_its_topics_and_says_so(exchange: Exchange, service: str) -> None:
    topics = exchange.settings.topics
    delete(exchange, topics.all([SOURCE, DESTINATION]))
    with exchange.start(service, IOC_BRIDGE_CONSOLE_PORT="0") as process:
        eventually(lambda: f"waiting for topics: {topics.policy.name}" in readiness(process), "it says what for", 180)
        make(exchange)
        process.wait_ready(180)
        assert process.stop() == 0


def test_reports_whose_topic_is_made_anew_are_routed_by_a_fresh_router(exchange: Exchange) -> None:
    exchange.apply(*CONNECTIONS, SHARING)
    with exchange.start() as router:
        router.wait_ready(180)
        exchange.report(numbered(number) for number in range(20))
        eventually(lambda: len(exchange.desired()) == 20, "all are shared", 180)
        delete(exchange, [exchange.settings.topics.reports])
        make(exchange)
        eventually(lambda: router.exit_code == 75, "it has lost its footing", 180)
        assert "was re-created" in router.log.read_text()
    with exchange.start() as router:
        router.wait_ready(180)
        exchange.report(numbered(number) for number in range(20, 40))
        eventually(lambda: len(exchange.desired()) == 40, "the new ones are shared as well", 180)


def test_reports_that_fill_a_topic_made_anew_before_a_router_looks_are_all_routed(exchange: Exchange) -> None:
    exchange.apply(*CONNECTIONS, SHARING)
    with exchange.start() as router:
        router.wait_ready(180)
        exchange.report(numbered(number) for number in range(20))
        eventually(lambda: len(exchange.desired()) == 20, "all are shared", 180)
    delete(exchange, [exchange.settings.topics.reports])
    make(exchange)
    exchange.report((numbered(number) for number in range(20, 80)), per_batch=1)
    with exchange.start() as router:
        eventually(lambda: len(exchange.desired()) == 80, "the new ones are shared from the first on", 180)
        assert "was re-created" in router.log.read_text()
    with exchange.start() as router:
        router.wait_ready(180)
        assert "was re-created" not in router.log.read_text(), "it is noted of which topic the reports were"


def test_a_router_whose_reports_are_gone_is_not_ready_and_says_why(exchange: Exchange) -> None:
    with exchange.start() as router:
        router.wait_ready(180)
        reports = exchange.settings.topics.reports
        delete(exchange, [reports])
        eventually(lambda: f"{reports.name} must exist" in readiness(router), "it says what is missing", 180)
        make(exchange)
        eventually(lambda: router.exit_code == 75, "a fresh one must take over", 180)


def test_progress_that_cannot_be_read_is_set_aside_and_nothing_is_merged_twice(exchange: Exchange) -> None:
    exchange.apply(*CONNECTIONS, SHARING)
    with exchange.start() as router:
        router.wait_ready(180)
        exchange.report(numbered(number) for number in range(20))
        eventually(lambda: len(exchange.desired()) == 20, "all are shared", 180)
    with closing(producer(exchange.settings)) as broken:
        for number in range(exchange.settings.partitions):
            topic = exchange.settings.topics.indicators.name
            broken.send(topic, b"?", key=PROGRESS_KEY, partition=number).get(timeout=ANSWER_S)
    with exchange.start() as router:
        exchange.report(numbered(number) for number in range(20, 40))
        eventually(lambda: len(exchange.desired()) == 40, "the new ones are shared as well", 180)
        assert router.total("ioc_bridge_dead_letters_total") == exchange.settings.partitions
    assert {found.hits for found in exchange.indicators().values()} == {1}
