"""Quix Streams: a stateful dataframe, one record a report, its own state store and changelog.

usage: python -m bench.rivals.quix PREFIX REPORTS
"""

import json
import sys
import tempfile
import time

from quixstreams import Application, State
from quixstreams.models import TopicConfig

from bench.workload import SOURCE, compiled_policy
from schemas.indicator import Indicator
from schemas.report import Report
from services.router.evaluation.evaluate import evaluate
from services.router.evaluation.merge import merge
from services.runtime.settings import load_settings


def main(prefix: str, reports: int) -> None:
    settings, policy = load_settings(topic_prefix=prefix), compiled_policy()
    app = Application(
        broker_address=settings.kafka_bootstrap,
        consumer_group=f"{prefix}-quix",
        auto_offset_reset="earliest",
        state_dir=tempfile.mkdtemp(),
        loglevel="ERROR",
    )
    source = app.topic(f"{prefix}.single", key_deserializer="bytes", value_deserializer="bytes")
    desired = app.topic(
        f"{prefix}.quix-desired",
        key_serializer="bytes",
        value_serializer="bytes",
        config=TopicConfig(num_partitions=1, replication_factor=1),
    )
    done, started = 0, 0.0

    def route(value: bytes, state: State[str, bytes]) -> list[bytes]:
        nonlocal done, started
        started = started or time.monotonic()
        done += 1
        raw = state.get_bytes("indicator")
        merged = merge(Indicator.decode(raw) if raw else None, SOURCE, Report.decode(value))
        if merged is None:
            return []
        decision = evaluate(merged, policy, merged.last_seen, merged.last_seen)
        state.set_bytes("indicator", decision.indicator.encode())
        return [change.entry.encode() for change in decision.changes if change.entry]

    app.dataframe(source).apply(route, stateful=True, expand=True).to_topic(desired)
    app.run(count=reports, collect=False)
    print(json.dumps({"reports": done, "seconds": time.monotonic() - started}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
