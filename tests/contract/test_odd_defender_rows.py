"""Odd rows of other people in a Defender tenant: passed over and counted, and nobody else's trouble."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.desired import AppliedState
from schemas.report import Report
from schemas.vendors.defender import DefenderTenant
from services.pull_defender.client import DefenderClient as PullClient
from services.pull_defender.normalize import normalise
from services.push_defender import plan
from services.push_defender.client import DefenderClient
from services.push_defender.eviction_plan import victims
from services.runtime.observability.metrics import VENDOR_ROWS_ODD, counted
from services.runtime.vendors.json_text import read_json
from services.sandbox.defender import rows
from services.sandbox.defender.rows import Row
from tests import pushing
from tests.contract.defender import Bench, PusherHarness
from tests.contract.test_vendor_sessions import Sandbox

ODD: list[dict[str, Any]] = [
    {"indicatorValue": None},
    {"rbacGroupNames": "G1"},
    {"rbacGroupNames": {"a": 1}},
    {"rbacGroupNames": [None, 7, "G1"]},
    {"rbacGroupIds": 3},
    {"rbacGroupIds": [True, {}]},
    {"id": 7},
    {"id": None},
    {"id": {"a": 1}},
    {"id": True},
    {"indicatorType": None},
    {"indicatorType": ["Url"]},
    {"action": 5},
    {"action": None},
    {"externalId": ["x"]},
    {"externalId": 9},
    {"creationTimeDateTimeUtc": 1_700_000_000},
    {"lastUpdateTime": {"a": []}},
    {"mitreTechniques": 5},
    {"severity": [[[[]]]]},
    {"title": None, "description": {"a": "b"}},
    {"generateAlert": "yes"},
]

SPEC = {"type": "defender", "tenant_id": "t", "app_id": "a", "app_secret": {"env": "S"}}


def distort(sandbox: Sandbox, value: str, fields: dict[str, Any]) -> None:
    """Let the tenant show a row of somebody else with these fields."""
    (row,) = [row for row in sandbox.tenant.indicators.rows.values() if row.entity["indicatorValue"] == value]
    row._json = Row(row.id, {**row.entity, **fields}, row.key).json


@pytest.mark.parametrize("fields", ODD, ids=str)
def test_the_puller_reports_the_rows_beside_an_odd_one(defender: Sandbox, fields: dict[str, Any]) -> None:
    bench = Bench(defender)
    bench.seed("one.example", "odd.example", "two.example")
    distort(defender, "odd.example", fields)
    bench.source.poll()
    values = {report.value for report in bench.committed.reports}
    assert {"one.example", "two.example"} <= values
    assert len(values) + len(bench.skips()) == 3, "reported, or listed with a reason"
    bench.close()


@pytest.mark.parametrize("fields", ODD, ids=str)
def test_the_pusher_writes_and_compares_beside_an_odd_row(defender: Sandbox, fields: dict[str, Any]) -> None:
    desk = PusherHarness(defender)
    desk.seed("theirs.example", "odd.example")
    distort(defender, "odd.example", fields)
    before = counted(VENDOR_ROWS_ODD, connection=desk.connection.name)
    desk.want("one.example")
    desk.work()
    for number in range(30):  # too many for a filter, so the whole tenant is listed
        desk.want(f"h{number}.example")
    desk.work()
    desk.later(3_600)
    desk.delete("h7.example")
    desk.work()
    assert set(desk.states().values()) == {AppliedState.APPLIED}
    assert desk.values() >= {"one.example", "theirs.example", "odd.example", *(f"h{n}.example" for n in range(30))}
    is_read = fields.keys() & {"id", "indicatorValue", "indicatorType", "action", "externalId", "rbacGroupNames",
                               "rbacGroupIds", "creationTimeDateTimeUtc"}  # fmt: skip
    assert (counted(VENDOR_ROWS_ODD, connection=desk.connection.name) > before) == bool(is_read)
    desk.close()


RECORDED: dict[str, Any] = {
    **rows.DEFAULTS, "id": "1042", "indicatorValue": "theirs.example", "indicatorType": "DomainName", "action": "Block",
    "rbacGroupNames": ["G1"], "rbacGroupIds": ["3"], "creationTimeDateTimeUtc": "2026-01-10T08:12:44.1234567Z",
    "lastUpdateTime": "2026-01-10T08:12:44.1234567Z", "mitreTechniques": ["T1566"], "severity": "High",
}  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(10**40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A recorded row with some fields dropped, nulled, nested or of another type; or something else altogether."""
    if draw(st.integers(0, 9)) == 0:
        return draw(JSON)
    row = dict(RECORDED)
    for name in draw(st.sets(st.sampled_from(sorted(row)), max_size=5)):
        action = draw(st.sampled_from(["drop", "null", "nest", "any"]))
        if action == "drop":
            del row[name]
        else:
            row[name] = {"null": None, "nest": [{name: row[name]}], "any": draw(JSON)}[action]
    return row


