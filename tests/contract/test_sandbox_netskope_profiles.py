"""Destination profiles of the stand-in Netskope tenant: limits, validation by place, the lock while a change waits."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from services.sandbox.netskope.settings import ProfileLimits
from tests.contract.test_sandbox_netskope_gate import Api, serving

PROFILES = "/api/v2/profiles/destinations"


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    limits = ProfileLimits(exact_values=4, exact_total=6, regex_total=3, values_per_call=3)
    with serving(profile_limits=limits, profile_bytes=2_000) as api:
        yield api


@pytest.fixture
def api(served: Api) -> Api:
    served.admin("reset")
    return served


def create(api: Api, *values: str, name: str = "block", kind: str = "insensitive", **more: str) -> httpx.Response:
    return api.http.post(PROFILES, json={"name": name, "type": kind, "values": list(values), **more})


def patch(api: Api, profile_id: str, op: str, *values: str) -> httpx.Response:
    return api.http.patch(f"{PROFILES}/{profile_id}/values", json={"operation": {"op": op, "values": list(values)}})


def swap(api: Api, profile_id: str, *values: str, **more: str | None) -> httpx.Response:
    return api.http.patch(f"{PROFILES}/{profile_id}", json={"type": "insensitive", "values": list(values), **more})


def deploy(api: Api, *ids: str) -> httpx.Response:
    return api.http.post(f"{PROFILES}/deploy", json={"ids": list(ids)})


def fields(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 400, answer.text
    return [error["field"] for error in answer.json()["validation_errors"]]


def held(api: Api, copy: str = "applied") -> dict[str, list[str]]:
    return {row["name"]: row["values"] for row in api.truth()["profiles"][copy]}


def test_create_answers_the_profile_without_its_values(api: Api) -> None:
    answer = create(api, "a.example", "b.example", description="ours")
    profile: dict[str, Any] = answer.json()
    assert answer.status_code == 201
    assert len(profile.pop("id")) == 36
    assert profile == {
        "name": "block",
        "description": "ours",
        "type": "insensitive",
        "values_count": 2,
        "status": "applied",
        "create_by": "API Token",
        "create_time": "2026-01-01T00:00:00.000Z",
    }
    assert held(api) == {"block": ["a.example", "b.example"]}


def test_listing_pages_and_picks_fields(api: Api) -> None:
    for name in "abc":
        create(api, f"{name}.example", name=name)
    page = api.http.get(PROFILES, params={"fields": "name,values_count", "offset": 1, "limit": 1}).json()
    assert page == {"elements": [{"name": "b", "values_count": 1}], "total_count": 3}
    with_values = api.http.get(PROFILES, params={"fields": "name,values"}).json()["elements"]
    assert with_values[0] == {"name": "a", "values": ["a.example"]}
    assert "values" not in api.http.get(PROFILES).json()["elements"][0]


@pytest.mark.parametrize("params", [{"limit": "0"}, {"limit": "101"}, {"offset": "-1"}, {"fields": "colour"}])
def test_listing_refuses_what_it_does_not_know(api: Api, params: dict[str, str]) -> None:
    assert fields(api.http.get(PROFILES, params=params))


def test_values_are_appended_and_removed(api: Api) -> None:
    profile_id = create(api, "a.example", "b.example").json()["id"]
    answer = patch(api, profile_id, "append", "c.example")
    assert (answer.status_code, answer.json()["values_count"]) == (201, 3)
    assert patch(api, profile_id, "remove", "a.example", "never.example").json()["values_count"] == 2
    assert held(api) == {"block": ["b.example", "c.example"]}


def test_a_repeated_value_is_kept_unless_switched(api: Api) -> None:
    profile_id = create(api, "a.example", "a.example").json()["id"]
    assert patch(api, profile_id, "append", "a.example").json()["values_count"] == 3
    assert patch(api, profile_id, "append", "b.example").json()["values_count"] == 4
    assert patch(api, profile_id, "remove", "a.example").json()["values_count"] == 1
    api.switch(profile_dedup=True)
    assert patch(api, profile_id, "append", "b.example").json()["values_count"] == 1


def test_an_operation_takes_so_many_values_and_a_replacement_any_number(api: Api) -> None:
    profile_id = create(api, "a.example").json()["id"]
    names = [f"{number}.example" for number in range(4)]
    assert fields(patch(api, profile_id, "append", *names)) == ["operation.values"]
    assert fields(patch(api, profile_id, "remove", *names)) == ["operation.values"]
    answer = swap(api, profile_id, *names)
    assert (answer.status_code, answer.json()["values_count"], answer.json()["status"]) == (201, 4, "applied")
    assert held(api) == {"block": names}
    assert ProfileLimits().values_per_call == 10


def test_a_replacement_says_the_type_and_is_judged_as_a_whole(api: Api) -> None:
    profile_id = create(api, "a.example", description="ours").json()["id"]
    assert fields(swap(api, profile_id, "b.example", type=None)) == ["type"]
    assert fields(swap(api, profile_id, "b.example", "::1")) == ["values[1]"]
    assert fields(swap(api, profile_id)) == ["values"]
    assert fields(swap(api, profile_id, *(f"{number}.example" for number in range(5)))) == ["values"]
    assert held(api) == {"block": ["a.example"]}
    assert swap(api, profile_id, "^b", type="regex", description="patterns").status_code == 201
    (row,) = api.http.get(PROFILES).json()["elements"]
    assert (row["type"], row["description"]) == ("regex", "patterns")
    assert swap(api, "unknown", "b.example").status_code == 404
    api.fault("pending_lock")
    assert swap(api, profile_id, "b.example").status_code == 409


def test_the_last_value_cannot_be_removed_unless_switched(api: Api) -> None:
    profile_id = create(api, "a.example").json()["id"]
    assert fields(patch(api, profile_id, "remove", "a.example")) == ["values"]
    api.switch(empty_lists=True)
    assert patch(api, profile_id, "remove", "a.example").json()["values_count"] == 0


@pytest.mark.parametrize("status", [400, 422])
def test_invalid_values_are_named_by_place_and_nothing_is_applied(api: Api, status: int) -> None:
    profile_id = create(api, "a.example").json()["id"]
    api.switch(profile_invalid_status=status)
    answer = patch(api, profile_id, "append", "ok.example", "http://scheme.example", "::1")
    assert answer.status_code == status
    assert [error["field"] for error in answer.json()["validation_errors"]] == ["values[1]", "values[2]"]
    assert held(api) == {"block": ["a.example"]}


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        ("CIDR:10.0.0.0/24", True),
        ("RANGE:10.0.0.1-10.0.0.9", True),
        ("198.51.100.7", True),
        ("*.a.example", True),
        ("a.example/path", True),
        ("a.example:8080", True),
        ("10.0.0.0/24", False),
        ("10.0.0.1-10.0.0.9", False),
        ("CIDR:10.0.0.1/24", False),
        ("CIDR:a.example", False),
        ("RANGE:10.0.0.9-10.0.0.1", False),
        ("a.example:80-90", False),
        ("https://a.example", False),
        ("2001:db8::1", False),
    ],
)
def test_the_syntax_of_values(api: Api, value: str, taken: bool) -> None:
    answer = create(api, value)
    assert answer.status_code == 201 if taken else fields(answer) == ["values[0]"]


def test_regex_profiles_take_regexes(api: Api) -> None:
    assert create(api, r"^.*\.a\.example$", kind="regex").status_code == 201
    assert fields(create(api, "(?=a)", name="b", kind="regex")) == ["values[0]"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "n" * 101}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a;b"}, "name"),
        ({"name": 'a"b'}, "name"),
        ({"description": "d" * 201}, "description"),
        ({"type": "exact"}, "type"),
        ({"values": []}, "values"),
        ({"values": "a.example"}, "values"),
        ({"values": [1]}, "values[0]"),
    ],
)
def test_every_field_has_its_limits(api: Api, body: dict[str, object], field: str) -> None:
    whole = {"name": "n" * 100, "description": "d" * 200, "type": "sensitive", "values": ["a.example"]}
    assert fields(api.http.post(PROFILES, json={**whole, **body})) == [field]
    assert api.http.post(PROFILES, json=whole).status_code == 201


def test_limits_per_profile_and_over_all(api: Api) -> None:
    names = [f"{number}.example" for number in range(5)]
    assert fields(create(api, *names)) == ["values"]
    first = create(api, *names[:4]).json()["id"]
    assert fields(patch(api, first, "append", names[4])) == ["values"]
    assert create(api, *names[:2], name="b", kind="sensitive").status_code == 201
    assert fields(create(api, names[0], name="c")) == ["values"]
    assert fields(create(api, "a", "b", "c", "d", name="r", kind="regex")) == ["values"]
    assert create(api, "a", "b", "c", name="r", kind="regex").status_code == 201


def test_default_limits() -> None:
    limits = ProfileLimits()
    assert (limits.exact_values, limits.exact_total, limits.regex_total) == (100_000, 300_000, 1_000)


def test_a_body_above_the_limit_is_refused(api: Api) -> None:
    assert create(api, "a.example", description="x" * 2_000).status_code == 400


def test_a_profile_with_a_pending_change_is_locked_until_deployed(api: Api) -> None:
    profile_id = create(api, "a.example").json()["id"]
    seeded = {"name": "block", "values": ["z.example"], "pending": True}
    assert api.seed(profiles=[seeded])["profiles"] == [profile_id]
    for op in ("append", "remove"):
        answer = patch(api, profile_id, op, "b.example")
        assert answer.status_code == 409
        assert "non-interactive operation on pending profile is not allowed" in answer.text
    assert deploy(api, profile_id).json() == {"applied": [profile_id]}
    assert patch(api, profile_id, "append", "b.example").status_code == 201
    assert held(api) == {"block": ["z.example", "b.example"]}


def test_changes_wait_for_deploy_when_switched(api: Api) -> None:
    api.switch(profile_apply="pending")
    profile = create(api, "a.example").json()
    assert profile["status"] == "pending"
    assert patch(api, profile["id"], "append", "b.example").status_code == 409
    deploy(api, profile["id"])
    assert patch(api, profile["id"], "append", "b.example").json()["status"] == "pending"
    assert (held(api), held(api, "pending")) == ({"block": ["a.example"]}, {"block": ["a.example", "b.example"]})


def test_deploy_applies_only_what_it_names(api: Api) -> None:
    ids = api.seed(profiles=[{"name": n, "values": ["a.example"], "pending": True} for n in "ab"])["profiles"]
    deploy(api, ids[0])
    assert (list(held(api)), list(held(api, "pending"))) == (["a"], ["b"])
    assert fields(deploy(api, ids[1], "unknown")) == ["ids[1]"]
    assert fields(deploy(api)) == ["ids"]
    assert list(held(api, "pending")) == ["b"]


def test_the_pending_lock_fault_locks_once(api: Api) -> None:
    profile_id = create(api, "a.example").json()["id"]
    api.fault("pending_lock")
    assert patch(api, profile_id, "append", "b.example").status_code == 409
    assert patch(api, profile_id, "append", "b.example").status_code == 201


def test_unknown_profiles_operations_and_names_taken(api: Api) -> None:
    profile_id = create(api, "a.example").json()["id"]
    assert patch(api, "unknown", "append", "b.example").status_code == 404
    assert fields(patch(api, profile_id, "replace", "b.example")) == ["operation.op"]
    assert create(api, "b.example").status_code == 409
    assert api.http.post(PROFILES, json=[]).status_code == 400
