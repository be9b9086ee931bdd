"""A change can be followed from the poll that learnt it to the record of its being applied: all carry one trace."""

from contextlib import closing

from kafka import TopicPartition

from services.runtime.kafka.bulk_read import read_to_end
from services.runtime.kafka.clients import consumer
from services.runtime.observability import trace
from services.sandbox.exchange import MDE, NETSKOPE, Exchange


def traces(exchange: Exchange, topic: str, partitions: int = 1) -> set[str]:
    """The traces of everything in a topic."""
    with closing(consumer(exchange.settings)) as reader:
        records = [
            record for number in range(partitions) for record in read_to_end(reader, TopicPartition(topic, number))
        ]
    return {trace.trace_id(step) for record in records if (step := trace.of(record.headers))}


def test_what_is_applied_is_of_the_trace_that_reported_it(busy_exchange: Exchange) -> None:
    topics = busy_exchange.settings.topics
    reported = traces(busy_exchange, topics.reports.name, topics.reports.partitions)
    assert reported
    for tenant in (MDE, NETSKOPE):
        desired = traces(busy_exchange, topics.desired(tenant).name)
        applied = traces(busy_exchange, topics.applied(tenant).name)
        assert desired & reported, tenant
        assert applied & desired & reported, tenant
