"""Times at the edges, at every way in and every way out: each is a moment, never, or one refusal that names the field.

None of them may end a process or spoil what stands beside it.
"""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.desired import Desired
from schemas.duration import parse
from schemas.expression import VARIABLES
from schemas.indicator import Indicator
from schemas.moment import FIRST, FOREVER, LAST
from schemas.policy import Policy
from schemas.report import Report
from schemas.resources import resource
from schemas.vendors.defender import DefenderAction
from services.console.cli.output.when import NotATimeError, age, show, since
from services.console.ingest.correction import as_item
from services.console.ingest.formats import Format
from services.console.ingest.items import BAD_ITEM, SEEN_IN_FUTURE, JudgedItem, read
from services.pull_defender.normalize import normalise as read_listing
from services.pull_netskope.client import Kind
from services.pull_netskope.normalize import AlertFilter
from services.pull_netskope.normalize import normalise as read_alerts
from services.push_defender.render import body, why_not
from services.router.evaluation.compile import compile_policy
from services.router.evaluation.evaluate import Decision, evaluate
from services.router.evaluation.merge import merge
from services.runtime.polling.snapshot import difference
from services.sandbox.defender.times import parse_ticks
from tests.pushing import entry
from tests.unit.test_moment import ANYTHING, EXTREMES
from tests.unit.test_pull_defender_normalize import row, spec
from tests.unit.test_pull_netskope_normalize import malware
from tests.unit.test_router_evaluate import TENANTS, TO_BLOCK, policy, sharing

NOW = 1_900_000_000_000
WRITTEN = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | EXTREMES
BLOCK = {"kind": "defender-action", "action": "Block"}
FROM_MDE = sharing("again", "mde", "lab", BLOCK)


def pushed(**times: object) -> JudgedItem:
    (found,) = read(orjson.dumps([{"value": "evil.example", **times}]), Format.JSON, NOW)
    return found


def is_bounded(report: Report) -> bool:
    return FIRST <= report.first_seen <= report.last_seen <= NOW and (
        report.expires_at is None or FIRST <= report.expires_at <= LAST
    )


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("first_seen", "last_seen", "expires_at"), WRITTEN)))
def test_what_is_pushed_is_accepted_with_moments_or_refused_by_field(times: dict[str, Any]) -> None:
    found = pushed(**times)
    if found.report is None:
        assert found.reason == BAD_ITEM
        assert found.detail.partition(":")[0] in times
        assert "2026-01-31T12:00:00Z" in found.detail
    else:
        assert is_bounded(found.report)


@given(EXTREMES, EXTREMES)
def test_csv_is_read_like_json(last: str, ends: str) -> None:
    text = f'value,last_seen,expires_at\nevil.example,"{last}","{ends}"\nbeside.example,,\n'
    found = read(text.encode(), Format.CSV, NOW)
    assert found[-1].report is not None, "the row beside it is accepted"
    times = {name: said for name, said in (("last_seen", last), ("expires_at", ends)) if said}
    assert found[0].answer | {"line": 1} == pushed(**times).answer


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        ("9999-12-31T23:59:59Z", LAST - 999),
        ("9999-12-31T23:59:59.9999999Z", LAST),
        ("9999-12-31T23:59:59-05:00", LAST),
        ("0001-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:00Z", 0),
        (None, None),
    ],
)
def test_an_expiry_that_is_pushed(said: str | None, ends: int | None) -> None:
    report = pushed(expires_at=said).report
    assert report is not None
    assert report.expires_at == ends


def test_a_time_yet_to_come_is_capped_at_receipt_and_the_answer_says_so() -> None:
    found = pushed(last_seen="2099-01-01T00:00:00Z", first_seen="2098-01-01T00:00:00Z")
    assert found.report is not None
    assert (found.report.first_seen, found.report.last_seen) == (NOW, NOW)
    assert found.answer["status"] == "accepted"
    assert found.answer["reason"] == SEEN_IN_FUTURE
    assert "first_seen and last_seen" in str(found.answer["detail"])
    assert "reason" not in pushed(last_seen="2020-01-01T00:00:00Z").answer


@given(*[ANYTHING] * 3)
def test_a_row_of_defender_with_any_times_is_reported(created: object, updated: object, ends: object) -> None:
    odd = row(creationTimeDateTimeUtc=created, lastUpdateTime=updated, expirationTime=ends)
    listing = read_listing([odd, row("beside.example", id="2")], spec(), NOW)
    assert len(listing.reports) == 2
    first, chunks = difference({}, listing.reports, NOW)
    assert all(map(is_bounded, first))
    known = {number: entries for number, entries in chunks.items() if entries is not None}
    later = read_listing([odd, row("beside.example", id="2")], spec(), NOW + 60_000)
    assert difference(known, later.reports, NOW + 60_000) == ([], {}), "a clock ahead does not change it at every poll"


