"""The practical ceiling in Python: a confluent-kafka loop with the router's own merge and evaluation over batches.

State in a dict, no rebalancing, no transactions, nothing that would survive a crash.
usage: python -m bench.rivals.plain PREFIX REPORTS
"""

import json
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition

from bench.workload import compiled_policy
from schemas.canonical import indicator_id
from schemas.indicator import Indicator
from schemas.report import ReportBatch
from services.router.evaluation.evaluate import evaluate
from services.router.evaluation.merge import merge
from services.runtime.settings import load_settings


def main(prefix: str, reports: int) -> None:
    settings, policy = load_settings(topic_prefix=prefix), compiled_policy()
    topics = settings.topics
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka_bootstrap,
            "group.id": "plain",
            "isolation.level": "read_committed",
            "fetch.message.max.bytes": 10_000_000,
        }
    )
    consumer.assign([TopicPartition(topics.reports.name, number, 0) for number in range(settings.partitions)])
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap, "linger.ms": 20, "batch.size": 1_000_000,
                         "queue.buffering.max.messages": 2_000_000})  # fmt: skip
    state: dict[bytes, bytes] = {}
    done, started = 0, 0.0
    while done < reports:
        for message in consumer.consume(64, 1.0):
            assert message.error() is None, message.error()
            started = started or time.monotonic()
            batch = ReportBatch.decode(message.value())
            done += len(batch.reports)
            for report in batch.reports:
                key = indicator_id(report.type, report.value).encode()
                raw = state.get(key)
                merged = merge(Indicator.decode(raw) if raw else None, batch.source, report)
                if merged is None:
                    continue
                decision = evaluate(merged, policy, report.observed_at, report.observed_at)
                state[key] = value = decision.indicator.encode()
                producer.produce(topics.indicators.name, value, key, message.partition())
                for change in decision.changes:
                    entry = change.entry.encode() if change.entry else None
                    producer.produce(topics.desired(change.destination).name, entry, change.key.encode(), 0)
            producer.poll(0)
    producer.flush()
    print(json.dumps({"reports": done, "seconds": time.monotonic() - started}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
