"""A service as a process: it leaves when asked, and ends with the code that says what to do about it."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from services.sandbox.processes import free_port
from tests.routing import Exchange
from tests.waiting import end, eventually

WAITS = """
from services.runtime import lifecycle
from services.runtime.{module} import {error}

def body(context):
    context.health.done("start")
    {does}

lifecycle.run("some_service", body)
"""
UNTIL_ASKED = WAITS.format(module="kafka.transactional_producer", error="ProducerError", does="context.stop.wait()")


def start(code: str, log: Path, **environment: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "IOC_BRIDGE_METRICS_PORT": "0", **environment},
            stdout=stream,
            stderr=stream,
        )


@pytest.fixture
def exchange(bootstrap: str, prefix: str, tmp_path: Path) -> Exchange:
    return Exchange(bootstrap, prefix, tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_leave_it_finishes_and_ends_with_zero(
    exchange: Exchange, tmp_path: Path, number: signal.Signals
) -> None:
    port, log = free_port(), tmp_path / "log"
    environment = {**exchange.environment, "IOC_BRIDGE_METRICS_PORT": str(port)}
    with start(UNTIL_ASKED, log, **environment) as process:
        eventually(lambda: ready(port), "it is ready", every_s=0.05)
        process.send_signal(number)
        assert end(process) == 0, log.read_text()
    assert f'"signal": "{number.name}"' in log.read_text()
    assert "Traceback" not in log.read_text()


def ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def test_settings_that_cannot_be_used_end_it_with_a_line_each(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with start(UNTIL_ASKED, log, IOC_BRIDGE_PARTITIONS="many", IOC_BRIDGE_REPLICATION="0") as process:
        assert end(process) == 78
    lines = log.read_text().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("ioc-bridge: partitions (IOC_BRIDGE_PARTITIONS): ")
    assert lines[1].startswith("ioc-bridge: replication (IOC_BRIDGE_REPLICATION): ")


def test_a_ca_file_that_is_not_there_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    log, missing = tmp_path / "log", str(tmp_path / "ca.pem")
    settings = {"IOC_BRIDGE_KAFKA_SECURITY_PROTOCOL": "SSL", "IOC_BRIDGE_KAFKA_SSL_CA_FILE": missing}
    with start(UNTIL_ASKED, log, **settings) as process:
        assert end(process) == 78
    assert log.read_text().startswith("ioc-bridge: kafka_ssl_ca_file (IOC_BRIDGE_KAFKA_SSL_CA_FILE): ")


@pytest.mark.parametrize(
    ("module", "error", "code"),
    [
        ("kafka.transactional_producer", "ProducerError", 75),
        ("kafka.leases", "LeaseLostError", 75),
        ("deadletters", "TooManyDeadLettersError", 78),
    ],
)
def test_the_exit_code_says_what_to_do(exchange: Exchange, tmp_path: Path, module: str, error: str, code: int) -> None:
    log = tmp_path / "log"
    raises = WAITS.format(module=module, error=error, does=f"raise {error}('for a reason')")
    with start(raises, log, **exchange.environment) as process:
        assert end(process) == code
    assert "for a reason" in log.read_text()


def test_a_port_that_is_taken_is_told(exchange: Exchange, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        with start(UNTIL_ASKED, log, **{**exchange.environment, "IOC_BRIDGE_METRICS_PORT": port}) as process:
            assert end(process) == 75
    assert f"127.0.0.1:{port}: Address already in use; set IOC_BRIDGE_METRICS_PORT to another" in log.read_text()