@pytest.mark.parametrize("ends", ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59-05:00"])
def test_a_row_of_defender_that_never_expires_outlives_aging_and_is_written_without_an_expiry(ends: str) -> None:
    (report,) = read_listing([row(expirationTime=ends)], spec(), NOW).reports.values()
    found = decide(report)
    assert found.indicator.expires_at is None
    (change,) = found.changes
    assert change.entry is not None
    assert change.entry.expires_at is None


@given(ANYTHING)
def test_an_alert_with_any_time_is_reported(said: object) -> None:
    reports, _ = read_alerts(Kind.MALWARE, [malware(timestamp=said)], AlertFilter(), NOW)
    assert reports
    assert all(map(is_bounded, reports))


def decide(report: Report) -> Decision:
    merged = merge(None, "mde", report)
    assert merged is not None
    return evaluate(merged, policy(FROM_MDE, TO_BLOCK), report.observed_at, report.observed_at)


STORED = (
    st.integers(FIRST, LAST) | st.sampled_from([FIRST, FOREVER - 1, FOREVER, LAST, LAST + 1]) | st.integers(0, 2**70)
)
"""What records may hold: older releases stored moments beyond the year 9999."""
ENTRA = {"type": "defender", "tenantId": "t", "appId": "a", "appSecret": {"env": "SECRET"}}


@given(STORED, STORED, STORED, st.none() | STORED, st.sampled_from(["never", "1s", "90d", "999999999d"]))
def test_whatever_is_stored_is_read_evaluated_shown_and_written(
    first: int, last: int, observed: int, ends: int | None, aging: str
) -> None:
    resources = [resource("Connection", "mde", {**ENTRA, "aging": aging}), *TENANTS[1:], FROM_MDE]
    compiled = compile_policy(Policy.of(resources, 1), 1)
    state = {"first_seen": first, "last_seen": last, "observed_at": observed, "expires_at": ends}
    written = {
        "type": "domain", "value": "evil.example", "first_seen": first, "last_seen": last, "expires_at": ends,
        "active": True, "changes_at": ends, "sources": {"mde": {k: v for k, v in state.items() if v is not None}},
    }  # fmt: skip
    stored = Indicator.decode(json.dumps(written))
    assert stored.expires_at == (None if ends is None else min(ends, LAST))
    for now in (FIRST, NOW, LAST):
        decision = evaluate(stored, compiled, now, now)
        found = Indicator.decode(decision.indicator.encode())
        assert found == decision.indicator
        assert all(variable.read(found) is not None for variable in VARIABLES.values())
        for change in decision.changes:
            if change.entry:
                check_written(change.entry.encode(), now)
    shown = [show(moment) for moment in (first, last, ends)]
    assert all(text == "-" or text.endswith("Z") for text in shown)
    assert all(
        said is not None for said in as_item({**stored.__dict__, "first_seen": first, "expires_at": ends}).values()
    )


def check_written(raw: bytes, now: int) -> None:
    """What a pusher makes of a desired entry: skipped as expired, or with an expiry that the tenant can read."""
    found = Desired.decode(raw)
    written = entry(found.value, found.target, expires_at=found.expires_at)
    target = DefenderAction.model_validate(BLOCK)
    if why_not(written, target, now) is None:
        text = body(written, target, "", "owner").get("expirationTime")
        assert text is None or parse_ticks(str(text)) < FOREVER * 10_000


@given(STORED)
def test_an_entry_that_an_older_release_desired_is_written(ends: int) -> None:
    written = {
        "target": BLOCK, "type": "domain", "value": "evil.example", "severity": "high", "reputation": 5,
        "expires_at": ends, "sources": ["mde"], "sharings": ["s"], "content": "c", "reported_at": ends,
    }  # fmt: skip
    check_written(json.dumps(written).encode(), NOW)


@given(st.integers())
def test_any_number_can_be_shown_as_a_moment_and_as_an_age(millis: int) -> None:
    assert show(millis).endswith("Z")
    assert age(millis)[-1] in "smhd"


@given(EXTREMES | st.text())
def test_a_window_of_time_is_a_moment_or_one_refusal(text: str) -> None:
    try:
        found = since(text)
    except NotATimeError:
        return
    assert found is None or FIRST <= found <= LAST


@pytest.mark.parametrize("text", ["999999999d", "999999999h", "1s"])
def test_the_longest_duration_overflows_nothing(text: str) -> None:
    assert parse(text).total_seconds() > 0
    assert since(text) is not None
    muted = {"match": "true", "mute": {"until": "9999-12-31T23:59:59-14:00"}}
    resources = [
        resource("Connection", "mde", {**ENTRA, "aging": text, "pollInterval": text}), *TENANTS[1:],
        resource("Rule", "muted", muted), sharing("s", "mde", "lab", BLOCK, rule="muted", backfill=text),
    ]  # fmt: skip
    for now in (FIRST, NOW, LAST):
        assert compile_policy(Policy.of(resources, 1), now).next_change in (LAST, None)
