"""The Defender pusher in a tenant that is full, in each mode of what may be deleted; and what a target tells a row."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from schemas.types import IndicatorType, Severity
from schemas.vendors.defender import AllowDeletion, DefenderAction, DefenderTarget
from tests.contract.defender import PusherHarness
from tests.contract.test_vendor_sessions import Sandbox


@pytest.fixture
def harness(defender: Sandbox) -> Iterator[PusherHarness]:
    with closing(PusherHarness(defender)) as found:
        yield found


def block(mode: AllowDeletion) -> DefenderAction:
    return DefenderAction(kind="defender-action", action="Block", allow_deletion=mode)


def fill(harness: PusherHarness, mode: AllowDeletion) -> None:
    """Six places: the oldest is somebody else's, five are ours, of severities low to high; then two high ones come."""
    harness.switch(capacity=6)
    harness.seed("theirs.example")
    for number, severity in enumerate([Severity.LOW, Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.HIGH]):
        harness.want(f"old{number}.example", block(mode), severity=severity)
    harness.work()
    assert len(harness.values()) == 6
    harness.want("new0.example", block(mode), severity=Severity.MEDIUM)
    harness.want("new1.example", block(mode), severity=Severity.CRITICAL)
    harness.work()


@pytest.mark.parametrize(
    ("mode", "gone"),
    [("no", {"new0", "new1"}), ("owned", {"old0", "old1"}), ("any", {"theirs", "old0"})],
)
def test_a_full_tenant_holds_newcomers_or_deletes_what_it_may(
    harness: PusherHarness, mode: AllowDeletion, gone: set[str]
) -> None:
    fill(harness, mode)
    every = {*(f"old{number}" for number in range(5)), "new0", "new1", "theirs"}
    assert harness.values() == {f"{name}.example" for name in every - gone}
    held = {f"domain:{name}.example" for name in gone - {"theirs"}}
    assert {key for key, state in harness.states().items() if state == "held"} == held
    assert ("evicted" in [code for code, _ in harness.told.said]) == (mode == "any")
    calls = harness.sent("/import", "/BatchDelete")
    harness.restart()
    harness.work()
    assert harness.values() == {f"{name}.example" for name in every - gone}, "it has come to rest"
    assert harness.sent("/BatchDelete", "/import") <= calls + 2
    harness.switch(capacity=15_000)
    harness.later(61)
    harness.work()
    assert set(harness.states().values()) == {"applied"}, "who was held or evicted comes back when there is room"


def test_a_row_that_cannot_be_deleted_is_passed_over(harness: PusherHarness) -> None:
    harness.switch(capacity=1)
    harness.seed("theirs.example")
    body = {"error": {"code": "Forbidden", "message": "not exposed", "target": "t"}}
    harness.sandbox.fault("status", path="/api/indicators/1$", method="DELETE", code=403, body=body, times=None)
    harness.want("new.example", block("any"))
    harness.work()
    assert (harness.values(), set(harness.states().values())) == ({"theirs.example"}, {"held"})
    assert "not_evicted" in [code for code, _ in harness.told.said]


def test_what_a_target_says_is_what_the_row_holds_and_groups_make_rows_of_their_own(harness: PusherHarness) -> None:
    spec = {"kind": "defender-action", "action": "Warn", "rbacGroups": ["Servers", "Clients"], "bypassHours": 8}
    more = {"educateUrl": "https://intra.example/why", "severityMap": {"high": "Medium"}}
    target = DefenderTarget.model_validate({**spec, **more}).resolve(IndicatorType.DOMAIN, Severity.HIGH)
    assert isinstance(target, DefenderAction)
    warn = DefenderAction(kind="defender-action", action="Warn")
    harness.seed("theirs.example", action="Warn", rbacGroupNames=["Clients", "Servers"])
    everywhere, here = harness.want("a.example", warn), harness.want("a.example", target)
    harness.want("theirs.example", target)
    harness.work()

    def mine() -> dict[str, tuple[object, ...]]:
        rows = [row.entity for row in harness.sandbox.tenant.indicators.rows.values() if row.entity["externalId"]]
        fields = ("educateUrl", "bypassDurationHours", "rbacGroupNames")
        return {row["severity"]: tuple(row[field] for field in fields) for row in rows}

    unscoped = {"High": (None, None, ())}
    assert mine() == {"Medium": ("https://intra.example/why", 8, ("Clients", "Servers")), **unscoped}
    assert harness.reasons() == {"domain:theirs.example": "already_there"}
    harness.later(601)
    harness.work()
    harness.drop(here)
    harness.work()
    assert mine() == unscoped
    harness.drop(everywhere)
    harness.work()
    assert harness.values() == {"theirs.example"}


def test_entries_of_one_action_keep_their_own_alert(harness: PusherHarness) -> None:
    harness.want("quiet.example", DefenderAction(kind="defender-action", action="Block"))
    harness.want("loud.example", DefenderAction(kind="defender-action", action="Block", generate_alert=True))
    harness.work()
    assert {key: row["generateAlert"] for key, row in harness.rows().items()} == {
        "quiet.example Block": False,
        "loud.example Block": True,
    }
