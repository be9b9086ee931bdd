"""API v1 of the stand-in Netskope tenant: file hash lists with errors in HTTP 200, and the list of alerts."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.test_sandbox_netskope_gate import HASHES, START, V1_TOKEN, Api, serving

MD5, OTHER_MD5, SHA256 = "a" * 32, "b" * 32, "c" * 64
PLACEHOLDER = "f" * 64
LIMIT = 500


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    with serving(hash_list_bytes=LIMIT) as api:
        yield api


@pytest.fixture
def api(served: Api) -> Api:
    served.admin("reset")
    served.seed(hash_lists=[{"name": "Blocked", "hashes": [MD5]}])
    return served


def update(api: Api, hashes: str, name: str = "Blocked", token: str = V1_TOKEN) -> httpx.Response:
    return api.http.post(HASHES, json={"name": name, "list": hashes, "token": token})


def held(api: Api, copy: str = "applied") -> dict[str, list[str]]:
    lists: dict[str, list[str]] = api.truth()["hash_lists"][copy]
    return lists


def error(answer: httpx.Response) -> list[str]:
    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, "error")
    assert isinstance(body["errorCode"], str)
    errors: list[str] = body["errors"]
    return errors


def test_an_update_replaces_the_whole_list(api: Api) -> None:
    answer = update(api, f"{OTHER_MD5},{SHA256}")
    assert (answer.status_code, answer.json()["status"]) == (200, "success")
    assert held(api) == {"Blocked": [OTHER_MD5, SHA256]}


def test_everything_may_stand_in_the_query(api: Api) -> None:
    params = {"name": "Blocked", "list": SHA256, "token": V1_TOKEN}
    assert api.http.post(HASHES, params=params).json()["status"] == "success"
    assert held(api) == {"Blocked": [SHA256]}


@pytest.mark.parametrize("name", ["blocked", "BLOCKED", "Missing"])
def test_the_list_must_exist_by_its_exact_name(api: Api, name: str) -> None:
    assert "does not exist" in error(update(api, SHA256, name))[0]
    assert held(api) == {"Blocked": [MD5]}


def test_a_repeat_is_an_error_that_says_so(api: Api) -> None:
    update(api, f"{OTHER_MD5},{SHA256}")
    assert error(update(api, f"{SHA256.upper()},{OTHER_MD5}")) == ["Duplicate request, no change in file hashes"]


@pytest.mark.parametrize("wrong", ["d" * 40, "g" * 32, "a" * 31, "x"])
def test_only_md5_and_sha256_are_taken_and_all_or_none(api: Api, wrong: str) -> None:
    assert error(update(api, f"{SHA256},{wrong}")) == [f"Invalid file hash {wrong}"]
    assert held(api) == {"Blocked": [MD5]}


def test_a_list_above_the_limit_is_refused(api: Api) -> None:
    assert "exceeds" in error(update(api, ",".join(f"{number:032x}" for number in range(16))))[0]
    assert held(api) == {"Blocked": [MD5]}


def test_the_limit_is_eight_mebibytes_by_default(api: Api) -> None:
    with serving() as roomy:
        assert roomy.tenant.settings.hash_list_bytes == 8 * 1024 * 1024
        roomy.seed(hash_lists=[{"name": "Blocked"}])
        count = roomy.tenant.settings.hash_list_bytes // 65
        answer = update(roomy, ",".join(f"{number:064x}" for number in range(count)))
        assert answer.json()["status"] == "success"
        assert "exceeds" in error(update(roomy, ",".join(f"{number:064x}" for number in range(count + 2))))[0]


def test_an_empty_list_needs_a_placeholder(api: Api) -> None:
    assert error(update(api, "")) == ["list is empty"]
    assert update(api, PLACEHOLDER).json()["status"] == "success"
    api.switch(empty_lists=True)
    assert update(api, "").json()["status"] == "success"
    assert held(api) == {"Blocked": []}


def test_a_pending_change_of_another_admin_blocks(api: Api) -> None:
    api.seed(hash_lists=[{"name": "Blocked", "hashes": [OTHER_MD5], "pending": True}])
    assert "pending" in error(update(api, SHA256))[0]
    assert api.admin("apply")["hash_lists"] == ["Blocked"]
    assert held(api) == {"Blocked": [OTHER_MD5]}
    assert update(api, SHA256).json()["status"] == "success"


def test_the_pending_lock_fault_blocks_once(api: Api) -> None:
    api.fault("pending_lock")
    assert "pending" in error(update(api, SHA256))[0]
    assert update(api, SHA256).json()["status"] == "success"


def test_updates_wait_for_the_console_when_switched(api: Api) -> None:
    api.switch(hash_list_apply="pending")
    assert update(api, SHA256).json()["status"] == "success"
    assert (held(api), held(api, "pending")) == ({"Blocked": [MD5]}, {"Blocked": [SHA256]})
    assert "pending" in error(update(api, OTHER_MD5))[0]
    api.admin("apply")
    assert held(api) == {"Blocked": [SHA256]}


@pytest.mark.parametrize("token", ["", "wrong", "v2-token"])
def test_a_bad_token_is_403_or_an_error_in_200(api: Api, token: str) -> None:
    answer = update(api, SHA256, token=token)
    assert (answer.status_code, answer.json()["errorCode"]) == (403, "Authorization Error")
    api.switch(v1_bad_token_status=200)
    assert error(update(api, SHA256, token=token))


def test_a_tenant_without_v1_token_lets_nobody_in() -> None:
    with serving(v1_token=None) as api:
        assert update(api, SHA256).status_code == 403


@pytest.mark.parametrize("content", [b"{", b"[]"])
def test_a_body_that_is_no_object_is_an_error(api: Api, content: bytes) -> None:
    assert error(api.http.post(HASHES, content=content))


def test_name_and_list_are_needed(api: Api) -> None:
    assert error(api.http.post(HASHES, json={"name": "Blocked", "token": V1_TOKEN})) == ["name and list are required"]


def test_there_is_no_way_to_read_a_list_back(api: Api) -> None:
    assert api.http.get("/api/v1/getFileHashList", params={"token": V1_TOKEN}).status_code == 404


def alerts(api: Api, **params: Any) -> httpx.Response:
    return api.http.get("/api/v1/alerts", params={"token": V1_TOKEN, **params})


def test_alerts_are_read_by_skip_and_limit(api: Api) -> None:
    api.seed(alerts=[{"kind": "malsite", "url": f"{number}.example"} for number in range(5)])
    body = alerts(api, skip=1, limit=2, starttime=START, endtime=START).json()
    assert body["status"] == "success"
    assert [record["url"] for record in body["data"]] == ["1.example", "2.example"]
    assert error(alerts(api, skip="x"))
    assert error(alerts(api, limit=10_001))
    assert alerts(api, token="wrong").status_code == 403
