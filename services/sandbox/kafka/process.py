"""The broker's process, seen from the program that starts it.

Invariant: one `BrokerProcess` is one guard and one Java process; after `stop` or `kill` returns neither is left.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from services.sandbox.kafka import guard
from services.sandbox.kafka.errors import JavaUnusable, StartFailed
from services.sandbox.kafka.ports import answers
from services.sandbox.kafka.progress import say
from services.sandbox.kafka.properties import HOST
from services.sandbox.patience import Patience

_ERROR = re.compile(r" (ERROR|FATAL) |Exception|Error")
# Java's launcher gives its reason in another line than these.
_SAYS_NOTHING = ("Error occurred during initialization of VM", "Error: Could not create", "Error: A fatal exception")


class BrokerProcess:
    """Starts `command`, with everything it prints appended to `log`.

    `grace` is how many seconds an orderly end may take; `orphaned` a folder to remove should this program vanish.
    Raises `JavaUnusable` if the command cannot be run at all.
    """

    def __init__(self, command: Sequence[str], log: Path, *, grace: float, orphaned: Path | None = None) -> None:
        self.log = log
        self._grace = grace
        arguments = [str(os.getpid()), str(grace), str(orphaned or "-"), *command]
        with log.open("ab") as output:
            # Its own session: Ctrl-C in a terminal must reach the services first, not the broker under them.
            self._guard = subprocess.Popen(  # noqa: S603 - fixed program, own arguments
                [sys.executable, "-IS", guard.__file__, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                start_new_session=True,
            )
        assert self._guard.stdout is not None
        with self._guard.stdout as told:
            first = told.readline().decode().strip()
        if not first.isdigit():
            self._guard.wait()
            raise JavaUnusable(f"{command[0]}: {first or 'it did not start'}")
        self.pid = int(first)

    @property
    def code(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._guard.poll()

    def stop(self) -> None:
        """Stop it cleanly, by force after the grace period."""
        self._guard.terminate()
        try:
            self._guard.wait(self._grace + 5)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()

    def kill(self) -> None:
        """End it as a crash would."""
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
        self._guard.wait()

    def await_ready(self, port: int, seconds: float) -> None:
        """Return once the broker at `port` serves clients; raise `StartFailed` if it ends or takes too long."""
        patience = Patience(seconds)
        said = False
        while not (answers(port) and serves(f"{HOST}:{port}")):
            if self.code is not None:
                raise StartFailed(f"it ended with code {self.code} ({last_error(self.log)})", self.log)
            if patience.is_over():
                raise StartFailed(f"no answer at {HOST}:{port} within {patience.waited:.0f} s, allow it more", self.log)
            if patience.waited > 2 and not said:
                said = True
                say("starting Kafka …")
            time.sleep(0.03)


def serves(bootstrap: str) -> bool:
    """Ask the broker at `bootstrap` itself whether one takes part in its cluster."""
    try:
        with KafkaAdminClient(
            bootstrap_servers=bootstrap, bootstrap_timeout_ms=5000, request_timeout_ms=5000, client_id="ready"
        ) as client:
            brokers = client.describe_cluster()["brokers"]
    except KafkaError:
        return False
    return any(not broker.get("is_fenced") for broker in brokers)


def last_error(log: Path) -> str:
    """Return the last line of `log` that reports an error, without its time stamp."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line and not line[0].isspace()]
    lines = [line for line in lines if not line.startswith(_SAYS_NOTHING)]
    telling = [line for line in lines if _ERROR.search(line)] or lines or ["it said nothing"]
    return telling[-1].split(" ERROR ")[-1].strip()