class Answering:
    """A session that has one answer for every call. Only what is read of an answer is of interest here."""

    name = "acme"

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.called = 0

    def call(self, *_: object, **__: object) -> object:
        self.called += 1
        return self.answer

    def listed(self, _: int) -> None:
        pass


@given(st.lists(mutated(), max_size=4), st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_no_mutated_row_hurts_reading_and_sound_rows_are_seen(odd: list[Any], data: st.DataObject) -> None:
    sound = {**RECORDED, "id": "7", "indicatorValue": "sound.example", "rbacGroupNames": [], "rbacGroupIds": []}
    listed = data.draw(st.permutations([sound, *odd]))
    session: Any = Answering({"value": read_json(json.dumps(listed).encode())})
    found = PullClient(session).listing()
    reports = normalise(found, DefenderTenant.model_validate(SPEC), 1_900_000_000_000)
    assert "domain:sound.example" in reports.reports
    assert all(Report.decode(report.encode()) == report for report in reports.reports.values())
    assert all(item.encode() for item in reports.skips)
    pusher = DefenderClient(session)
    rows_ = pusher.listing()
    items = [pushing.entry("sound.example")]
    assert plan.identity(items[0]) in plan.foreign(rows_)
    plan.compare(items, rows_, "0badcafe")
    victims(items, items, rows_, [], 500)


@given(st.lists(JSON | mutated(), max_size=3))
def test_no_answer_to_an_import_hurts_reading_it(results: list[Any]) -> None:
    session: Any = Answering({"value": read_json(json.dumps(results).encode())})
    pusher = DefenderClient(session)
    sent = [pushing.entry("sound.example"), pushing.entry("other.example")]
    assert len(plan.results(sent, pusher.import_many([]))) == 2


@pytest.mark.parametrize(
    ("result", "state"),
    [
        ({"id": "9", "indicator": "a.example"}, AppliedState.APPLIED),
        ({"id": 9, "indicator": "a.example", "isFailed": "False"}, AppliedState.APPLIED),
        ({"id": "9", "indicator": "a.example", "isFailed": None}, AppliedState.APPLIED),
        ({"id": None, "indicator": "a.example", "failureReason": "not valid"}, AppliedState.REJECTED),
        ({"id": "9", "indicator": "a.example", "failureReason": "not valid"}, AppliedState.REJECTED),
        ({"id": "9", "indicator": "a.example", "isFailed": "true"}, AppliedState.REJECTED),
        ({"indicator": "a.example"}, AppliedState.FAILED),
        ({"indicator": "a.example", "isFailed": 0}, AppliedState.FAILED),
        ({}, AppliedState.FAILED),
        (None, AppliedState.FAILED),
    ],
)
def test_an_import_answer_without_is_failed_is_told_by_its_reason_and_its_id(result: Any, state: AppliedState) -> None:
    session: Any = Answering({"value": [result]})
    pusher = DefenderClient(session)
    (outcome,) = plan.results([pushing.entry("a.example")], pusher.import_many([]))
    assert outcome.state is state
    if state is AppliedState.FAILED:
        assert outcome.reason == plan.NO_ANSWER, "it is looked up, not taken for written"


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("Allowed", "filtered_action"), ("allowed", "filtered_action"), (" ALLOWED ", "filtered_action"),
        ("Exempt", "unknown_action"), (None, "unknown_action"), (7, "unknown_action"), ("", "unknown_action"),
        ("Block", None), ("blockandremediate", None), ("AlertAndBlock", None), ("WARN", None), ("Audit", None),
    ],
)  # fmt: skip
def test_only_actions_that_say_bad_are_read_as_bad(action: object, reason: str | None) -> None:
    listing = normalise([{**RECORDED, "action": action}], DefenderTenant.model_validate(SPEC), 1_900_000_000_000)
    assert [item.reason for item in listing.skips] == ([reason] if reason else [])
    named = DefenderTenant.model_validate({**SPEC, "actions": ["Allowed", "Exempt"]})
    asked = normalise([{**RECORDED, "action": action}], named, 1_900_000_000_000)
    assert bool(asked.reports) == (str(action).strip().lower() in ("allowed", "exempt"))


def test_a_listing_whose_server_ignores_skip_withdraws_nothing(defender: Sandbox) -> None:
    bench = Bench(defender)
    bench.switch(ignore_skip=True, emit_nextlink=True, page_size=3)
    bench.seed(*(f"h{number}.example" for number in range(8)))
    bench.source.poll()
    assert len(bench.committed.held()) == 8
    bench.source.poll()
    assert len(bench.committed.held()) == 8
    bench.close()
