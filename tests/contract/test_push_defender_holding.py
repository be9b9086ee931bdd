"""Held, released and repeated entries at a sandbox Defender tenant: what is written there, and what is left alone."""

import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from schemas.hold import HoldKind, hold_id
from schemas.policy import Policy
from schemas.resources import resource
from tests.contract.defender import Desk
from tests.contract.test_vendor_sessions import Sandbox
from tests.pushing import BLOCK, NAME

GUARD = resource("Guard", "default", {"target": {"atLeast": 10}})
VALUES = [f"h{number}.example" for number in range(30)]


@pytest.fixture
def desk(defender: Sandbox) -> Iterator[Desk]:
    with closing(Desk(defender)) as found:
        found.policy.view = Policy.of([GUARD])
        yield found


def test_held_withdrawals_stay_through_a_comparison_with_the_tenant_until_confirmed(desk: Desk) -> None:
    desk.seed("theirs.example")
    keys = [desk.want(value) for value in VALUES]
    desk.work()
    desk.drop(*keys)
    desk.want("new.example")
    desk.work()
    desk.restart()
    desk.later(601)
    desk.work()
    assert desk.values() == {*VALUES, "new.example", "theirs.example"}
    assert [code for code, _ in desk.told.said] == ["target_would_shrink"]
    now = int(time.time() * 1000)
    name = hold_id(NAME, BLOCK.id, HoldKind.TARGET_WOULD_SHRINK)
    spec = {"connection": NAME, "subject": BLOCK.id, "verdict": "confirm", "at": now, "until": now + 60_000}
    desk.policy.view = Policy.of([GUARD, resource("Verdict", name, spec)])
    desk.work()
    assert (desk.values(), desk.written.holds) == ({"new.example", "theirs.example"}, {})
    assert desk.states() == {"domain:new.example": "applied"}


def test_released_rows_are_neither_deleted_nor_written_nor_taken_for_strays(desk: Desk) -> None:
    keys = [desk.want(value) for value in VALUES[:3]]
    desk.work()
    for value in VALUES[:2]:
        desk.want(value, content="", released=True)
    calls = desk.sent("/import", "/BatchDelete", "/{id}")
    desk.work()
    desk.restart()
    desk.later(601)
    desk.work()
    assert desk.values() == set(VALUES[:3])
    assert desk.sent("/import", "/BatchDelete", "/{id}") == calls
    assert desk.reasons() == {"domain:h0.example": "released", "domain:h1.example": "released"}
    desk.drop(*keys[:2])
    desk.delete(VALUES[0])
    desk.later(601)
    desk.work()
    assert desk.values() == set(VALUES[1:3])
    assert desk.reasons() == {"domain:h1.example": "released"}, "of a row that somebody deleted nothing is left to know"
    desk.want(VALUES[1], content="c2")
    desk.work()
    desk.drop(keys[1])
    desk.work()
    assert desk.values() == {VALUES[2]}, "wanted again, it is ours again"


def test_entries_to_be_sent_again_are_imported_once_more_and_only_once(desk: Desk) -> None:
    for value in VALUES:
        desk.want(value)
    desk.work()
    ahead = int(time.time() * 1000) + 60_000
    for value in VALUES:
        desk.want(value, resend_at=ahead)
    desk.work()
    desk.restart()
    desk.work()
    assert (desk.sent("/import"), desk.values()) == (2, set(VALUES))
