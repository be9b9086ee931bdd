"""Faust as its guide shows it: an agent, an ordinary `Table`, `topic.send`, one record a report.

usage: python -m bench.rivals.guide_faust route|recover PREFIX RECORDS
"""

import asyncio
import json
import sys
import tempfile
import time
from typing import Any

import faust

from bench.workload import SOURCE, compiled_policy
from schemas.indicator import Indicator
from schemas.report import Report
from services.router.evaluation.evaluate import evaluate
from services.router.evaluation.merge import merge
from services.runtime.settings import load_settings

RAW: dict[str, Any] = {"key_type": bytes, "key_serializer": "raw", "value_type": bytes, "value_serializer": "raw"}


async def main(mode: str, prefix: str, records: int) -> None:
    settings, policy = load_settings(topic_prefix=prefix), compiled_policy()
    app = faust.App(
        f"{prefix}-guide",
        broker=f"kafka://{settings.kafka_bootstrap}",
        topic_partitions=settings.partitions,
        topic_replication_factor=1,
        table_standby_replicas=0,
        web_enabled=False,
        datadir=tempfile.mkdtemp(),
    )
    reports = app.topic(f"{prefix}.single", partitions=settings.partitions, **RAW)
    desired = app.topic(f"{prefix}.guide-desired", partitions=1, **RAW)
    table = app.Table("indicators", partitions=settings.partitions, key_type=bytes, value_type=bytes)
    done, started = 0, 0.0
    finished = asyncio.Event()

    @app.agent(reports)
    async def route(stream: faust.StreamT[bytes]) -> None:
        nonlocal done, started
        async for key, value in stream.items():
            started = started or time.monotonic()
            raw = table.get(key)
            merged = merge(Indicator.decode(raw) if raw else None, SOURCE, Report.decode(value))
            if merged is not None:
                decision = evaluate(merged, policy, merged.last_seen, merged.last_seen)
                table[key] = decision.indicator.encode()
                for change in decision.changes:
                    await desired.send(key=change.key.encode(), value=change.entry.encode() if change.entry else None)
            done += 1
            if done == records:
                finished.set()

    began = 0.0
    if mode == "recover":

        @app.on_partitions_assigned.connect(weak=False)
        async def assigned(*_: object, **__: object) -> None:
            nonlocal began
            began = time.monotonic()

        @table.on_recover
        async def recovered() -> None:
            finished.set()

    await app.start()
    await finished.wait()
    seconds = time.monotonic() - (started if mode == "route" else began)
    print(json.dumps({"reports": records, "seconds": seconds, "loaded": len(table)}), flush=True)
    await app.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
