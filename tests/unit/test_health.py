"""/livez, /readyz and /metrics, asked over HTTP as a probe would."""

import re
import socket
from collections.abc import Iterator

import httpx
import pytest

from services.runtime.observability.health import Health, HealthServer
from services.runtime.supervision import Supervisor


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def server(health: Health) -> Iterator[HealthServer]:
    found = HealthServer(Supervisor(), health, "127.0.0.1", 0)
    yield found
    found.close()


def ask(server: HealthServer, path: str) -> tuple[int, str]:
    answer = httpx.get(f"http://127.0.0.1:{server.port}{path}", trust_env=False, timeout=60)
    return answer.status_code, answer.text


def test_ready_once_nothing_is_waited_for_and_until_then_it_says_what(health: Health, server: HealthServer) -> None:
    health.wait_for("policy", "reading ioc.policy")
    health.wait_for("leases", "joining the group")
    assert ask(server, "/readyz") == (
        503,
        "waiting for policy: reading ioc.policy\nwaiting for leases: joining the group\n",
    )
    assert "ioc_bridge_ready 0.0" in ask(server, "/metrics")[1]
    assert ask(server, "/livez") == (200, "ok\n"), "whoever waits is alive"
    health.done("policy")
    health.done("leases")
    health.done("never heard of")
    assert ask(server, "/readyz") == (200, "ok\n")
    assert "ioc_bridge_ready 1.0" in ask(server, "/metrics")[1]


def test_a_heart_that_stopped_makes_it_neither_live_nor_ready(health: Health, server: HealthServer) -> None:
    health.beat("loop", 60)
    assert ask(server, "/livez") == (200, "ok\n")
    health.beat("loop", -1)  # due already
    for path in ("/livez", "/readyz"):
        code, text = ask(server, path)
        assert code == 503
        assert re.match(r"loop last turned \d+ s ago, allowed -1 s", text), text
    health.beat("loop", 60)
    assert ask(server, "/livez") == (200, "ok\n"), "it turns again"
    health.beat("loop", -1)
    health.forget("loop")
    assert ask(server, "/livez") == (200, "ok\n"), "it ended as it should"


def test_a_remark_is_said_and_makes_nobody_unready(health: Health, server: HealthServer) -> None:
    health.remark("connection mde", "its breaker is open")
    assert ask(server, "/readyz") == (200, "ok\nconnection mde: its breaker is open\n")
    assert ask(server, "/livez") == (200, "ok\n")
    health.remark("connection mde", None)
    assert ask(server, "/readyz") == (200, "ok\n")


def test_other_paths_say_which_there_are(server: HealthServer) -> None:
    assert ask(server, "/") == (404, "not found; available are /metrics, /livez and /readyz\n")


def test_a_client_that_says_nothing_does_not_keep_probes_waiting(server: HealthServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)), socket.create_connection(("127.0.0.1", server.port)):
        assert ask(server, "/livez") == (200, "ok\n")
