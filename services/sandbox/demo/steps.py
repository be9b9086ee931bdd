"""What happens after the first convergence: additions, edits, deletions at each source, one change at a time. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from schemas.types import IndicatorType
from schemas.vendors.defender import DefenderAction, DefenderTarget
from services.sandbox.demo.expect import Entry, Expected, Place
from services.sandbox.demo.world import Alert, Row, World
from services.sandbox.latency import Effect

DEFENDER, NETSKOPE, POLICY = "Defender", "Netskope", "policy"
_DOMAIN, _URL, _SHA256, _MD5 = IndicatorType.DOMAIN, IndicatorType.URL, IndicatorType.SHA256, IndicatorType.MD5


@dataclass(frozen=True, slots=True)
class Change:
    """One change, where it is made, and the world after it."""

    origin: str
    after: World


@dataclass(frozen=True, slots=True)
class Step:
    """Changes of one sort. `says` describes the changes and their effects, one line each."""

    name: str
    says: tuple[str, ...]
    changes: tuple[Change, ...]


def steps(world: World, each: int) -> list[Step]:
    """The steps of the demo, from this world on. `each`: how many changes of one sort."""
    found: list[Step] = []
    for make in (_additions, _edits, _deletions, _policy):
        found.append(make(found[-1].changes[-1].after if found else world, each))
    return found


def effects(was: Mapping[Place, Expected], is_: Mapping[Place, Expected]) -> dict[Effect, str]:
    """Return the visible effects of a change, each with its vendor: entries newly expected or no longer expected."""
    found: dict[Effect, str] = {}
    for place in was.keys() | is_.keys():
        old: set[Entry] = was[place].entries if place in was else set()
        new: set[Entry] = is_[place].entries if place in is_ else set()
        target = (was.get(place) or is_[place]).target
        at = DEFENDER if isinstance(target, DefenderAction) else NETSKOPE
        found.update({Effect(place, entry): at for entry in new - old})
        replaced = {entry.value for entry in new}
        found.update({Effect(place, entry, there=False): at for entry in old - new if entry.value not in replaced})
    return found


class _Making:
    """Changes one after the other."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.changes: list[Change] = []

    def to(self, origin: str, after: World) -> None:
        self.world = after
        self.changes.append(Change(origin, after))

    def step(self, name: str, *says: str) -> Step:
        return Step(name, says, tuple(self.changes))


def _additions(world: World, each: int) -> Step:
    making = _Making(world)
    for number in range(each):
        row = (
            Row(f"new-{number}.at-defender.example", _DOMAIN, "High"),
            Row(f"{number + 0xA000:064x}", _SHA256, "High"),
        )
        alert = (Alert(f"new-{number}.at-netskope.example/drop", _URL), Alert(f"{number + 0xB000:032x}", _MD5))
        making.to(DEFENDER, making.world.with_row(row[number % 2]))
        making.to(NETSKOPE, making.world.with_alert(alert[number % 2]))
    return making.step("additions", f"{each} indicators at Defender and {each} alerts at Netskope, one by one")


def _edits(world: World, each: int) -> Step:
    making = _Making(world)
    ours, both = _alerted_files(world)
    domains = [row for row in world.rows.values() if row.type is _DOMAIN and "_" not in row.value]
    for row, alert in zip(domains[:each], ours[:each], strict=True):
        corrected = replace(row, value=f"corrected.{row.value.lower()}")
        making.to(DEFENDER, making.world.with_row(corrected, making.world.number_of(row)))
        worse = "Low" if alert.severity == "High" else "High"
        making.to(NETSKOPE, making.world.with_alert(replace(alert, severity=worse)))
    for row in both[: each // 2]:
        making.to(DEFENDER, making.world.with_row(replace(row, severity="High"), making.world.number_of(row)))
    silent = domains[each]
    making.to(DEFENDER, making.world.with_row(replace(silent, severity="High"), making.world.number_of(silent)))
    return making.step(
        "edits",
        f"{each} values corrected at Defender: the old one goes from Netskope's lists, the new one comes",
        f"{each} newer alerts of another severity at Netskope: our rows at Defender are edited in place",
        f"{len(both[: each // 2])} files known at both get another severity at Defender: what we wrote follows",
        "1 domain gets another severity, too: a Netskope list knows none, so nothing is written",
    )


def _deletions(world: World, each: int) -> Step:
    making = _Making(world)
    _, both = _alerted_files(world)
    rows = [(number, row) for number, row in world.rows.items() if row.type in (_DOMAIN, _SHA256) and row not in both]
    for number, _ in rows[-each:]:
        making.to(DEFENDER, making.world.without_row(number))
    return making.step("deletions at Defender", f"{each} indicators, one by one: they go from Netskope's lists")


def _policy(world: World, _: int) -> Step:
    making = _Making(world)
    last = [one for one in world.sharings if isinstance(one.spec.target, DefenderTarget)][-1]
    making.to(POLICY, world.without(last))
    return making.step(
        "deletion at Netskope",
        "an alert cannot be taken back, Netskope's alert log only ever grows; what can be is the wish to share it:",
        f"sharing {last.name} is deleted from the policy: all that it wrote to Defender goes, and only that",
    )


def _alerted_files(world: World) -> tuple[Sequence[Alert], Sequence[Row]]:
    """Files that only Netskope knows, and the rows of those that both know."""
    files = {row.value.lower(): row for row in world.rows.values() if row.type in (_MD5, _SHA256)}
    alerts = {alert.value.lower(): alert for alert in world.alerts if alert.type in (_MD5, _SHA256)}
    return [alert for value, alert in alerts.items() if value not in files], [files[v] for v in alerts if v in files]
