"""One unit of work: what a run of reports, or of re-evaluations, changes. Pure; sent and then committed as a whole.

Only the last word on a key travels: a unit is one transaction, so nobody could have seen the others.
"""

from collections import Counter

from schemas.canonical import indicator_id
from schemas.indicator import Indicator
from schemas.partitions import partition_of
from schemas.progress import PROGRESS_KEY, Progress
from schemas.record import UndecodableError
from schemas.report import Report, ReportBatch
from schemas.topics import Topics
from services.router.compiled import CompiledPolicy
from services.router.evaluate import Decision, evaluate
from services.router.merge import merge
from services.router.outbox import Item, Parcel
from services.router.state import PartitionState

Headers = tuple[tuple[str, bytes], ...]


class Unit:
    """Gathers the changes of one partition until they are sent."""

    def __init__(self, state: PartitionState, policy: CompiledPolicy, topics: Topics) -> None:
        self._state = state
        self._policy = policy
        self._topics = topics
        self.changed: dict[bytes, bytes] = {}
        self._desired: dict[str, dict[bytes, Item]] = {}
        self.outcomes: Counter[str] = Counter()
        self.verbs: Counter[tuple[str, str]] = Counter()
        self.skips: Counter[tuple[str, str]] = Counter()

    def take(self, batch: ReportBatch, headers: Headers) -> None:
        """Merge a batch of reports.

        Raises:
            UndecodableError: a report belongs to another partition, so its writer counts partitions differently.

        """
        keyed = [(indicator_id(report.type, report.value), report) for report in batch.reports]
        for identity, _ in keyed:
            if partition_of(identity, self._topics.partitions) != self._state.number:
                raise UndecodableError(f"{identity} does not belong to partition {self._state.number}")
        for identity, report in keyed:
            self._merge(identity.encode(), batch.source, report, headers)

    def _merge(self, key: bytes, source: str, report: Report, headers: Headers) -> None:
        merged = merge(self._stored(key), source, report)
        if merged is None:
            self.outcomes["unchanged"] += 1
            return
        self.outcomes["changed"] += 1
        decision = evaluate(merged, self._policy, report.observed_at)
        self._keep(key, decision, headers)

    def reevaluate(self, key: bytes, now: int) -> None:
        """Evaluate a stored indicator again."""
        stored = self._stored(key)
        assert stored, "only stored indicators are re-evaluated"
        decision = evaluate(stored, self._policy, now)
        if decision.indicator is not stored:
            self._keep(key, decision, ())

    def _stored(self, key: bytes) -> Indicator | None:
        raw = self.changed.get(key) or self._state.indicators.get(key)
        return Indicator.decode(raw) if raw else None

    def _keep(self, key: bytes, decision: Decision, headers: Headers) -> None:
        self.changed[key] = decision.indicator.encode()
        for change in decision.changes:
            name = change.key.encode()
            value = change.entry.encode() if change.entry else None
            self._desired.setdefault(change.destination, {})[name] = Item(name, value, headers)
            self.verbs[change.destination, "put" if value else "withdraw"] += 1
        self.skips.update(decision.newly_skipped)

    def parcel(self, progress: Progress) -> Parcel:
        """Everything to be written in one transaction: desired entries, changelog and progress."""
        parcel = {
            (self._topics.desired(destination).name, 0): list(items.values())
            for destination, items in self._desired.items()
        }
        changelog = [Item(key, value) for key, value in self.changed.items()]
        changelog.append(Item(PROGRESS_KEY, progress.encode()))
        parcel[self._topics.indicators.name, self._state.number] = changelog
        return parcel
