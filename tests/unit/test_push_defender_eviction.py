"""What is deleted to make room: nothing of ours for its equal, nothing of others unless the target says so."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.desired import AppliedState
from schemas.record import Reason
from schemas.types import Severity
from schemas.vendors.defender import AllowDeletion, DefenderAction
from services.push_defender.client import Row
from services.push_defender.eviction_plan import asking, victims
from services.runtime.reconciling.entry import Entry, Outcome
from services.runtime.reconciling.entry_store import EntryStore
from tests.pushing import desired_entry

severities = st.sampled_from(Severity)
modes = st.sampled_from(["no", "owned", "any"])


def target(mode: AllowDeletion) -> DefenderAction:
    return DefenderAction(kind="defender-action", action="Block", allow_deletion=mode)


def entry(value: str, severity: Severity, mode: AllowDeletion = "no", remote_id: str | None = None) -> Entry:
    store = EntryStore()
    store.desire(*desired_entry(value, target(mode), severity=severity))
    found = next(iter(store))
    state = AppliedState.HELD if remote_id is None else AppliedState.APPLIED
    store.settle(Outcome(found, state, remote_id, Reason(code="capacity") if remote_id is None else None))
    return found


def row(row_id: str, value: str, kind: str = "DomainName") -> Row:
    made = f"2026-01-01T00:00:{int(row_id) % 60:02}.0000001Z"
    body = {"id": row_id, "indicatorValue": value, "indicatorType": kind, "action": "Block"}
    return Row.model_validate({**body, "creationTimeDateTimeUtc": made})


@given(st.lists(severities, max_size=8), st.integers(0, 6), st.lists(st.tuples(severities, modes), max_size=8))
def test_who_makes_room_is_worse_or_a_strangers_by_leave(
    owned: list[Severity], strangers: int, held: list[tuple[Severity, AllowDeletion]]
) -> None:
    ours = [entry(f"o{n}.example", severity, remote_id=str(n)) for n, severity in enumerate(owned)]
    rows = [row(str(n), f"o{n}.example") for n in range(len(owned))]
    rows += [row(str(100 + n), f"t{n}.example") for n in range(strangers)]
    newcomers = asking(entry(f"n{n}.example", severity, mode) for n, (severity, mode) in enumerate(held))
    found = victims(newcomers, ours, rows, (), 500)
    assert len({victim.row.id for victim in found}) == len(found) <= len(newcomers)
    allowed = [newcomer for newcomer in newcomers if newcomer.target == target("any")]
    assert sum(victim.entry is None for victim in found) <= len(allowed)
    gone = sorted(victim.entry.rank for victim in found if victim.entry)
    assert all(mine < theirs for mine, theirs in zip([n.rank for n in newcomers], gone, strict=False))
    if newcomers and not allowed and owned:
        worst = max(one.rank for one in ours)
        assert bool(found) == (newcomers[0].rank < worst)


def test_the_oldest_of_anyone_goes_but_not_what_is_of_use_or_cannot_be_deleted() -> None:
    useful = EntryStore()
    useful.desire(*desired_entry("useful.example", target("any")))
    there = next(iter(useful))
    reason = Reason(code="already_there", detail="somebody else's indicator says the same; it is left alone")
    useful.settle(Outcome(there, AppliedState.APPLIED, None, reason))
    better = entry("better.example", Severity.CRITICAL, remote_id="2")
    rows = [
        row("1", "useful.example"),
        row("2", "better.example"),
        row("3", "Gambling", "WebCategory"),
        row("4", "stuck.example"),
        row("6", "younger.example"),
        row("5", "oldest.example"),
    ]
    newcomer = entry("new.example", Severity.HIGH, "any")
    (found,) = victims([newcomer], [there, better], rows, {"4"}, 500)
    assert (found.row.indicator_value, found.entry) == ("oldest.example", None)
