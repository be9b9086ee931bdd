"""What one service holds for one connection until a person has looked at it, as told to people and kept in Kafka.

Invariant: `ioc.holds` has one record for each thing held and none for anything else. What is held is decided anew each
time from what is there, never from the record; the record remembers since when, and of how many entries it began.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from schemas.activity import ActivityItem
from schemas.hold import MAX_SAMPLE, Hold, HoldKind, hold_id
from schemas.level import Level
from schemas.policy import Policy
from schemas.record import UndecodableError
from services.runtime.clock import now_ms
from services.runtime.kafka.bulk_read import read_everything
from services.runtime.kafka.transactional_producer import OutgoingRecord
from services.runtime.lifecycle import Context
from services.runtime.observability.metrics import HELD

Word = Literal["confirm", "reject"]

CONFIRMED = "a person confirmed it"
RECOVERED = "it is not abnormal any more"
_SAMPLE_BYTES = 200_000
_WHAT = {
    HoldKind.LISTING_SHRANK: "{count} of {of} indicators are no longer listed by the source; they are not withdrawn",
    HoldKind.TARGET_WOULD_SHRINK: "{count} of {of} entries of {subject} would be withdrawn at once; they stay",
    HoldKind.TARGET_WOULD_SURGE: "{count} new entries would be added at once to {of} of {subject}; they wait",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found abnormal: `count` entries would move where there are `of`, and the limit is `limit_percent`."""

    kind: HoldKind
    subject: str
    count: int
    of: int
    limit_percent: int


def verdict_on(policy: Policy, connection: str, subject: str, kind: HoldKind, now: int) -> Word | None:
    """What a person said last about something held, if that counts now.

    A verdict that is named after another hold on the same subject is on that one only.
    """
    others = {hold_id(connection, subject, other) for other in HoldKind if other is not kind}
    found = [
        verdict.spec
        for name, verdict in policy.verdicts.items()
        if (verdict.spec.connection, verdict.spec.subject) == (connection, subject)
        and verdict.spec.until > now
        and name not in others
    ]
    return max(found, key=lambda spec: spec.at).verdict if found else None


def known_holds(context: Context, connection: str) -> dict[str, Hold]:
    """The holds of a service on one connection, by id, as Kafka remembers them. For their one writer, once it is that.

    Raises:
        TooManyDeadLettersError: they cannot be read.

    """
    found: dict[str, Hold] = {}
    topic = context.settings.topics.holds.name
    context.deadletters.limit.begin(topic, 0)
    for record in read_everything(context.settings, topic):
        if record.key is None:
            continue
        try:
            hold = Hold.decode(record.value) if record.value else None
        except UndecodableError as error:
            context.deadletters.set_aside(topic, 0, record, error)
            continue
        if hold and (hold.connection, hold.service) == (connection, context.service):
            found[record.key.decode(errors="replace")] = hold
        elif hold is None:
            found.pop(record.key.decode(errors="replace"), None)
    return found


class Holds:
    """The holds of one connection. `write` publishes as the connection's one owner. Used by one thread."""

    def __init__(
        self,
        context: Context,
        connection: str,
        write: Callable[[list[OutgoingRecord]], None],
        known: Mapping[str, Hold],
    ) -> None:
        self._topic = context.settings.topics.holds.name
        self._service = context.service
        self._activity = context.activity
        self._connection = connection
        self._write = write
        self._open = dict(known)
        self._show()

    @property
    def open(self) -> list[Hold]:
        """What is held."""
        return list(self._open.values())

    def base(self, kind: HoldKind, subject: str, there: int) -> int:
        """Of how many entries a share counts: as many as there were when the hold began, or are now if that is less.

        So a hold does not end because other entries have come meanwhile.
        """
        hold = self._open.get(hold_id(self._connection, subject, kind))
        return min(there, hold.of) if hold else there

    def keep(self, found: Finding, sample: Iterable[ActivityItem], word: Word | None) -> None:
        """Hold something, or go on holding it. A rejection is remembered for as long as the hold lasts.

        Raises:
            LedgerError: it could not be published.

        """
        id_ = hold_id(self._connection, found.subject, found.kind)
        before = self._open.get(id_)
        rejected = word == "reject" or (before is not None and before.rejected)
        if before and (before.count, before.of, before.limit_percent, before.rejected) == (
            found.count, found.of, found.limit_percent, rejected,
        ):  # fmt: skip
            return
        hold = Hold(
            id=id_, kind=found.kind, service=self._service, connection=self._connection, subject=found.subject,
            count=found.count, of=found.of, limit_percent=found.limit_percent,
            since=before.since if before else now_ms(), rejected=rejected, sample=tuple(_bounded(sample)),
        )  # fmt: skip
        self._write([OutgoingRecord(self._topic, id_.encode(), hold.encode())])
        self._open[id_] = hold
        self._show()
        if before is None:
            self._tell(hold)
        elif rejected and not before.rejected:
            text = f"{hold.count} stay held on {hold.subject}: rejected; this ends when they are as they were"
            self._activity.tell(Level.INFO, "hold_rejected", text, connection=self._connection)

    def over(self, kind: HoldKind, subject: str, why: str) -> None:
        """Hold it no longer. Nothing happens where it was not held.

        Raises:
            LedgerError: it could not be published.

        """
        id_ = hold_id(self._connection, subject, kind)
        if id_ not in self._open:
            return
        self._write([OutgoingRecord(self._topic, id_.encode(), None)])
        del self._open[id_]
        self._show()
        self._activity.tell(
            Level.INFO, "hold_over", f"no longer held on {subject}: {why} ({id_})", connection=self._connection
        )

    def awaits(self, policy: Policy, now: int) -> bool:
        """Whether something is held that a person has let through meanwhile."""
        return any(verdict_on(policy, hold.connection, hold.subject, hold.kind, now) == "confirm" for hold in self.open)

    def _tell(self, hold: Hold) -> None:
        what = _WHAT[hold.kind].format(count=hold.count, of=hold.of, subject=hold.subject)
        text = f"{what} (more than {hold.limit_percent} % at once)"
        remedy = f"look at what is held, then: ioc-bridge confirm {hold.id}, or ioc-bridge reject {hold.id}"
        self._activity.tell(
            Level.WARNING, hold.kind, text, connection=self._connection, remedy=remedy, items=hold.sample
        )

    def _show(self) -> None:
        for kind in HoldKind:
            held = sum(hold.count for hold in self._open.values() if hold.kind is kind)
            HELD.labels(self._connection, kind).set(held)


def _bounded(sample: Iterable[ActivityItem]) -> Iterator[ActivityItem]:
    """As many as fit into a record."""
    size = 0
    for item in islice(sample, MAX_SAMPLE):
        size += len(item.encode())
        if size > _SAMPLE_BYTES:
            return
        yield item
