"""A real Apache Kafka for machines that have nothing but Python.

Invariant: what answers at `EmbeddedKafka.bootstrap` is the broker people run in production, started from jars whose
SHA-256 is pinned in `kafka.lock.toml` and a Java runtime that comes as a Python package; nothing is written outside
the cache folder and the broker's own data folder.
"""

from services.sandbox.kafka.broker import EmbeddedKafka
from services.sandbox.kafka.errors import (
    CacheUnusable,
    DataUnusable,
    DownloadFailed,
    EmbeddedKafkaError,
    JavaUnusable,
    PortTaken,
    StartFailed,
)

__all__ = [
    "CacheUnusable",
    "DataUnusable",
    "DownloadFailed",
    "EmbeddedKafka",
    "EmbeddedKafkaError",
    "JavaUnusable",
    "PortTaken",
    "StartFailed",
]
