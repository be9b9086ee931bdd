"""Iterators of the stand-in Netskope tenant: the cursor is the server's, and every way to lose a page is there."""

from collections.abc import Iterator

import httpx
import pytest

from tests.contract.test_sandbox_netskope_gate import MALSITE, MALWARE, START, Api, serving

ALL_ALERTS = "/api/v2/events/dataexport/events/alert"
DAY = 86_400


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    with serving(page_size=3) as api:
        yield api


@pytest.fixture
def api(served: Api) -> Api:
    served.admin("reset")
    return served


def happen(api: Api, *names: str, at: int = START) -> None:
    api.seed(alerts=[{"kind": "malware", "md5": "a" * 32, "object": name, "timestamp": at} for name in names])


def objects(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return "".join(record["object"] for record in answer.json()["result"])


def test_the_answer_has_the_documented_shape(api: Api) -> None:
    happen(api, "a")
    body = api.pull(0).json()
    assert list(body) == ["ok", "result", "wait_time", "timestamp_hwm"]
    assert (body["ok"], body["wait_time"], body["timestamp_hwm"]) == (1, 5, START)
    assert api.pull().json() == {"ok": 1, "result": [], "wait_time": 5, "timestamp_hwm": START}


def test_an_epoch_positions_and_next_goes_on_page_by_page(api: Api) -> None:
    happen(api, *"xy", at=START - DAY)
    happen(api, *"abcdefg")
    assert [objects(api.pull(operation)) for operation in (START, "next", "next", "next")] == ["abc", "def", "g", ""]


def test_wait_time_is_that_of_the_backlog_until_its_end(api: Api) -> None:
    happen(api, *"abcd")
    assert [api.pull(operation).json()["wait_time"] for operation in (0, "next", "next")] == [0, 5, 5]
    api.switch(wait_time_idle=None, wait_time_backlog=7)
    assert "wait_time" not in api.pull().json()
    assert api.pull(0).json()["wait_time"] == 7


def test_resend_repeats_the_last_page_and_moves_nothing(api: Api) -> None:
    happen(api, *"abcdef")
    operations = (0, "resend", "resend", "next", "resend", "next", "resend")
    assert [objects(api.pull(operation)) for operation in operations] == ["abc", "abc", "abc", "def", "def", "", ""]


def test_a_resent_page_is_the_same_to_the_byte_though_more_has_come(api: Api) -> None:
    happen(api, *"a")
    first = api.pull(0)
    happen(api, *"b")
    assert api.pull("resend").content == first.content
    assert objects(api.pull()) == "b"


def test_head_and_tail_are_a_switch(api: Api) -> None:
    happen(api, *"abcdefg")
    operations = ("tail", "next", "head", "next")
    assert [objects(api.pull(operation)) for operation in operations] == ["efg", "", "abc", "def"]
    api.switch(head_tail=False)
    assert {api.pull(operation).status_code for operation in ("head", "tail")} == {400}
    assert objects(api.pull("resend")) == "def"


@pytest.mark.parametrize("operation", ["", "Next", "-1", "1.5", "last", "2026-01-01"])
def test_other_operations_are_refused_and_move_nothing(api: Api, operation: str) -> None:
    happen(api, *"a")
    api.pull(0)
    answer = api.pull(operation)
    assert (answer.status_code, list(answer.json())) == (400, ["message"])
    assert objects(api.pull("resend")) == "a"


@pytest.mark.parametrize("params", [{"operation": "next"}, {"index": "i"}, {"index": "", "operation": "next"}])
def test_index_and_operation_are_needed(api: Api, params: dict[str, str]) -> None:
    assert api.http.get(MALWARE, params=params).status_code == 400


def test_cursors_belong_to_endpoint_and_index(api: Api) -> None:
    happen(api, *"abcd")
    api.seed(alerts=[{"kind": "malsite", "url": "a.example"}])
    assert objects(api.pull(0, "one")) == "abc"
    assert objects(api.pull(0, "two")) == "abc"
    assert objects(api.pull("next", "one")) == "d"
    assert [record["url"] for record in api.pull(0, "one", MALSITE).json()["result"]] == ["a.example"]
    assert objects(api.pull("next", "two")) == "d"
    assert [(cursor["path"], cursor["index"], cursor["behind"]) for cursor in api.truth()["iterators"]] == [
        ("alerts/malsite", "one", 0),
        ("alerts/malware", "one", 0),
        ("alerts/malware", "two", 0),
    ]


def test_all_alerts_are_one_more_iterator(api: Api) -> None:
    happen(api, "a")
    api.seed(alerts=[{"kind": "malsite", "url": "a.example"}, {"kind": "dlp"}, {"kind": "page"}])
    types = [record["alert_type"] for record in api.pull(0, path=ALL_ALERTS).json()["result"]]
    assert types == ["Malware", "malsite", "DLP"]


@pytest.mark.parametrize(
    "kind",
    [
        *("dlp", "watchlist", "ctep", "compromisedcredential", "malsite", "malware", "policy", "remediation"),
        *("quarantine", "securityassessment", "uba", "device", "content", "c2", "ips"),
    ],
)
def test_every_kind_of_alert_has_an_iterator(api: Api, kind: str) -> None:
    assert api.pull(0, path=f"/api/v2/events/dataexport/alerts/{kind}").json()["result"] == []


@pytest.mark.parametrize(
    "kind",
    [
        *("alert", "application", "page", "audit", "infrastructure", "network", "incident", "connection", "endpoint"),
    ],
)
def test_every_kind_of_event_has_an_iterator(api: Api, kind: str) -> None:
    assert api.pull(0, path=f"/api/v2/events/dataexport/events/{kind}").json()["result"] == []


@pytest.mark.parametrize(("start", "seen"), [("now", ""), ("oldest", "abc")])
def test_where_next_starts_on_a_fresh_index_is_a_switch(api: Api, start: str, seen: str) -> None:
    api.switch(fresh_next=start)
    happen(api, *"abc")
    assert objects(api.pull()) == seen
    happen(api, *"d")
    assert objects(api.pull()) == "d"


def test_resend_on_a_fresh_index_is_a_switch(api: Api) -> None:
    happen(api, *"abc")
    assert objects(api.pull("resend")) == ""
    api.switch(resend_on_fresh="refuse")
    assert api.pull("resend").status_code == 400


def test_an_epoch_to_come_is_taken_and_passes_over_what_happens_before_it(api: Api) -> None:
    happen(api, *"abc")
    body = api.pull(START + 60).json()
    assert (body["result"], body["timestamp_hwm"]) == ([], START + 60)
    happen(api, *"d", at=START + 30)
    assert objects(api.pull()) == ""
    happen(api, *"e", at=START + 60)
    assert objects(api.pull()) == "e"


def test_late_records_come_in_order_of_insertion(api: Api) -> None:
    happen(api, *"a")
    assert objects(api.pull(START)) == "a"
    happen(api, *"b", at=START - DAY)
    happen(api, *"c", at=START + 1)
    late = api.pull()
    assert (objects(late), late.json()["timestamp_hwm"]) == ("bc", START + 1)


def test_the_high_water_mark_never_goes_back(api: Api) -> None:
    happen(api, *"abc", at=START)
    happen(api, *"d", at=START - DAY)
    assert [api.pull(operation).json()["timestamp_hwm"] for operation in (0, "next", "next")] == [START] * 3


def test_hour_batches_leave_pages_short_and_empty_before_the_end(api: Api) -> None:
    api.switch(hour_batches=True)
    for hour, names in ((5, "a"), (2, "bcde"), (0, "f")):
        happen(api, *names, at=START - hour * 3600)
    bodies = [api.pull(START - 5 * 3600).json()]
    while bodies[-1]["timestamp_hwm"] < START:
        bodies.append(api.pull().json())
    pages = ["".join(record["object"] for record in body["result"]) for body in bodies]
    assert pages == ["a", "", "", "bcd", "e", ""]
    assert {body["wait_time"] for body in bodies} == {0}
    assert objects(api.pull()) == "f"
    assert api.pull().json()["wait_time"] == 5


def test_a_page_holds_ten_thousand_records_by_default() -> None:
    with serving() as api:
        seeds = [{"kind": "malware", "md5": f"{number:032x}"} for number in range(10_001)]
        assert api.seed(alerts=seeds)["alerts"] == 10_001
        pages = [api.pull(operation).json()["result"] for operation in (0, "next")]
        assert [len(page) for page in pages] == [10_000, 1]
        records = [record for page in pages for record in page]
        assert len({record["_id"] for record in records}) == 10_001
        assert [record["md5"] for record in records] == [seed["md5"] for seed in seeds]
