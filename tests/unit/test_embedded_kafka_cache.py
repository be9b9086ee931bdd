"""What the cache remembers is complete, whatever interrupted the work or ran beside it."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from jgo.env import LockedDependency, LockFile
from rich.console import Console

from services.sandbox.kafka import CacheUnusable, DownloadFailed
from services.sandbox.kafka.cache import Installation, kafka_cache, locked, remember, remembered
from services.sandbox.kafka.download import fetch_jars
from services.sandbox.kafka.progress import DownloadProgress
from tests.broker import library_sockets_ignored


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    for name in ("a.jar", "b.jar", "log4j2.properties", "classes.aot", "storage/meta.properties"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return Installation(
        (tmp_path / "a.jar", tmp_path / "b.jar"), tmp_path / "storage", tmp_path / "log4j2.properties", None
    )


def test_an_installation_is_remembered(tmp_path: Path, installation: Installation) -> None:
    marker = tmp_path / "ready.json"
    assert remembered(marker) is None
    remember(marker, installation)
    assert remembered(marker) == installation
    assert [file.name for file in tmp_path.glob("ready*")] == ["ready.json"]


@pytest.mark.parametrize("lost", ["a.jar", "log4j2.properties", "storage/meta.properties"])
def test_an_installation_that_lost_a_file_is_none(lost: str, tmp_path: Path, installation: Installation) -> None:
    remember(tmp_path / "ready.json", installation)
    (tmp_path / lost).unlink()
    assert remembered(tmp_path / "ready.json") is None


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"classpath": 1, "storage": "", "logging": "", "archive": ""}'])
def test_a_damaged_marker_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "ready.json").write_text(text)
    assert remembered(tmp_path / "ready.json") is None


def test_only_one_holds_the_lock(tmp_path: Path) -> None:
    order: list[str] = []
    entered = threading.Event()

    def second() -> None:
        entered.set()
        with locked(tmp_path):
            order.append("second")

    thread = threading.Thread(target=second)
    with locked(tmp_path):
        thread.start()
        entered.wait()
        thread.join(0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_the_cache_is_where_it_is_told_to_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IOC_BRIDGE_CACHE", raising=False)
    assert kafka_cache() == tmp_path / ".cache" / "kafka"
    monkeypatch.setenv("IOC_BRIDGE_CACHE", str(tmp_path / "named"))
    assert kafka_cache() == tmp_path / "named" / "kafka"
    assert kafka_cache(tmp_path / "given") == tmp_path / "given" / "kafka"
    (tmp_path / "file").touch()
    with pytest.raises(CacheUnusable, match="IOC_BRIDGE_CACHE"):
        kafka_cache(tmp_path / "file")
    with pytest.raises(CacheUnusable, match="':'"):
        kafka_cache(tmp_path / "a:b")


class Remote:
    """A Maven repository on the loopback address with one jar in it, and a lock file that pins it."""

    def __init__(self, folder: Path) -> None:
        self.jar = folder / "served" / "org" / "example" / "thing" / "1.0" / "thing-1.0.jar"
        self.jar.parent.mkdir(parents=True)
        self.jar.write_bytes(b"the whole jar")
        self.pins = folder / "lock.toml"
        pin = LockedDependency("org.example", "thing", "1.0", sha256=hashlib.sha256(self.jar.read_bytes()).hexdigest())
        LockFile([pin], environment_name="Thing 1.0").save(self.pins)
        self.asked: list[str] = []
        self.repository = folder / "fetched"
        self.fetched = self.repository / self.jar.relative_to(folder / "served")
        remote = self

        class Handler(SimpleHTTPRequestHandler):
            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                remote.asked.append(self.path)

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder / "served")))

    def fetch(self) -> list[Path]:
        url = f"http://127.0.0.1:{self.server.server_port}"
        return fetch_jars(self.repository, self.pins, {"here": url}, seconds=5)


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = Remote(tmp_path)
    with made.server as server:
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def test_a_jar_is_fetched_once(remote: Remote, capsys: pytest.CaptureFixture[str]) -> None:
    assert remote.fetch() == [remote.fetched]
    assert remote.fetched.read_bytes() == b"the whole jar"
    assert "Thing 1.0: 1 of 1 jars" in capsys.readouterr().err
    asked = len(remote.asked)
    assert remote.fetch() == [remote.fetched]
    assert len(remote.asked) == asked
    assert capsys.readouterr().err == ""


def test_half_a_jar_of_an_interrupted_run_is_replaced(remote: Remote) -> None:
    remote.fetched.parent.mkdir(parents=True)
    remote.fetched.write_bytes(b"the whole")
    remote.fetch()
    assert remote.fetched.read_bytes() == b"the whole jar"


def test_a_jar_other_than_the_pinned_one_is_refused(remote: Remote) -> None:
    remote.jar.write_bytes(b"something else")
    with pytest.raises(DownloadFailed, match=r"thing-1\.0\.jar.*SHA-256"):
        remote.fetch()


def test_a_jar_that_is_not_there_is_named(remote: Remote) -> None:
    remote.jar.unlink()
    with library_sockets_ignored(), pytest.raises(DownloadFailed, match=r"thing-1\.0\.jar"):
        remote.fetch()
    assert len([path for path in remote.asked if path.endswith(".jar")]) == 3


def test_progress_without_a_terminal_is_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with DownloadProgress("Fetching", 2, Console(stderr=True, soft_wrap=True)) as progress:
        for _ in range(2):
            with progress.receiving("a.jar", 1_500_000) as received:
                received(1_500_000)
            progress.jar_done()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Fetching: 0 of 2 jars, 0.0 MB"
    assert lines[-1] == "Fetching: 2 of 2 jars, 3.0 MB"
