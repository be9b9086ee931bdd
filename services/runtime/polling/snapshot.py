"""Snapshots: the indicators of a tenant's last listing, and the difference to a new one. Pure.

Invariant: once the difference and its chunks are published, the snapshot is the listing plus held withdrawals.
"""

from collections.abc import Collection, Mapping
from zlib import crc32

from schemas.canonical import parse_id
from schemas.report import Report, Verb

CHUNKS = 64
"""Number of parts of a snapshot. A poll writes only changed parts, and each part fits into a record."""


def fingerprint(report: Report) -> str:
    """Return a fingerprint of all fields of a report except `observed_at`."""
    return f"{crc32(report.model_copy(update={'observed_at': 0}).encode()):08x}"


def chunk_of(indicator: str) -> int:
    """Return the chunk of an indicator."""
    return crc32(indicator.encode("utf-8", "surrogatepass")) % CHUNKS


def difference(
    known: Mapping[int, Mapping[str, str]], listed: Mapping[str, Report], now: int, held: Collection[str] = frozenset()
) -> tuple[list[Report], dict[int, dict[str, str] | None]]:
    """Return reports of new, changed and withdrawn indicators, and the changed chunks (None: empty now).

    Indicators in `held` are not withdrawn and stay in their chunks unchanged.
    """
    before = {key: mark for chunk in known.values() for key, mark in chunk.items()}
    after = {key: fingerprint(report) for key, report in listed.items()}
    reports = [_dated(listed[key], now) for key, mark in after.items() if before.get(key) != mark]
    after |= {key: before[key] for key in held if key in before and key not in after}
    reports += [_withdrawal(key, now) for key in before if key not in after]
    chunks: dict[int, dict[str, str]] = {}
    for key, mark in after.items():
        chunks.setdefault(chunk_of(key), {})[key] = mark
    numbers = known.keys() | chunks.keys()
    return reports, {number: chunks.get(number) for number in numbers if chunks.get(number) != known.get(number)}


def _dated(report: Report, now: int) -> Report:
    """Return the report with `now` for missing times and for times in the future, which a source's clock may cause.

    Done after the comparison: a time of `now` would always differ.
    """
    last = min(report.last_seen or now, now)
    first = min(report.first_seen or last, last)
    if (first, last) == (report.first_seen, report.last_seen):
        return report
    return report.model_copy(update={"first_seen": first, "last_seen": last})


def _withdrawal(indicator: str, now: int) -> Report:
    found = parse_id(indicator)
    return Report(
        verb=Verb.WITHDRAW, type=found.type, value=found.value, observed_at=now, first_seen=now, last_seen=now
    )
