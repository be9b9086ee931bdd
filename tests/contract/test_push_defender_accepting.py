"""What a tenant does not accept as a whole is learnt from its answers, remembered, and asked again now and then."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from schemas.note import RESERVED
from schemas.refusal import Refusal
from schemas.vendors.defender import DefenderAction
from services.push_defender.capabilities import SEVERAL
from services.runtime.clock import now_ms
from services.runtime.vendors import capabilities
from services.runtime.vendors.capabilities import AGAIN_S, NOT_ACCEPTED
from tests.contract.defender import PusherHarness
from tests.contract.test_vendor_sessions import Sandbox

WARN = DefenderAction(kind="defender-action", action="Warn")


@pytest.fixture
def harness(defender: Sandbox) -> Iterator[PusherHarness]:
    with closing(PusherHarness(defender)) as found:
        yield found


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Days that have gone by, for what is remembered."""
    gone = [0]
    monkeypatch.setattr(capabilities, "now_ms", lambda: now_ms() + round(gone[0] * AGAIN_S * 1000))
    return gone


def md5(number: int) -> str:
    return f"{number:032x}"


def told(harness: PusherHarness, code: str) -> int:
    return [said for said, _ in harness.told.said].count(code)


def learnt(harness: PusherHarness) -> list[str]:
    return [
        Refusal.decode(raw).kind for key, raw in harness.written.notes.items() if key.startswith(RESERVED + b"refus")
    ]


def test_md5_that_a_tenant_turns_down_is_left_out_without_a_call_and_told_once(harness: PusherHarness) -> None:
    harness.switch(md5_accepted=False)
    for number in range(3):
        harness.want(md5(number))
    harness.want("a" * 64)
    harness.work()
    assert set(harness.reasons().values()) == {NOT_ACCEPTED}
    assert harness.states()["sha256:" + "a" * 64] == "applied"
    assert (learnt(harness), told(harness, "kind_refused")) == (["FileMd5"], 1)
    calls = harness.sent("/import", "/indicators")
    for number in range(3, 40):
        harness.want(md5(number))
    harness.work()
    assert (harness.states()["md5:" + md5(39)], harness.reasons()["md5:" + md5(39)]) == ("skipped", NOT_ACCEPTED)
    assert harness.sent("/import", "/indicators") == calls, "no call is spent on them"
    assert [entry.reason for entry in harness.told.entries].count(NOT_ACCEPTED) == 40, "each is listed, once"


def test_it_outlives_the_process_and_is_asked_again_after_a_day(harness: PusherHarness, days: list[int]) -> None:
    harness.switch(md5_accepted=False)
    keys = [harness.want(md5(number)) for number in range(5)]
    harness.work()
    harness.restart()
    calls = harness.sent("/import")
    harness.want(md5(5))
    harness.work()
    assert (harness.sent("/import"), told(harness, "kind_refused")) == (calls, 1)
    days[0] = 1
    harness.work()
    assert harness.sent("/import") == calls + 1, "one entry is tried"
    assert set(harness.states().values()) == {"skipped"}
    harness.work()
    assert (harness.sent("/import"), told(harness, "kind_refused")) == (calls + 1, 1), (
        "the answer is believed for a day"
    )

    harness.switch(md5_accepted=True)
    days[0] = 2
    harness.work()
    assert set(harness.states().values()) == {"applied"}
    assert (learnt(harness), told(harness, "kind_accepted")) == ([], 1)
    harness.drop(*keys)
    harness.work()
    assert set(harness.values()) == {md5(5)}


def test_with_nothing_left_out_the_next_one_of_the_kind_shows(harness: PusherHarness, days: list[int]) -> None:
    harness.switch(md5_accepted=False)
    key = harness.want(md5(1))
    harness.work()
    harness.drop(key)
    harness.work()
    days[0] = 1
    harness.work()
    harness.switch(md5_accepted=True)
    harness.want(md5(2))
    harness.want(md5(3))
    harness.work()
    assert (set(harness.values()), learnt(harness)) == ({md5(2), md5(3)}, [])


def test_warn_is_learnt_by_type_and_other_actions_go_on(harness: PusherHarness) -> None:
    harness.switch(warn_accepted=False)
    harness.want("a.example", WARN)
    harness.want("b.example")
    harness.work()
    assert learnt(harness) == ["Warn for DomainName"]
    assert set(harness.values()) == {"b.example"}
    assert harness.reasons() == {"domain:a.example": NOT_ACCEPTED}


def test_a_refusal_of_one_value_says_nothing_of_its_kind(harness: PusherHarness) -> None:
    body = {"error": {"code": "InvalidInput", "message": "MD5 hashes are not supported"}}
    harness.want(md5(1))
    harness.work()
    harness.sandbox.fault("status", path="import", code=400, times=1, body=body)
    harness.want(md5(2))
    harness.work()
    assert harness.reasons() == {"md5:" + md5(2): "vendor_rejected"}, "one of its kind is there"
    assert learnt(harness) == []


def test_without_words_several_refusals_of_a_kind_speak_for_it(harness: PusherHarness) -> None:
    body = {"error": {"code": "InvalidHashValue", "message": "Hash value is invalid."}}
    harness.sandbox.fault("status", path="import", code=400, body=body, times=SEVERAL)
    for number in range(SEVERAL - 1):
        harness.want(md5(number))
        harness.work()
    assert (learnt(harness), set(harness.reasons().values())) == ([], {"vendor_rejected"})
    harness.want(md5(SEVERAL))
    harness.work()
    assert (learnt(harness), harness.reasons()["md5:" + md5(SEVERAL)]) == (["FileMd5"], NOT_ACCEPTED)


def test_what_one_tenant_said_is_not_held_against_another(harness: PusherHarness) -> None:
    harness.switch(md5_accepted=False)
    harness.want(md5(1))
    harness.work()
    note = Refusal.decode(next(raw for key, raw in harness.written.notes.items() if b"refusal" in key))
    harness.written.notes[note.key()] = note.model_copy(update={"tenant": "another"}).encode()
    harness.restart()
    harness.switch(md5_accepted=True)
    harness.want(md5(2))
    harness.work()
    assert set(harness.values()) == {md5(2)}


def test_a_person_who_asks_for_a_comparison_has_it_tried_at_once(harness: PusherHarness) -> None:
    harness.switch(md5_accepted=False)
    harness.want(md5(1))
    harness.work()
    harness.switch(md5_accepted=True)
    harness.ask("one")
    harness.work()
    assert set(harness.values()) == {md5(1)}
    assert harness.told.answers == ["one"]
