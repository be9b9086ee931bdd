"""The state of an owned partition: encoded indicators, alarms and progress.

Indicators stay encoded, because bytes take a third of the memory of objects and a report concerns only one indicator.
"""

from dataclasses import dataclass, field

import orjson

from schemas.indicator import Indicator
from schemas.moment import shifted
from schemas.progress import Progress
from services.router.engine.expiry import Alarms

FORGET_MS = 30 * 24 * 60 * 60 * 1000
"""How long an inactive indicator is kept, so that people can see its history."""


def moment(active: bool, changes_at: int | None, inactive_since: int | None) -> int | None:
    """Return when an indicator must be evaluated without a report: a statement expires, or it may be forgotten."""
    if active:
        return changes_at
    return None if inactive_since is None else shifted(inactive_since, FORGET_MS)


def is_forgettable(indicator: Indicator, now: int) -> bool:
    """Whether an indicator has been inactive for `FORGET_MS` and is desired nowhere."""
    since = indicator.inactive_since
    return not indicator.active and since is not None and shifted(since, FORGET_MS) <= now and not indicator.desired


def _stored_moment(raw: bytes) -> int | None:
    """Return when a stored indicator must be evaluated; 0 if it is unreadable, so that it becomes a dead letter."""
    try:
        fields = orjson.loads(raw)
        at: object = moment(fields.get("active", False), fields.get("changes_at"), fields.get("inactive_since"))
    except (ValueError, AttributeError, TypeError):
        return 0
    return at if at is None or isinstance(at, int) else 0


@dataclass(slots=True)
class PartitionState:
    """The state of one owned partition. Changes only after the transaction with the change is committed."""

    number: int
    indicators: dict[bytes, bytes] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)
    alarms: Alarms = field(default_factory=Alarms)
    _unprimed: list[bytes] = field(default_factory=list)

    def begin_priming(self) -> None:
        """List the stored indicators whose alarms must be set."""
        self._unprimed = list(self.indicators)

    def prime(self, most: int) -> bool:
        """Set the alarms of up to `most` stored indicators. Returns whether more are left."""
        for key in self._unprimed[-most:]:
            if raw := self.indicators.get(key):
                self.alarms.schedule(key, _stored_moment(raw))
        del self._unprimed[-most:]
        return bool(self._unprimed)

    def commit(self, changed: dict[bytes, bytes | None], moments: dict[bytes, int | None], progress: Progress) -> None:
        """Apply the changes of a committed unit of work."""
        for key, value in changed.items():
            if value is None:
                self.indicators.pop(key, None)
            else:
                self.indicators[key] = value
        for key, at in moments.items():
            self.alarms.schedule(key, at)
        self.progress = progress
