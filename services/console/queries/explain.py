"""Explains why an indicator is or is not at each target: the router's steps, joined with the entries' states."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass

from kafka import KafkaConsumer, TopicPartition

from schemas.canonical import identify
from schemas.coverage import coverage
from schemas.desired import Applied, Desired, split_key
from schemas.hold import Hold
from schemas.indicator import Indicator
from schemas.record import UndecodableError
from schemas.request import RequestVerb, Step
from schemas.topics import Topics
from services.console.queries.holds import decoded
from services.console.queries.requests import Question, ask
from services.console.resources.store import BOOTSTRAP_WITHIN_MS, PolicyStore
from services.runtime.kafka import clients
from services.runtime.kafka.bulk_read import read_each_to_end
from services.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Presence:
    """One target of the indicator: the desired entry there and the applied state."""

    destination: str
    target: str
    desired: Desired | None
    applied: Applied | None

    @property
    def state(self) -> str:
        """The entry's state, named as in the read model."""
        if self.desired is None:
            return "withdrawing" if self.applied else "withdrawn"
        if self.desired.released:
            return "released"
        if self.applied is None or self.applied.content != self.desired.content:
            return "pending"
        if self.desired.resend_at is not None and self.applied.at < self.desired.resend_at:
            return "pending"
        return str(self.applied.state)

    @property
    def covers(self) -> str:
        """What the entry blocks; empty if neither record can be read."""
        known = self.desired or self.applied
        return coverage(known.type, known.value, known.target) if known else ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of one indicator. `indicator` is None if no source has reported it."""

    id: str
    indicator: Indicator | None
    steps: Sequence[Step]
    presences: Sequence[Presence]
    holds: Sequence[Hold]
    missing: Sequence[int] = ()


def explain(settings: Settings, text: str, *, by: str, timeout_s: float = 20.0) -> Explanation:
    """Explain an indicator, given by its id or in any spelling.

    Raises:
        Refused: `text` is no indicator.
        UnansweredError, KafkaError: the router or Kafka does not answer.

    """
    identity = identify(text).id
    # One consumer for all reads: making one takes longer than reading.
    with closing(clients.consumer(settings, bootstrap_timeout_ms=BOOTSTRAP_WITHIN_MS)) as reader:
        question = Question(RequestVerb.EXPLAIN, indicator=identity)
        answer = ask(settings, question, by=by, timeout_s=timeout_s, reader=reader)
        destinations = PolicyStore(settings).read(reader).policy.destinations
        found = _records(reader, settings.topics, destinations, identity)
    presences = list(_presences(found, settings.topics, destinations, identity))
    related = {one.destination for one in presences}
    related |= {name for step in answer.steps for name in (step.destination, step.source)}
    holds = [hold for hold in decoded(found[settings.topics.holds.name].values()) if hold.connection in related]
    indicator = answer.about.indicator if answer.about else None
    return Explanation(identity, indicator, answer.steps, presences, holds, answer.missing)


def _records(
    reader: KafkaConsumer, topics: Topics, destinations: Sequence[str], identity: str
) -> Mapping[str, dict[bytes, bytes]]:
    """The latest value per key, by topic: all holds, and each destination's records about the indicator."""
    holds, suffix = topics.holds.name, f"/{identity}".encode()
    names = [topic.name for name in destinations for topic in (topics.desired(name), topics.applied(name))]
    found: dict[str, dict[bytes, bytes]] = defaultdict(dict)
    there = [TopicPartition(name, 0) for name in (*names, holds) if reader.partitions_for_topic(name)]
    for partition, record in read_each_to_end(reader, there):
        if record.key is None or not (partition.topic == holds or record.key.endswith(suffix)):
            continue
        if record.value is None:
            found[partition.topic].pop(record.key, None)
        else:
            found[partition.topic][record.key] = record.value
    return found


def _presences(
    found: Mapping[str, dict[bytes, bytes]], topics: Topics, destinations: Sequence[str], identity: str
) -> Iterable[Presence]:
    for name in destinations:
        wanted = _entries(found[topics.desired(name).name], identity)
        known = _entries(found[topics.applied(name).name], identity)
        for target in sorted({*wanted, *known}):
            desired, applied = None, None
            with suppress(UndecodableError):
                desired = Desired.decode(wanted[target]) if target in wanted else None
                applied = Applied.decode(known[target]) if target in known else None
            yield Presence(name, target, desired, applied)


def _entries(found: Mapping[bytes, bytes], identity: str) -> dict[str, bytes]:
    """The entries of one indicator, by target."""
    split = ((split_key(key.decode()), value) for key, value in found.items())
    return {target: value for (target, about), value in split if about == identity}
