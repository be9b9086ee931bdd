"""State of the partitions that this process owns: encoded indicators, when to look at them, and how far it has come.

Kept encoded, because bytes are a third of the size of objects and a report touches only one indicator.
"""

from dataclasses import dataclass, field

import orjson

from schemas.indicator import Indicator
from schemas.moment import shifted
from schemas.progress import Progress
from services.router.engine.expiry import Alarms

FORGET_MS = 30 * 24 * 60 * 60 * 1000
"""How long an indicator is kept that nobody vouches for, so that one can see what became of it."""


def moment(active: bool, changes_at: int | None, inactive_since: int | None) -> int | None:
    """When an indicator is to be looked at without a report: a source of it expires, or it may be forgotten."""
    if active:
        return changes_at
    return None if inactive_since is None else shifted(inactive_since, FORGET_MS)


def is_forgettable(indicator: Indicator, now: int) -> bool:
    """Whether nobody has vouched for an indicator for long, and it is wanted nowhere."""
    since = indicator.inactive_since
    return not indicator.active and since is not None and shifted(since, FORGET_MS) <= now and not indicator.desired


def _stored_moment(raw: bytes) -> int | None:
    """When a stored indicator is to be looked at; at once where that cannot be read, so that it is set aside."""
    try:
        said = orjson.loads(raw)
        at: object = moment(said.get("active", False), said.get("changes_at"), said.get("inactive_since"))
    except (ValueError, AttributeError, TypeError):
        return 0
    return at if at is None or isinstance(at, int) else 0


@dataclass(slots=True)
class PartitionState:
    """One owned partition. Changes only after the transaction that made the change has committed."""

    number: int
    indicators: dict[bytes, bytes] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)
    alarms: Alarms = field(default_factory=Alarms)
    _unprimed: list[bytes] = field(default_factory=list)

    def begin_priming(self) -> None:
        """Note that the alarms of everything stored are still to be set."""
        self._unprimed = list(self.indicators)

    def prime(self, most: int) -> bool:
        """Set the alarms of some of what was stored before. Returns whether there is more to do."""
        for key in self._unprimed[-most:]:
            if raw := self.indicators.get(key):
                self.alarms.schedule(key, _stored_moment(raw))
        del self._unprimed[-most:]
        return bool(self._unprimed)

    def commit(self, changed: dict[bytes, bytes | None], moments: dict[bytes, int | None], progress: Progress) -> None:
        """Take over what a committed unit of work changed."""
        for key, value in changed.items():
            if value is None:
                self.indicators.pop(key, None)
            else:
                self.indicators[key] = value
        for key, at in moments.items():
            self.alarms.schedule(key, at)
        self.progress = progress
