"""The cache folder and its marker of a complete installation.

Invariant: an installation is either described completely by its marker or not there at all. The marker is written
last and in one step, under a lock that one process holds at a time; a process that finds it needs no lock or network.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.sandbox.kafka.errors import CacheUnusable
from services.sandbox.kafka.progress import say

LOCK = Path(__file__).with_name("kafka.lock.toml")
"""The jars that make up the pinned Kafka, each with its SHA-256; written by `pin`."""


@dataclass(frozen=True)
class Installation:
    """The files that a broker is started from."""

    classpath: tuple[Path, ...]
    """The jars."""
    storage: Path
    """A folder that Kafka's own tool formatted: what a new data folder starts as."""
    logging: Path
    """The configuration of log4j."""
    archive: Path | None
    """Java's ahead-of-time archive of the classes a broker loads; None if it could not be made."""

    def complete(self) -> bool:
        """Whether every file still exists."""
        files = [*self.classpath, self.storage / "meta.properties", self.logging]
        return all(file.is_file() for file in files) and (self.archive is None or self.archive.is_file())


def kafka_cache(cache: Path | None = None) -> Path:
    """Return Kafka's part of the cache folder (`cache`, else IOC_BRIDGE_CACHE, else .cache), made if need be.

    Raises `CacheUnusable`.
    """
    folder = (cache or Path(os.environ.get("IOC_BRIDGE_CACHE") or ".cache")).absolute() / "kafka"
    if os.pathsep in str(folder):
        raise CacheUnusable(folder, f"Java cannot read jars below a path with {os.pathsep!r} in it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CacheUnusable(folder, error.strerror or str(error)) from error
    return folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel gives it up should this process die."""
    try:
        file = (folder / "lock").open("a")
    except OSError as error:
        raise CacheUnusable(folder, error.strerror or str(error)) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Waiting for another process that prepares Kafka in {folder}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remembered(marker: Path) -> Installation | None:
    """Return the installation that `marker` describes, or None if there is none or it is damaged."""
    try:
        told = json.loads(marker.read_text())
        installation = Installation(
            classpath=tuple(map(Path, told["classpath"])),
            storage=Path(told["storage"]),
            logging=Path(told["logging"]),
            archive=Path(told["archive"]) if told["archive"] else None,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return installation if installation.complete() else None


def remember(marker: Path, installation: Installation) -> None:
    """Write the marker in one step."""
    told = {
        "classpath": [str(jar) for jar in installation.classpath],
        "storage": str(installation.storage),
        "logging": str(installation.logging),
        "archive": str(installation.archive) if installation.archive else None,
    }
    written = marker.with_name(f"{marker.name}.{os.getpid()}")
    written.write_text(json.dumps(told, indent=1))
    written.replace(marker)
