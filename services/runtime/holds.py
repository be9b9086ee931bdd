"""Holds: abnormal changes of one connection that wait until a person confirms or rejects them.

Invariant: `ioc.holds` has exactly one record per hold. Each check decides from the present entries what to hold, never
from the record; the record keeps when the hold began and how many entries there were then.
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
RECOVERED = "it is no longer abnormal"
_SAMPLE_BYTES = 200_000
_WHAT = {
    HoldKind.LISTING_SHRANK: "{count} of {of} indicators are no longer listed by the source; they are not withdrawn",
    HoldKind.TARGET_WOULD_SHRINK: "{count} of {of} entries of {subject} would be withdrawn at once; they stay",
    HoldKind.TARGET_WOULD_SURGE: "{count} new entries would be added at once to {of} of {subject}; they wait",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """An abnormal change: `count` of `of` entries would move, which is more than `limit_percent` percent."""

    kind: HoldKind
    subject: str
    count: int
    of: int
    limit_percent: int


def verdict_on(policy: Policy, connection: str, subject: str, kind: HoldKind, now: int) -> Word | None:
    """Return the latest verdict on a hold that is still valid, or None.

    A verdict that carries the name of another hold on the same subject applies to that hold only.
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
    """Read the holds of a service on one connection from Kafka, by id. Only their owner may rely on the result.

    Raises:
        TooManyDeadLettersError: too many records are undecodable.

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
    """The holds of one connection. `write` publishes as the connection's owner. Used by one thread."""

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
        """The present holds."""
        return list(self._open.values())

    def base(self, kind: HoldKind, subject: str, there: int) -> int:
        """Return the number of entries that a share refers to: the lesser of now and of when the hold began.

        So a hold does not end because other entries arrive meanwhile.
        """
        hold = self._open.get(hold_id(self._connection, subject, kind))
        return min(there, hold.of) if hold else there

    def keep(self, found: Finding, sample: Iterable[ActivityItem], word: Word | None) -> None:
        """Begin or continue a hold. A rejection stays with the hold until the hold ends.

        Raises:
            ProducerError: the hold could not be published.

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
            text = f"{hold.count} stay held on {hold.subject}: rejected; the hold ends when the change is undone"
            self._activity.tell(Level.INFO, "hold_rejected", text, connection=self._connection)

    def over(self, kind: HoldKind, subject: str, why: str) -> None:
        """End a hold. Does nothing when there is no such hold.

        Raises:
            ProducerError: the end could not be published.

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
        """Whether a person has confirmed one of the present holds."""
        return any(verdict_on(policy, hold.connection, hold.subject, hold.kind, now) == "confirm" for hold in self.open)

    def _tell(self, hold: Hold) -> None:
        what = _WHAT[hold.kind].format(count=hold.count, of=hold.of, subject=hold.subject)
        text = f"{what} (more than {hold.limit_percent} % at once)"
        remedy = f"check the held entries, then run: ioc-bridge confirm {hold.id}, or ioc-bridge reject {hold.id}"
        self._activity.tell(
            Level.WARNING, hold.kind, text, connection=self._connection, remedy=remedy, items=hold.sample
        )

    def _show(self) -> None:
        for kind in HoldKind:
            held = sum(hold.count for hold in self._open.values() if hold.kind is kind)
            HELD.labels(self._connection, kind).set(held)


def _bounded(sample: Iterable[ActivityItem]) -> Iterator[ActivityItem]:
    """Yield as many items as fit into one record."""
    size = 0
    for item in islice(sample, MAX_SAMPLE):
        size += len(item.encode())
        if size > _SAMPLE_BYTES:
            return
        yield item
