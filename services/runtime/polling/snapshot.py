"""What a tenant held when it was last listed, and what a new listing changes. Pure.

Invariant: after the difference is published and its chunks are remembered, the snapshot is the listing, together with
what vanished from it and is held.
"""

from collections.abc import Collection, Mapping
from zlib import crc32

from schemas.canonical import parse_id
from schemas.report import Report, Verb

CHUNKS = 64
"""Parts of a snapshot: a poll rewrites only those that changed, and none outgrows a record."""


def fingerprint(report: Report) -> str:
    """What is compared: all that the source says, but not when we heard it."""
    return f"{crc32(report.model_copy(update={'observed_at': 0}).encode()):08x}"


def chunk_of(indicator: str) -> int:
    """The chunk that an indicator belongs to."""
    return crc32(indicator.encode("utf-8", "surrogatepass")) % CHUNKS


def difference(
    known: Mapping[int, Mapping[str, str]], listed: Mapping[str, Report], now: int, held: Collection[str] = frozenset()
) -> tuple[list[Report], dict[int, dict[str, str] | None]]:
    """The reports of new, changed and vanished indicators, and the chunks that are to be remembered (None: gone).

    What vanished and is `held` is not reported, and stays in its chunk as it was.
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
    """Seen now, where the source does not say when, or says a time that is yet to come, as a clock ahead of ours does.

    Only after it was compared, or it would never be the same.
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
