"""Renew `kafka.lock.toml`: `python -m services.sandbox.kafka.pin 4.3.1`.

Invariant: the lock holds every jar a broker needs at run time, each with its SHA-256, and nothing else decides.
"""

import sys
import tempfile
from pathlib import Path

from jgo.env import LockFile
from jgo.maven import Dependency, MavenContext

from services.sandbox.kafka.cache import LOCK
from services.sandbox.kafka.progress import say


def _resolved(context: MavenContext, coordinate: str) -> list[Dependency]:
    inputs, transitive = context.resolver.resolve([context.create_dependency(coordinate)])
    return [*inputs, *(found for found in transitive if found.scope in {"compile", "runtime"})]


def main(version: str) -> None:
    """Resolve Apache Kafka `version` and write its jars into the lock."""
    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder), timeout=30)
        wanted = _resolved(context, f"org.apache.kafka:kafka_2.13:{version}")
        # Kafka ships no logging backend; the one chosen has to match its version of log4j.
        log4j = next(found.version for found in wanted if found.artifactId == "log4j-core")
        wanted += _resolved(context, f"org.apache.logging.log4j:log4j-slf4j-impl:{log4j}")
        unique = {(found.groupId, found.artifactId): found for found in reversed(wanted)}
        LockFile.from_resolved_dependencies(
            [unique[key] for key in sorted(unique)], environment_name=f"Apache Kafka {version}"
        ).save(LOCK)
    say(f"{LOCK.name}: {len(unique)} jars")


if __name__ == "__main__":
    main(sys.argv[1])
