"""Runs a tenant on a loopback port, in a thread of this process.

`start` returns when the port accepts connections; `stop` drops whatever is still in flight, as a crash would, and
returns when the port is free again. A server may be started again and keeps its port.
"""

import asyncio
import contextlib
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from services.sandbox.tenant.connection import EXTENSION, Connection

_START_SECONDS = 30.0


class _Protocol(H11Protocol):
    """HTTP/1.1 that hands each request its `Connection`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        connection = Connection(transport)
        app = self.app

        async def with_connection(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[EXTENSION] = connection
            try:
                await app(scope, receive, send)
            except asyncio.CancelledError:
                if not connection.closing:
                    raise

        self.app = with_connection


class _Server(uvicorn.Server):
    """uvicorn, stopped by an event instead of a poll, and without waiting for slow requests."""

    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self.loop: asyncio.AbstractEventLoop | None = None
        self._ready = ready
        self._stopping = asyncio.Event()

    async def main_loop(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._ready.set()
        while not self._stopping.is_set():
            await self.on_tick(0)  # renews the Date header
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), timeout=1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()
        await super().shutdown(sockets)

    def request_stop(self) -> None:
        """Leave the main loop; safe from any thread, and after the loop has ended."""
        if self.loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: it has stopped already
                self.loop.call_soon_threadsafe(self._stopping.set)


class TenantServer:
    """A context manager around one tenant app. `port=0` takes a free one; `tls` is (certificate, key) for https."""

    def __init__(
        self, app: ASGIApp, port: int = 0, *, host: str = "127.0.0.1", tls: tuple[Path, Path] | None = None
    ) -> None:
        self.app = app
        self.host = host
        self.port = port
        self._tls = tls
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Base URL without a trailing slash; known once started."""
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    def start(self) -> Self:
        """Bind and serve. Raises OSError when the port is taken, RuntimeError when the server does not come up."""
        if self._thread is not None:
            raise RuntimeError(f"the tenant already serves {self.url}")
        # The protocol must be named: asyncio turns Nagle's delay (40 ms an answer) off for no other socket.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, self.port))
        except OSError:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        ready = threading.Event()
        server = _Server(self._config(), ready)

        def serve() -> None:
            try:
                asyncio.run(server.serve(sockets=[listener]))
            finally:
                listener.close()
                ready.set()

        self._thread = threading.Thread(target=serve, name=f"tenant-{self.port}", daemon=True)
        self._thread.start()
        self._server = server
        ready.wait(_START_SECONDS)
        if server.loop is None:
            self._thread = self._server = None
            raise RuntimeError(f"the tenant did not come up on {self.url}")
        return self

    def stop(self) -> None:
        """Stop serving; does nothing when not started."""
        if self._server is None or self._thread is None:
            return
        self._server.request_stop()
        self._thread.join()
        self._server = self._thread = None

    def _config(self) -> uvicorn.Config:
        certificate, key = self._tls or (None, None)
        return uvicorn.Config(
            self.app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            timeout_graceful_shutdown=1,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
