"""How far behind the router is: offsets and seconds where reports wait, and nothing where only a marker is left."""

import asyncio
from contextlib import suppress
from pathlib import Path

from prometheus_client import REGISTRY

from services.router.engine.lag import LagWatch, Position
from services.runtime.clock import now_ms
from services.runtime.observability.health import Health
from services.sandbox.patience import Patience
from tests.routing import Exchange, numbered


def gauge(name: str, partition: int) -> float | None:
    return REGISTRY.get_sample_value(f"ioc_bridge_lag_{name}", {"partition": str(partition)})


async def looked(exchange: Exchange, at: dict[int, Position], *, until: float) -> None:
    """Watch until the lag of every partition is told as being behind, or as not being so."""
    watch = asyncio.create_task(LagWatch(exchange.settings, lambda: at, Health(), every_s=0.05).run())
    patience = Patience(60)
    while not patience.is_over():
        await asyncio.sleep(0.05)
        told = [gauge("records", number) for number in at]
        if watch.done() or all(lag is not None and (lag > 0) == (until > 0) for lag in told):
            break
    watch.cancel()
    with suppress(asyncio.CancelledError):
        await watch


def test_what_waits_counts_and_a_marker_does_not(bootstrap: str, prefix: str, tmp_path: Path) -> None:
    exchange = Exchange(bootstrap, prefix, tmp_path)
    exchange.report((numbered(number) for number in range(100)), per_batch=5)
    merged = dict.fromkeys(range(exchange.settings.partitions), Position(0))
    asyncio.run(looked(exchange, merged, until=1))
    for number in merged:
        assert (gauge("records", number) or 0) >= 5, "batches of five, and a marker"
        assert gauge("seconds", number) is not None
    # Merged up to the last batch: what is left is the marker of its transaction.
    ends = {number: int(gauge("records", number) or 0) for number in merged}
    asyncio.run(looked(exchange, {number: Position(end - 1) for number, end in ends.items()}, until=0))
    assert [(gauge("records", number), gauge("seconds", number)) for number in merged] == [(0, 0)] * len(merged)


def test_where_reports_are_in_hand_their_age_is_the_lag_and_none_is_read(
    bootstrap: str, prefix: str, tmp_path: Path
) -> None:
    exchange = Exchange(bootstrap, prefix, tmp_path)
    exchange.report((numbered(number) for number in range(100)), per_batch=5)
    in_hand = dict.fromkeys(range(exchange.settings.partitions), Position(0, now_ms() - 3_600_000))
    asyncio.run(looked(exchange, in_hand, until=1))
    for number in in_hand:
        assert (gauge("records", number) or 0) >= 5, "batches of five, and a marker"
        assert 3_600 <= (gauge("seconds", number) or 0) < 3_700, "not the seconds since the reports were written"
