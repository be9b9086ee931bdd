"""A real Prometheus for tests: it scrapes what it is told to, by the committed rules, from a folder of its own."""

import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from services.sandbox.processes import free_port
from tests.dashboards import RULES
from tests.not_run import not_run
from tests.waiting import ANSWER_S, end, eventually

MISSING = ("there is no Prometheus", "apt-get install prometheus (Debian), or put prometheus and promtool into PATH")

_SCRAPES = 8
"""Scrapes of every target before anything is asked: a rate needs two, and the rules a few evaluations."""


class Prometheus:
    """A running one, at `url`."""

    def __init__(self, url: str, services: int) -> None:
        self.url = url
        self._services = services
        self._http = httpx.Client(base_url=url, timeout=ANSWER_S, trust_env=False)

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The result of an instant query: labels and value of each series.

        Raises:
            AssertionError: the query is wrong; says how.

        """
        answer = self._http.get("/api/v1/query", params={"query": expr}).json()
        assert answer["status"] == "success", f"{answer.get('error')}: {expr}"
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def ready(self) -> bool:
        """Whether it answers."""
        try:
            return self._http.get("/-/ready").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def wait_for_scrapes(self) -> None:
        """Return when every service was scraped a few times more."""
        began = time.time()
        recent = f"count(count_over_time(up[5m]) >= {_SCRAPES}) == {self._services}"
        later = f"min(timestamp(up)) > {began + _SCRAPES / 2:.1f}"
        eventually(lambda: self.query(recent) and self.query(later), "every service was scraped a few times")

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


@contextmanager
def prometheus(folder: Path, ports: Mapping[str, int]) -> Iterator[Prometheus]:
    """One that scrapes each of these services every second, once it has done so a few times."""
    binary = shutil.which("prometheus")
    if binary is None:
        not_run(*MISSING, installable=True)
    targets = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"app_kubernetes_io_name": name}} for name, port in ports.items()
    ]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(path) for path in sorted(RULES.glob("*.yaml"))],
        "scrape_configs": [{"job_name": "ioc-bridge", "static_configs": targets}],
    }
    file = folder / "prometheus.yaml"
    file.write_text(yaml.safe_dump(config), "utf-8")
    port = free_port()
    command = [
        binary, f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
    ]  # fmt: skip
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    found = Prometheus(f"http://127.0.0.1:{port}", len(ports))
    try:
        eventually(found.ready, "Prometheus is ready")
        found.wait_for_scrapes()
        yield found
    finally:
        found.close()
        process.terminate()
        end(process)
