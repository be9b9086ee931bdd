"""The Defender pusher in a tenant that is full, in each mode of what may be deleted; and what a target tells a row."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from schemas.resources.target import DefenderTarget
from schemas.targets import AllowDeletion, DefenderAction
from schemas.types import IndicatorType, Severity
from tests.contract.defender import Desk
from tests.contract.test_vendor_sessions import Sandbox


@pytest.fixture
def desk(defender: Sandbox) -> Iterator[Desk]:
    with closing(Desk(defender)) as found:
        yield found


def block(mode: AllowDeletion) -> DefenderAction:
    return DefenderAction(kind="defender-action", action="Block", allow_deletion=mode)


def fill(desk: Desk, mode: AllowDeletion) -> None:
    """Six places: the oldest is somebody else's, five are ours, of severities low to high; then two high ones come."""
    desk.switch(capacity=6)
    desk.seed("theirs.example")
    for number, severity in enumerate([Severity.LOW, Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.HIGH]):
        desk.want(f"old{number}.example", block(mode), severity=severity)
    desk.work()
    assert len(desk.values()) == 6
    desk.want("new0.example", block(mode), severity=Severity.MEDIUM)
    desk.want("new1.example", block(mode), severity=Severity.CRITICAL)
    desk.work()


@pytest.mark.parametrize(
    ("mode", "gone"),
    [("no", {"new0", "new1"}), ("owned", {"old0", "old1"}), ("any", {"theirs", "old0"})],
)
def test_a_full_tenant_holds_newcomers_or_deletes_what_it_may(desk: Desk, mode: AllowDeletion, gone: set[str]) -> None:
    fill(desk, mode)
    every = {*(f"old{number}" for number in range(5)), "new0", "new1", "theirs"}
    assert desk.values() == {f"{name}.example" for name in every - gone}
    held = {f"domain:{name}.example" for name in gone - {"theirs"}}
    assert {key for key, state in desk.states().items() if state == "held"} == held
    assert ("evicted" in [code for code, _ in desk.told.said]) == (mode == "any")
    calls = desk.sent("/import", "/BatchDelete")
    desk.restart()
    desk.work()
    assert desk.values() == {f"{name}.example" for name in every - gone}, "it has come to rest"
    assert desk.sent("/BatchDelete", "/import") <= calls + 2
    desk.switch(capacity=15_000)
    desk.later(61)
    desk.work()
    assert set(desk.states().values()) == {"applied"}, "who was held or evicted comes back when there is room"


def test_a_row_that_cannot_be_deleted_is_passed_over(desk: Desk) -> None:
    desk.switch(capacity=1)
    desk.seed("theirs.example")
    body = {"error": {"code": "Forbidden", "message": "not exposed", "target": "t"}}
    desk.sandbox.fault("status", path="/api/indicators/1$", method="DELETE", code=403, body=body, times=None)
    desk.want("new.example", block("any"))
    desk.work()
    assert (desk.values(), set(desk.states().values())) == ({"theirs.example"}, {"held"})
    assert "not_evicted" in [code for code, _ in desk.told.said]


def test_what_a_target_says_is_what_the_row_holds_and_groups_make_rows_of_their_own(desk: Desk) -> None:
    spec = {"kind": "defender-action", "action": "Warn", "rbacGroups": ["Servers", "Clients"], "bypassHours": 8}
    more = {"educateUrl": "https://intra.example/why", "severityMap": {"high": "Medium"}}
    target = DefenderTarget.model_validate({**spec, **more}).resolve(IndicatorType.DOMAIN, Severity.HIGH)
    assert isinstance(target, DefenderAction)
    warn = DefenderAction(kind="defender-action", action="Warn")
    desk.seed("theirs.example", action="Warn", rbacGroupNames=["Clients", "Servers"])
    everywhere, here = desk.want("a.example", warn), desk.want("a.example", target)
    desk.want("theirs.example", target)
    desk.work()

    def mine() -> dict[str, tuple[object, ...]]:
        rows = [row.entity for row in desk.sandbox.tenant.indicators.rows.values() if row.entity["externalId"]]
        fields = ("educateUrl", "bypassDurationHours", "rbacGroupNames")
        return {row["severity"]: tuple(row[field] for field in fields) for row in rows}

    unscoped = {"High": (None, None, ())}
    assert mine() == {"Medium": ("https://intra.example/why", 8, ("Clients", "Servers")), **unscoped}
    assert desk.reasons() == {"domain:theirs.example": "already_there"}
    desk.later(601)
    desk.work()
    desk.drop(here)
    desk.work()
    assert mine() == unscoped
    desk.drop(everywhere)
    desk.work()
    assert desk.values() == {"theirs.example"}


def test_entries_of_one_action_keep_their_own_alert(desk: Desk) -> None:
    desk.want("quiet.example", DefenderAction(kind="defender-action", action="Block"))
    desk.want("loud.example", DefenderAction(kind="defender-action", action="Block", generate_alert=True))
    desk.work()
    assert {key: row["generateAlert"] for key, row in desk.rows().items()} == {
        "quiet.example Block": False,
        "loud.example Block": True,
    }
