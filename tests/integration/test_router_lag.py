"""How far behind the router is: offsets and seconds where reports wait, and nothing where only a marker is left."""

import asyncio
from contextlib import suppress
from pathlib import Path

from prometheus_client import REGISTRY

from services.router.lag import LagWatch
from tests.routing import Exchange, numbered


def gauge(name: str, partition: int) -> float | None:
    return REGISTRY.get_sample_value(f"ioc_bridge_lag_{name}", {"partition": str(partition)})


async def looked(exchange: Exchange, merged: dict[int, int], *, until: float) -> None:
    """Watch until the lag of every partition is told as being behind, or as not being so."""
    watch = asyncio.create_task(LagWatch(exchange.settings, lambda: merged, every_s=0.05).run())
    for _ in range(600):
        await asyncio.sleep(0.05)
        told = [gauge("records", number) for number in merged]
        if watch.done() or all(lag is not None and (lag > 0) == (until > 0) for lag in told):
            break
    watch.cancel()
    with suppress(asyncio.CancelledError):
        await watch


def test_what_waits_counts_and_a_marker_does_not(bootstrap: str, prefix: str, tmp_path: Path) -> None:
    exchange = Exchange(bootstrap, prefix, tmp_path)
    exchange.report((numbered(number) for number in range(100)), per_batch=5)
    merged = dict.fromkeys(range(exchange.settings.partitions), 0)
    asyncio.run(looked(exchange, merged, until=1))
    for number in merged:
        assert (gauge("records", number) or 0) >= 5, "batches of five, and a marker"
        assert gauge("seconds", number) is not None
    # Merged up to the last batch: what is left is the marker of its transaction.
    ends = {number: int(gauge("records", number) or 0) for number in merged}
    asyncio.run(looked(exchange, {number: end - 1 for number, end in ends.items()}, until=0))
    assert [(gauge("records", number), gauge("seconds", number)) for number in merged] == [(0, 0)] * len(merged)
