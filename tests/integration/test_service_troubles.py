"""What a person sees when secrets, credentials, settings or Kafka are wrong: one clear line, and no restart needed."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from schemas.activity import Activity
from schemas.resources import AnyResource, resource
from schemas.types import IndicatorType
from services.console.queries.states import read_states
from services.sandbox.exchange import MDE, NETSKOPE, Exchange
from services.sandbox.netskope.settings import SANDBOX_TOKEN, SANDBOX_V1_TOKEN
from services.sandbox.processes import ServiceProcess, free_port
from tests.chaos.test_puller_kills import store
from tests.chaos.test_pusher_kills import BLOCK, URLS, want
from tests.integration.services import activities, applied, exchange_of
from tests.waiting import eventually

SERVICES = ("pull_defender", "pull_netskope", "push_defender", "push_netskope")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("troubles")


@pytest.fixture(scope="module")
def without_kafka(folder: Path) -> Iterator[dict[str, ServiceProcess]]:
    """Every vendor-facing service where no Kafka listens. How long that takes is overlapped with the other tests."""
    address = f"127.0.0.1:{free_port()}"
    started = {
        name: ServiceProcess(name, {"IOC_BRIDGE_KAFKA_BOOTSTRAP": address}, folder / f"{name}-away.log")
        for name in SERVICES
    }
    yield started
    for process in started.values():
        process.stop()


@pytest.fixture(scope="module")
def exchange(bootstrap: str, folder: Path, without_kafka: object) -> Iterator[Exchange]:
    """All four at work, Defender's secret missing and Netskope's tokens wrong, with work to do at both."""
    del without_kafka
    with exchange_of(bootstrap, folder, ()) as exchange:
        (folder / "v2").write_text("wrong-v2-token")
        exchange.apply(connections(exchange, folder))
        exchange.admin(exchange.mde, "POST", "seed", {"rows": [{"indicatorValue": "pulled.example"}]})
        alert = {"kind": "malsite", "url": "pulled.example/x"}
        exchange.admin(exchange.netskope, "POST", "seed", {"alerts": [alert]})
        want(exchange.settings, MDE, BLOCK, IndicatorType.DOMAIN, ["pushed.example"], present=True)
        want(exchange.settings, NETSKOPE, URLS, IndicatorType.DOMAIN, ["pushed.example"], present=True)
        for name in SERVICES:
            exchange.start(name)
        for name in SERVICES:
            exchange.services[name].wait_ready()
        yield exchange


def connections(exchange: Exchange, folder: Path) -> list[AnyResource]:
    """Both connections, with their secrets in files."""
    settings = exchange.admin(exchange.mde, "GET", "truth")
    mde = {
        "type": "defender", "tenantId": settings["tenant_id"], "appId": "7b5f7b1e-2a44-4d0e-9a77-0c9d5a6f1e11",
        "appSecret": {"file": str(folder / "secret")}, "apiUrl": exchange.mde.url, "loginUrl": exchange.mde.url,
        "pollInterval": "1s",
    }  # fmt: skip
    netskope = {
        "type": "netskope", "tenantUrl": exchange.netskope.url, "v2Token": {"file": str(folder / "v2")},
        "v1Token": {"file": str(folder / "v1")}, "pollInterval": "1s",
    }  # fmt: skip
    return [resource("Connection", MDE, mde), resource("Connection", NETSKOPE, netskope)]


def troubles(exchange: Exchange, service: str) -> list[Activity]:
    return [told for told in activities(exchange.settings) if told.service == service and told.level != "info"]


def test_trouble_is_told_with_what_to_do_and_passes_once_it_is_corrected(exchange: Exchange, folder: Path) -> None:
    for service in SERVICES:
        eventually(partial(troubles, exchange, service), f"{service} tells its trouble")
    for service in ("pull_defender", "push_defender"):
        (told,) = troubles(exchange, service)
        assert (told.code, told.level, told.connection) == ("breaker_opened", "error", MDE)
        assert "appSecret" in told.message
        assert str(folder / "secret") in told.message
        assert told.remedy
    for service in ("pull_netskope", "push_netskope"):
        told = troubles(exchange, service)[0]
        assert (told.level, told.connection) == ("error", NETSKOPE)
        assert "token is wrong" in told.message
    for service in ("pull_defender", "pull_netskope"):
        process = exchange.services[service]
        assert process.total("ioc_bridge_polls_total", outcome="error") >= 1
        assert process.total("ioc_bridge_last_poll_timestamp_seconds") == 0
    pending = exchange.services["push_defender"]
    assert pending.total("ioc_bridge_entries", state="pending") == 1
    failed = exchange.services["push_netskope"]
    eventually(lambda: failed.total("ioc_bridge_entries", state="failed") == 1, "the entry failed")
    (entry,) = applied(exchange.settings, NETSKOPE).values()
    assert entry.reason is not None
    assert entry.reason.code == "forbidden"
    for service in SERVICES:
        page = httpx.get(f"http://127.0.0.1:{exchange.services[service].port}/readyz", trust_env=False)
        assert (page.status_code, page.text.splitlines()[0]) == (200, "ok"), (
            "a vendor's trouble is no reason to restart"
        )
        name = MDE if service.endswith("defender") else NETSKOPE
        assert f"connection {name}: its breaker is open: " in page.text
        assert exchange.services[service].total("ioc_bridge_breaker_state", connection=name, service=service) == 2
    states = {one.service: one for found in read_states(exchange.settings).values() for one in found}
    assert {service: states[service].state for service in SERVICES} == dict.fromkeys(SERVICES, "open")
    assert all(one.reason and one.remedy for one in states.values())

    (folder / "secret").write_text("sandbox-secret\n")
    (folder / "v2").write_text(f"{SANDBOX_TOKEN}\n")
    (folder / "v1").write_text(SANDBOX_V1_TOKEN)
    eventually(lambda: store(exchange.settings, MDE) == {"pulled.example"}, "Defender is pulled", every_s=0.5)
    eventually(
        lambda: store(exchange.settings, NETSKOPE) == {"http://pulled.example/x"}, "Netskope is pulled", every_s=0.5
    )
    eventually(lambda: len(exchange.defender_rows()) == 2, "Defender is pushed to")
    eventually(lambda: exchange.url_list() == {"pushed.example"}, "Netskope is pushed to")
    over = {told.service for told in activities(exchange.settings) if told.code == "breaker_closed"}
    assert set(SERVICES) <= over
    closed = {one.state for found in read_states(exchange.settings).values() for one in found}
    assert closed == {"closed"}
    assert exchange.services["pull_defender"].total("ioc_bridge_last_poll_timestamp_seconds") > 0
    assert all(exchange.services[service].exit_code is None for service in SERVICES)


def test_no_secret_is_in_any_log_or_record(exchange: Exchange, folder: Path) -> None:
    logs = "".join((folder / f"{service}.log").read_text() for service in SERVICES)
    told = b"".join(one.encode() for one in activities(exchange.settings)).decode()
    for secret in ("wrong-v2-token", "sandbox-secret", SANDBOX_TOKEN, SANDBOX_V1_TOKEN):
        assert secret not in logs + told


def test_in_trouble_too_they_leave_when_asked(exchange: Exchange) -> None:
    exchange.admin(exchange.mde, "POST", "faults", {"kind": "status", "code": 503})
    eventually(
        lambda: exchange.services["pull_defender"].total("ioc_bridge_polls_total", outcome="error") >= 2,
        "trouble again",
    )
    for service in ("pull_defender", "push_defender"):
        exchange.services[service].ask_to_leave()
    for service in ("pull_defender", "push_defender"):
        assert exchange.services[service].stop() == 0


@pytest.mark.parametrize("service", SERVICES)
def test_without_kafka_it_waits_and_says_so_and_leaves_when_asked(
    without_kafka: dict[str, ServiceProcess], service: str
) -> None:
    process = without_kafka[service]
    url = f"http://127.0.0.1:{process.port}"
    eventually(lambda: said_while_waiting(process), "it says that it waits")
    ready = httpx.get(f"{url}/readyz", trust_env=False)
    assert (ready.status_code, "does not answer" in ready.text) == (503, True)
    assert httpx.get(f"{url}/livez", trust_env=False).status_code == 200
    assert process.stop() == 0
    assert {line["kafka"].rpartition(":")[0] for line in said_while_waiting(process)} == {"127.0.0.1"}
    assert len(process.log.read_text().splitlines()) < 20, "what is tried again and again does not bury it"


def said_while_waiting(process: ServiceProcess) -> list[dict[str, str]]:
    lines = [json.loads(line) for line in process.log.read_text().splitlines()]
    return [line for line in lines if line.get("event") == "waiting for topics"]


def test_settings_that_cannot_be_used_end_it_with_a_line_for_each(folder: Path) -> None:
    wrong = {"IOC_BRIDGE_PARTITIONS": "many", "IOC_BRIDGE_LOG_LEVEL": "loud"}
    process = ServiceProcess("push_netskope", wrong, folder / "settings.log")
    eventually(lambda: process.exit_code is not None, "it ends")
    assert process.exit_code == 78
    lines = process.log.read_text().splitlines()
    assert len(lines) == 2
    assert any("IOC_BRIDGE_PARTITIONS" in line for line in lines)
    assert any("IOC_BRIDGE_LOG_LEVEL" in line for line in lines)
