"""The sandbox Defender tenant: imports, deletions one by one and in batches."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.test_sandbox_defender import ALL, LIMITED, Sandbox, refused, row, running


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with running() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.admin("reset")
    return server.as_app(ALL)


def rows(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [row(f"n{number}.example") for number in range(start, start + count)]


def test_results_come_in_the_order_sent_and_200_hides_failures(sandbox: Sandbox) -> None:
    answer = sandbox.import_rows(
        row("a.example"), row("10.0.0.1", "IpAddress"), row("b.example", action="Audit"), row()
    )
    assert answer.status_code == 200
    assert answer.json()["@odata.context"]
    first, private, audit, last = answer.json()["value"]
    assert first == {"id": "1", "indicator": "a.example", "isFailed": False, "failureReason": None}
    assert (private["id"], private["indicator"], private["isFailed"]) == (None, "10.0.0.1", True)
    assert "10.0.0.1" in private["failureReason"]
    assert "generateAlert" in audit["failureReason"]
    assert last["id"] == "2"
    assert sandbox.values() == ["a.example", "evil.example"]


def test_an_import_updates_like_a_submission_and_may_be_repeated(sandbox: Sandbox) -> None:
    first = sandbox.import_rows(*rows(3)).json()["value"]
    again = sandbox.import_rows(*rows(3), row("n0.example", title="last wins")).json()["value"]
    assert [result["id"] for result in again] == [*(result["id"] for result in first), first[0]["id"]]
    assert sandbox.truth()["statistics"] == {"created": 3, "updated": 4}
    assert sandbox.truth()["rows"][0]["title"] == "last wins"


def test_five_hundred_rows_are_taken_and_one_more_is_not(sandbox: Sandbox) -> None:
    answer = sandbox.import_rows(*rows(500))
    assert [result["id"] for result in answer.json()["value"]] == [str(number) for number in range(1, 501)]
    message = refused(sandbox.import_rows(*rows(501)), 400, "MaximumBatchSizeExceeded")
    assert message == "Maximum batch size exceeded. Received: 501, allowed: 500."


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"indicators": []}, "MissingRequiredParameter"),
        ({}, "MissingRequiredParameter"),
        ({"Indicators": None}, "MissingRequiredParameter"),
        ({"Indicators": {}}, "InvalidRequestBody"),
        ([], "InvalidRequestBody"),
        ({"Indicators": [5]}, "InvalidRequestBody"),
    ],
)
def test_bodies_without_a_list_of_indicators(sandbox: Sandbox, body: Any, code: str) -> None:
    refused(sandbox.call("POST", "/api/indicators/import", json=body), 400, code)


def test_one_malformed_row_fails_the_request_or_only_itself(sandbox: Sandbox) -> None:
    malformed = row("b.example")
    del malformed["title"]
    refused(sandbox.import_rows(row("a.example"), malformed), 400, "MissingRequiredParameter")
    assert sandbox.truth()["rows"] == []
    sandbox.switch(unbindable_row="row")
    results = sandbox.import_rows(row("a.example"), malformed, 5).json()["value"]
    assert [(result["isFailed"], result["indicator"]) for result in results] == [
        (False, "a.example"),
        (True, "b.example"),
        (True, None),
    ]


def test_an_empty_import_has_three_possible_answers(sandbox: Sandbox) -> None:
    assert (sandbox.import_rows().status_code, sandbox.import_rows().json()["value"]) == (200, [])
    sandbox.switch(empty_import="accept_202")
    assert sandbox.import_rows().status_code == 202
    sandbox.switch(empty_import="reject")
    refused(sandbox.import_rows(), 400, "InvalidRequestBody")


def test_the_context_of_an_import_is_optional(sandbox: Sandbox) -> None:
    sandbox.switch(import_context=False)
    assert sandbox.import_rows(row()).json().keys() == {"value"}


def test_capacity_fails_the_rows_that_do_not_fit(sandbox: Sandbox) -> None:
    sandbox.switch(capacity=3)
    results = sandbox.import_rows(*rows(4), row("n0.example")).json()["value"]
    assert [result["isFailed"] for result in results] == [False, False, False, True, False]
    assert "Max capacity exceeded" in results[3]["failureReason"]
    assert len(sandbox.values()) == 3


def test_capacity_may_fail_the_whole_request_and_store_nothing(sandbox: Sandbox) -> None:
    sandbox.switch(capacity=3, capacity_error="whole")
    assert "Max capacity exceeded" in refused(sandbox.import_rows(*rows(4)), 400, "BadRequest")
    assert sandbox.values() == []
    assert sandbox.import_rows(*rows(3), *rows(3)).status_code == 200


def test_fifteen_thousand_rows_are_the_default_limit(sandbox: Sandbox) -> None:
    sandbox.admin("seed", {"rows": [{"indicatorValue": f"n{number}.example"} for number in range(14_999)]})
    fits, over = sandbox.import_rows(row("a.example"), row("b.example")).json()["value"]
    assert (fits["isFailed"], over["isFailed"]) == (False, True)
    assert sandbox.truth()["active"] == 15_000


def test_delete_is_204_then_404(sandbox: Sandbox) -> None:
    created = sandbox.create()
    answer = sandbox.call("DELETE", f"/api/indicators/{created['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    refused(sandbox.call("DELETE", f"/api/indicators/{created['id']}"), 404, "ResourceNotFound")
    refused(sandbox.call("DELETE", "/api/indicators/abc"), 400, "InvalidInput")
    assert sandbox.create()["id"] == "2"


def test_a_batch_deletion_is_204_only_when_all_existed(sandbox: Sandbox) -> None:
    sandbox.import_rows(*rows(5))
    answer = sandbox.batch_delete("1", "2", "2")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "1" in refused(sandbox.batch_delete("1", "3"), 404, "ResourceNotFound")
    assert sandbox.values() == ["n2.example", "n3.example", "n4.example"]
    sandbox.switch(batch_delete_atomic=False)
    refused(sandbox.batch_delete("1", "3", "4"), 404, "ResourceNotFound")
    assert sandbox.values() == ["n4.example"]


def test_batch_deletions_that_make_no_sense(sandbox: Sandbox) -> None:
    sandbox.import_rows(*rows(2))
    refused(sandbox.batch_delete(), 400, "InvalidInput")
    refused(sandbox.batch_delete("1", "x"), 400, "InvalidInput")
    refused(sandbox.batch_delete(1), 400, "InvalidInput")
    refused(sandbox.batch_delete(["1"]), 400, "InvalidInput")
    refused(sandbox.batch_delete(*(str(number) for number in range(501))), 400, "MaximumBatchSizeExceeded")
    for body, code in (({}, "MissingRequiredParameter"), ({"indicatorIds": ["1"]}, "MissingRequiredParameter")):
        refused(sandbox.call("POST", "/api/indicators/BatchDelete", json=body), 400, code)
    assert len(sandbox.values()) == 2


def test_rows_of_device_groups_the_app_is_not_exposed_to_cannot_be_deleted(sandbox: Sandbox) -> None:
    servers = sandbox.create("a.example", rbacGroupNames=["Servers"])["id"]
    laptops = sandbox.create("b.example", rbacGroupNames=["Laptops"])["id"]
    limited = sandbox.as_app(LIMITED)
    refused(limited.batch_delete(servers, laptops), 403, "Forbidden")
    refused(limited.call("DELETE", f"/api/indicators/{laptops}"), 403, "Forbidden")
    assert limited.batch_delete(servers).status_code == 204
