"""What is pushed, item by item: any body becomes answers in order or one refusal, and all three forms say the same."""

import csv
import io
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.canonical import RefusalReason
from schemas.report import Report, Verb
from services.console.ingest.formats import Format, format_of
from services.console.ingest.items import BAD_ITEM, MAX_ITEMS, NOT_AN_ITEM, JudgedItem, PushedItem, read
from services.console.ingest.raw_items import BadBodyError

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
        ({"value": "evil.example", "sverity": "high"}, BAD_ITEM, "there is no such field; did you mean severity"),
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
        (b"", Format.JSON, "body is empty"),
        (b"[]", Format.JSON, "no item"),
        (b"7", Format.JSON, "list of items"),
        (b"\n\n", Format.NDJSON, "no item"),
        (b"{", Format.JSON, "not JSON"),
        (b'{"value": "a.example", "value": "b.example"}', Format.JSON, "value: is given twice"),
        (b'{"objects": []}', Format.JSON, "list of items"),
        (b"value,Value\na.example,b", Format.CSV, "line 1: the column value is given twice"),
        (b"\n# a comment\nvalue,sverity\na.example,low", Format.CSV, "line 3: .*'sverity'; did you mean severity"),
        ("value\nä.example".encode("utf-16-le"), Format.CSV, "must name the columns"),
        (b"\xff\xfev\x00a", Format.CSV, "not utf-16 text"),
        (b"name\nx", Format.CSV, "must name the columns"),
        (b"\xff", Format.CSV, "UTF-8"),
        (orjson.dumps(["a.example"] * (MAX_ITEMS + 1)), Format.JSON, "more than 10000"),
    ],
)
def test_a_body_without_items_or_with_too_many_is_refused(body: bytes, form: Format, why: str) -> None:
    with pytest.raises(BadBodyError, match=why):
        read(body, form, NOW)


def outcomes(body: str | bytes, form: Format) -> list[tuple[int | None, str | None]]:
    raw = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else body
    return [(judged.line, judged.report.value if judged.report else judged.reason) for judged in read(raw, form, NOW)]


def test_a_bad_line_hurts_no_other() -> None:
    found = outcomes('"a.example"\n{\n\n"b.example"', Format.NDJSON)
    assert found == [(1, "a.example"), (2, NOT_AN_ITEM), (4, "b.example")]
    rows = "value,severity\na.example,low\nb.example\nc.example,low,x\nd.example,low"
    assert outcomes(rows, Format.CSV) == [
        (2, "a.example"), (3, NOT_AN_ITEM), (4, NOT_AN_ITEM), (5, "d.example"),
    ]  # fmt: skip


BAD_ROWS = st.sampled_from([
    *("bad.example", "bad.example,low,,,x", 'bad.example,"low', '"bad.example,low,,', 'bad.example,"lo"w,,'),
    *("bad.example,awful,,", "10.0.0.0/8,low,,", "bad.example,low,\x00,", "bad\x00.example,low,,", "no indicator,,,"),
    *("bad.example,low,\udcff,", ",low,,", 'bad.example,low,"a""b,', 'bad.example,"",,"', "bad.example,\x01,,"),
    *("bad.example;low;;", "bad.example,low,,2023-01-01"),
])  # fmt: skip
GOOD_ROWS = st.sampled_from([
    *("{},low,,", '"{}", "HIGH" ,,', "{} , Low ,,", '{},low,"one\ntwo",', '{},low,"say ""x"", then",', "“{}”,,,"),
    *('{},low,5" disk,', '{},,"one\r\n# two\r\n\r\nthree",2023-11-01T00:00:00Z', '"{}","","",""'),
])  # fmt: skip
BETWEEN = st.sampled_from(["", "", "", "\n", '# a comment, of no "row\n', "   \n"])


