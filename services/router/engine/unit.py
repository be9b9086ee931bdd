"""One unit of work: the changes of a series of reports, re-evaluations or alarms. Pure; committed as a whole.

Holds only the last change of each key, since a unit is one transaction and no reader could see the earlier ones.
"""

from collections import Counter
from collections.abc import Container

from schemas.canonical import indicator_id
from schemas.desired import entry_key
from schemas.indicator import Indicator
from schemas.partitions import partition_of_key
from schemas.progress import PROGRESS_KEY, Progress
from schemas.record import UndecodableError
from schemas.report import Report, ReportBatch
from schemas.topics import Topics
from services.router.engine.producers import KeyedRecord, Transaction
from services.router.engine.state import PartitionState, is_forgettable, moment
from services.router.engine.stored import possible_places, read_stored
from services.router.evaluation.compile import CompiledPolicy
from services.router.evaluation.evaluate import Change, Decision, evaluate, resend
from services.router.evaluation.merge import is_superseded, merge

Headers = tuple[tuple[str, bytes], ...]


class Unit:
    """Collects the changes of one partition until they are sent. `now`: milliseconds since the epoch.

    Methods that read a stored indicator raise `StoredError` if it is undecodable; `drop` it then. After `take` raised,
    the unit may hold a part of the batch: start another one without that batch.
    """

    def __init__(self, state: PartitionState, policy: CompiledPolicy, topics: Topics, now: int) -> None:
        self._state = state
        self._policy = policy
        self._topics = topics
        self._now = now
        self.policy_version = policy.version
        self.changed: dict[bytes, bytes | None] = {}
        self.moments: dict[bytes, int | None] = {}
        self._desired: dict[str, dict[bytes, KeyedRecord]] = {}
        self.outcomes: Counter[str] = Counter()
        self.verbs: Counter[tuple[str, str]] = Counter()
        self.skips: Counter[tuple[str, str]] = Counter()
        self.failing: dict[str, list[str]] = {}
        """Ids of indicators by the rule or guard whose expression failed."""

    @property
    def is_empty(self) -> bool:
        """Whether the unit changes nothing."""
        return not self.changed and not self._desired

    def take(self, batch: ReportBatch, headers: Headers, *, is_replay: bool = False) -> None:
        """Merge a batch of reports. A replayed report does not override a later statement of its source.

        Raises:
            UndecodableError: a report belongs to another partition: its writer uses another number of partitions.

        """
        keys = [indicator_id(report.type, report.value).encode() for report in batch.reports]
        for key in keys:
            if partition_of_key(key, self._topics.partitions) != self._state.number:
                raise UndecodableError(f"{key.decode()} does not belong to partition {self._state.number}")
        for key, report in zip(keys, batch.reports, strict=True):
            if is_replay and is_superseded(self._stored(key), batch.source, report):
                self.outcomes["superseded"] += 1
            else:
                self._merge(key, batch.source, report, headers)

    def _merge(self, key: bytes, source: str, report: Report, headers: Headers) -> None:
        merged = merge(self._stored(key), source, report)
        if merged is None:
            self.outcomes["unchanged"] += 1
            return
        self.outcomes["echo" if merged.sources[source].echo else "changed"] += 1
        decision = evaluate(merged, self._policy, self._now, report.observed_at)
        self._note_failing(key, decision)
        self._keep(key, decision, headers)

    def reevaluate(self, key: bytes) -> None:
        """Evaluate a stored indicator again: for a new policy, an expiry, or to forget it."""
        stored = self._stored(key)
        if stored is None:
            return
        decision = evaluate(stored, self._policy, self._now, self._now)
        self._note_failing(key, decision)
        if is_forgettable(decision.indicator, self._now):
            self.changed[key], self.moments[key] = None, None
            self.outcomes["forgotten"] += 1
        elif decision.indicator is not stored:
            self._keep(key, decision, ())
        else:
            self.moments[key] = _moment(stored)

    def resend(self, key: bytes, sharing: str | None, places: Container[str] | None = None) -> list[tuple[str, str]]:
        """Write the entries of a stored indicator again; returns (destination, key) of each.

        `places` limits them to these targets, each `<destination>/<target id>`. Evaluates the indicator first, so that
        it stores all entries that are written and they can be withdrawn later.
        """
        self.reevaluate(key)
        stored = self._stored(key)
        changes = list(resend(stored, self._policy, self._now, sharing, places)) if stored else []
        for change in changes:
            self._write(change, ())
        return [(change.destination, change.key) for change in changes]

    def drop(self, key: bytes, raw: bytes) -> None:
        """Remove an undecodable stored indicator, and withdraw its entries from all targets that may have one."""
        self.changed[key], self.moments[key] = None, None
        self.outcomes["unreadable"] += 1
        identity = key.decode(errors="replace")
        for destination, target_id in possible_places(key, raw, self._policy):
            self._write(Change(destination, entry_key(target_id, identity), None), ())

    def _stored(self, key: bytes) -> Indicator | None:
        raw = self.changed[key] if key in self.changed else self._state.indicators.get(key)
        return read_stored(key, raw) if raw is not None else None

    def _keep(self, key: bytes, decision: Decision, headers: Headers) -> None:
        self.changed[key] = decision.indicator.encode()
        self.moments[key] = _moment(decision.indicator)
        for change in decision.changes:
            self._write(change, headers)
        if decision.newly_skipped:
            self.skips.update(decision.newly_skipped)

    def _note_failing(self, key: bytes, decision: Decision) -> None:
        for rule in decision.failing:
            self.failing.setdefault(rule, []).append(key.decode())

    def _write(self, change: Change, headers: Headers) -> None:
        name, entry = change.key.encode(), change.entry
        value = entry.encode() if entry else None
        self._desired.setdefault(change.destination, {})[name] = KeyedRecord(name, value, headers)
        verb = "withdraw" if entry is None else "release" if entry.released else "put"
        self.verbs[change.destination, verb] += 1

    def outgoing(self, progress: Progress) -> Transaction:
        """Return the transaction of this unit: desired entries, changelog and progress."""
        outgoing = {
            (self._topics.desired(destination).name, 0): list(items.values())
            for destination, items in self._desired.items()
        }
        changelog = [KeyedRecord(key, value) for key, value in self.changed.items()]
        changelog.append(KeyedRecord(PROGRESS_KEY, progress.encode()))
        outgoing[self._topics.indicators.name, self._state.number] = changelog
        return outgoing


def _moment(indicator: Indicator) -> int | None:
    return moment(indicator.active, indicator.changes_at, indicator.inactive_since)
