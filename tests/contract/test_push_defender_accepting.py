"""What a tenant does not accept as a whole is learnt from its answers, remembered, and asked again now and then."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from schemas.note import RESERVED
from schemas.refusal import Refusal
from schemas.targets import DefenderAction
from services.push_defender.accepting import SEVERAL
from services.runtime import refusals
from services.runtime.clock import now_ms
from services.runtime.refusals import AGAIN_S, NOT_ACCEPTED
from tests.contract.defender import Desk
from tests.contract.test_vendor_sessions import Sandbox

WARN = DefenderAction(kind="defender-action", action="Warn")


@pytest.fixture
def desk(defender: Sandbox) -> Iterator[Desk]:
    with closing(Desk(defender)) as found:
        yield found


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Days that have gone by, for what is remembered."""
    gone = [0]
    monkeypatch.setattr(refusals, "now_ms", lambda: now_ms() + round(gone[0] * AGAIN_S * 1000))
    return gone


def md5(number: int) -> str:
    return f"{number:032x}"


def told(desk: Desk, code: str) -> int:
    return [said for said, _ in desk.told.said].count(code)


def learnt(desk: Desk) -> list[str]:
    return [Refusal.decode(raw).kind for key, raw in desk.written.notes.items() if key.startswith(RESERVED + b"refus")]


def test_md5_that_a_tenant_turns_down_is_left_out_without_a_call_and_told_once(desk: Desk) -> None:
    desk.switch(md5_accepted=False)
    for number in range(3):
        desk.want(md5(number))
    desk.want("a" * 64)
    desk.work()
    assert set(desk.reasons().values()) == {NOT_ACCEPTED}
    assert desk.states()["sha256:" + "a" * 64] == "applied"
    assert (learnt(desk), told(desk, "kind_refused")) == (["FileMd5"], 1)
    calls = desk.sent("/import", "/indicators")
    for number in range(3, 40):
        desk.want(md5(number))
    desk.work()
    assert (desk.states()["md5:" + md5(39)], desk.reasons()["md5:" + md5(39)]) == ("skipped", NOT_ACCEPTED)
    assert desk.sent("/import", "/indicators") == calls, "no call is spent on them"
    assert [item.reason for item in desk.told.items].count(NOT_ACCEPTED) == 40, "each is listed, once"


def test_it_outlives_the_process_and_is_asked_again_after_a_day(desk: Desk, days: list[int]) -> None:
    desk.switch(md5_accepted=False)
    keys = [desk.want(md5(number)) for number in range(5)]
    desk.work()
    desk.restart()
    calls = desk.sent("/import")
    desk.want(md5(5))
    desk.work()
    assert (desk.sent("/import"), told(desk, "kind_refused")) == (calls, 1)
    days[0] = 1
    desk.work()
    assert desk.sent("/import") == calls + 1, "one entry is tried"
    assert set(desk.states().values()) == {"skipped"}
    desk.work()
    assert (desk.sent("/import"), told(desk, "kind_refused")) == (calls + 1, 1), "the answer is believed for a day"

    desk.switch(md5_accepted=True)
    days[0] = 2
    desk.work()
    assert set(desk.states().values()) == {"applied"}
    assert (learnt(desk), told(desk, "kind_accepted")) == ([], 1)
    desk.drop(*keys)
    desk.work()
    assert set(desk.values()) == {md5(5)}


def test_with_nothing_left_out_the_next_one_of_the_kind_shows(desk: Desk, days: list[int]) -> None:
    desk.switch(md5_accepted=False)
    key = desk.want(md5(1))
    desk.work()
    desk.drop(key)
    desk.work()
    days[0] = 1
    desk.work()
    desk.switch(md5_accepted=True)
    desk.want(md5(2))
    desk.want(md5(3))
    desk.work()
    assert (set(desk.values()), learnt(desk)) == ({md5(2), md5(3)}, [])


def test_warn_is_learnt_by_type_and_other_actions_go_on(desk: Desk) -> None:
    desk.switch(warn_accepted=False)
    desk.want("a.example", WARN)
    desk.want("b.example")
    desk.work()
    assert learnt(desk) == ["Warn for DomainName"]
    assert set(desk.values()) == {"b.example"}
    assert desk.reasons() == {"domain:a.example": NOT_ACCEPTED}


def test_a_refusal_of_one_value_says_nothing_of_its_kind(desk: Desk) -> None:
    body = {"error": {"code": "InvalidInput", "message": "MD5 hashes are not supported"}}
    desk.want(md5(1))
    desk.work()
    desk.sandbox.fault("status", path="import", code=400, times=1, body=body)
    desk.want(md5(2))
    desk.work()
    assert desk.reasons() == {"md5:" + md5(2): "vendor_rejected"}, "one of its kind is there"
    assert learnt(desk) == []


def test_without_words_several_refusals_of_a_kind_speak_for_it(desk: Desk) -> None:
    body = {"error": {"code": "InvalidHashValue", "message": "Hash value is invalid."}}
    desk.sandbox.fault("status", path="import", code=400, body=body, times=SEVERAL)
    for number in range(SEVERAL - 1):
        desk.want(md5(number))
        desk.work()
    assert (learnt(desk), set(desk.reasons().values())) == ([], {"vendor_rejected"})
    desk.want(md5(SEVERAL))
    desk.work()
    assert (learnt(desk), desk.reasons()["md5:" + md5(SEVERAL)]) == (["FileMd5"], NOT_ACCEPTED)


def test_what_one_tenant_said_is_not_held_against_another(desk: Desk) -> None:
    desk.switch(md5_accepted=False)
    desk.want(md5(1))
    desk.work()
    note = Refusal.decode(next(raw for key, raw in desk.written.notes.items() if b"refusal" in key))
    desk.written.notes[note.key()] = note.model_copy(update={"tenant": "another"}).encode()
    desk.restart()
    desk.switch(md5_accepted=True)
    desk.want(md5(2))
    desk.work()
    assert set(desk.values()) == {md5(2)}


def test_a_person_who_asks_for_a_comparison_has_it_tried_at_once(desk: Desk) -> None:
    desk.switch(md5_accepted=False)
    desk.want(md5(1))
    desk.work()
    desk.switch(md5_accepted=True)
    desk.ask("one")
    desk.work()
    assert set(desk.values()) == {md5(1)}
    assert desk.told.answers == ["one"]
