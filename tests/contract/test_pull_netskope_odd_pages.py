"""Pages that are odd, or cannot be read at all: the iterator goes on, and what is sound is reported."""

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.report import Report
from services.pull_netskope.client import Kind
from services.pull_netskope.normalize import AlertFilter, normalise
from services.pull_netskope.service import TRIES
from services.pull_netskope.unread import PART_BYTES
from services.runtime.observability.metrics import PAGES_SET_ASIDE, counted
from services.runtime.vendors.errors import BrokenAnswerError, VendorError
from services.runtime.vendors.json_text import read_json
from tests.contract import test_pull_netskope_tenant as tenant
from tests.contract.test_pull_netskope_tenant import Bench, url_of, urls_of
from tests.contract.test_sandbox_netskope_gate import START
from tests.unit.test_pull_netskope_normalize import malsite, malware

served_netskope, open_bench, bench = tenant.served_netskope, tenant.open_bench, tenant.bench


def odd(number: int, text: str) -> bytes:
    """An alert with one field more, as raw JSON."""
    return b'{"_id":"%024x","timestamp":%d,"alert_type":"malsite","url":"%s",%s}' % (
        number, START - 60, url_of(number).encode(), text.encode("utf-8", "surrogateescape"),
    )  # fmt: skip


def put(bench: Bench, *bodies: bytes) -> None:
    for body in bodies:
        bench.api.tenant.streams["alerts/malsite"].append(START - 60, START, body)


@pytest.mark.parametrize(
    "text",
    [
        '"ccl":NaN', '"ccl":Infinity', '"ccl":-Infinity', '"user":"\\ud800"', '"user":"\\udc00\\ud800"', '"a":1,"a":2',
        '"user":"\udcff\udcfe"', '"transaction_id":' + "9" * 30, '"transaction_id":' + "9" * 5_000, '"cci":1e999',
        '"user":"a\tb\nc"', '"\\ud800":1', '"url":"h3.example/x"', '"user":"\ufeff"',
    ],
)  # fmt: skip
def test_what_pythons_json_reads_is_read(bench: Bench, text: str) -> None:
    bench.alert(0, 1, 2)
    put(bench, odd(3, text))
    bench.alert(4, 5, 6)
    bench.drain()
    assert bench.urls() == urls_of(*range(7))
    assert not bench.committed.letters


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_page_with_a_byte_order_mark_is_read(bench: Bench, encoding: str) -> None:
    page = json.dumps({"ok": 1, "result": [{"_id": "1", "url": url_of(1)}], "wait_time": 0})
    assert read_json(page.encode(encoding)) == json.loads(page)


def poll_until_set_aside(bench: Bench) -> None:
    for _ in range(TRIES - 1):
        with pytest.raises(BrokenAnswerError):
            bench.poll()
    assert not bench.committed.letters
    assert bench.poll() == 0


@pytest.mark.parametrize("first", [True, False])
def test_a_page_that_cannot_be_read_is_set_aside_with_its_bytes_and_the_iterator_goes_on(
    bench: Bench, first: bool
) -> None:
    before = counted(PAGES_SET_ASIDE, connection=bench.connection.name)
    if not first:
        bench.alert(0, 1, 2)
        bench.poll()
    put(bench, odd(3, '"user":"unended'), odd(4, '"a":1'), odd(5, '"a":1'))
    bench.alert(6, 7)
    poll_until_set_aside(bench)
    ((letter, content),) = bench.committed.letters
    assert odd(3, '"user":"unended') in content
    assert letter.topic == f"vendor.{bench.connection.name}.alerts_malsite"
    assert [code for code, _ in bench.told.said if code == "page_set_aside"] == ["page_set_aside"]
    assert counted(PAGES_SET_ASIDE, connection=bench.connection.name) == before + 1
    bench.drain()
    assert bench.urls() == [*([] if first else urls_of(0, 1, 2)), *urls_of(6, 7)]
    bench.restart()
    bench.drain()
    assert set(bench.urls()) >= set(urls_of(6, 7)), "what came after it is not lost by a restart"


def test_a_large_page_is_several_letters(bench: Bench) -> None:
    put(bench, odd(1, '"user":"' + "x" * (PART_BYTES * 2)))
    poll_until_set_aside(bench)
    assert [letter.partition for letter, _ in bench.committed.letters] == [0, 1, 2]
    assert len({letter.offset for letter, _ in bench.committed.letters}) == 1
    assert b"".join(content for _, content in bench.committed.letters).startswith(b'{"ok":1,"result":[{"_id"')


@pytest.mark.parametrize("body", [b"", b"<html>down for maintenance</html>", b'{"message": "try again'])
def test_what_is_no_page_is_never_passed_over(bench: Bench, body: bytes) -> None:
    bench.alert(*range(9))
    bench.poll()
    content = body.decode()
    for _ in range(TRIES * 2):
        bench.api.fault("status", path="dataexport", code=200, body=content, commit=True)
        with pytest.raises(VendorError):
            bench.poll()
    assert not bench.committed.letters
    bench.drain()
    assert bench.urls() == urls_of(*range(9))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("x" * 5_000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
WORN: list[tuple[Kind, Callable[..., dict[str, object]]]] = [(Kind.MALSITE, malsite), (Kind.MALWARE, malware)]


@given(st.sampled_from(WORN), st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_a_mutated_alert_makes_valid_reports_or_a_reason_and_hurts_no_other(
    worn: tuple[Kind, Callable[..., dict[str, object]]], data: st.DataObject
) -> None:
    kind, make = worn
    record = make()
    for name in data.draw(st.sets(st.sampled_from(sorted(record)), max_size=4)):
        action = data.draw(st.sampled_from(["drop", "null", "nest", "any"]))
        if action == "drop":
            del record[name]
        else:
            record[name] = {"null": None, "nest": {name: [record[name]]}, "any": data.draw(JSON)}[action]
    sound = make(_id="sound", md5="c" * 32, local_md5="c" * 32, sha256="d" * 64, local_sha256="d" * 64,
                 threat_match_value="sound.example/x", threat_match_field="url")  # fmt: skip
    text = json.dumps([record, sound, data.draw(JSON)])
    read = read_json(text.encode())
    assert isinstance(read, list)
    reports, skips = normalise(kind, read, AlertFilter(), START * 1000)
    assert any(report.external_id == "sound" for report in reports)
    assert all(Report.decode(report.encode()) == report for report in reports)
    assert all(item.reason for item in skips)
