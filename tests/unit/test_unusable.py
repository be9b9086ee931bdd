"""An entry, a row or an alert that something fails at unexpectedly is that one's trouble: all others go on."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.desired import AppliedState
from schemas.vendors.defender import DefenderTenant
from services.pull_defender.normalize import normalise as normalise_rows
from services.pull_netskope.client import Kind
from services.pull_netskope.normalize import AlertFilter, normalise
from services.runtime.reconciling.entry import Entry
from services.runtime.reconciling.status_writer import StatusWriter
from services.runtime.reconciling.unusable import UNUSABLE, reject_unusable
from tests.pushing import BLOCK, PusherHarness, defender, desired_entry

NOW = 1_900_000_000_000
DEFENDER = DefenderTenant.model_validate(
    {"type": "defender", "tenant_id": "t", "app_id": "a", "app_secret": {"env": "S"}}
)
SURROGATE = "\ud800.example"


class Fails:
    """A vendor's part that fails at entries with `bad` in their value, and at the unit as long as there is one."""

    def __init__(self, writer: StatusWriter) -> None:
        self.writer = writer

    def reconcile_once(self) -> float:
        for entry in self.writer.store:
            self.try_entry(entry)
        return float("inf")

    def try_entry(self, entry: Entry) -> None:
        if "bad" in entry.value:
            raise OverflowError("x" * 5_000 + SURROGATE)

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def harness() -> PusherHarness:
    return PusherHarness(defender("http://127.0.0.1:1", "t", "a"), Fails)


def reject(harness: PusherHarness) -> int:
    return reject_unusable(harness.writer, Fails(harness.writer).try_entry)


def test_those_that_fail_by_themselves_are_rejected_once_and_met_no_more(harness: PusherHarness) -> None:
    harness.want("good.example")
    bad = [harness.want(f"bad{number}.example") for number in range(3)]
    with pytest.raises(OverflowError):
        harness.reconcile_once()
    assert reject(harness) == 3
    harness.reconcile_once()
    assert harness.states() == {key.partition("/")[2]: AppliedState.REJECTED for key in bad}
    assert set(harness.reasons().values()) == {UNUSABLE}
    assert [entry.value for entry in harness.store] == ["good.example"]
    assert (harness.store.states["rejected"], harness.store.pending) == (3, 1)
    writes = harness.written.writes
    harness.restart()
    assert reject(harness) == 3
    assert harness.written.writes == writes, "what is published already is not published again"


def test_an_entry_comes_back_with_what_is_known_of_it_when_its_record_changes(harness: PusherHarness) -> None:
    key = harness.want("bad.example")
    (entry,) = harness.store
    harness.store.sent(entry, "remote-7")
    assert reject(harness) == 1
    harness.want("bad.example", content="c2")
    assert [found.remote_id for found in harness.store] == ["remote-7"]
    assert harness.store.states["rejected"] == 1, "as its record says until it is written"
    assert reject(harness) == 1
    harness.drop(key)
    assert [(found.remote_id, found.leaving) for found in harness.store] == [("remote-7", True)]


def test_where_no_entry_is_to_blame_nothing_is_rejected(harness: PusherHarness) -> None:
    harness.want("good.example")
    assert reject(harness) == 0
    assert harness.states() == {}
    assert desired_entry("good.example", BLOCK)[0].endswith("good.example")


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(SURROGATE)
    | st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.9999999-14:00", "2026-13-01", "NaN"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
ROW = ("indicatorValue", "indicatorType", "action", "severity", "title", "description", "externalId", "generateAlert",
       "creationTimeDateTimeUtc", "lastUpdateTime", "expirationTime", "mitreTechniques")  # fmt: skip
GOOD = {"indicatorValue": "good.example", "indicatorType": "DomainName", "action": "Block"}


@given(st.lists(st.dictionaries(st.sampled_from(ROW), JSON), max_size=4))
def test_no_row_keeps_another_from_being_reported(odd: list[dict[str, Any]]) -> None:
    rows = [{**GOOD, **row, "id": str(number)} for number, row in enumerate(odd)]
    listing = normalise_rows([*rows, {**GOOD, "indicatorValue": "other.example", "id": "last"}], DEFENDER, NOW)
    assert "domain:other.example" in listing.reports
    for item in listing.skips:
        item.encode()


ALERT = ("_id", "timestamp", "alert_type", "url", "threat_match_field", "threat_match_value", "severity",
         "severity_level", "malsite_category")  # fmt: skip


@given(st.lists(JSON | st.dictionaries(st.sampled_from(ALERT), JSON), max_size=4))
def test_no_alert_keeps_another_from_being_reported(odd: list[Any]) -> None:
    alert = {"_id": "a", "alert_type": "malsite", "url": "http://other.example/x"}
    reports, skips = normalise(Kind.MALSITE, [*odd, alert], AlertFilter(), NOW)
    assert "http://other.example/x" in {report.value for report in reports}
    for item in skips:
        item.encode()
