"""Released rows at a sandbox Defender tenant: what is written there, and what is left alone."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from schemas.policy import Policy
from schemas.resources import resource
from tests.contract.defender import PusherHarness
from tests.contract.test_vendor_sessions import Sandbox

GUARD = resource("Guard", "default", {"target": {"atLeast": 10}})
VALUES = [f"h{number}.example" for number in range(30)]


@pytest.fixture
def harness(defender: Sandbox) -> Iterator[PusherHarness]:
    with closing(PusherHarness(defender)) as found:
        found.policy.view = Policy.of([GUARD])
        yield found


def test_released_rows_are_neither_deleted_nor_written_nor_taken_for_strays(harness: PusherHarness) -> None:
    keys = [harness.want(value) for value in VALUES[:3]]
    harness.work()
    for value in VALUES[:2]:
        harness.want(value, content="", released=True)
    calls = harness.sent("/import", "/BatchDelete", "/{id}")
    harness.work()
    harness.restart()
    harness.later(601)
    harness.work()
    assert harness.values() == set(VALUES[:3])
    assert harness.sent("/import", "/BatchDelete", "/{id}") == calls
    assert harness.reasons() == {"domain:h0.example": "released", "domain:h1.example": "released"}
    harness.drop(*keys[:2])
    harness.delete(VALUES[0])
    harness.later(601)
    harness.work()
    assert harness.values() == set(VALUES[1:3])
    assert harness.reasons() == {"domain:h1.example": "released"}, (
        "of a row that somebody deleted nothing is left to know"
    )
    harness.want(VALUES[1], content="c2")
    harness.work()
    harness.drop(keys[1])
    harness.work()
    assert harness.values() == {VALUES[2]}, "wanted again, it is ours again"
