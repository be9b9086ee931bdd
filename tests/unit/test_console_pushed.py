"""What is pushed, item by item: any body becomes answers in order or one refusal, and all three forms say the same."""

import csv
import io
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.canonical import RefusalReason
from schemas.report import Report, Verb
from services.console.ingest.items import (
    BAD_ITEM,
    MAX_ITEMS,
    NOT_AN_ITEM,
    BadBodyError,
    Format,
    JudgedItem,
    PushedItem,
    read,
)

NOW = 1_700_000_000_000


def one(item: object) -> JudgedItem:
    (found,) = read(orjson.dumps([item]), Format.JSON, NOW)
    return found


def report(item: object) -> Report:
    found = one(item).report
    assert found is not None
    return found


@given(st.binary(max_size=300), st.sampled_from(Format))
def test_any_body_is_read_or_refused_as_a_whole(body: bytes, form: Format) -> None:
    try:
        found = read(body, form, NOW)
    except BadBodyError:
        return
    assert [judged.index for judged in found] == list(range(len(found)))
    assert all((judged.report is None) == bool(judged.reason) for judged in found)


ITEMS = st.fixed_dictionaries(
    {"value": st.sampled_from(["a.evil.example", "hxxp://b[.]example/x", "192.0.2.1", "no indicator", "d" * 64])},
    optional={
        "severity": st.sampled_from(["low", "critical", "awful"]),
        "reputation": st.integers(-1, 12),
        "comments": st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=9),
        "tags": st.lists(st.sampled_from(["phishing", "mail"]), min_size=1, max_size=2, unique=True),
        "last_seen": st.just("2023-11-01T00:00:00Z"),
        "withdrawn": st.booleans(),
    },
)


@given(st.lists(ITEMS, min_size=1, max_size=5))
def test_the_three_forms_say_the_same(items: list[dict[str, Any]]) -> None:
    text = io.StringIO(newline="")
    rows = csv.DictWriter(text, PushedItem.model_fields)
    rows.writeheader()
    rows.writerows([{**item, "tags": ";".join(item.get("tags", ()))} for item in items])
    bodies = {
        Format.JSON: orjson.dumps({"indicators": items}),
        Format.NDJSON: b"\n".join(map(orjson.dumps, items)),
        Format.CSV: text.getvalue().encode(),
    }
    said = [[(judged.report, judged.reason) for judged in read(body, form, NOW)] for form, body in bodies.items()]
    assert said[0] == said[1] == said[2]


def test_an_item_becomes_a_report_of_its_canonical_form() -> None:
    said = report({
        "value": "HXXP://Evil[.]example", "severity": "high", "tags": "a; b;", "expires_at": "2024-01-01T00:00:00Z",
        "first_seen": "2022-01-01T00:00:00+01:00", "last_seen": "2023-01-01T00:00:00Z", "external_id": "7",
    })  # fmt: skip
    assert (said.value, said.severity, said.tags) == ("http://evil.example/", "high", ("a", "b"))
    assert (said.first_seen, said.last_seen) == (1_640_991_600_000, 1_672_531_200_000)
    assert report("evil.example").last_seen == NOW, "seen now, where nothing else is said"
    assert report({"value": "evil.example", "withdrawn": True}).verb is Verb.WITHDRAW
    assert report({"value": "evil.example", "first_seen": "2100-01-01T00:00:00Z"}).first_seen == NOW


@pytest.mark.parametrize(
    ("item", "reason", "detail"),
    [
        ({"value": "10.0.0.0/8"}, RefusalReason.ADDRESS_RANGE, "range"),
        ({"value": "evil.example", "type": "md5"}, RefusalReason.BAD_HASH, "evil"),
        ({"value": "evil.example", "sverity": "high"}, BAD_ITEM, "the fields are value, type"),
        ({"value": "evil.example", "last_seen": "2023-01-01T00:00:00"}, BAD_ITEM, "last_seen"),
        ({"severity": "high"}, BAD_ITEM, "value"),
        (7, NOT_AN_ITEM, "an object with a value"),
    ],
)
def test_a_bad_item_is_refused_with_a_code_and_what_is_wrong(item: object, reason: str, detail: str) -> None:
    found = one(item)
    assert found.reason == reason
    assert detail in found.detail


@pytest.mark.parametrize(
    ("body", "form", "why"),
    [
        (b"", Format.JSON, "not JSON"),
        (b"[]", Format.JSON, "no item"),
        (b"7", Format.JSON, "list of items"),
        (b"\n\n", Format.NDJSON, "no item"),
        (b"name\nx", Format.CSV, "must name the columns"),
        (b"\xff", Format.CSV, "UTF-8"),
        (orjson.dumps(["a.example"] * (MAX_ITEMS + 1)), Format.JSON, "more than 10000"),
    ],
)
def test_a_body_without_items_or_with_too_many_is_refused(body: bytes, form: Format, why: str) -> None:
    with pytest.raises(BadBodyError, match=why):
        read(body, form, NOW)


def test_a_bad_line_hurts_no_other() -> None:
    found = read(b'"a.example"\n{\n"b.example"', Format.NDJSON, NOW)
    assert [judged.reason for judged in found] == [None, NOT_AN_ITEM, None]
    found = read(b"value,severity\na.example,low\nb.example\nc.example,low,x\nd.example,low", Format.CSV, NOW)
    assert [judged.reason for judged in found] == [None, NOT_AN_ITEM, NOT_AN_ITEM, None]
