"""Expiries at the edges of time against the sandbox tenant, and what is on record when an entry cannot be written."""

from collections.abc import Iterable, Iterator
from contextlib import closing

import pytest

from schemas.desired import AppliedState
from schemas.moment import FOREVER, LAST
from schemas.vendors.defender import DefenderAction
from services.push_defender.render import body
from services.runtime.kafka.transactional_producer import OutgoingRecord
from services.runtime.reconciling.entry import UNCONFIRMED, Entry
from tests.contract.defender import PusherHarness
from tests.contract.test_vendor_sessions import Sandbox

NEVER = [FOREVER, FOREVER + 1, LAST, LAST + 1, 253_402_300_800_000, 10**30]
"""The last but two stand for what older releases stored."""


@pytest.fixture
def harness(defender: Sandbox) -> Iterator[PusherHarness]:
    with closing(PusherHarness(defender)) as found:
        yield found


def test_an_entry_that_expires_at_the_end_of_time_is_written_without_an_expiry(harness: PusherHarness) -> None:
    for number, ends in enumerate(NEVER):
        harness.want(f"never{number}.example", expires_at=ends)
    harness.want("last.example", expires_at=FOREVER - 1)
    harness.want("beside.example")
    harness.work()
    assert set(harness.states().values()) == {"applied"}
    written = {name.split()[0]: row.get("expirationTime") for name, row in harness.rows().items()}
    assert written.pop("last.example") == "9999-12-30T23:59:59Z"
    assert set(written.values()) == {None}


def test_an_entry_that_cannot_be_rendered_is_rejected_and_nothing_says_that_it_was_sent(
    harness: PusherHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    write = harness.written.write

    def break_one(entry: Entry, target: DefenderAction, source: str, owner: str) -> dict[str, object]:
        if entry.value == "odd.example":
            raise OverflowError("date value out of range")
        return body(entry, target, source, owner)

    def watch(entries: Iterable[OutgoingRecord]) -> None:
        write(entries)
        notes.extend(
            key
            for key, applied in harness.written.latest.items()
            if applied.reason and applied.reason.code == UNCONFIRMED
        )

    monkeypatch.setattr("services.push_defender.upserts.body", break_one)
    monkeypatch.setattr(harness.written, "write", watch)
    odd = harness.want("odd.example")
    harness.want("beside.example")
    harness.work()
    assert harness.values() == {"beside.example"}
    assert harness.states() == {
        "domain:odd.example": AppliedState.REJECTED,
        "domain:beside.example": AppliedState.APPLIED,
    }
    assert harness.reasons()["domain:odd.example"] == "not_renderable"
    assert notes, "the one that was sent was noted before"
    assert odd not in notes
