"""Records of the stand-in Netskope tenant, with the traits that break careless readers, and the older queries."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.test_sandbox_netskope_gate import MALSITE, MALWARE, START, Api, serving

DATA = "/api/v2/events/data/alert"


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


COMMON = words(
    """_id timestamp type alert alert_name alert_type acked action activity app appcategory category ccl cci count
    device os browser user ur_normalized userip srcip dstip hostname access_method traffic_type site page page_site
    url policy policy_id severity transaction_id request_id connection_id app_session_id browser_session_id
    incident_id record_type organization_unit custom_attr"""
)
MALWARE_FIELDS = words(
    """local_md5 md5 local_sha256 sha256 sha1 file_name filename file_path file_size file_type file_category
    true_filetype mime_type object object_type malware_id malware_name malware_type malware_severity malware_profile
    scanner_result severity_id detection_engine detection_type ml_detection tss_mode tss_scan_failed tss_fail_reason
    instance title from_user shared_with nsdeviceuid"""
)
MALSITE_FIELDS = words(
    """malsite_category malsite_id malsite_ip_host malsite_country malsite_region malsite_city malsite_latitude
    malsite_longitude malsite_active malsite_confidence malsite_consecutive malsite_hostility malsite_reputation
    malsite_first_seen malsite_last_seen malsite_isp malsite_as_number malsite_dns_server malicious severity_level
    severity_level_id threat_match_field threat_match_value threat_source_id dsthost dstport"""
)
LONG_IDS = words("transaction_id request_id connection_id app_session_id browser_session_id incident_id")


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    with serving() as api:
        yield api


@pytest.fixture
def api(served: Api) -> Api:
    served.admin("reset")
    return served


def seeded(api: Api, *seeds: dict[str, Any]) -> list[dict[str, Any]]:
    api.seed(alerts=seeds)
    path = MALWARE if seeds[0]["kind"] == "malware" else MALSITE
    records: list[dict[str, Any]] = api.pull(0, path=path).json()["result"]
    return records


def test_a_malware_record_is_whole_and_has_what_the_seed_says(api: Api) -> None:
    seed = {
        "kind": "malware",
        "md5": "a" * 32,
        "sha256": "b" * 64,
        "local_md5": "c" * 32,
        "severity": "Medium",
        "timestamp": START - 60,
        "malware_name": "Win32.Synthetic",
    }
    [record] = seeded(api, seed)
    assert record.keys() >= COMMON | MALWARE_FIELDS
    assert (record["alert_type"], record["type"], record["alert"]) == ("Malware", "nspolicy", "yes")
    assert (record["md5"], record["local_md5"]) == ("a" * 32, "c" * 32)
    assert (record["sha256"], record["local_sha256"]) == ("b" * 64, "b" * 64)
    assert (record["severity"], record["severity_id"], record["malware_severity"]) == ("Medium", 2, "medium")
    assert (record["timestamp"], record["malware_name"]) == (START - 60, "Win32.Synthetic")
    assert re.fullmatch(r"[0-9a-f]{32}", record["malware_id"])


def test_a_malsite_record_is_whole_and_has_what_the_seed_says(api: Api) -> None:
    match = {"threat_match_field": "domain", "threat_match_value": "bad.example"}
    [record] = seeded(api, {"kind": "malsite", "url": "phish.bad.example/login", "severity_level": "med", **match})
    assert record.keys() >= COMMON | MALSITE_FIELDS
    assert (record["alert_type"], record["type"], record["malicious"]) == ("malsite", "malsite", "yes")
    assert (record["url"], record["dsthost"]) == ("phish.bad.example/login", "phish.bad.example")
    assert match.items() <= record.items()
    assert (record["severity_level"], record["severity"], record["timestamp"]) == ("med", "unknown", START)
    assert isinstance(record["malsite_latitude"], float)


def test_ids_are_what_careless_readers_break_on(api: Api) -> None:
    records = seeded(api, *({"kind": "malware", "sha256": f"{number:064x}"} for number in range(50)))
    assert all(re.fullmatch(r"[0-9a-f]{24}", record["_id"]) for record in records)
    assert len({record["_id"] for record in records}) == 50
    numbers = [record[name] for record in records for name in LONG_IDS]
    assert all(2**53 < number < 2**63 for number in numbers)
    assert any(int(float(number)) != number for number in numbers)


def test_ids_differ_between_tenants_and_repeat_between_runs() -> None:
    def first(name: str) -> dict[str, Any]:
        with serving(name=name) as api:
            return seeded(api, {"kind": "malsite", "url": "a.example"})[0]

    one, again, other = first("one"), first("one"), first("other")
    assert one == again
    assert one["transaction_id"] != other["transaction_id"]


def test_some_malsite_categories_are_strings(api: Api) -> None:
    records = seeded(api, *({"kind": "malsite", "url": f"{number}.example"} for number in range(10)))
    categories = [record["malsite_category"] for record in records]
    assert [isinstance(category, str) for category in categories] == [False, False, False, False, True] * 2
    assert categories[4] == "['Phish Site', 'Malicious Site']"
    assert categories[0] == ["Phish Site", "Malicious Site"]


def test_stringified_categories_are_the_seeds_or_the_switchs_choice(api: Api) -> None:
    api.switch(stringify_every=0)
    records = seeded(api, *({"kind": "malsite", "url": "a.example", "stringify": choice} for choice in (None, True)))
    assert [type(record["malsite_category"]) for record in records] == [list, str]


def test_missing_values_are_of_many_kinds(api: Api) -> None:
    [record] = seeded(api, {"kind": "malware", "md5": "a" * 32})
    assert (record["sha256"], record["sha1"], record["dst_location"], record["custom_attr"]) == ("", "", "null", {})


def test_extra_fields_are_put_over_the_fabricated_ones(api: Api) -> None:
    extra: dict[str, object] = {"_id": "f" * 24, "md5": None, "severity": [], "new_field": 2**60}
    [record] = seeded(api, {"kind": "malware", "md5": "a" * 32, "extra": extra})
    assert extra.items() <= record.items()


@pytest.mark.parametrize(
    "seed",
    [
        {"kind": "malware", "md5": "x"},
        {"kind": "malware"},
        {"kind": "malsite"},
        {"kind": "malsite", "url": "a.example", "colour": "red"},
        {"kind": "nothing"},
    ],
)
def test_a_wrong_seed_takes_nothing_in(api: Api, seed: dict[str, Any]) -> None:
    good = {"kind": "malsite", "url": "a.example"}
    assert api.http.post("/_admin/seed", json={"alerts": [good, seed]}).status_code == 422
    assert api.truth()["records"] == {}


@pytest.fixture
def filled(api: Api) -> Api:
    api.seed(alerts=[{"kind": "malware", "md5": "a" * 32, "malware_name": "W.One", "timestamp": START - 100}])
    api.advance(50)
    api.seed(
        alerts=[
            {"kind": "malsite", "url": "a.example", "timestamp": START - 50, "extra": {"acked": "true"}},
            {"kind": "malsite", "url": "b.example", "timestamp": START},
            {"kind": "dlp", "timestamp": START},
        ]
    )
    return api


def ask(api: Api, path: str = DATA, **params: Any) -> httpx.Response:
    return api.http.get(path, params=params)


def kinds(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"ok", "result"}
    return [record["alert_type"] for record in body["result"]]


@pytest.mark.parametrize(
    ("params", "seen"),
    [
        ({}, ["Malware", "malsite", "malsite", "DLP"]),
        ({"type": "malware"}, ["Malware"]),
        ({"type": "Malsite"}, ["malsite", "malsite"]),
        ({"limit": 1, "offset": 1}, ["malsite"]),
        ({"offset": 4}, []),
        ({"starttime": START - 60, "endtime": START - 1}, ["malsite"]),
        ({"insertionstarttime": START, "insertionendtime": START + 49}, ["Malware"]),
        ({"acked": "true"}, ["malsite"]),
        ({"query": "alert_type eq 'Malware'"}, ["Malware"]),
        ({"query": "alert_type eq 'malware'"}, []),
        ({"query": "alert_name like 'w.o'"}, ["Malware"]),
        ({"query": "alert_type in ['DLP', 'Malware']"}, ["Malware", "DLP"]),
        ({"query": "alert_type eq malsite and url neq 'a.example'"}, ["malsite"]),
        (
            {"query": f"timestamp gte {START} or alert_type eq 'Malware' and severity_id gt 2"},
            ["Malware", "malsite", "DLP"],
        ),
    ],
)
def test_the_older_query_selects(filled: Api, params: dict[str, Any], seen: list[str]) -> None:
    assert kinds(ask(filled, **params)) == seen


def test_datasearch_answers_the_same(filled: Api) -> None:
    assert ask(filled, "/api/v2/events/datasearch/alert").json() == ask(filled).json()


def test_an_aggregation_counts(filled: Api) -> None:
    answer = ask(filled, type="malsite", fields="event_count:count(_id)", limit=1)
    assert answer.json() == {"ok": 1, "result": [{"event_count": 2}]}


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0},
        {"limit": 10_001},
        {"limit": "many"},
        {"offset": -1},
        {"starttime": START},
        {"starttime": START, "endtime": START - 1},
        {"starttime": 0, "endtime": START, "insertionstarttime": 0, "insertionendtime": START},
        {"query": "alert_type = 'Malware'"},
        {"query": "alert_type eq 'Malware' nor x eq 1"},
        {"query": "(alert_type eq 'Malware')"},
        {"fields": "url"},
    ],
)
def test_the_older_query_refuses_what_it_cannot_read(filled: Api, params: dict[str, Any]) -> None:
    answer = ask(filled, **params)
    assert (answer.status_code, list(answer.json())) == (400, ["message"])


@pytest.mark.parametrize("kind", ["page", "application", "audit", "infrastructure", "network", "incident"])
def test_other_events_are_there_when_seeded(api: Api, kind: str) -> None:
    path = f"/api/v2/events/data/{kind}"
    assert ask(api, path).json() == {"ok": 1, "result": []}
    api.seed(alerts=[{"kind": kind, "extra": {"url": "a.example"}}])
    [record] = ask(api, path).json()["result"]
    assert (record["url"], record["alert"], "alert_type" in record) == ("a.example", "no", False)


def test_the_older_query_has_rate_headers(api: Api) -> None:
    answers = [ask(api) for _ in range(25)]
    assert (answers[-1].status_code, answers[-1].headers["ratelimit-remaining"]) == (429, "0")
    assert int(answers[-1].headers["ratelimit-reset"]) == 5


def test_records_are_exact_json(api: Api) -> None:
    api.seed(alerts=[{"kind": "malsite", "url": 'a.example/ü"\\'}])
    text = api.pull(0, path=MALSITE).text
    assert json.loads(text)["result"][0]["url"] == 'a.example/ü"\\'
