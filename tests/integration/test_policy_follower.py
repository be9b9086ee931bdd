"""The policy as a service sees it: whole at start, followed, and never half because of one record nobody can read."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from schemas.deadletter import DeadLetter
from schemas.resources import encode_resource, resource_key
from services.runtime.deadletters import MAX_RUN, DeadLetters, TooManyDeadLettersError
from services.runtime.kafka.clients import producer
from services.runtime.kafka.record_headers import RawName, sendable
from services.runtime.kafka.transactional_producer import OutgoingRecord, TransactionalProducer
from services.runtime.observability.health import Health
from services.runtime.policy import PolicyFollower
from services.runtime.supervision import Supervisor
from tests.integration.test_deadletters import letters
from tests.routing import CONNECTIONS, SHARING, Exchange
from tests.waiting import ANSWER_S, eventually


@pytest.fixture
def exchange(bootstrap: str, prefix: str, tmp_path: Path) -> Exchange:
    return Exchange(bootstrap, prefix, tmp_path)


@pytest.fixture
def supervisor() -> Supervisor:
    return Supervisor()


@pytest.fixture
def follower(exchange: Exchange, supervisor: Supervisor) -> Iterator[PolicyFollower]:
    with closing(DeadLetters(exchange.settings, "some_service")) as deadletters:
        found = PolicyFollower(exchange.settings, deadletters, supervisor, Health())
        yield found
        found.stop()


def write(exchange: Exchange, *entries: tuple[bytes, bytes]) -> None:
    topic = exchange.settings.topics.policy.name
    with closing(TransactionalProducer(exchange.settings, "policy")) as producer:
        producer.write(OutgoingRecord(topic, key, value) for key, value in entries)


def test_it_is_whole_at_start_and_follows_what_changes(exchange: Exchange, follower: PolicyFollower) -> None:
    exchange.apply(*CONNECTIONS)
    follower.start()
    before = follower.view
    assert set(before.connections) == {"source", "destination"}
    assert before.rules.keys() == {"all"}
    follower.changed.clear()
    exchange.apply(SHARING)
    eventually(lambda: follower.view.sharings, "the sharing is seen", every_s=0.02)
    assert follower.changed.is_set()
    assert follower.view.version > before.version
    assert before.sharings == {}, "a view that somebody holds does not change under him"
    exchange.delete(SHARING)
    eventually(lambda: not follower.view.sharings, "its deletion is seen", every_s=0.02)


def test_whoever_asks_for_the_current_policy_has_what_was_just_applied(
    exchange: Exchange, follower: PolicyFollower
) -> None:
    follower.start()
    for _ in range(5):
        exchange.apply(SHARING)
        assert follower.current(within_s=ANSWER_S).sharings == {SHARING.name: SHARING}
        exchange.delete(SHARING)
        assert follower.current(within_s=ANSWER_S).sharings == {}


def test_the_current_policy_is_not_waited_for_without_end(follower: PolicyFollower) -> None:
    assert follower.current(within_s=0.01) is follower.view, "nothing is read where nobody follows"


def test_an_undecodable_record_is_set_aside_and_the_resource_before_it_stays(
    exchange: Exchange, follower: PolicyFollower
) -> None:
    exchange.apply(*CONNECTIONS, SHARING)
    follower.start()
    key = resource_key(SHARING).encode()
    write(exchange, (key, b'{"kind": "Sharing"}'))
    exchange.delete(CONNECTIONS[0])
    eventually(lambda: "source" not in follower.view.connections, "what came after it is seen", every_s=0.02)
    assert follower.view.sharings == {SHARING.name: SHARING}
    (letter,) = letters(exchange.settings)
    assert (letter.key, letter.value) == (key, b'{"kind": "Sharing"}')
    assert DeadLetter.from_headers(letter.headers).topic == exchange.settings.topics.policy.name


def test_bad_records_between_good_ones_are_no_run(exchange: Exchange, follower: PolicyFollower) -> None:
    good = (resource_key(SHARING).encode(), encode_resource(SHARING))
    write(exchange, *[(b"sharing/bad", b"?")] * MAX_RUN, good, *[(b"sharing/bad", b"?")] * MAX_RUN)
    follower.start()
    assert follower.view.sharings == {SHARING.name: SHARING}


def test_too_many_bad_records_are_a_failure_of_the_process(
    exchange: Exchange, follower: PolicyFollower, supervisor: Supervisor
) -> None:
    follower.start()
    write(exchange, *[(b"sharing/bad", b"?")] * (MAX_RUN + 1))
    assert supervisor.stop.wait(ANSWER_S), "the process is asked to leave"
    assert supervisor.failure
    assert supervisor.failure.task == "policy"
    assert isinstance(supervisor.failure.error, TooManyDeadLettersError)
    assert supervisor.failure.exit.code == 78


def test_a_record_with_any_headers_is_set_aside_and_the_policy_followed_further(
    exchange: Exchange, follower: PolicyFollower
) -> None:
    """The headers are such as other clients write; the record is the largest that a topic takes."""
    follower.start()
    headers = sendable([("schema", None), (RawName(b"\xff"), None), ("a", b"1"), ("a", b"\xfe")])
    size = 1_048_588 - 200
    with closing(producer(exchange.settings, max_request_size=2_000_000)) as other:
        for value in (b"{", Random(1).randbytes(size)):
            other.send(exchange.settings.topics.policy.name, value, key=b"rule/x", headers=headers).get(
                timeout=ANSWER_S
            )
    exchange.apply(SHARING)
    eventually(lambda: follower.view.sharings, "the sharing is seen", every_s=0.02)
    copy, stub = letters(exchange.settings)
    assert [(name.encode(), value) for name, value in DeadLetter.original(copy.headers)] == [
        (b"schema", None), (b"\xff", None), (b"a", b"1"), (b"a", b"\xfe"),
    ]  # fmt: skip
    assert (copy.value, DeadLetter.from_headers(stub.headers).is_stub) == (b"{", True)
