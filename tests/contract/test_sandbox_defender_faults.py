"""The sandbox Defender tenant: quotas, faults, and what the admin pages let a test do to it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.contract.test_sandbox_defender import ALL, OWN, SCOPE, V2, Sandbox, refused, row, running


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with running() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.admin("reset")
    return server.as_app(ALL)


def spend(sandbox: Sandbox, bucket: str) -> httpx.Response:
    if bucket == "list":
        return sandbox.listing()
    if bucket == "submit":
        return sandbox.submit(**row())
    if bucket == "import":
        return sandbox.import_rows(row())
    if bucket == "delete":
        return sandbox.call("DELETE", "/api/indicators/99")
    return sandbox.batch_delete("99")


@pytest.mark.parametrize(
    ("bucket", "minute"), [("list", 100), ("submit", 100), ("import", 30), ("delete", 100), ("batch_delete", 30)]
)
def test_the_documented_quota_of_a_minute(sandbox: Sandbox, bucket: str, minute: int) -> None:
    assert all(spend(sandbox, bucket).status_code != 429 for _ in range(minute))
    sandbox.advance(20)
    answer = spend(sandbox, bucket)
    refused(answer, 429, "TooManyRequests")
    assert answer.headers["Retry-After"] == "40"
    sandbox.advance(39)
    assert spend(sandbox, bucket).headers["Retry-After"] == "1"  # too early is refused again
    sandbox.advance(1)
    assert spend(sandbox, bucket).status_code != 429
    assert sandbox.admin("calls", method="GET")["refusals"] == {bucket: 2}


@pytest.mark.parametrize(("bucket", "hourly"), [("list", True), ("batch_delete", True), ("import", False)])
def test_the_documented_quota_of_an_hour(sandbox: Sandbox, bucket: str, *, hourly: bool) -> None:
    limits = sandbox.admin("switches", method="GET")["quotas"][bucket]
    assert [limit["seconds"] for limit in limits] == ([60, 3600] if hourly else [60])
    sandbox.switch(quotas={bucket: [{**limit, "calls": limit["calls"] // 10} for limit in limits]})
    per_minute = limits[0]["calls"] // 10
    refusals = 0
    for _ in range(3600 // 60 - 1):
        refusals += sum(spend(sandbox, bucket).status_code == 429 for _ in range(per_minute))
        sandbox.advance(60)
        if refusals:
            break
    assert bool(refusals) is hourly


def test_quotas_belong_to_an_app_or_to_the_tenant(sandbox: Sandbox) -> None:
    sandbox.switch(quotas={"list": [{"calls": 1, "seconds": 60}]})
    assert sandbox.listing().status_code == 200
    assert sandbox.as_app(OWN).listing().status_code == 200
    assert sandbox.listing().status_code == 429
    sandbox.switch(quota_scope="tenant")
    assert sandbox.listing().status_code == 200
    assert sandbox.as_app(OWN).listing().status_code == 429


def test_versions_of_a_path_share_a_quota_and_refused_tokens_cost_none(sandbox: Sandbox) -> None:
    sandbox.switch(quotas={"list": [{"calls": 1, "seconds": 60}]})
    assert sandbox.http.get("/api/indicators").status_code == 401
    assert sandbox.call("GET", "/api/v1.0/indicators").status_code == 200
    assert sandbox.call("GET", "/api/indicators/1").status_code == 429


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("retry_after", [None, 3])
def test_status_faults_look_like_the_vendors(sandbox: Sandbox, code: int, retry_after: int | None) -> None:
    sandbox.fault("status", code=code, retry_after=retry_after, times=1, path="/api/indicators")
    answer = sandbox.listing()
    assert answer.status_code == code
    assert answer.headers.get("Retry-After") == (str(retry_after) if retry_after else None)
    if code in {429, 500}:
        assert answer.json()["error"]["target"]
    else:
        assert answer.headers["Content-Type"].startswith("text/html")
    assert sandbox.listing().status_code == 200


def test_a_reset_after_the_commit_leaves_the_rows(sandbox: Sandbox) -> None:
    sandbox.fault("reset_after", times=1, path="/import$")
    with pytest.raises(httpx.TransportError):
        sandbox.import_rows(row("a.example"))
    assert sandbox.values() == ["a.example"]
    assert sandbox.import_rows(row("a.example")).json()["value"][0]["id"] == "1"


def test_a_gateway_timeout_after_the_commit_makes_a_second_deletion_404(sandbox: Sandbox) -> None:
    created = sandbox.create()["id"]
    sandbox.fault("status", code=504, commit=True, times=1, path="BatchDelete")
    assert sandbox.batch_delete(created).status_code == 504
    refused(sandbox.batch_delete(created), 404, "ResourceNotFound")


def test_truncated_json(sandbox: Sandbox) -> None:
    sandbox.create()
    sandbox.fault("malformed", times=1, method="GET")
    answer = sandbox.listing()
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="line 1"):
        answer.json()


def test_the_token_endpoint_can_be_harmed_alone(sandbox: Sandbox) -> None:
    sandbox.fault("status", code=503, path="/oauth2/", times=1)
    assert sandbox.http.post(V2, data=sandbox.credentials(scope=SCOPE)).status_code == 503
    assert sandbox.listing().status_code == 200


def test_tokens_can_expire_in_mid_run(sandbox: Sandbox) -> None:
    assert sandbox.listing().status_code == 200
    sandbox.fault("expire_tokens", times=1, skip=1)
    assert sandbox.listing().status_code == 200
    refused(sandbox.listing(), 401, "Unauthorized")
    refused(sandbox.listing(), 401, "Unauthorized")
    assert sandbox.as_app(ALL).listing().status_code == 200
    assert sandbox.truth()["tokens_issued"] == 2


def test_part_of_a_batch_can_fail(sandbox: Sandbox) -> None:
    sandbox.fault("partial_batch", times=1, params={"every": 3, "values": ["n0.example"], "reason": "no luck"})
    sent = [row(f"n{number}.example") for number in range(6)]
    results = sandbox.import_rows(*sent).json()["value"]
    assert [result["isFailed"] for result in results] == [True, False, True, False, False, True]
    assert {result["failureReason"] for result in results} == {"no luck", None}
    assert sandbox.values() == ["n1.example", "n3.example", "n4.example"]
    assert not any(result["isFailed"] for result in sandbox.import_rows(*sent).json()["value"])


def test_lists_can_show_enumerations_nobody_knows(sandbox: Sandbox) -> None:
    sandbox.import_rows(row("a.example"), row("b.example"))
    sandbox.fault("unknown_enum", times=1, params={"every": 2})
    sandbox.fault("unknown_enum", times=1, params={"field": "indicatorType", "value": "Hologram"})
    assert [entity["action"] for entity in sandbox.listing().json()["value"]] == ["Block", "Quarantine"]
    assert {entity["indicatorType"] for entity in sandbox.listing().json()["value"]} == {"Hologram"}
    assert {entity["action"] for entity in sandbox.listing().json()["value"]} == {"Block"}


def test_one_value_can_get_two_ids(sandbox: Sandbox) -> None:
    sandbox.fault("duplicate_ids", times=2)
    assert sandbox.import_rows(row("a.example")).json()["value"][0]["id"] == "1"
    assert sandbox.create("b.example")["id"] == "3"
    assert sandbox.values() == ["a.example", "a.example", "b.example", "b.example"]
    assert sandbox.create("a.example", title="new")["id"] == "1"
    assert [entity["title"] for entity in sandbox.truth()["rows"]] == ["new", "t", "t", "t"]


def test_the_tenant_can_be_found_full(sandbox: Sandbox) -> None:
    sandbox.create("a.example")
    sandbox.fault("capacity", times=1)
    sandbox.fault("capacity", times=1, params={"limit": 2})
    assert "Max capacity exceeded" in refused(sandbox.submit(**row("b.example")), 400, "BadRequest")
    results = sandbox.import_rows(row("b.example"), row("c.example")).json()["value"]
    assert [result["isFailed"] for result in results] == [False, True]
    assert sandbox.create("c.example")["id"]


def test_someone_else_edits_and_deletes(sandbox: Sandbox) -> None:
    sandbox.import_rows(*(row(f"n{number}.example") for number in range(4)))
    edited = sandbox.admin("rows/1", {"action": "Allowed", "editor": "eve@contoso.example"}, "PATCH")
    assert (edited["action"], edited["lastUpdatedBy"]) == ("Allowed", "eve@contoso.example")
    assert sandbox.create("n0.example")["id"] == "5"  # the edited row has another key now
    assert sandbox.admin("rows/2", method="DELETE") == {"deleted": ["2"]}
    assert sandbox.admin("rows/delete", {"ids": ["3"], "values": ["n3.example"]}) == {"deleted": ["3", "4"]}
    assert [entity["id"] for entity in sandbox.truth()["rows"]] == ["1", "5"]
    assert sandbox.admin("rows/delete", {"createdBy": ALL.app_id}) == {"deleted": ["1", "5"]}


def test_seeding_needs_little_and_says_what_is_wrong(sandbox: Sandbox) -> None:
    ids = sandbox.admin(
        "seed",
        {
            "rows": [
                {"indicatorValue": "a.example"},
                {"indicatorValue": "10.0.0.1", "indicatorType": "IpAddress", "createdBy": OWN.app_id},
                {"indicatorValue": "b.example", "createdBy": "eve@contoso.example", "severity": "Low"},
            ]
        },
    )["ids"]
    assert ids == ["1", "2", "3"]
    owners = [(entity["createdBy"], entity["createdBySource"]) for entity in sandbox.truth()["rows"]]
    assert owners == [
        ("analyst@contoso.example", "Portal"),
        (OWN.app_id, "PublicApi"),
        ("eve@contoso.example", "Portal"),
    ]
    for bad, named in (
        ({}, "indicatorValue"),
        ({"indicatorValue": "x", "colour": 1}, "colour"),
        ({"indicatorValue": "x", "id": "9"}, "id"),
        ({"indicatorValue": "x", "expirationTime": "soon"}, "expirationTime"),
    ):
        answer = sandbox.http.post("/_admin/seed", json={"rows": [{"indicatorValue": "ok.example"}, bad]})
        assert answer.status_code == 422
        assert "rows[1]" in answer.text
        assert named in answer.text
    assert len(sandbox.truth()["rows"]) == 3


def test_admin_refuses_unknown_rows_fields_and_switches(sandbox: Sandbox) -> None:
    sandbox.create()
    assert sandbox.http.patch("/_admin/rows/99", json={}).status_code == 404
    assert sandbox.http.patch("/_admin/rows/1", json={"colour": 1}).status_code == 422
    assert sandbox.http.patch("/_admin/rows/1", json={"expirationTime": "soon"}).status_code == 422
    assert sandbox.http.post("/_admin/rows/delete", json={}).status_code == 422
    assert sandbox.http.post("/_admin/switches", json={"colour": 1}).status_code == 422
    assert sandbox.http.post("/_admin/switches", json={"capacity_error": "never"}).status_code == 422
    assert sandbox.http.post("/_admin/faults", json={"kind": "pending_conflict"}).status_code == 422


def test_a_reset_tenant_is_as_new(sandbox: Sandbox) -> None:
    sandbox.create()
    sandbox.switch(capacity=1)
    sandbox.admin("reset")
    truth = sandbox.truth()
    assert (truth["rows"], truth["capacity"], truth["statistics"], truth["tokens_issued"]) == ([], 15_000, {}, 0)
    refused(sandbox.listing(), 401, "Unauthorized")
