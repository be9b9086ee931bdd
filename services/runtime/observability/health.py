"""/metrics, /livez and /readyz of one process, on their own port.

Ready: the process waits for nothing; otherwise the answer lists what it waits for. Remarks follow the `ok` and do not
affect readiness. Live: every registered loop has turned within its bound.
"""

import threading
import time
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from services.runtime.observability.metrics import READY
from services.runtime.supervision import Supervisor

_StartResponse = Callable[[str, list[tuple[str, str]]], object]


class Health:
    """What the process waits for, and when its loops turned last. Safe to use from any thread."""

    def __init__(self) -> None:
        self._waiting: dict[str, str] = {}
        self._beats: dict[str, tuple[float, float]] = {}
        self._remarks: dict[str, str] = {}
        self._lock = threading.Lock()

    def wait_for(self, what: str, why: str) -> None:
        """Make the process not ready until `done(what)`."""
        with self._lock:
            self._waiting[what] = why
            READY.set(0)

    def done(self, what: str) -> None:
        """End a wait."""
        with self._lock:
            self._waiting.pop(what, None)
            READY.set(not self._waiting)

    def remark(self, what: str, line: str | None) -> None:
        """Set the remark on `what`, or remove it with None. Readiness does not change."""
        with self._lock:
            if line is None:
                self._remarks.pop(what, None)
            else:
                self._remarks[what] = line

    def beat(self, heart: str, bound_s: float) -> None:
        """Note that a loop turned. The process counts as stuck unless the loop turns again within `bound_s` seconds."""
        with self._lock:
            self._beats[heart] = (time.monotonic(), bound_s)

    def forget(self, heart: str) -> None:
        """Stop watching a loop: it ended in order."""
        with self._lock:
            self._beats.pop(heart, None)

    def waiting(self) -> list[str]:
        """Return what the process waits for, one line each."""
        with self._lock:
            return [f"waiting for {what}: {why}" for what, why in self._waiting.items()]

    def remarks(self) -> list[str]:
        """Return the remarks, one line each."""
        with self._lock:
            return [f"{what}: {line}" for what, line in self._remarks.items()]

    def stuck(self) -> list[str]:
        """Return the loops that have not turned in time, one line each."""
        now = time.monotonic()
        with self._lock:
            return [
                f"{heart} last turned {now - at:.0f} s ago, allowed {bound:.0f} s"
                for heart, (at, bound) in self._beats.items()
                if now - at > bound
            ]


class HealthServer:
    """Serves health and metrics from its own thread until closed.

    Raises:
        OSError: the port is not available; names the setting to change.

    """

    def __init__(self, supervisor: Supervisor, health: Health, host: str, port: int) -> None:
        self._health = health
        self._metrics = make_wsgi_app()
        try:
            self._server = make_server(host, port, self._answer, _Server, _QuietHandler)
        except OSError as error:
            raise port_error(error, host, port, "IOC_BRIDGE_METRICS_PORT") from error
        self.port: int = self._server.server_port
        self._thread = supervisor.start_thread("health", lambda: self._server.serve_forever(0.2))

    def close(self) -> None:
        """Stop serving."""
        self._thread.ending.set()
        if self._thread.is_alive():  # `shutdown` of a server that does not serve waits for ever
            self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: _StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                answer: Iterable[bytes] = self._metrics(environ, start_response)
                return answer
            case "/livez":
                problems, remarks = self._health.stuck(), []
            case "/readyz":
                problems, remarks = self._health.waiting() + self._health.stuck(), self._health.remarks()
            case _:
                start_response("404 Not Found", [("Content-Type", "text/plain")])
                return [b"not found; available are /metrics, /livez and /readyz\n"]
        start_response("503 Service Unavailable" if problems else "200 OK", [("Content-Type", "text/plain")])
        return [("\n".join(problems or ["ok", *remarks]) + "\n").encode()]


def port_error(error: OSError, host: str, port: int, setting: str) -> OSError:
    """Return the error with its remedy: every process needs its own port."""
    return OSError(error.errno, f"{host}:{port}: {error.strerror}; set {setting} to another, or to 0 for any free one")


class _Server(ThreadingMixIn, WSGIServer):
    """Serves each request in its own thread, so that a silent client does not block the probes."""

    daemon_threads = True
    block_on_close = False


class _QuietHandler(WSGIRequestHandler):
    timeout = 10

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base class's
        """Log nothing: probes and scrapes are routine."""
