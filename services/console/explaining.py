"""Why one indicator is, or is not, where: the router's steps, joined with what became of the entries at the vendors."""

from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass

from kafka import TopicPartition

from schemas.desired import Applied, Desired, split_key
from schemas.hold import Hold
from schemas.indicator import Indicator
from schemas.record import UndecodableError
from schemas.request import RequestVerb, Step
from schemas.resources import Connection
from services.console.holds import read_holds
from services.console.indicator import identify
from services.console.operations import Operations
from services.console.requests import Question, ask
from services.runtime import kafka
from services.runtime.bulk import read_to_end
from services.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Presence:
    """One target that knows the indicator: what is wanted there, and what its pusher knows of it."""

    destination: str
    target: str
    desired: Desired | None
    applied: Applied | None

    @property
    def state(self) -> str:
        """What became of it, in the words of the read model."""
        if self.desired is None:
            return "withdrawing" if self.applied else "withdrawn"
        if self.desired.released:
            return "released"
        if self.applied is None or self.applied.content != self.desired.content:
            return "pending"
        if self.desired.resend_at is not None and self.applied.at < self.desired.resend_at:
            return "pending"
        return str(self.applied.state)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known of why. `indicator` is None where no source has ever reported it."""

    id: str
    indicator: Indicator | None
    steps: Sequence[Step]
    presences: Sequence[Presence]
    holds: Sequence[Hold]
    missing: Sequence[int] = ()


def explain(settings: Settings, said: str, *, by: str, timeout_s: float = 20.0) -> Explanation:
    """Explain an indicator, by its id or in any spelling.

    Raises:
        Refused: it is no indicator.
        UnansweredError, KafkaError: the router or Kafka does not answer.

    """
    identity = identify(said).id
    answer = ask(settings, Question(RequestVerb.EXPLAIN, indicator=identity), by=by, timeout_s=timeout_s)
    connections = Operations(settings, by).snapshot().policy.connections.values()
    presences = list(_presences(settings, connections, identity))
    held = {found.destination for found in presences} | {step.destination for step in answer.steps}
    sources = {step.source for step in answer.steps}
    holds = [hold for hold in read_holds(settings) if hold.connection in held | sources]
    indicator = answer.about.indicator if answer.about else None
    return Explanation(identity, indicator, answer.steps, presences, holds, answer.missing)


def _presences(settings: Settings, connections: Iterable[Connection], identity: str) -> Iterable[Presence]:
    topics = settings.topics
    for connection in connections:
        if connection.spec.type == "api":
            continue
        wanted = _entries(settings, topics.desired(connection.name).name, identity)
        known = _entries(settings, topics.applied(connection.name).name, identity)
        for target in sorted({*wanted, *known}):
            desired, applied = None, None
            with suppress(UndecodableError):
                desired = Desired.decode(wanted[target]) if target in wanted else None
                applied = Applied.decode(known[target]) if target in known else None
            yield Presence(connection.name, target, desired, applied)


def _entries(settings: Settings, topic: str, identity: str) -> dict[str, bytes]:
    """The latest entries of one indicator in a topic, by target."""
    found: dict[str, bytes] = {}
    suffix = f"/{identity}".encode()
    with closing(kafka.consumer(settings)) as reader:
        if not reader.partitions_for_topic(topic):
            return found
        for record in read_to_end(reader, TopicPartition(topic, 0)):
            if record.key is None or not record.key.endswith(suffix):
                continue
            target, about = split_key(record.key.decode())
            if about == identity and record.value is not None:
                found[target] = record.value
            elif about == identity:
                found.pop(target, None)
    return found
