"""`python -m bench.capacity`: the capacity planning page, from what `make bench` measured on this machine.

Invariant: a number is either measured, and then it is the one in build/bench.json, or computed from those and from
constants that name their source; the page says which. What was not measured is said to be missing, never guessed.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from bench.result import FILE
from schemas.topics import Topics
from services.runtime.vendors.defender import IMPORT, MOST_INDICATORS, QUOTAS

PAGE = Path("docs/capacity.md")
ENTRY_BYTES = 700
"""Of a pusher's memory per entry, measured by tests/unit/test_standing.py."""
ROUTER_MB = 4_000
"""Memory that one router is given, MB."""
BATCH = 500
"""Indicators in one import. Microsoft: Import Indicators API."""
INDICATORS = (100_000, 1_000_000, 10_000_000)
TENANTS = (10, 100, 1_000)

_EMPTY, _PER, _READ, _MERGED = (
    "memory empty router", "memory per 100,000 live indicators", "recovery router", "throughput router",
)  # fmt: skip
_MEASURED = {
    _EMPTY: ("a router without indicators, resident", "MB"),
    _PER: ("a router per 100,000 live indicators, on top", "MB"),
    _READ: ("records read on a take-over", "records/s"),
    _MERGED: ("reports merged by one router", "reports/s"),
    "quota seconds from reports to all 15,000 in the tenant": ("15,000 reports into one Defender tenant", "s"),
    "latency at rest, p99 beyond the poll interval": ("vendor to vendor at rest, 99th percentile, polls apart", "s"),
}
_MISSING = "not measured"


def page(figures: Mapping[str, float]) -> str:
    """The page, for these figures by name."""
    measured = [
        [what, _number(figures.get(name)), reconcile_once] for name, (what, reconcile_once) in _MEASURED.items()
    ]
    routers = [_routers(figures, count) for count in INDICATORS]
    tenants = [_tenants(count) for count in TENANTS]
    return f"""# Capacity

<!-- Made from build/bench.json by `python -m bench.capacity`, after `make bench`; change it there. -->

Measured by `make bench`, on one machine that brokers and services share: take the ratios from it, not the figures.

{_table(["measured", "figure", "reconcile_once"], measured)}

## Routers, by live indicators

Computed from the figures above. Memory grows with indicators, whatever the number of routers; each router adds that of
an empty one. Routers: as many as hold it with {ROUTER_MB / 1000:g} GB each, and no more than there are partitions.
Take-over: reading the share of one router that leaves, by those that stay, one after the other; the session timeout
(10 s) comes on top where it did not leave in good order. Merging all: everything reported once, by all routers at once.

{_table(["indicators", "memory of all", "routers", "take-over of one's share", "merging all once"], routers)}

`IOC_BRIDGE_PARTITIONS` is fixed once topics exist: choose two to four times the routers that you expect.

## Pullers and pushers, by tenants

Computed, for Defender tenants filled to the brim ({MOST_INDICATORS:,} each). Memory: {ENTRY_BYTES} bytes an entry, over
all pushers. First filling: {BATCH} an import, {QUOTAS[IMPORT][0].calls} imports a minute (Microsoft's quota), all
tenants at once. Calls: each puller lists a tenant in two calls, every five minutes. Each tenant is a thread and a few
connections; tenants are shared out by the {Topics().leases.partitions} partitions of `ioc.leases`, so more replicas of
one service than that have nothing to do.

{_table(["tenants", "entries", "memory of all pushers", "first filling", "calls at rest"], tenants)}
"""


def _routers(figures: Mapping[str, float], count: int) -> list[str]:
    empty, per, read, merged = (figures.get(name) for name in (_EMPTY, _PER, _READ, _MERGED))
    if empty is None or per is None:
        return [f"{count:,}", _MISSING, _MISSING, _MISSING, _MISSING]
    state = count / 100_000 * per
    number = max(2, math.ceil(state / (ROUTER_MB - empty)))
    return [
        f"{count:,}",
        f"{(state + number * empty) / 1000:.1f} GB",
        str(number),
        f"{count / number / read:.0f} s" if read else _MISSING,
        f"{count / merged / number / 60:.1f} min" if merged else _MISSING,
    ]


def _tenants(count: int) -> list[str]:
    entries = count * MOST_INDICATORS
    minutes = MOST_INDICATORS / BATCH / QUOTAS[IMPORT][0].calls
    return [
        f"{count:,}", f"{entries:,}", f"{entries * ENTRY_BYTES / 1e9:.1f} GB", f"{minutes:.0f} min",
        f"{count * 2 / 300:.1f} /s",
    ]  # fmt: skip


def _number(value: float | None) -> str:
    if value is None:
        return _MISSING
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Write the page."""
    rows = json.loads(FILE.read_text()) if FILE.exists() else []
    PAGE.write_text(page({row["name"]: row["value"] for row in rows}), "utf-8")


if __name__ == "__main__":
    main()
