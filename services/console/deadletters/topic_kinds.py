"""How records of each topic are read, so that a replay can be checked before it is produced. Pure.

A payload that its readers could not decode again is refused with the field at fault.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from schemas.canonical import Refused, canonicalise, indicator_id
from schemas.checkpoint import Checkpoint, SnapshotChunk
from schemas.desired import Applied, Desired, entry_key
from schemas.hold import Hold
from schemas.partitions import partition_of
from schemas.record import UndecodableError
from schemas.report import Report, ReportBatch
from schemas.request import Request
from schemas.resources import decode_resource, resource_key
from schemas.topics import Topics

Key = bytes | None
Copies = list[tuple[int, bytes]]
"""Partitions, and the payload for each."""


@dataclass(frozen=True, slots=True)
class TopicKind:
    """How records of a topic are read. `compacted`: only the latest record of a key counts."""

    check: Callable[[Key, bytes], object]
    """Raises UndecodableError, naming the field, where a reader would."""
    subjects: Callable[[Key, bytes | None], frozenset[bytes]]
    """The subjects of a record. A later record with the same subject supersedes it."""
    copies: Callable[[int, bytes], Copies]
    """The payloads to produce for a valid payload, given the partition of the original."""
    compacted: bool = True


def topic_kind_of(topics: Topics, topic: str) -> TopicKind | None:
    """The kind of a topic's records; None if no service reads the topic."""
    if topic == topics.reports.name:
        return TopicKind(
            _batch, _reported, lambda _, payload: _by_partition(payload, topics.partitions), compacted=False
        )
    if topic == topics.requests.name:
        return TopicKind(lambda _, payload: Request.decode(payload), _nothing, _alone, compacted=False)
    checks: dict[str, Callable[[Key, bytes], object]] = {
        topics.policy.name: _resource, topics.checkpoints.name: _checkpoint, topics.holds.name: _hold,
    }  # fmt: skip
    if topic in checks:
        return TopicKind(checks[topic], _key, _alone)
    if topic.startswith(topics.desired("").name):
        return TopicKind(lambda key, payload: _entry(key, Desired.decode(payload)), _key, _alone)
    if topic.startswith(topics.applied("").name):
        return TopicKind(lambda key, payload: _entry(key, Applied.decode(payload)), _key, _alone)
    return None


def _key(key: Key, _: bytes | None) -> frozenset[bytes]:
    return frozenset() if key is None else frozenset({key})


def _nothing(_: Key, __: bytes | None) -> frozenset[bytes]:
    return frozenset()


def _alone(partition: int, payload: bytes) -> Copies:
    return [(partition, payload)]


def _named(key: Key, name: str) -> None:
    if key != name.encode():
        raise UndecodableError(f"it is about {name}, but its key is {key!r}; make the payload match the key")


def _resource(key: Key, payload: bytes) -> None:
    _named(key, resource_key(decode_resource(payload)))


def _hold(key: Key, payload: bytes) -> None:
    _named(key, Hold.decode(payload).id)


def _checkpoint(key: Key, payload: bytes) -> None:
    if b"/" in (key or b""):
        chunk = SnapshotChunk.decode(payload)
        _named(key, f"{chunk.source}/{chunk.chunk}")
    else:
        _named(key, Checkpoint.decode(payload).source)


def _entry(key: Key, entry: Desired | Applied) -> None:
    _named(key, entry_key(entry.target.id, indicator_id(entry.type, entry.value)))


def _batch(_: Key, payload: bytes) -> None:
    batch = ReportBatch.decode(payload)
    for number, report in enumerate(batch.reports):
        place = f"not a ReportBatch: reports.{number}.value"
        try:
            found = canonicalise(report.value, report.type)
        except Refused as error:
            raise UndecodableError(f"{place}: {error}") from error
        if found.value != report.value:
            raise UndecodableError(f"{place}: is not in its canonical form; write {found.value}")


def _reported(_: Key, payload: bytes | None) -> frozenset[bytes]:
    """Source and id of each reported indicator; empty for an unreadable batch."""
    try:
        batch = ReportBatch.decode(payload or b"")
    except UndecodableError:
        return frozenset()
    return frozenset(f"{batch.source}\x1f{identity}".encode() for identity, _ in _identified(batch))


def _identified(batch: ReportBatch) -> Iterator[tuple[str, Report]]:
    for report in batch.reports:
        yield indicator_id(report.type, report.value), report


def _by_partition(payload: bytes, partitions: int) -> Copies:
    """The batch, split by partition: an edit may have moved a report to another one."""
    batch = ReportBatch.decode(payload)
    parts: dict[int, list[Report]] = {}
    for identity, report in _identified(batch):
        parts.setdefault(partition_of(identity, partitions), []).append(report)
    if len(parts) == 1:
        return [(number, payload) for number in parts]
    return [
        (number, batch.model_copy(update={"reports": tuple(reports)}).encode())
        for number, reports in sorted(parts.items())
    ]
