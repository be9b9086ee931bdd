"""The pure parts of dead letters: editing payloads, and what records of each topic must be."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.canonical import canonicalise
from schemas.deadletter import DeadLetter
from schemas.desired import Applied, AppliedState
from schemas.partitions import partition_of
from schemas.record import UndecodableError
from schemas.report import Report, ReportBatch, Verb
from schemas.resolution import digest
from schemas.resources import encode_resource, resource_key
from schemas.topics import Topics
from schemas.types import IndicatorType
from schemas.vendors.defender import DefenderAction
from services.console.cli.editor import NoEditorError, in_editor
from services.console.deadletters.dead_letter import ListedDeadLetter
from services.console.deadletters.edits import UnfitError, changed, parsed, pretty
from services.console.deadletters.planning import plan
from services.console.deadletters.reasons import Why
from services.console.deadletters.topic_kinds import topic_kind_of
from tests.routing import SHARING

TOPICS = Topics(partitions=4)
PAYLOAD = b'{"a":{"b":[1,{"c":"x"}]}}'
BLOCK = DefenderAction(kind="defender-action", action="Block")
APPLIED = Applied(
    state=AppliedState.APPLIED, target=BLOCK, type=IndicatorType.DOMAIN, value="evil.example", content="c",
    reported_at=1, at=1,
)  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "result"),
    [
        ("a.b.1.c=y", {"a": {"b": [1, {"c": "y"}]}}),
        ("a.b.0=2", {"a": {"b": [2, {"c": "x"}]}}),
        ("a.new=true", {"a": {"b": [1, {"c": "x"}], "new": True}}),
        ('a.b=["y=z"]', {"a": {"b": ["y=z"]}}),
        ("a.b.1.c=", {"a": {"b": [1, {"c": ""}]}}),
    ],
)
def test_a_field_is_set_as_json_or_as_text(setting: str, result: object) -> None:
    assert changed(PAYLOAD, [setting]) == result


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("a.b.2=1", "a.b.2: there is no 2 in a list of 2"),
        ("a.x.y=1", "a.x.y: there is no x in an object"),
        ("a.b.0.z=1", "a.b.0.z: there is no z in a single value"),
        ("a.b", "is not FIELD=VALUE"),
        ("=1", "is not FIELD=VALUE"),
    ],
)
def test_a_place_that_is_not_there_is_named(setting: str, says: str) -> None:
    with pytest.raises(UnfitError, match=says):
        changed(PAYLOAD, [setting])


def test_an_editor_that_is_not_there_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "no-such-editor")
    with pytest.raises(NoEditorError, match=r"no-such-editor.*; set EDITOR to an installed one, or use --set or"):
        in_editor("{}")


def test_what_is_no_json_object_is_replaced_whole_or_not_at_all() -> None:
    with pytest.raises(UnfitError, match="replace it whole, with --file"):
        changed(b"\xfe", ["a=1"])
    with pytest.raises(UnfitError, match="must be a JSON object"):
        parsed("[]")
    assert pretty(b"\xfe{") == "\\xfe{"
    assert pretty(None) == ""
    assert json.loads(pretty(PAYLOAD)) == json.loads(PAYLOAD)


@given(st.tuples(*[st.none() | st.binary(max_size=4)] * 4))
def test_different_bytes_have_different_names(parts: tuple[bytes | None, ...]) -> None:
    one, other = parts[:2], parts[2:]
    assert (digest(*one) == digest(*other)) == (one == other)


@pytest.mark.parametrize(
    ("topic", "key", "payload"),
    [
        (TOPICS.policy, resource_key(SHARING), encode_resource(SHARING)),
        (TOPICS.applied("mde"), "defender-action:Block/domain:evil.example", APPLIED.encode()),
    ],
)
def test_a_payload_must_fit_its_key(topic: object, key: str, payload: bytes) -> None:
    nature = topic_kind_of(TOPICS, getattr(topic, "name", ""))
    assert nature
    nature.check(key.encode(), payload)
    with pytest.raises(UndecodableError, match="make the payload match the key"):
        nature.check(b"something/else", payload)


def test_a_topic_that_nothing_reads_back_takes_no_replay() -> None:
    assert topic_kind_of(TOPICS, TOPICS.activity.name) is None
    assert topic_kind_of(TOPICS, "other.policy") is None
    note = DeadLetter(topic="other.policy", partition=0, offset=3, service="router", error="no", at=1)
    (left,) = plan(TOPICS, [ListedDeadLetter(b"k", b"{}", (), [note])], {}, force=True).left
    assert (left.id, left.why) == ("other.policy@0:3", Why.NOWHERE)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=10, unique=True))
def test_a_batch_is_spread_over_its_partitions_and_loses_nothing(numbers: list[int]) -> None:
    reports = tuple(
        Report(verb=Verb.UPDATE, type=found.type, value=found.value, observed_at=1, first_seen=1, last_seen=1)
        for found in (canonicalise(f"h{number}.evil.example") for number in numbers)
    )
    batch = ReportBatch(source="mde", poll="p", reports=reports)
    nature = topic_kind_of(TOPICS, TOPICS.reports.name)
    assert nature
    copies = [(number, ReportBatch.decode(payload)) for number, payload in nature.copies(0, batch.encode())]
    assert sorted(report.value for _, part in copies for report in part.reports) == sorted(r.value for r in reports)
    for number, part in copies:
        assert {partition_of(f"domain:{report.value}", 4) for report in part.reports} == {number}