@given(
    st.lists(st.tuples(BETWEEN, st.none() | BAD_ROWS, GOOD_ROWS), min_size=1, max_size=12),
    st.sampled_from(["\n", "\r\n"]),
)
@example([("", '"bad.example,low,,', '"{}", "HIGH" ,,')] * 3, "\n")
@example([("", 'bad.example,"low', '{},low,"say ""x"", then",')] * 3, "\n")
def test_each_bad_row_of_a_table_is_listed_with_its_line_and_each_good_one_taken(
    rows: list[tuple[str, str | None, str]], end: str
) -> None:
    text, expected = "\ufeff" + "Value, Severity ,comments,First Seen\n", list[tuple[int, str | None]]()
    for number, (before, bad, good) in enumerate(rows):
        text += before
        value = f"h{number}.example"
        expected.append((text.count("\n") + 1, None if bad else value))
        text += (bad or good.format(value)).replace("\r\n", "\n") + "\n"
    found = outcomes(text.replace("\n", end), Format.CSV)
    assert [(line, said if said and said.endswith(".example") else None) for line, said in found] == expected


BAD_ITEMS = st.sampled_from([
    *("{", "7", "nonsense", "[]", "[[[]]]", "{}", "[" * 2_000, '{"value": }', '{value: "bad.example"}'),
    *('{"value": "bad.example"', '{"value": "bad.example",}', '{"value": "bad.example"]', '{"value": 7}'),
    '{"value": null}',
    *('{"value": NaN}', '{"value": "bad.example", "reputation": NaN}', '{"value": "bad.example", "reputation": 1e999}'),
    '{"value": "bad.example", "reputation": ' + "9" * 5000 + "}", '{"value": "bad.example", "value": "b.example"}',
    *('{"value": {"of": "bad.example"}}', '{"value": "\\ud800.example"}', '{"value": "\udcff.example"}'),
    *('{"value": "bad.example", "tags": [7]}', '{"value": "bad.example", "tags": [}', '{"value": "10.0.0.0/8"}'),
    *('{"value": "bad.example", "comments": "a\x00b"}', '{"value": "bad.example", "comments": "\\u0000"}'),
    '{"value": "bad.example", "\\ud800": 1}',
])  # fmt: skip
GOOD_ITEMS = st.sampled_from([
    '{{"value": "{}"}}', '{{\n  "value": "{}"\n}}', '{{"value": "{}", "comments": "a ] , {{ [ \\"x\\" "}}',
    '{{"value":"{}","severity":"HIGH","comments":null,"tags":null,"last_seen":null}}',
    '{{"value": "{}", "tags": "a, b"}}', '{{"value": "{}", "tags": ["a", ""]}}',
])  # fmt: skip


@given(
    st.lists(st.tuples(st.none() | BAD_ITEMS, GOOD_ITEMS), min_size=1, max_size=8),
    st.sampled_from(["list", "object", "lines"]),
)
def test_each_bad_item_is_listed_with_its_line_and_each_good_one_taken(
    items: list[tuple[str | None, str]], form: str
) -> None:
    texts, expected = list[str](), list[tuple[int, str | None]]()
    first = "" if form == "lines" else "[\n" if form == "list" else '{"count": 3,\n"indicators": [\n'
    line = first.count("\n") + 1
    for number, (bad, good) in enumerate(items):
        value = f"h{number}.example"
        text = bad or good.format(value)
        if form == "lines":
            text = text.replace("\n", " ")
        expected.append((line, None if bad else value))
        line += text.count("\n") + 1
        texts.append(text)
    body = (
        first
        + ("\n" if form == "lines" else ",\n").join(texts)
        + {"lines": "\n", "list": "]", "object": '],\n"more": 1}'}[form]
    )
    found = outcomes(body, Format.NDJSON if form == "lines" else Format.JSON)
    taken = [one for one in found if one[1] and one[1].startswith("h")]
    assert taken == [one for one in expected if one[1]]
    listed = {line for line, _ in found}
    assert listed >= {line for (line, _), (bad, _) in zip(expected, items, strict=True) if bad is None or bad[0] == "{"}


