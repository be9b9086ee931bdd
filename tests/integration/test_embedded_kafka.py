"""The embedded broker is a real one, and leaves nothing behind."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiokafka
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import UnknownTopicOrPartitionError

from services.sandbox.kafka import EmbeddedKafka, JavaUnusable, PortTaken, StartFailed
from services.sandbox.kafka.ports import answers
from tests.waiting import ANSWER_S, end, eventually

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("IOC_BRIDGE_CACHE") or ROOT / ".cache")


@pytest.fixture(scope="module")
def kafka() -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka(cache=CACHE) as broker:
        yield broker


def make_topic(admin: KafkaAdminClient, name: str) -> None:
    """A topic of one partition that has a leader when this returns."""
    admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1}})
    admin.wait_for_topics([name], timeout_ms=ANSWER_S * 1_000)


@pytest.fixture
def topic(kafka: EmbeddedKafka, prefix: str) -> str:
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap) as admin:
        make_topic(admin, f"{prefix}.reports")
    return f"{prefix}.reports"


def read(bootstrap: str, topic: str, count: int) -> list[bytes]:
    """Read `count` committed values of partition 0 from the start."""
    values: list[bytes] = []
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed", enable_auto_commit=False)
    try:
        consumer.assign([TopicPartition(topic, 0)])
        consumer.seek_to_beginning()
        while len(values) < count:
            for records in consumer.poll(1000).values():
                values += [record.value for record in records]
    finally:
        consumer.close()
    return values


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "services.sandbox.kafka", *arguments],
        cwd=ROOT,
        env={**os.environ, "IOC_BRIDGE_CACHE": str(CACHE), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_committed_transaction_is_read_and_an_aborted_one_is_not(kafka: EmbeddedKafka, topic: str) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=topic)
    try:
        producer.init_transactions()
        for value, committed in ((b"kept", True), (b"dropped", False), (b"last", True)):
            producer.begin_transaction()
            producer.send(topic, value)
            if committed:
                producer.commit_transaction()
            else:
                producer.abort_transaction()
    finally:
        producer.close()
    assert read(kafka.bootstrap, topic, 2) == [b"kept", b"last"]


def test_aiokafka_moves_offsets_inside_a_transaction(kafka: EmbeddedKafka, topic: str) -> None:
    async def round_trip() -> tuple[bytes | None, int | None]:
        partition = aiokafka.TopicPartition(topic, 0)
        async with aiokafka.AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=topic) as producer:
            async with producer.transaction():
                await producer.send(topic, b"one")
            async with aiokafka.AIOKafkaConsumer(
                topic,
                bootstrap_servers=kafka.bootstrap,
                group_id=topic,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                isolation_level="read_committed",
            ) as consumer:
                record = await consumer.getone()
                async with producer.transaction():
                    await producer.send_offsets_to_transaction({partition: record.offset + 1}, topic)
                # The coordinator answers first and tells the offsets' partition of the commit then.
                committed = None
                async with asyncio.timeout(ANSWER_S):
                    while committed is None:
                        committed = await consumer.committed(partition)
                return record.value, committed

    assert asyncio.run(round_trip()) == (b"one", 1)


def test_a_misspelt_topic_is_an_error(kafka: EmbeddedKafka, prefix: str) -> None:
    with (
        KafkaAdminClient(bootstrap_servers=kafka.bootstrap) as admin,
        pytest.raises(UnknownTopicOrPartitionError),
    ):
        admin.delete_topics([f"{prefix}.repotrs"])


def test_nothing_is_left_after_stop() -> None:
    broker = EmbeddedKafka(cache=CACHE).start()
    pid, data, port, log = broker.pid, broker.data, broker.port, broker.log
    assert alive(pid)
    assert (data / "server.properties").is_file()
    broker.stop()
    assert not broker.running
    assert not alive(pid)
    assert not data.exists()
    assert not answers(port)
    assert "shut down completed" in log.read_text()
    broker.stop()  # a second one is harmless


def test_a_crash_keeps_what_was_acknowledged(prefix: str) -> None:
    with EmbeddedKafka(cache=CACHE, settings={"broker.session.timeout.ms": "6000"}) as broker:
        with KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin:
            make_topic(admin, prefix)
        producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
        producer.send(prefix, b"before").get(ANSWER_S)
        producer.close()
        before = broker.bootstrap, broker.pid
        broker.kill()
        assert not broker.running
        broker.start()
        assert broker.bootstrap == before[0]
        assert broker.pid != before[1]
        assert read(broker.bootstrap, prefix, 1) == [b"before"]


def test_a_named_data_folder_is_kept_and_used_again(tmp_path: Path, prefix: str) -> None:
    data = tmp_path / "dätä folder"
    with (
        EmbeddedKafka(cache=CACHE, data=data) as broker,
        KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin,
    ):
        make_topic(admin, prefix)
    with (
        EmbeddedKafka(cache=CACHE, data=data) as broker,
        KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin,
    ):
        assert prefix in admin.list_topics()
    assert (data / "server.properties").is_file()


def test_the_broker_goes_with_the_program_that_started_it() -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from services.sandbox.kafka import EmbeddedKafka\n"
        f"kafka = EmbeddedKafka(cache=Path({str(CACHE)!r})).start()\n"
        "print(kafka.pid, kafka.data, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, data = parent.stdout.readline().split()
        assert alive(int(pid))
        parent.kill()
    eventually(lambda: not alive(int(pid)) and not Path(data).exists(), "the broker and its data are gone")


def test_a_taken_port_is_named_before_anything_is_started(kafka: EmbeddedKafka) -> None:
    with pytest.raises(PortTaken) as error:
        EmbeddedKafka(cache=CACHE, port=kafka.port).start()
    assert str(kafka.port) in str(error.value)


def test_a_broker_that_cannot_start_points_to_its_log() -> None:
    broker = EmbeddedKafka(cache=CACHE, settings={"process.roles": "nonsense"})
    with pytest.raises(StartFailed, match="process\\.roles") as error:
        broker.start()
    assert str(error.value.log) in str(error.value)
    assert error.value.log.is_file()
    assert not broker.running


def test_java_that_is_not_there_is_named() -> None:
    with pytest.raises(JavaUnusable, match="IOC_BRIDGE_JAVA"):
        EmbeddedKafka(cache=CACHE, java=Path("/nowhere/java")).start()


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--port", "0"], {"IOC_BRIDGE_JAVA": "/nowhere/java"}, ["/nowhere/java", "IOC_BRIDGE_JAVA"]),
        (["--port", "0"], {"IOC_BRIDGE_CACHE": "/proc/self/cache"}, ["/proc/self/cache", "IOC_BRIDGE_CACHE"]),
        (["--port", "0", "--heap", "1"], {}, ["heap", "log"]),
        (["--port", "99999"], {}, ["99999", "another port"]),
    ],
)
def test_the_command_fails_in_one_line(arguments: list[str], environment: dict[str, str], words: list[str]) -> None:
    done = run(*arguments, **environment)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert all(word in done.stderr for word in words)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_runs_until_it_is_told_to_end(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "services.sandbox.kafka", "--port", "0"],
        cwd=ROOT,
        env={**os.environ, "IOC_BRIDGE_CACHE": str(CACHE)},
        stdout=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdout is not None
        line = command.stdout.readline()
        port = int(line.split(" (")[0].rsplit(":", 1)[1])
        assert answers(port)
        command.send_signal(number)
        assert end(command) == 0
    assert not answers(port)
