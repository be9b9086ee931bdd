"""What the router should do, written as plainly as possible: no state but what was said, everything worked out anew.

Beside the router in `test_router_model`. Times are milliseconds; `DAY` is what people think in.
"""

from dataclasses import dataclass, field

from schemas.canonical import indicator_id
from schemas.moment import FOREVER
from schemas.types import Family, IndicatorType, Severity

DAY = 24 * 60 * 60 * 1000
HOUR = DAY // 24
RANK = list(Severity)


@dataclass
class Said:
    """The latest statement of a source about a value."""

    severity: Severity
    tags: tuple[str, ...]
    first_seen: int
    last_seen: int
    observed_at: int
    expires_at: int | None = None
    withdrawn: bool = False
    echo: bool = False


@dataclass
class Share:
    """A sharing: who to whom, what for, since when."""

    source: str
    destination: str
    target: str
    created: int
    backfill: str = "all"
    least: Severity = Severity.UNKNOWN
    except_tag: str = ""
    muted_until: int = 0

    def takes(self, severity: Severity, tags: tuple[str, ...], said: Said, now: int) -> bool:
        if now < self.muted_until or RANK.index(severity) < RANK.index(self.least) or self.except_tag in tags:
            return False
        if said.observed_at >= self.created or self.backfill == "all":
            return True
        return self.backfill != "none" and said.last_seen >= self.created - int(self.backfill.rstrip("d")) * DAY

    def holds(self, kind: IndicatorType) -> bool:
        if self.target == "defender-action:Block":
            return True
        if self.target.startswith("url-list"):
            return kind.family is Family.URL and kind is not IndicatorType.IPV6
        return kind in (IndicatorType.MD5, IndicatorType.SHA256)


@dataclass
class Model:
    """All that was said, and the policy."""

    types: dict[str, IndicatorType]
    aging: dict[str, int | None]
    said: dict[str, dict[str, Said]] = field(default_factory=dict)
    shares: dict[str, Share] = field(default_factory=dict)
    allowed: set[str] = field(default_factory=set)
    choice: str = "newest"
    stays: dict[tuple[str, str], tuple[int, int | None]] = field(default_factory=dict)

    def asserting(self, value: str, now: int) -> dict[str, Said]:
        found = {}
        for source, said in self.said.get(value, {}).items():
            aging = self.aging[source]
            end = said.expires_at or (None if aging is None else said.last_seen + aging)
            end = None if end and end >= FOREVER else end
            if not said.withdrawn and not said.echo and (end is None or end > now):
                found[source] = said
        return found

    def together(self, found: dict[str, Said]) -> tuple[Severity, tuple[str, ...]]:
        states = list(found.values())
        if self.choice == "newest":
            chosen = max(states, key=lambda said: said.last_seen)
        elif self.choice == "oldest":
            chosen = min(states, key=lambda said: said.first_seen)
        else:
            chosen = max(states, key=lambda said: (RANK.index(said.severity), said.last_seen))
        return chosen.severity, chosen.tags

    def wanted(self, now: int) -> dict[tuple[str, str, str], set[str]]:
        """By destination, target and indicator: the sharings that want it there."""
        found: dict[tuple[str, str, str], set[str]] = {}
        for value, kind in self.types.items():
            if not (assertions := self.asserting(value, now)) or value in self.allowed:
                continue
            severity, tags = self.together(assertions)
            for name, share in self.shares.items():
                said = assertions.get(share.source)
                if said and share.holds(kind) and share.takes(severity, tags, said, now):
                    found.setdefault((share.destination, share.target, indicator_id(kind, value)), set()).add(name)
        return found

    def settle(self, now: int) -> None:
        """Note since when, and until when, each indicator is wanted at each destination."""
        here = {(destination, key) for destination, _, key in self.wanted(now)}
        for place, (since, until) in self.stays.items():
            if place not in here and until is None:
                self.stays[place] = (since, now)
        for place in here:
            since, until = self.stays.get(place, (now, None))
            self.stays[place] = (since, None)
