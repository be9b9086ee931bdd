"""Both pullers as they run: processes of their own between real Kafka and a tenant each."""

import time
from collections.abc import Iterator
from functools import partial

import httpx
import pytest

from schemas.checkpoint import Checkpoint
from schemas.marker import marker
from schemas.report import Verb
from services.runtime.kafka.bulk_read import latest
from services.sandbox.exchange import MDE, NETSKOPE, Exchange
from services.sandbox.processes import ServiceProcess
from tests.chaos.test_puller_kills import reports_of, store
from tests.integration.services import activities, exchange_of
from tests.waiting import eventually

PULLERS = ("pull_defender", "pull_netskope")


@pytest.fixture(scope="module")
def exchange(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    with exchange_of(bootstrap, tmp_path_factory.mktemp("pull"), PULLERS) as exchange:
        yield exchange


def seed(exchange: Exchange, *values: str, **more: object) -> None:
    exchange.admin(exchange.mde, "POST", "seed", {"rows": [{"indicatorValue": value, **more} for value in values]})


def alert(exchange: Exchange, *urls: str) -> None:
    exchange.admin(exchange.netskope, "POST", "seed", {"alerts": [{"kind": "malsite", "url": url} for url in urls]})


def add_up(exchange: Exchange, source: str, expected: set[str]) -> None:
    eventually(lambda: store(exchange.settings, source) == expected, f"reports of {source} add up", every_s=0.3)


def polls(process: ServiceProcess, source: str, times: int) -> bool:
    return process.total("ioc_bridge_polls_total", connection=source, outcome="ok") >= times


def test_reports_of_defender_add_up_to_what_the_tenant_holds(exchange: Exchange) -> None:
    values = [f"add{number}.example" for number in range(1_200)]
    seed(exchange, *values)
    add_up(exchange, MDE, set(values))
    exchange.admin(exchange.mde, "POST", "rows/delete", {"values": values[:500]})
    (row,) = [row for row in exchange.defender_rows() if row["indicatorValue"] == values[-1]]
    exchange.admin(exchange.mde, "PATCH", f"rows/{row['id']}", {"description": "edited"})
    seed(exchange, "late.example")
    add_up(exchange, MDE, {*values[500:], "late.example"})

    def edited() -> bool:
        return list(reports_of(exchange.settings, MDE)).count((Verb.UPDATE, values[-1])) == 2

    eventually(edited, "the edit is reported, once")


def test_reports_of_netskope_tell_every_alert(exchange: Exchange) -> None:
    urls = [f"n{number}.example/x" for number in range(300)]
    alert(exchange, *urls)
    add_up(exchange, NETSKOPE, {f"http://{url}" for url in urls})
    alert(exchange, "late.example/x")
    add_up(exchange, NETSKOPE, {f"http://{url}" for url in [*urls, "late.example/x"]})


def test_what_is_not_reported_is_listed_and_counted_with_its_reason(exchange: Exchange) -> None:
    seed(exchange, "written-by-us.example", externalId=marker("0badcafe", "domain:written-by-us.example"))
    service = exchange.services["pull_defender"]
    eventually(
        lambda: service.total("ioc_bridge_skipped_total", connection=MDE, reason="ours") == 1, "it is counted, once"
    )
    eventually(
        lambda: (
            [item.subject for told in activities(exchange.settings) for item in told.items if item.reason == "ours"]
            == ["written-by-us.example"]
        ),
        "it is listed, once",
    )
    assert "written-by-us.example" not in store(exchange.settings, MDE)


@pytest.mark.parametrize(("service", "source"), [("pull_defender", MDE), ("pull_netskope", NETSKOPE)])
def test_it_is_ready_and_live_and_says_how_it_polls(exchange: Exchange, service: str, source: str) -> None:
    process = exchange.services[service]
    for page in ("readyz", "livez"):
        assert httpx.get(f"http://127.0.0.1:{process.port}/{page}", trust_env=False).text == "ok\n"
    eventually(partial(polls, process, source, 2), "it polls")
    assert process.total("ioc_bridge_polls_total", connection=source, outcome="error") == 0
    assert process.total("ioc_bridge_reports_total", connection=source, verb="update") > 0
    assert process.total("ioc_bridge_pulled_total", connection=source) > 0
    assert process.total("ioc_bridge_leases_held") == 1
    began = time.time()
    last = partial(process.total, "ioc_bridge_last_poll_timestamp_seconds", connection=source)
    eventually(lambda: last() >= began, "the moment of the last poll moves on")
    memory = latest(exchange.settings, exchange.settings.topics.checkpoints.name)
    assert Checkpoint.decode(memory[source.encode()]).source == source


def test_asked_to_leave_they_leave_and_a_fresh_process_repeats_nothing(exchange: Exchange) -> None:
    for source, name in ((MDE, "pull_defender"), (NETSKOPE, "pull_netskope")):
        if not store(exchange.settings, source):
            seed(exchange, "some.example")
            alert(exchange, "some.example/x")
            eventually(partial(store, exchange.settings, source), "something is reported")
        exchange.services[name].ask_to_leave()
    assert [exchange.services[name].stop() for name in PULLERS] == [0, 0]
    before = {source: list(reports_of(exchange.settings, source)) for source in (MDE, NETSKOPE)}
    for name in PULLERS:
        exchange.start(name)
    for source, name in ((MDE, "pull_defender"), (NETSKOPE, "pull_netskope")):
        process = exchange.services[name]
        process.wait_ready()
        eventually(partial(polls, process, source, 2), "it polls again")
    assert list(reports_of(exchange.settings, MDE)) == before[MDE]
    again = list(reports_of(exchange.settings, NETSKOPE))
    assert set(again) == set(before[NETSKOPE]), "the last page may be told twice, which says nothing new"