@pytest.mark.parametrize(
    "body",
    [
        "value,severity\na.example,low".encode("utf-8-sig"),
        "value,severity\na.example,low".encode("utf-16"),
        b"sep=;\r\nVALUE; Severity \r\na.example;LOW\r\n",
        b"value\tseverity\na.example\tlow",
        b'"value", "severity"\n"a.example", "low"',
        b"value,severity,,\na.example,low,,",
        b"\n# made by a program\nvalue|severity\na.example|low",
    ],
)
def test_tables_come_in_many_ways(body: bytes) -> None:
    (found,) = read(body, Format.CSV, NOW)
    assert found.report
    assert (found.report.value, found.report.severity) == ("a.example", "low")


@pytest.mark.parametrize("code", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_is_no_part_of_a_body(code: str) -> None:
    for form, text in (
        (Format.JSON, '["ä.example"]'),
        (Format.NDJSON, '"ä.example"'),
        (Format.CSV, "value\nä.example"),
    ):
        assert outcomes(text.encode(code), form) == [(2 if form is Format.CSV else 1, "xn--4ca.example")]


@pytest.mark.parametrize(
    ("said", "form", "charset"),
    [
        ("Application/JSON", Format.JSON, "utf-8"),
        ("application/json; charset=UTF-8", Format.JSON, "utf-8"),
        ('text/csv;header=present; Charset="ISO-8859-1"', Format.CSV, "iso-8859-1"),
        ("application/vnd.feed+json", Format.JSON, "utf-8"),
        ("application/jsonl", Format.NDJSON, "utf-8"),
        ("TEXT/tab-separated-values", Format.CSV, "utf-8"),
    ],
)
def test_a_content_type_is_read_as_http_has_it(said: str, form: Format, charset: str) -> None:
    assert format_of(said) == (form, charset)


@pytest.mark.parametrize("said", ["", "text/plain", "application/json; charset=punycode", "json"])
def test_a_content_type_that_is_not_read_is_one_clear_mistake(said: str) -> None:
    with pytest.raises(BadBodyError, match=r"^Content-Type: .*say one of"):
        format_of(said)


def test_a_body_that_is_cut_short_says_so_and_gives_what_is_whole() -> None:
    assert outcomes('["a.example"', Format.JSON) == [(1, "a.example"), (1, NOT_AN_ITEM)]
    assert outcomes('[{"value": "a.example"},\n{"value"', Format.JSON) == [(1, "a.example"), (2, NOT_AN_ITEM)]
    assert outcomes('{"value": "a.example"}\n{"value": "b.example"}', Format.JSON) == [
        (1, "a.example"),
        (2, NOT_AN_ITEM),
    ]


@pytest.mark.parametrize(
    ("item", "field", "detail"),
    [
        ({"value": 7}, "value", "must be text; put it in quotes"),
        ({"value": "a.example", "severity": "awful"}, "severity", "is not allowed here; use unknown"),
        ({"value": "a.example", "last_seen": "yesterday"}, "last_seen", "write a time with its zone"),
        ({"value": "a.example", "reputation": 11}, "reputation", "must be at most 10"),
        ({"value": "a.example", "comments": "a\x07b"}, "comments", "control character"),
        ({"value": "a.example", "withdrawn": "perhaps"}, "withdrawn", "must be true or false"),
        ({"value": "10.0.0.0/8"}, "value", "is a range of addresses"),
        ({}, "value", "is missing; add it"),
    ],
)
def test_a_refusal_names_the_field_and_what_to_do(item: dict[str, object], field: str, detail: str) -> None:
    found = one(item)
    assert found.field == field
    assert detail in found.detail
    assert found.answer["line"] == 1


@pytest.mark.parametrize(
    "text", [",{" * 300_000, '{"a":[' * 200_000, "[" + '{"value":' * 200_000, '["' * 300_000, "," * 900_000]
)
def test_a_hostile_body_ends_as_any_other(text: str) -> None:
    for form in Format:
        try:
            read(f"[{text}".encode() if form is Format.JSON else text.encode(), form, NOW)
        except BadBodyError:
            continue
