"""`ioc-bridge serve`: follows Kafka into the read model and serves the API until the process is stopped."""

import socket
from contextlib import closing

import uvicorn
from fastapi import FastAPI

from services.console.api.app import create_app
from services.console.api.context import ApiContext
from services.console.auth.people import read_people
from services.console.readmodel.database import Database
from services.console.readmodel.follow import Follower
from services.console.settings import ConsoleSettings, is_loopback
from services.runtime import lifecycle
from services.runtime.lifecycle import Context
from services.runtime.observability import log
from services.runtime.observability.health import port_error
from services.runtime.settings import SettingsError
from services.runtime.supervision import Supervisor

SERVICE = "console"
_BEAT_BOUND_S = 120.0
_MAX_HEAD_BYTES = 1_048_576
"""Of a request's line and headers: `test-guard` takes 10 values of 8,192 characters, of up to 12 bytes in a URL."""
_LOG = log.get(__name__)


def serve() -> None:
    """Run the service."""
    lifecycle.run(SERVICE, run_in, ConsoleSettings)


def run_in(context: Context) -> None:
    """Serve until `context.stop` is set.

    Raises:
        SettingsError: the token file holds no token although other machines can reach the API.

    """
    settings = context.settings
    assert isinstance(settings, ConsoleSettings)
    if (
        settings.console_tokens_file
        and not read_people(settings.console_tokens_file)
        and not is_loopback(settings.console_host)
    ):
        raise SettingsError(f"console_tokens_file: there is no token in {settings.console_tokens_file}")
    health = context.health
    health.wait_for("readmodel", "reading what Kafka holds")
    health.done("start")
    with closing(Database(settings.console_read_model, settings.topics)) as database:
        follower = Follower(
            settings,
            database,
            lambda: context.policy.view.destinations,
            context.supervisor,
            lambda: health.beat("readmodel", _BEAT_BOUND_S),
        )
        with closing(ApiContext(context, settings, database, follower)) as api_context:
            follower.start()
            try:
                app = create_app(api_context)
                with closing(
                    Listener(context.supervisor, app, settings.console_host, settings.console_port)
                ) as listener:
                    _LOG.info("serving", address=f"{settings.console_host}:{listener.port}")
                    while not context.stop.wait(0.2):
                        if follower.caught_up.is_set():
                            health.done("readmodel")
            finally:
                follower.stop()


class Listener:
    """Serves the API in a thread until closed. The port is bound when the constructor returns.

    Raises:
        OSError: the port cannot be bound.

    """

    def __init__(self, supervisor: Supervisor, app: FastAPI, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise port_error(error, host, port, "IOC_BRIDGE_CONSOLE_PORT") from error
        self.port: int = self._socket.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=10,
                ws="none",
                h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
            )
        )
        self._thread = supervisor.start_thread("api", lambda: self._server.run([self._socket]))

    def close(self) -> None:
        """Finish the requests under way and stop."""
        self._server.should_exit = True
        self._thread.end(15)
        self._socket.close()
