"""What URL lists of the stand-in Netskope tenant may hold: entries judged all together, sizes, files of lists."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.contract.test_sandbox_netskope_gate import LISTS, Api, serving
from tests.contract.test_sandbox_netskope_urllists import LIMIT, config, create, patch


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    with serving(url_list_bytes=LIMIT) as api:
        yield api


@pytest.fixture
def api(served: Api) -> Api:
    served.admin("reset")
    return served


def test_invalid_entries_are_named_and_nothing_is_applied(api: Api) -> None:
    create(api, "a.example")
    for action in ("append", "replace"):
        answer = patch(api, 1, action, "good.example", "http://1.2.3.4/24", "::1")
        body = answer.json()
        assert (answer.status_code, body["statusCode"], body["error"]) == (400, 400, "Bad Request")
        assert [pair[0] for pair in body["message"]] == ["http://1.2.3.4/24", "::1"]
        assert all(len(pair) == 2 and pair[1] for pair in body["message"])
    assert api.truth()["url_lists"]["pending"][0]["data"]["urls"] == ["a.example"]


def test_regex_lists_are_judged_as_regexes(api: Api) -> None:
    create(api, r"^.*\.bad\.example$", kind="regex")
    answer = patch(api, 1, "append", "(?=a)b", "ok", kind="regex")
    assert [pair[0] for pair in answer.json()["message"]] == ["(?=a)b"]


def test_addresses_are_a_feature_of_the_tenant(api: Api) -> None:
    create(api, "198.51.100.7", "10.0.0.0/24", "10.0.0.1-10.0.0.9")
    api.switch(addresses=False)
    assert patch(api, 1, "append", "198.51.100.8").status_code == 400


@pytest.mark.parametrize("urls", [[], ["", "# only a comment"]])
def test_an_empty_list_is_refused_unless_switched(api: Api, urls: list[str]) -> None:
    answer = api.http.post(LISTS, json=config(*urls))
    assert (answer.status_code, answer.json()["message"]) == (400, ["urls should not be empty"])
    api.switch(empty_lists=True)
    assert create(api, *urls) == 1


def test_comments_and_blank_lines_are_dropped(api: Api) -> None:
    create(api, "# heading", "", "a.example", " ; more")
    assert api.http.get(f"{LISTS}/1").json()["data"]["urls"] == ["a.example"]


@pytest.mark.parametrize("status", [400, 413])
def test_a_body_above_the_limit_is_refused(api: Api, status: int) -> None:
    api.switch(oversize_status=status)
    long = [f"host{number}.bad.example" for number in range(100)]
    answer = api.http.post(LISTS, json=config(*long))
    assert answer.status_code == status
    assert api.truth()["url_lists"]["pending"] == []


def test_a_list_may_not_grow_past_the_limit_by_appending(api: Api) -> None:
    names = [f"host{number}.bad.example" for number in range(80)]
    create(api, *names[:60])
    assert patch(api, 1, "append", *names[40:60]).status_code == 201
    padded = [f"{'x' * 40}.{name}" for name in names[60:]]
    assert patch(api, 1, "append", *padded).status_code == 400
    assert len(api.http.get(f"{LISTS}/1").json()["data"]["urls"]) == 60


def test_the_limit_is_seven_mebibytes_by_default() -> None:
    body = b'{"name":"a","data":{"type":"exact","urls":["a.example"]},"comment":"%s"}'
    with serving() as api:
        room = 7 * 1024 * 1024 - len(body) + 2
        assert api.http.post(LISTS, content=body % (b"x" * (room + 1))).status_code == 400
        assert api.http.post(LISTS, content=body % (b"x" * room)).status_code == 201


@pytest.mark.parametrize("multipart", [True, False])
def test_a_file_makes_several_lists_or_none(api: Api, multipart: bool) -> None:
    def upload(content: bytes) -> httpx.Response:
        url = f"{LISTS}/file"
        if multipart:
            return api.http.post(url, files={"file": ("lists.json", content)})
        return api.http.post(url, content=content)

    first = config("a.example", name="a")
    assert upload(json.dumps([first, config("b.example", name="a")]).encode()).status_code == 409
    assert upload(b"{").status_code == 400
    assert api.truth()["url_lists"]["pending"] == []
    answer = upload(json.dumps([first, config("b.example", name="b")]).encode())
    assert (answer.status_code, [row["name"] for row in answer.json()]) == (201, ["a", "b"])


def test_a_body_that_is_no_json_is_refused(api: Api) -> None:
    assert api.http.post(LISTS, content=b"{").status_code == 400
    assert api.http.post(LISTS).status_code == 400
