"""Services as processes of their own: started, watched, stopped, killed and paused, by their process id only.

What the demo, the kill tests and the benchmarks run the real services with. A child dies with its parent.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from prometheus_client.parser import text_string_to_metric_families

from services.sandbox.patience import Patience

_PR_SET_PDEATHSIG = 1
_LOOK_EVERY_S = 0.2
_ANSWER_S = 30.0


class ServiceFailedError(Exception):
    """A service ended, or did not become ready. The text has its name, exit code and last log lines."""


def free_port() -> int:
    """Return a free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class ServiceProcess:
    """One running service. `environment` is added to this process's own; its log goes to `log`.

    `arguments` go to its command.
    """

    def __init__(self, service: str, environment: Mapping[str, str], log: Path, arguments: Sequence[str] = ()) -> None:
        self.service = service
        self.log = log
        self.port = free_port()
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as stream:
            self._process = subprocess.Popen(  # noqa: S603  # our own module
                [sys.executable, "-m", f"services.{service}", *arguments],
                env={**os.environ, **environment, "IOC_BRIDGE_METRICS_PORT": str(self.port)},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                process_group=0,  # Ctrl-C reaches the parent alone, which asks its services to leave in good order
                preexec_fn=_die_with_parent,  # noqa: PLW1509  # one call into the kernel, nothing of Python's
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended, or None while it runs. Negative: by that signal."""
        return self._process.poll()

    def wait_ready(self, within_s: float = 60) -> None:
        """Return when /readyz says ok. `within_s`: of a free machine.

        Raises:
            ServiceFailedError: it ended first, or is still waiting for something when the time is over.

        """
        patience, waiting = Patience(within_s), "no answer yet"
        while not patience.is_over():
            if self.exit_code is not None:
                raise ServiceFailedError(self.how_it_ended())
            try:
                answer = httpx.get(f"http://127.0.0.1:{self.port}/readyz", trust_env=False, timeout=_ANSWER_S)
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.status_code == httpx.codes.OK:
                return
            waiting = answer.text.strip()
            time.sleep(0.05)
        raise ServiceFailedError(
            f"{self.service} is not ready after {patience.waited:.0f} s: {waiting}; see {self.log}"
        )

    def metrics(self) -> dict[str, list[tuple[dict[str, str], float]]]:
        """All samples by name, each with its labels."""
        text = httpx.get(f"http://127.0.0.1:{self.port}/metrics", trust_env=False, timeout=_ANSWER_S).text
        found: dict[str, list[tuple[dict[str, str], float]]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found.setdefault(sample.name, []).append((sample.labels, sample.value))
        return found

    def total(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels; 0 where there is none."""
        samples = self.metrics().get(name, [])
        return sum(value for found, value in samples if labels.items() <= found.items())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self._process.kill()
        self._process.wait()

    def ask_to_leave(self) -> None:
        """Send SIGTERM, and resume the process in case it is paused."""
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()

    def stop(self, within_s: float = 25) -> int:
        """Stop it with SIGTERM and return its exit code. A process that does not end in time is killed.

        `within_s`: of a free machine.
        """
        self.ask_to_leave()
        patience = Patience(within_s)
        while not patience.is_over():
            with suppress(subprocess.TimeoutExpired):
                return self._process.wait(_LOOK_EVERY_S)
        self.kill()
        return -signal.SIGKILL

    def how_it_ended(self) -> str:
        """One line for people: which service, how it ended, where its log is and what that says at the end."""
        last = " | ".join(self.last_lines(3).splitlines()) or "nothing"
        return f"{self.service} ended with exit code {self.exit_code}; its log is {self.log}; it says last: {last}"

    def last_lines(self, count: int = 5) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])
