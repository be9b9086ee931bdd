"""Requests over `ioc.requests` and replies over `ioc.replies`, answered by a router process from all its partitions."""

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka import TopicPartition

from schemas.request import NEVER, Effect, Reply, Request, RequestVerb, Verdict
from schemas.resources import encode_resource, resource, resource_key
from services.runtime.clock import now_ms
from services.runtime.kafka.bulk_read import read_to_end
from services.runtime.kafka.clients import consumer
from services.runtime.kafka.transactional_producer import OutgoingRecord, TransactionalProducer
from services.sandbox.processes import ServiceProcess
from tests.routing import BEGAN, CONNECTIONS, DESTINATION, SHARING, SOURCE, Exchange, numbered
from tests.waiting import eventually

COUNT = 40
HOST1 = "domain:host1.evil.example"


@pytest.fixture
def exchange(bootstrap: str, prefix: str, tmp_path: Path) -> Exchange:
    return Exchange(bootstrap, prefix, tmp_path)


@pytest.fixture
def router(exchange: Exchange) -> Iterator[ServiceProcess]:
    """At work, with forty indicators and no sharing."""
    exchange.apply(*CONNECTIONS)
    with exchange.start() as found:
        found.wait_ready()
        exchange.report(numbered(number, number) for number in range(COUNT))
        eventually(lambda: found.total("ioc_bridge_routed_total") == COUNT, "all routed")
        yield found


def send(exchange: Exchange, verb: RequestVerb, **more: object) -> str:
    """Ask every partition; returns the id."""
    request = Request.model_validate({"id": secrets.token_hex(4), "verb": verb, "at": now_ms(), **more}, strict=False)
    with closing(TransactionalProducer(exchange.settings, "asking")) as producer:
        topic = exchange.settings.topics.requests.name
        producer.write(
            OutgoingRecord(topic, request.id.encode(), request.encode(), number)
            for number in range(exchange.settings.partitions)
        )
    return request.id


def replies(exchange: Exchange, id_: str) -> dict[int, Reply]:
    with closing(consumer(exchange.settings)) as reader:
        records = list(read_to_end(reader, TopicPartition(exchange.settings.topics.replies.name, 0)))
    found = [Reply.decode(record.value) for record in records if record.value]
    return {reply.partition: reply for reply in found if reply.id == id_}


def ask(exchange: Exchange, verb: RequestVerb, **more: object) -> list[Reply]:
    """The replies of all partitions."""
    id_ = send(exchange, verb, **more)
    eventually(lambda: len(replies(exchange, id_)) == exchange.settings.partitions, f"all partitions answer {verb}")
    return list(replies(exchange, id_).values())


def count(found: list[Reply], effect: Effect) -> int:
    return sum(tally.count for reply in found for tally in reply.tallies if tally.effect is effect)


def imagined() -> dict[str, str]:
    return {resource_key(SHARING): encode_resource(SHARING).decode()}


@pytest.mark.usefixtures("router")
def test_test_and_diff_tell_what_would_be_and_change_nothing(exchange: Exchange) -> None:
    told = ask(exchange, RequestVerb.TEST, sharing="share", resources=imagined())
    assert count(told, Effect.SEND) == COUNT
    recent = ask(exchange, RequestVerb.TEST, sharing="share", resources=imagined(), since=BEGAN + COUNT - 10)
    assert count(recent, Effect.SEND) == 10
    assert count(ask(exchange, RequestVerb.DIFF, resources=imagined()), Effect.PUT) == COUNT
    assert exchange.desired() == {}
    exchange.apply(SHARING)
    eventually(lambda: len(exchange.desired()) == COUNT, "and so it is")
    assert count(ask(exchange, RequestVerb.DIFF, resources={"sharing/share": ""}), Effect.WITHDRAW) == COUNT


@pytest.mark.usefixtures("router")
def test_sync_writes_the_entries_of_a_window_again(exchange: Exchange) -> None:
    exchange.apply(SHARING)
    eventually(lambda: len(exchange.desired()) == COUNT, "all shared")
    assert count(ask(exchange, RequestVerb.SYNC, sharing="share", since=BEGAN + COUNT - 10), Effect.SEND) == 10
    again = [entry.value for entry in exchange.desired().values() if entry.resend_at is not None]
    assert sorted(again) == sorted(f"host{number}.evil.example" for number in range(COUNT - 10, COUNT))


@pytest.mark.usefixtures("router")
def test_entries_that_are_named_are_written_again_and_nothing_else(exchange: Exchange) -> None:
    exchange.apply(SHARING)
    eventually(lambda: len(exchange.desired()) == COUNT, "all shared")
    name = f"{DESTINATION}/defender-action:Block/{HOST1}"
    entries = [
        name,
        f"{DESTINATION}/defender-action:Audit/domain:host2.evil.example",
        f"{SOURCE}/t/domain:never.example",
    ]
    told = ask(exchange, RequestVerb.SYNC, entries=entries, since=NEVER, lines=10)
    assert [f"{x.destination}/{x.target}/{x.indicator}" for reply in told for x in reply.lines] == [name]
    assert [entry.value for entry in exchange.desired().values() if entry.resend_at is not None] == [HOST1[7:]]
    assert count(ask(exchange, RequestVerb.SYNC, since=NEVER), Effect.SEND) == 0, "what a router without names does"


@pytest.mark.usefixtures("router")
def test_explain_tells_why_an_indicator_is_where_it_is(exchange: Exchange) -> None:
    rule = resource("Rule", "none", {"match": "ioc.hits > 100"})
    other = SHARING.model_copy(
        update={
            "metadata": SHARING.metadata.model_copy(update={"name": "picky"}),
            "spec": SHARING.spec.model_copy(update={"rule": "none"}),
        }
    )
    exchange.apply(SHARING, rule, other)
    eventually(lambda: len(exchange.desired()) == COUNT, "all shared")
    (answer,) = [reply for reply in ask(exchange, RequestVerb.EXPLAIN, indicator="host1.evil[.]example") if reply.steps]
    assert answer.indicator is not None
    assert answer.indicator.value == "host1.evil.example"
    assert {(step.source, step.sharing, step.destination, step.verdict) for step in answer.steps} == {
        (SOURCE, "share", DESTINATION, Verdict.WANTED),
        (SOURCE, "picky", DESTINATION, Verdict.NOT_MATCHED),
    }


@pytest.mark.usefixtures("router")
def test_what_cannot_be_answered_is_answered_with_the_reason(exchange: Exchange) -> None:
    assert {reply.error for reply in ask(exchange, RequestVerb.TEST, sharing="nobody")} == {
        "there is no Sharing named nobody"
    }
    assert all(reply.error for reply in ask(exchange, RequestVerb.EXPLAIN, indicator="no indicator"))
    broken = ask(exchange, RequestVerb.DIFF, resources={"rule/x": "{"})
    assert all(reply.error and reply.error.startswith("rule/x: ") for reply in broken)


def test_who_asked_while_nobody_was_there_is_answered_by_the_next(exchange: Exchange, router: ServiceProcess) -> None:
    router.kill()
    id_ = send(exchange, RequestVerb.EXPLAIN, indicator=HOST1)
    with exchange.start():
        eventually(lambda: len(replies(exchange, id_)) == exchange.settings.partitions, "all partitions answer")
    assert any(reply.indicator for reply in replies(exchange, id_).values())
