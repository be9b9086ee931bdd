"""Sandbox tenants as processes of their own, as compose and Kubernetes run them."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.waiting import end, run


@contextmanager
def _tenant(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen([sys.executable, "-m", *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("ready at "), line
        yield process, line.removeprefix("ready at ").strip()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("vendor", ["defender", "netskope"])
def test_a_tenant_serves_until_it_is_asked_to_leave(vendor: str) -> None:
    with _tenant(f"services.sandbox.{vendor}") as (process, url):
        assert httpx.get(f"{url}/_admin/truth", trust_env=False).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert end(process) == 0


def test_a_netskope_tenant_has_the_hash_lists_asked_for() -> None:
    with _tenant("services.sandbox.netskope", "--hash-list", "hashes", "--hash-list", "more") as (_, url):
        lists = httpx.get(f"{url}/_admin/truth", trust_env=False).json()["hash_lists"]["applied"]
        assert {"hashes", "more"} <= set(lists)


def test_a_taken_port_is_said() -> None:
    with _tenant("services.sandbox.defender") as (_, url):
        port = url.rpartition(":")[2]
        second = run([sys.executable, "-m", "services.sandbox.defender", "--port", port])
        assert second.returncode == 1
        assert f"127.0.0.1:{port}" in second.stderr
