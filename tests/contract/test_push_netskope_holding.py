"""Held, released and repeated entries in the lists of a sandbox Netskope tenant: a list is written as a whole."""

import time
from collections.abc import Iterator

import pytest

from schemas.hold import HoldKind, hold_id
from schemas.policy import Policy
from schemas.resources import resource
from schemas.targets import Target
from tests.contract.test_push_netskope_tenant import Desk
from tests.contract.test_sandbox_netskope_gate import Api
from tests.pushing import HASHES, LIST, NAME

GUARD = resource("Guard", "default", {"target": {"atLeast": 10}})
URLS = [f"h{number:02}.example" for number in range(30)]
FILES = [f"{number:064x}" for number in range(1, 31)]
BOTH = pytest.mark.parametrize(("target", "values"), [(LIST, URLS), (HASHES, FILES)])


@pytest.fixture
def desk(netskope: Api) -> Iterator[Desk]:
    netskope.seed(hash_lists=[{"name": HASHES.name, "hashes": ["f" * 64]}])
    found = Desk(netskope)
    found.policy.view = Policy.of([GUARD])
    yield found
    found.close()


def held_in(desk: Desk, target: Target) -> set[str]:
    return set(desk.urls() or () if target is LIST else desk.hashes())


@BOTH
def test_held_withdrawals_stay_in_the_list_while_it_is_written_until_confirmed(
    desk: Desk, target: Target, values: list[str]
) -> None:
    keys = [desk.want(value, target) for value in values[:-1]]
    desk.work()
    desk.drop(*keys[:20])
    desk.work()
    desk.want(values[-1], target)
    desk.work()
    desk.restart()
    desk.later(601)
    desk.work()
    assert held_in(desk, target) == set(values)
    assert [code for code, _ in desk.told.said] == ["target_would_shrink"]
    now = int(time.time() * 1000)
    name = hold_id(NAME, target.id, HoldKind.TARGET_WOULD_SHRINK)
    spec = {"connection": NAME, "subject": target.id, "verdict": "confirm", "at": now, "until": now + 60_000}
    desk.policy.view = Policy.of([GUARD, resource("Verdict", name, spec)])
    desk.work()
    assert (held_in(desk, target), desk.written.holds) == (set(values[20:]), {})
    assert set(desk.states().values()) == {"applied"}
    assert desk.reasons() == {}


@BOTH
def test_released_entries_stay_in_the_list_whatever_is_written_later(
    desk: Desk, target: Target, values: list[str]
) -> None:
    keys = [desk.want(value, target) for value in values[:3]]
    desk.work()
    calls = desk.writes()
    for value in values[:2]:
        desk.want(value, target, content="", released=True)
    desk.work()
    assert desk.writes() == calls
    desk.drop(*keys)
    desk.work()
    desk.restart()
    desk.want(values[5], target)
    desk.work()
    assert held_in(desk, target) == {*values[:2], values[5]}
    remembered = {"sha256:" + value for value in values[:2]} if target is HASHES else set()
    assert {name for name, code in desk.reasons().items() if code == "released"} == remembered


def test_what_was_released_into_a_url_list_may_be_taken_out_by_anybody(desk: Desk) -> None:
    desk.want(URLS[0], LIST)
    desk.want(URLS[1], LIST)
    desk.work()
    desk.want(URLS[0], LIST, content="", released=True)
    desk.work()
    desk.api.seed(url_lists=[{"name": LIST.name, "data": {"urls": [URLS[1]], "type": "exact"}, "pending": False}])
    desk.later(601)
    desk.work()
    assert desk.urls() == [URLS[1]]


@BOTH
def test_a_list_to_be_sent_again_is_written_once_more_and_only_once(
    desk: Desk, target: Target, values: list[str]
) -> None:
    for value in values:
        desk.want(value, target)
    desk.work()
    calls = desk.writes()
    ahead = int(time.time() * 1000) + 60_000
    for value in values[:5]:
        desk.want(value, target, resend_at=ahead)
    desk.work()
    again = desk.writes()
    desk.restart()
    desk.work()
    assert calls < again == desk.writes()
    assert held_in(desk, target) == set(values)
