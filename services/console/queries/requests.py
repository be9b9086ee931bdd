"""Sends requests to the router's partitions and collects their replies until all are in or the time is up.

The answer lists the partitions that have not replied.
"""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field

from kafka import KafkaConsumer, TopicPartition

from schemas.canonical import identify
from schemas.partitions import partition_of
from schemas.record import Millis, UndecodableError
from schemas.request import NEVER, Line, Reply, Request, RequestVerb, Step, Tally, split_entry_name
from services.console.audit import ASKED_RETRY, ASKED_SYNC, entries
from services.runtime.clock import now_ms
from services.runtime.kafka import clients
from services.runtime.kafka.bulk_read import poll
from services.runtime.settings import Settings, SettingsError

TIMEOUT_S = 60.0

Progress = Callable[[int, int], None]
"""Called with the number of partitions that have replied, and of all."""


class UnansweredError(Exception):
    """The router cannot answer the request; the text is the router's own."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request to the router. `since`: only indicators last seen then or later; `entries`: only these, by name.

    `resources`: answer as if these were applied, by key; "" means deleted.
    """

    verb: RequestVerb
    sharing: str | None = None
    indicator: str | None = None
    since: Millis | None = None
    entries: tuple[str, ...] = ()
    resources: Mapping[str, str] = field(default_factory=dict)
    lines: int = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """The replies of all partitions that answered, by partition, and the partitions that did not."""

    replies: Mapping[int, Reply]
    missing: tuple[int, ...] = ()

    @property
    def examined(self) -> int:
        """How many indicators were examined."""
        return sum(reply.examined for reply in self.replies.values())

    @property
    def policy_version(self) -> int:
        """The oldest policy version that a partition answered with."""
        return min((reply.policy_version for reply in self.replies.values()), default=0)

    @property
    def tallies(self) -> list[Tally]:
        """The counts, summed over all partitions."""
        found: dict[tuple[str, ...], Tally] = {}
        for reply in self.replies.values():
            for tally in reply.tallies:
                key = (tally.destination, tally.target, tally.effect, tally.type, tally.reason)
                before = found.get(key)
                count, size = (before.count, before.size) if before else (0, 0)
                found[key] = tally.model_copy(update={"count": count + tally.count, "size": size + tally.size})
        return [found[key] for key in sorted(found)]

    @property
    def lines(self) -> list[Line]:
        """The listed entries of all partitions."""
        return [line for _, reply in sorted(self.replies.items()) for line in reply.lines]

    @property
    def more_lines(self) -> int:
        """How many entries are counted but not listed."""
        return sum(reply.more_lines for reply in self.replies.values())

    @property
    def about(self) -> Reply | None:
        """The reply with the requested indicator; None if it is unknown."""
        return next((reply for reply in self.replies.values() if reply.indicator is not None), None)

    @property
    def steps(self) -> Sequence[Step]:
        """The steps that explain the requested indicator."""
        return self.about.steps if self.about else ()


def ask(
    settings: Settings,
    question: Question,
    *,
    by: str,
    timeout_s: float = TIMEOUT_S,
    progress: Progress = lambda _done, _of: None,
    reader: KafkaConsumer | None = None,
) -> Answer:
    """Send a request and wait up to `timeout_s` for the replies. `reader`: a consumer to use instead of a new one.

    Raises:
        UnansweredError: the router refuses the request.
        Refused: `question.indicator` is no indicator.
        SettingsError: the topic has another number of partitions than the settings.
        KafkaError: Kafka does not answer.

    """
    request = Request(
        id=secrets.token_hex(16), verb=question.verb, at=now_ms(), sharing=question.sharing,
        indicator=question.indicator, since=NEVER if question.entries else question.since, entries=question.entries,
        resources=dict(question.resources), lines=question.lines,
    )  # fmt: skip
    replies = TopicPartition(settings.topics.replies.name, 0)
    with nullcontext(reader) if reader else closing(clients.consumer(settings)) as listener:
        partitions = _partitions(settings, question, listener)
        listener.assign([replies])
        listener.seek_to_end(replies)
        listener.position(replies)  # seek_to_end is lazy: fix the position before the request is sent
        _send(settings, request, partitions, by)
        return _gather(listener, replies, request, partitions, timeout_s, progress)


def _partitions(settings: Settings, question: Question, reader: KafkaConsumer) -> tuple[int, ...]:
    """The partitions to ask: all, or those of the indicators in the request."""
    topic = settings.topics.requests.name
    existing = len(reader.partitions_for_topic(topic) or ())
    if existing not in (0, settings.partitions):  # with a wrong number, a part of the router would answer for all of it
        text = f"topic {topic} has {existing}, not {settings.partitions}; set it to {existing}, as the services have it"
        raise SettingsError(f"partitions (IOC_BRIDGE_PARTITIONS): {text}")
    if question.entries:
        ids = {split_entry_name(entry)[1] for entry in question.entries}
        return tuple(sorted({partition_of(identity, settings.partitions) for identity in ids}))
    if question.indicator is None:
        return tuple(range(settings.partitions))
    return (partition_of(identify(question.indicator).id, settings.partitions),)


def _send(settings: Settings, request: Request, partitions: Sequence[int], by: str) -> None:
    with closing(clients.producer(settings)) as producer:
        topic, key, value = settings.topics.requests.name, request.id.encode(), request.encode()
        sent = [producer.send(topic, value, key=key, partition=number) for number in partitions]
        if request.entries:
            text = f"{by}: requested a retry of {len(request.entries)} entries"
            activity = entries(settings, ASKED_RETRY, text, [(entry, "retried") for entry in request.entries])
        elif request.verb is RequestVerb.SYNC:
            text = f"{by}: sync of {request.sharing or 'every sharing'}, {_window(request.since)}"
            activity = entries(settings, ASKED_SYNC, text, [])
        else:
            activity = []
        sent += [producer.send(e.topic, e.value) for e in activity]
        for future in sent:
            future.get(timeout=30)


def _window(since: Millis | None) -> str:
    return "all time" if since is None else f"last seen from {since} on"


def _gather(  # noqa: PLR0917  # the steps of one function
    reader: KafkaConsumer,
    replies: TopicPartition,
    request: Request,
    partitions: Sequence[int],
    timeout_s: float,
    progress: Progress,
) -> Answer:
    until = time.monotonic() + timeout_s
    found: dict[int, Reply] = {}
    progress(0, len(partitions))
    while len(found) < len(partitions) and time.monotonic() < until:
        for record in poll(reader, replies, 200):
            reply = _read(record.key, record.value, request)
            if reply is None or reply.partition in found:
                continue
            if reply.error is not None:
                raise UnansweredError(reply.error)
            found[reply.partition] = reply
            progress(len(found), len(partitions))
    return Answer(found, tuple(number for number in partitions if number not in found))


def _read(key: bytes | None, value: bytes | None, request: Request) -> Reply | None:
    if key != request.id.encode() or value is None:
        return None
    try:
        return Reply.decode(value)
    except UndecodableError as error:
        raise UnansweredError(f"the router's answer cannot be read by this version: {error}") from error
