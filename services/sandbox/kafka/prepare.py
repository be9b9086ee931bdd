"""The preparations before the first start of a broker.

Invariant: after `prepare` a broker can be started without network, and a second `prepare` does nothing.
"""

import hashlib
import shutil
import tempfile
from pathlib import Path

from services.sandbox.kafka.cache import LOCK, Installation, locked, remember, remembered
from services.sandbox.kafka.errors import CacheUnusable, DataUnusable, StartFailed
from services.sandbox.kafka.java import broker_command, check_java, java_identity, run_java
from services.sandbox.kafka.ports import free_port
from services.sandbox.kafka.process import BrokerProcess
from services.sandbox.kafka.progress import say
from services.sandbox.kafka.properties import LOGGING, render

_CLUSTER_ID = "ioc-bridge-embedded-00"  # 22 characters of base64, as Kafka wants it


def prepare(folder: Path, java: Path) -> Installation:
    """Return what a broker is started from, fetching and making what Kafka's cache `folder` lacks.

    Raises `DownloadFailed`, `JavaUnusable` or `CacheUnusable`.
    """
    facts = [LOCK.read_text(), LOGGING, str(folder), java_identity(java)]
    key = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:12]
    marker = folder / f"ready-{key}.json"
    if installation := remembered(marker):
        return installation
    with locked(folder):
        # Another process may have done it while this one waited.
        if installation := remembered(marker):
            return installation
        try:
            installation = _install(folder, java, key)
            remember(marker, installation)
        except OSError as error:
            raise CacheUnusable(folder, error.strerror or str(error)) from error
        return installation


def _install(folder: Path, java: Path, key: str) -> Installation:
    from services.sandbox.kafka.download import fetch_jars  # noqa: PLC0415 - slow to import, seldom needed

    check_java(java)  # before anything is downloaded for it
    classpath = fetch_jars(folder / "jars")
    made = folder / f"made-{key}"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    logging = made / "log4j2.properties"
    logging.write_text(LOGGING)
    storage = made / "storage"
    _format(java, classpath, logging, storage)
    say("Preparing Kafka for quick starts (once, about ten seconds)")
    archive = _archive(java, Installation(tuple(classpath), storage, logging, None), made)
    return Installation(tuple(classpath), storage, logging, archive)


def _format(java: Path, classpath: list[Path], logging: Path, storage: Path) -> None:
    """Let Kafka's own tool write the metadata a new cluster begins with: every feature at its production level."""
    properties = storage.with_name("format.properties")
    properties.write_text(render(9092, 9093, storage))
    command = broker_command(java, classpath, logging, properties, heap=128)[:-2]
    command += ["kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(properties)]
    run_java(command)


def _archive(java: Path, bare: Installation, made: Path) -> Path | None:
    """Run a broker once, so that Java keeps the classes it loaded; without them a start takes twice as long."""
    archive, log = made / "classes.aot", made / "classes.log"
    port = free_port()
    with tempfile.TemporaryDirectory(dir=made) as data:
        properties = new_data(bare, Path(data), port, free_port(), {})
        command = broker_command(
            java, bare.classpath, bare.logging, properties, heap=512, flags=[f"-XX:AOTCacheOutput={archive}"]
        )
        broker = BrokerProcess(command, log, grace=120)
        try:
            broker.await_ready(port, 120)
        except StartFailed as error:
            say(f"Kafka's starts will not be quick: {error}")
            return None
        finally:
            broker.stop()
    return archive if archive.is_file() else None


def new_data(
    installation: Installation, folder: Path, port: int, controller_port: int, settings: dict[str, str]
) -> Path:
    """Make `folder` a broker's data folder if it is not one yet; return the `server.properties` written there.

    Raises `DataUnusable`.
    """
    if "," in str(folder):
        raise DataUnusable(folder, "Kafka takes a comma for the end of a path")
    logs = folder / "log"
    properties = folder / "server.properties"
    try:
        if not (logs / "meta.properties").exists():
            shutil.copytree(installation.storage, logs, dirs_exist_ok=True)
        properties.write_text(render(port, controller_port, logs, settings))
    except OSError as error:
        raise DataUnusable(folder, error.strerror or str(error)) from error
    return properties
