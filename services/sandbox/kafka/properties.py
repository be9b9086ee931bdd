"""The broker's configuration, as text.

Invariant: pure; the broker listens on the loopback address only, and no topic comes into being by accident.
"""

from collections.abc import Mapping
from pathlib import Path

HOST = "127.0.0.1"

# What every broker the tests and the sandbox talk to has in common, embedded or in a container.
SHARED: Mapping[str, str] = {
    # A misspelt topic is an error, not a new topic.
    "auto.create.topics.enable": "false",
    # One broker is all the replicas there are.
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # Few internal partitions: each is a folder with files that would be made at the first use.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "1",
    # A group need not wait for members that never come; a test of a take-over may choose a short session.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # Kafka's own default, stated: a record too large for a default cluster must fail here too.
    "message.max.bytes": "1048588",
}

_LOCAL: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "num.network.threads": "2",
    "num.io.threads": "4",
    # Topics state their own retention; this is for those that do not.
    "log.retention.hours": "168",
    # Kafka's 128 MiB would be a quarter of the heap.
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
}

# log4j's own hook would close the log before the broker has told how it ended.
LOGGING = """\
status = error
shutdownHook = disable
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1}: %m%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
"""


def render(port: int, controller_port: int, folder: Path, settings: Mapping[str, str] | None = None) -> str:
    """Write the text of a `server.properties`.

    `folder` is where the broker keeps its logs; `settings` override anything, by Kafka's own names.
    """
    values = {
        **SHARED,
        **_LOCAL,
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "log.dirs": str(folder),
        **(settings or {}),
    }
    return "".join(f"{key}={_escaped(value)}\n" for key, value in values.items())


def _escaped(value: str) -> str:
    """Escape a value as java.util.Properties reads it: Latin-1 bytes, backslash escapes."""
    units = value.encode("utf-16-be")
    codes = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "".join(chr(code) if 0x20 < code < 0x7F and code != 0x5C else f"\\u{code:04x}" for code in codes)
