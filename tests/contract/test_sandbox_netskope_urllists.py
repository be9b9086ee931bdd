"""URL lists of the stand-in Netskope tenant: two copies, deploy, exact texts, nothing applied on a refusal."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.test_sandbox_netskope_gate import DEPLOY, LISTS, Api, serving

LIMIT = 2_000


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    with serving(url_list_bytes=LIMIT) as api:
        yield api


@pytest.fixture
def api(served: Api) -> Api:
    served.admin("reset")
    return served


def config(*urls: str, name: str = "block", kind: str = "exact") -> dict[str, Any]:
    return {"name": name, "data": {"urls": list(urls), "type": kind}}


def create(api: Api, *urls: str, name: str = "block", kind: str = "exact") -> int:
    answer = api.http.post(LISTS, json=config(*urls, name=name, kind=kind))
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def patch(api: Api, list_id: int, action: str, *urls: str, kind: str = "exact") -> httpx.Response:
    return api.http.patch(f"{LISTS}/{list_id}/{action}", json={"data": {"urls": list(urls), "type": kind}})


def applied(api: Api) -> dict[str, list[str]]:
    return {row["name"]: row["data"]["urls"] for row in api.truth()["url_lists"]["applied"]}


def test_create_answers_the_resource_as_pending(api: Api) -> None:
    answer = api.http.post(LISTS, json=config("bad.example"))
    assert answer.status_code == 201
    assert answer.json() == {
        "id": 1,
        "name": "block",
        "data": {"urls": ["bad.example"], "type": "exact", "json_version": 2},
        "modify_by": "API Token",
        "modify_time": "2026-01-01T00:00:00.000Z",
        "modify_type": "Created",
        "pending": 1,
    }
    assert applied(api) == {}


def test_the_status_of_writes_is_a_switch(api: Api) -> None:
    api.switch(write_status=200)
    assert api.http.post(LISTS, json=config("a.example")).status_code == 200
    assert patch(api, 1, "append", "b.example").status_code == 200


def test_deploy_applies_what_waits(api: Api) -> None:
    create(api, "bad.example")
    answer = api.http.post(DEPLOY)
    assert (answer.status_code, answer.json()) == (200, {"status": "success"})
    assert applied(api) == {"block": ["bad.example"]}
    assert api.http.get(LISTS).json()[0]["pending"] == 0
    assert api.http.post(DEPLOY).status_code == 200


def test_deploy_applies_what_other_admins_left(api: Api) -> None:
    api.seed(url_lists=[config("theirs.example", name="theirs") | {"pending": True, "by": "eve@corp.example"}])
    create(api, "ours.example")
    api.http.post(DEPLOY)
    assert applied(api) == {"theirs": ["theirs.example"], "block": ["ours.example"]}


def test_a_refused_deploy_changes_nothing(api: Api) -> None:
    create(api, "bad.example")
    api.fault("status", path="deploy", code=400, body={"message": ["policy is locked"]})
    assert api.http.post(DEPLOY).json() == {"message": ["policy is locked"]}
    assert applied(api) == {}


def test_the_alternative_deploy_route_is_a_switch(api: Api) -> None:
    create(api, "bad.example")
    assert api.http.post("/api/v2/policy/deploy").status_code == 404
    api.switch(policy_deploy=True)
    assert api.http.post("/api/v2/policy/deploy").status_code == 200
    assert applied(api) == {"block": ["bad.example"]}


def test_listing_is_a_top_level_array_of_applied_and_pending_lists(api: Api) -> None:
    api.seed(url_lists=[config("a.example", name="a"), config("b.example", name="b") | {"pending": True}])
    rows = api.http.get(LISTS).json()
    assert isinstance(rows, list)
    assert [(row["name"], row["pending"]) for row in rows] == [("a", 0), ("b", 1)]


def test_field_picks_keys(api: Api) -> None:
    create(api, "a.example")
    assert api.http.get(LISTS, params={"field": "id,name"}).json() == [{"id": 1, "name": "block"}]
    refused = api.http.get(LISTS, params={"field": "id,colour"})
    assert refused.status_code == 400
    assert "colour" in refused.json()["message"][0]


@pytest.mark.parametrize(("query", "urls"), [({"pending": 0}, ["old"]), ({"pending": 1}, ["new"]), ({}, ["new"])])
def test_an_edited_list_shows_the_copy_asked_for(api: Api, query: dict[str, int], urls: list[str]) -> None:
    api.seed(url_lists=[config("old.example")])
    patch(api, 1, "replace", "new.example")
    rows = api.http.get(LISTS, params=query).json()
    assert [row["data"]["urls"] for row in rows] == [[f"{name}.example"] for name in urls]


def test_both_copies_are_listed_when_switched(api: Api) -> None:
    api.seed(url_lists=[config("old.example")])
    patch(api, 1, "replace", "new.example")
    api.switch(both_copies=True)
    rows = api.http.get(LISTS, params={"field": "id,pending"}).json()
    assert rows == [{"id": 1, "pending": 0}, {"id": 1, "pending": 1}]


def test_pending_takes_nothing_else(api: Api) -> None:
    assert api.http.get(LISTS, params={"pending": "yes"}).status_code == 400


@pytest.mark.parametrize("status", [400, 409])
def test_names_are_unique(api: Api, status: int) -> None:
    api.switch(duplicate_name_status=status)
    create(api, "a.example")
    answer = api.http.post(LISTS, json=config("b.example"))
    assert (answer.status_code, answer.json()["statusCode"]) == (status, status)
    assert len(api.truth()["url_lists"]["pending"]) == 1


def test_a_rename_may_not_take_a_name_either(api: Api) -> None:
    create(api, "a.example", name="a")
    create(api, "b.example", name="b")
    api.http.post(DEPLOY)
    assert api.http.put(f"{LISTS}/2", json=config("b.example", name="a")).status_code == 409
    assert api.http.put(f"{LISTS}/2", json=config("b.example", name="c")).status_code == 200
    # "b" still applies until the rename is deployed.
    assert api.http.post(LISTS, json=config("x.example", name="b")).status_code == 409
    api.http.post(DEPLOY)
    assert api.http.post(LISTS, json=config("x.example", name="b")).status_code == 201


def test_get_reads_one_list(api: Api) -> None:
    create(api, "a.example")
    assert api.http.get(f"{LISTS}/1").json()["data"]["urls"] == ["a.example"]
    missing = api.http.get(f"{LISTS}/2")
    assert (missing.status_code, missing.json()["statusCode"]) == (404, 404)


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ({"data": {"urls": ["a.example"], "type": "exact"}}, ["name required"]),
        ({"name": "x", "data": {"type": "exact"}}, ["urls must be an array of URLs"]),
        ({"name": "x", "data": {"urls": "a.example", "type": "exact"}}, ["urls must be an array of URLs"]),
        ({"name": "x", "data": {"urls": [1], "type": "exact"}}, ["urls must be an array of URLs"]),
        ({"name": "x", "data": {"urls": ["a.example"]}}, ["data.type must be one of exact, regex"]),
        ({"name": "x", "data": {"urls": ["a.example"], "type": "EXACT"}}, ["data.type must be one of exact, regex"]),
        (
            {"name": "x", "urls": ["a.example"], "type": "exact"},
            ["urls must be an array of URLs", "data.type must be one of exact, regex"],
        ),
        (
            [],
            ["name required", "urls must be an array of URLs", "data.type must be one of exact, regex"],
        ),
    ],
)
def test_put_and_create_name_every_missing_field(api: Api, body: object, texts: list[str]) -> None:
    create(api, "a.example")
    for answer in (api.http.put(f"{LISTS}/1", json=body), api.http.post(LISTS, json=body)):
        assert answer.status_code == 400
        assert answer.json() == {"statusCode": 400, "message": texts, "error": "Bad Request"}
    assert len(api.truth()["url_lists"]["pending"]) == 1


def test_put_replaces_the_whole_configuration(api: Api) -> None:
    api.seed(url_lists=[config("a.example")])
    answer = api.http.put(f"{LISTS}/1", json=config("^b\\.example$", name="other", kind="regex"))
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["data"]["type"]) == ("other", "regex")
    assert (answer.json()["modify_type"], answer.json()["pending"]) == ("Edited", 1)
    assert applied(api) == {"block": ["a.example"]}


def test_append_keeps_what_is_there_and_drops_repeats(api: Api) -> None:
    create(api, "a.example")
    answer = patch(api, 1, "append", "a.example", "b.example")
    assert (answer.status_code, answer.json()["data"]["urls"]) == (201, ["a.example", "b.example"])
    api.switch(append_dedup=False)
    urls = patch(api, 1, "append", "a.example").json()["data"]["urls"]
    assert urls == ["a.example", "b.example", "a.example"]


def test_append_of_another_type_is_refused(api: Api) -> None:
    create(api, "a.example")
    assert patch(api, 1, "append", "^b", kind="regex").status_code == 400


def test_replace_is_idempotent(api: Api) -> None:
    create(api, "a.example")
    for _ in range(2):
        assert patch(api, 1, "replace", "b.example").json()["data"]["urls"] == ["b.example"]


def test_patch_may_carry_a_name_and_ignores_it(api: Api) -> None:
    create(api, "a.example")
    body = config("b.example", name="renamed")
    assert api.http.patch(f"{LISTS}/1/append", json=body).json()["name"] == "block"


@pytest.mark.parametrize(("list_id", "action"), [(1, "remove"), (2, "append"), (2, "replace")])
def test_other_actions_and_lists_are_not_found(api: Api, list_id: int, action: str) -> None:
    create(api, "a.example")
    assert patch(api, list_id, action, "b.example").status_code == 404


def test_delete_waits_for_deploy(api: Api) -> None:
    create(api, "a.example")
    api.http.post(DEPLOY)
    answer = api.http.delete(f"{LISTS}/1")
    assert (answer.status_code, answer.json()["modify_type"], answer.json()["pending"]) == (200, "Deleted", 1)
    assert applied(api) == {"block": ["a.example"]}
    assert patch(api, 1, "append", "b.example").status_code == 404
    assert api.http.post(LISTS, json=config("b.example")).status_code == 409
    api.http.post(DEPLOY)
    assert api.http.get(LISTS).json() == []
    assert api.http.delete(f"{LISTS}/1").status_code == 404


def test_deleting_what_was_never_deployed_needs_no_deploy(api: Api) -> None:
    create(api, "a.example")
    api.http.delete(f"{LISTS}/1")
    assert api.http.get(LISTS).json() == []


def test_a_read_modify_write_loses_what_another_wrote_between(api: Api) -> None:
    create(api, "a.example", "b.example")
    seen = api.http.get(f"{LISTS}/1").json()["data"]["urls"]
    patch(api, 1, "append", "c.example")
    patch(api, 1, "replace", *(url for url in seen if url != "a.example"))
    assert api.http.get(f"{LISTS}/1").json()["data"]["urls"] == ["b.example"]


def test_the_console_applies_changes_too(api: Api) -> None:
    create(api, "a.example")
    assert api.admin("apply") == {"url_lists": [1], "hash_lists": [], "profiles": []}
    assert applied(api) == {"block": ["a.example"]}


def test_a_write_may_be_lost_on_the_way_back(api: Api) -> None:
    api.fault("reset_after", method="POST", path="urllist$")
    with pytest.raises(httpx.TransportError):
        api.http.post(LISTS, json=config("a.example"))
    assert api.http.post(LISTS, json=config("a.example")).status_code == 409


def test_seeding_a_known_name_edits_it_as_another_admin(api: Api) -> None:
    create(api, "a.example")
    api.http.post(DEPLOY)
    api.seed(url_lists=[config("z.example") | {"pending": True, "by": "eve@corp.example"}])
    row = api.http.get(f"{LISTS}/1").json()
    assert (row["data"]["urls"], row["modify_by"], row["pending"]) == (["z.example"], "eve@corp.example", 1)
