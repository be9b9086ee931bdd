"""Held, released and repeated entries in the lists of a sandbox Netskope tenant: a list is written as a whole."""

import time
from collections.abc import Iterator

import pytest

from schemas.hold import HoldKind, hold_id
from schemas.policy import Policy
from schemas.resources import resource
from schemas.targets import Target
from tests.contract.test_push_netskope_tenant import PusherHarness
from tests.contract.test_sandbox_netskope_gate import Api
from tests.pushing import HASHES, LIST, NAME

GUARD = resource("Guard", "default", {"target": {"atLeast": 10}})
URLS = [f"h{number:02}.example" for number in range(30)]
FILES = [f"{number:064x}" for number in range(1, 31)]
BOTH = pytest.mark.parametrize(("target", "values"), [(LIST, URLS), (HASHES, FILES)])


@pytest.fixture
def harness(netskope: Api) -> Iterator[PusherHarness]:
    netskope.seed(hash_lists=[{"name": HASHES.name, "hashes": ["f" * 64]}])
    found = PusherHarness(netskope)
    found.policy.view = Policy.of([GUARD])
    yield found
    found.close()


def held_in(harness: PusherHarness, target: Target) -> set[str]:
    return set(harness.urls() or () if target is LIST else harness.hashes())


@BOTH
def test_held_withdrawals_stay_in_the_list_while_it_is_written_until_confirmed(
    harness: PusherHarness, target: Target, values: list[str]
) -> None:
    keys = [harness.want(value, target) for value in values[:-1]]
    harness.work()
    harness.drop(*keys[:20])
    harness.work()
    harness.want(values[-1], target)
    harness.work()
    harness.restart()
    harness.later(601)
    harness.work()
    assert held_in(harness, target) == set(values)
    assert [code for code, _ in harness.told.said] == ["target_would_shrink"]
    now = int(time.time() * 1000)
    name = hold_id(NAME, target.id, HoldKind.TARGET_WOULD_SHRINK)
    spec = {"connection": NAME, "subject": target.id, "verdict": "confirm", "at": now, "until": now + 60_000}
    harness.policy.view = Policy.of([GUARD, resource("Verdict", name, spec)])
    harness.work()
    assert (held_in(harness, target), harness.written.holds) == (set(values[20:]), {})
    assert set(harness.states().values()) == {"applied"}
    assert harness.reasons() == {}


@BOTH
def test_released_entries_stay_in_the_list_whatever_is_written_later(
    harness: PusherHarness, target: Target, values: list[str]
) -> None:
    keys = [harness.want(value, target) for value in values[:3]]
    harness.work()
    calls = harness.writes()
    for value in values[:2]:
        harness.want(value, target, content="", released=True)
    harness.work()
    assert harness.writes() == calls
    harness.drop(*keys)
    harness.work()
    harness.restart()
    harness.want(values[5], target)
    harness.work()
    assert held_in(harness, target) == {*values[:2], values[5]}
    remembered = {"sha256:" + value for value in values[:2]} if target is HASHES else set()
    assert {name for name, code in harness.reasons().items() if code == "released"} == remembered


def test_what_was_released_into_a_url_list_may_be_taken_out_by_anybody(harness: PusherHarness) -> None:
    harness.want(URLS[0], LIST)
    harness.want(URLS[1], LIST)
    harness.work()
    harness.want(URLS[0], LIST, content="", released=True)
    harness.work()
    harness.api.seed(url_lists=[{"name": LIST.name, "data": {"urls": [URLS[1]], "type": "exact"}, "pending": False}])
    harness.later(601)
    harness.work()
    assert harness.urls() == [URLS[1]]


@BOTH
def test_a_list_to_be_sent_again_is_written_once_more_and_only_once(
    harness: PusherHarness, target: Target, values: list[str]
) -> None:
    for value in values:
        harness.want(value, target)
    harness.work()
    calls = harness.writes()
    ahead = int(time.time() * 1000) + 60_000
    for value in values[:5]:
        harness.want(value, target, resend_at=ahead)
    harness.work()
    again = harness.writes()
    harness.restart()
    harness.work()
    assert calls < again == harness.writes()
    assert held_in(harness, target) == set(values)
