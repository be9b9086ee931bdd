"""Ports on the loopback address.

Invariant: a port that was asked for is tried before anything is started, so the error comes at once and by name.
"""

import socket

from services.sandbox.kafka.errors import PortTaken
from services.sandbox.kafka.properties import HOST


def free_port() -> int:
    """Return a port that is free now; another process may take it before it is used."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def check_free(port: int) -> None:
    """Raise `PortTaken` unless `port` can be listened on."""
    with socket.socket() as probe:
        # Java sets this too: connections of a former broker that linger in TIME_WAIT are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError as error:
            raise PortTaken(port, error.strerror or str(error)) from error
        except OverflowError as error:
            raise PortTaken(port, "not between 0 and 65535") from error


def answers(port: int, host: str = HOST) -> bool:
    """Whether something accepts connections at `port`."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
