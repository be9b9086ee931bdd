"""Questions to the router: a copy to every partition, and the replies gathered until all are in or time is up.

A partition that has not answered is named in the answer: half an answer is never taken for the whole.
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
"""Told how many partitions have answered, of how many."""


class UnansweredError(Exception):
    """The router says that the question cannot be answered; the text is its own."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `since`: indicators last seen at or after; `resources`: thought of as applied, "" as deleted.

    `entries`: only these are to be written again, by their names.
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
        """How many indicators were looked at."""
        return sum(reply.examined for reply in self.replies.values())

    @property
    def policy_version(self) -> int:
        """The oldest policy that a partition answered by."""
        return min((reply.policy_version for reply in self.replies.values()), default=0)

    @property
    def tallies(self) -> list[Tally]:
        """The counts of all partitions together."""
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
        """The listings of all partitions."""
        return [line for _, reply in sorted(self.replies.items()) for line in reply.lines]

    @property
    def more_lines(self) -> int:
        """How many entries are counted but not listed."""
        return sum(reply.more_lines for reply in self.replies.values())

    @property
    def about(self) -> Reply | None:
        """The reply that knows the indicator that was asked about."""
        return next((reply for reply in self.replies.values() if reply.indicator is not None), None)

    @property
    def steps(self) -> Sequence[Step]:
        """Why the indicator that was asked about is where it is."""
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
    """Ask, and wait for the answers; by a consumer that is there already, if one is given.

    Raises:
        UnansweredError: the router refuses the question.
        Refused: the indicator asked about is none.
        SettingsError: there are more or fewer partitions than the settings say, so whom to ask is unknown.
        KafkaError: Kafka does not answer.

    """
    request = Request(
        id=secrets.token_hex(16), verb=question.verb, at=now_ms(), sharing=question.sharing,
        indicator=question.indicator, since=NEVER if question.entries else question.since, entries=question.entries,
        resources=dict(question.resources), lines=question.lines,
    )  # fmt: skip
    replies = TopicPartition(settings.topics.replies.name, 0)
    with nullcontext(reader) if reader else closing(clients.consumer(settings)) as listener:
        asked = _partitions(settings, question, listener)
        listener.assign([replies])
        listener.seek_to_end(replies)
        listener.position(replies)  # seeking is lazy: where the end is must be known before the question is out
        _send(settings, request, asked, by)
        return _gather(listener, replies, request, asked, timeout_s, progress)


def _partitions(settings: Settings, question: Question, reader: KafkaConsumer) -> tuple[int, ...]:
    """Those that have something to say: of one indicator only its own partition knows."""
    topic = settings.topics.requests.name
    there = len(reader.partitions_for_topic(topic) or ())
    if there not in (0, settings.partitions):  # asked by another number, half of the router would answer for all of it
        text = f"topic {topic} has {there}, not {settings.partitions}; set it to {there}, as the services have it"
        raise SettingsError(f"partitions (IOC_BRIDGE_PARTITIONS): {text}")
    if question.entries:
        ids = {split_entry_name(entry)[1] for entry in question.entries}
        return tuple(sorted({partition_of(identity, settings.partitions) for identity in ids}))
    if question.indicator is None:
        return tuple(range(settings.partitions))
    return (partition_of(identify(question.indicator).id, settings.partitions),)


def _send(settings: Settings, request: Request, asked: Sequence[int], by: str) -> None:
    with closing(clients.producer(settings)) as producer:
        topic, key, value = settings.topics.requests.name, request.id.encode(), request.encode()
        sent = [producer.send(topic, value, key=key, partition=number) for number in asked]
        if request.entries:
            what = f"{by}: {len(request.entries)} entries are to be tried again"
            told = entries(settings, ASKED_RETRY, what, [(entry, "retried") for entry in request.entries])
        elif request.verb is RequestVerb.SYNC:
            what = f"{by}: sync of {request.sharing or 'every sharing'}, {_window(request.since)}"
            told = entries(settings, ASKED_SYNC, what, [])
        else:
            told = []
        sent += [producer.send(e.topic, e.value) for e in told]
        for future in sent:
            future.get(timeout=30)


def _window(since: Millis | None) -> str:
    return "all time" if since is None else f"last seen from {since} on"


def _gather(  # noqa: PLR0917  # the steps of one function
    reader: KafkaConsumer,
    replies: TopicPartition,
    request: Request,
    asked: Sequence[int],
    timeout_s: float,
    progress: Progress,
) -> Answer:
    until = time.monotonic() + timeout_s
    found: dict[int, Reply] = {}
    progress(0, len(asked))
    while len(found) < len(asked) and time.monotonic() < until:
        for record in poll(reader, replies, 200):
            reply = _read(record.key, record.value, request)
            if reply is None or reply.partition in found:
                continue
            if reply.error is not None:
                raise UnansweredError(reply.error)
            found[reply.partition] = reply
            progress(len(found), len(asked))
    return Answer(found, tuple(number for number in asked if number not in found))


def _read(key: bytes | None, value: bytes | None, request: Request) -> Reply | None:
    if key != request.id.encode() or value is None:
        return None
    try:
        return Reply.decode(value)
    except UndecodableError as error:
        raise UnansweredError(f"the router's answer cannot be read by this version: {error}") from error
