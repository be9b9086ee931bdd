"""The router as it runs: a process of its own on a real Kafka."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from kafka import TopicPartition

from schemas.canonical import indicator_id
from schemas.deadletter import DeadLetter
from schemas.partitions import partition_of_key
from schemas.report import Verb
from schemas.types import IndicatorType
from services.runtime.kafka import clients
from services.runtime.kafka.bulk_read import latest, read_to_end
from tests.integration.services import activities
from tests.routing import CONNECTIONS, DESTINATION, SHARING, SOURCE, Exchange, numbered
from tests.waiting import ANSWER_S, eventually


@pytest.fixture
def exchange(bootstrap: str, prefix: str, tmp_path: Path) -> Exchange:
    return Exchange(bootstrap, prefix, tmp_path)


def test_reports_become_desired_entries_and_withdrawals_tombstones(exchange: Exchange) -> None:
    exchange.apply(*CONNECTIONS, SHARING)
    with exchange.start() as router:
        router.wait_ready()
        exchange.report(numbered(number) for number in range(50))
        eventually(lambda: len(exchange.desired()) == 50, "50 desired entries")
        exchange.report(numbered(number, 1, Verb.WITHDRAW) for number in range(0, 50, 2))
        eventually(lambda: len(exchange.desired()) == 25, "half of them withdrawn")
        assert router.stop() == 0
    assert all("host1" in key or int(key.split("host")[1].split(".")[0]) % 2 for key in exchange.desired())
    assert len(exchange.indicators()) == 50, "withdrawn indicators are kept, to explain"


def test_a_new_sharing_shares_what_is_stored_and_its_deletion_withdraws_it(exchange: Exchange) -> None:
    exchange.apply(*CONNECTIONS)
    with exchange.start() as router:
        router.wait_ready()
        exchange.report(numbered(number) for number in range(30))
        eventually(lambda: router.total("ioc_bridge_routed_total") == 30, "30 routed")
        assert exchange.desired() == {}
        exchange.apply(SHARING)
        eventually(lambda: len(exchange.desired()) == 30, "what was stored is shared")
        exchange.delete(SHARING)
        eventually(lambda: exchange.desired() == {}, "what only it wanted is withdrawn")


def test_a_policy_change_made_while_it_was_down_is_caught_up(exchange: Exchange) -> None:
    exchange.apply(*CONNECTIONS)
    with exchange.start() as router:
        router.wait_ready()
        exchange.report(numbered(number) for number in range(30))
        eventually(lambda: router.total("ioc_bridge_routed_total") == 30, "30 routed")
    exchange.apply(SHARING)
    with exchange.start() as router:
        eventually(lambda: len(exchange.desired()) == 30, "what was stored is shared")


def test_a_repeat_writes_nothing(exchange: Exchange) -> None:
    exchange.apply(*CONNECTIONS, SHARING)
    with exchange.start() as router:
        router.wait_ready()
        for _ in range(2):
            exchange.report(numbered(number) for number in range(20))
        eventually(lambda: router.total("ioc_bridge_routed_total") == 40, "40 routed")
        assert router.total("ioc_bridge_routed_total", outcome="unchanged") == 20
        assert router.total("ioc_bridge_desired_changes_total") == 20


def test_an_undecodable_batch_is_set_aside_and_the_rest_goes_on(exchange: Exchange) -> None:
    exchange.apply(*CONNECTIONS, SHARING)
    with closing(clients.producer(exchange.settings)) as producer:
        producer.send(exchange.settings.topics.reports.name, b'{"v": 1, "reports": "?"}', key=b"source", partition=0)
    with exchange.start() as router:
        router.wait_ready()
        exchange.report(numbered(number) for number in range(20))
        eventually(lambda: len(exchange.desired()) == 20, "the good reports are routed")
        eventually(lambda: router.total("ioc_bridge_dead_letters_total") == 1, "the bad one is counted")
    assert list(latest(exchange.settings, exchange.settings.topics.deadletters.name).values()) == [
        b'{"v": 1, "reports": "?"}'
    ]


def test_undecodable_records_without_end_stop_the_process_and_not_only_the_partition(exchange: Exchange) -> None:
    exchange.apply(*CONNECTIONS, SHARING)
    exchange.report(numbered(number) for number in range(20))
    with exchange.start() as router:
        router.wait_ready()
        eventually(lambda: len(exchange.desired()) == 20, "the good reports are routed")
        with closing(clients.producer(exchange.settings)) as producer:
            for _ in range(60):
                producer.send(exchange.settings.topics.reports.name, b"?", key=b"source", partition=0)
        eventually(lambda: router.exit_code is not None, "it ends")
        assert router.exit_code == 78, router.last_lines()
    lines = [json.loads(line) for line in router.log.read_text().splitlines()]
    (failed,) = [line for line in lines if line.get("code") == 78 and "task" in line]
    assert failed["task"] == "partition 0"
    assert "TooManyDeadLettersError" in failed["why"]
    told = [activity for activity in activities(exchange.settings) if activity.code == "process_failed"]
    assert "partition 0" in told[0].message
    assert "did not end in time" not in router.log.read_text(), "it leaves the group in good order"
    with exchange.start() as router:
        exchange.report(numbered(number) for number in range(20, 40))
        eventually(lambda: len(exchange.desired()) == 40, "a fresh one loses nothing")


@pytest.mark.parametrize("broken", [b"?", b'{"active": true, "changes_at": "soon"}', b"[]", b"null"])
def test_a_stored_indicator_that_cannot_be_read_is_set_aside_and_not_the_report(
    exchange: Exchange, broken: bytes
) -> None:
    exchange.apply(*CONNECTIONS, SHARING)
    with exchange.start() as router:
        router.wait_ready()
        exchange.report(numbered(number) for number in range(20))
        eventually(lambda: len(exchange.desired()) == 20, "all are shared")
    settings = exchange.settings
    key = indicator_id(IndicatorType.DOMAIN, numbered(7).value).encode()
    number = partition_of_key(key, settings.partitions)
    with closing(clients.producer(settings)) as producer:
        place = producer.send(settings.topics.indicators.name, broken, key=key, partition=number).get(timeout=ANSWER_S)
    # It stands in the middle of a batch whose other reports are new.
    exchange.report(numbered(n, 1, comments="again") for n in range(20))
    with exchange.start() as router:
        eventually(lambda: {entry.comments for entry in exchange.desired().values()} == {"again"}, "all are routed")
        router.wait_ready()
        assert len(exchange.desired()) == 20
        assert router.total("ioc_bridge_dead_letters_total") == 1
        assert router.stop() == 0
    assert exchange.indicators()[key.decode()].hits == 1, "made from the report alone"
    assert {found.hits for id_, found in exchange.indicators().items() if id_ != key.decode()} == {2}
    with closing(clients.consumer(settings)) as reader:
        (letter,) = read_to_end(reader, TopicPartition(settings.topics.deadletters.name, 0))
    told = DeadLetter.from_headers(letter.headers)
    assert (told.topic, told.partition, told.offset) == (settings.topics.indicators.name, number, place.offset)
    assert (letter.key, letter.value) == (key, broken)


def test_a_stored_indicator_that_cannot_be_read_is_found_and_withdrawn_without_a_report(exchange: Exchange) -> None:
    exchange.apply(*CONNECTIONS, SHARING)
    with exchange.start() as router:
        router.wait_ready()
        exchange.report(numbered(number) for number in range(20))
        eventually(lambda: len(exchange.desired()) == 20, "all are shared")
    settings = exchange.settings
    key = indicator_id(IndicatorType.DOMAIN, numbered(7).value).encode()
    with closing(clients.producer(settings)) as producer:
        number = partition_of_key(key, settings.partitions)
        producer.send(settings.topics.indicators.name, b"?", key=key, partition=number).get(timeout=ANSWER_S)
    with exchange.start() as router:
        eventually(lambda: len(exchange.desired()) == 19, "what it had shared is withdrawn")
        eventually(lambda: router.total("ioc_bridge_dead_letters_total") == 1, "it is counted")
    assert key.decode() not in exchange.indicators()


def test_it_says_which_topic_is_missing_and_goes_on_when_it_is_there(
    bootstrap: str, prefix: str, tmp_path: Path
) -> None:
    exchange = Exchange(bootstrap, prefix, tmp_path)
    with closing(clients.admin(exchange.settings)) as admin:
        admin.delete_topics([exchange.settings.topics.desired(DESTINATION).name])
    exchange.apply(*CONNECTIONS, SHARING)
    with exchange.start() as router:
        eventually(lambda: f"{prefix}.desired.{DESTINATION}" in router.last_lines(3), "the log names the topic")
        Exchange(bootstrap, prefix, tmp_path)
        router.wait_ready()


def test_reports_of_an_aborted_transaction_are_never_routed(exchange: Exchange) -> None:
    exchange.apply(*CONNECTIONS, SHARING)
    with closing(clients.producer(exchange.settings, transactional_id=f"{SOURCE}-aborts")) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(exchange.settings.topics.reports.name, b"never", partition=0)
        producer.flush()
        producer.abort_transaction()
    with exchange.start() as router:
        router.wait_ready()
        exchange.report(numbered(number) for number in range(20))
        eventually(lambda: len(exchange.desired()) == 20, "committed reports are routed")
        assert router.total("ioc_bridge_dead_letters_total") == 0
