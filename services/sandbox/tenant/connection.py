"""The client's connection, which a fault can reset or close before the answer is complete.

ASGI offers neither, so the server puts a `Connection` into every request's scope. Without one (an in-process
transport) dropping raises ConnectionResetError in the caller, which is what a socket would have done.
"""

import asyncio
import socket
import struct

from starlette.types import Receive, Scope

EXTENSION = "tenant.connection"
_LINGER_NOTHING = struct.pack("ii", 1, 0)


class Connection:
    """One accepted TCP connection."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def reset(self) -> None:
        """Drop it with a TCP RST; what was not sent yet is lost."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOTHING)
        self._transport.abort()

    def close(self) -> None:
        """Send what was written, then close: the peer sees the end of the stream."""
        self._transport.close()

    @property
    def closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._transport.is_closing()


async def drop(scope: Scope, receive: Receive, *, flush: bool = False) -> None:
    """Reset the connection of this request (or close it after what was sent, with `flush`) and wait until it is gone.

    Raises ConnectionResetError when the request did not come through `TenantServer`.
    """
    connection = scope.get("extensions", {}).get(EXTENSION)
    if not isinstance(connection, Connection):
        raise ConnectionResetError("connection dropped by a fault")
    if flush:
        connection.close()
    else:
        connection.reset()
    while (await receive())["type"] != "http.disconnect":
        pass
