"""The sandbox Defender tenant: submitting one indicator – properties, values, actions, what updates what, capacity."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.test_sandbox_defender import ALL, OWN, Sandbox, refused, row, running

SHA1, SHA256, MD5 = "2" * 40, "a" * 64, "b" * 32


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with running() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.admin("reset")
    return server.as_app(ALL)


def test_a_submission_is_answered_200_with_the_whole_entity(sandbox: Sandbox) -> None:
    entity = sandbox.create("198.51.100.7", "IpAddress", application="a", severity="High", externalId="urn:x")
    assert entity.pop("@odata.context").endswith("/api/$metadata#Indicators/$entity")
    assert entity["id"].isdigit()
    assert re.fullmatch(r"2026-01-01T00:00:00\.\d{7}Z", entity["creationTimeDateTimeUtc"])
    assert (entity["createdBy"], entity["createdByDisplayName"]) == (ALL.app_id, "all-app")
    assert (entity["createdBySource"], entity["lastUpdatedBy"], entity["expirationTime"]) == ("PublicApi", None, None)
    assert (entity["severity"], entity["generateAlert"], entity["rbacGroupNames"]) == ("High", False, [])
    assert (entity["category"], entity["externalId"], entity["mitreTechniques"]) == (1, "urn:x", [])
    assert len(entity) == 31
    assert sandbox.truth()["rows"] == [entity]


def test_severity_defaults_to_informational_and_null_is_absent(sandbox: Sandbox) -> None:
    entity = sandbox.create(severity=None, expirationTime=None, rbacGroupNames=None)
    assert (entity["severity"], entity["expirationTime"], entity["rbacGroupNames"]) == ("Informational", None, [])


@pytest.mark.parametrize("name", ["indicatorValue", "indicatorType", "action", "title", "description"])
def test_required_properties(sandbox: Sandbox, name: str) -> None:
    absent = {key: value for key, value in row().items() if key != name}
    for body in (absent, {**absent, name: None}, {**absent, name.upper(): row()[name]}):
        assert name in refused(sandbox.submit(**body), 400, "MissingRequiredParameter")


@pytest.mark.parametrize("name", ["title", "description"])
def test_empty_texts_are_missing(sandbox: Sandbox, name: str) -> None:
    refused(sandbox.submit(**row(**{name: " "})), 400, "MissingRequiredParameter")


@pytest.mark.parametrize(
    "changes",
    [
        {"Severity": "High"},
        {"externalID": "x"},
        {"nonsense": 1},
        {"severity": "high"},
        {"severity": "Critical"},
        {"action": "block"},
        {"indicatorType": "Ip"},
        {"generateAlert": "true"},
        {"title": 5},
        {"rbacGroupNames": "Servers"},
        {"rbacGroupIds": [1.5]},
        {"category": "SuspiciousActivity"},
        {"mitreTechniques": "T1059"},
        {"certificateInfo": "x"},
        {"expirationTime": "tomorrow"},
        {"expirationTime": "2027-01-01T00:00:00"},
        {"expirationTime": "2027-02-30T00:00:00Z"},
        {"expirationTime": 1_800_000_000},
        {"expirationTime": "2027-01-01T00:00:00.12345678Z"},
    ],
)
def test_what_cannot_be_bound_is_an_incorrect_body(sandbox: Sandbox, changes: dict[str, Any]) -> None:
    refused(sandbox.submit(**row(**changes)), 400, "InvalidRequestBody")
    assert sandbox.truth()["rows"] == []


def test_bodies_that_are_not_a_json_object(sandbox: Sandbox) -> None:
    for content in (b"", b"{", b"[]", b'"x"', b"null"):
        headers = {"Content-Type": "application/json"}
        answer = sandbox.call("POST", "/api/indicators", content=content, headers=headers)
        assert "Request body is incorrect" in refused(answer, 400, "InvalidRequestBody")
    form = sandbox.call("POST", "/api/indicators", data={"indicatorValue": "x"})
    refused(form, 400, "InvalidRequestBody")


def test_read_only_properties_may_be_sent_back_and_unknown_ones_can_be_tolerated(sandbox: Sandbox) -> None:
    entity = sandbox.create(id="77", createdBy="me", lastUpdateTime="2020-01-01T00:00:00Z", source="x")
    assert (entity["id"], entity["createdBy"]) == ("1", ALL.app_id)
    sandbox.switch(unknown_properties="ignore")
    assert "nonsense" not in sandbox.create(nonsense=1)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2027-02-10T00:00:00Z", "2027-02-10T00:00:00Z"),
        ("2027-02-10T00:00:00.0Z", "2027-02-10T00:00:00Z"),
        ("2027-02-10T02:00:00.123456+02:00", "2027-02-10T00:00:00.123456Z"),
        ("2027-02-10T00:00:00.1234567Z", "2027-02-10T00:00:00.1234567Z"),
    ],
)
def test_expiration_formats_seen_in_the_wild(sandbox: Sandbox, given: str, shown: str) -> None:
    assert sandbox.create(expirationTime=given)["expirationTime"] == shown


def test_an_expired_row_is_gone_for_everyone(sandbox: Sandbox) -> None:
    short = sandbox.create("a.example", expirationTime="2026-01-01T00:01:00Z")
    sandbox.create("b.example")
    sandbox.advance(59)
    assert sandbox.values() == ["a.example", "b.example"]
    sandbox.advance(1)
    assert sandbox.values() == ["b.example"]
    refused(sandbox.call("DELETE", f"/api/indicators/{short['id']}"), 404, "ResourceNotFound")
    assert sandbox.truth()["statistics"] == {"created": 2, "expired": 1}


def test_an_expiration_in_the_past_is_refused_or_vanishes(sandbox: Sandbox) -> None:
    past = row(expirationTime="2025-12-31T23:59:59Z")
    refused(sandbox.submit(**past), 400, "InvalidInput")
    sandbox.switch(past_expiration="accept")
    assert sandbox.submit(**past).status_code == 200
    assert sandbox.values() == []


ACTIONS = ("Allowed", "Audit", "Warn", "Block", "BlockAndRemediate")
URL_FAMILY = {"Allowed", "Audit", "Warn", "Block"}


@pytest.mark.parametrize(
    ("kind", "value", "accepted"),
    [
        ("FileSha1", SHA1, set(ACTIONS)),
        ("FileSha256", SHA256, set(ACTIONS)),
        ("FileMd5", MD5, set(ACTIONS)),
        ("IpAddress", "203.0.113.9", URL_FAMILY),
        ("DomainName", "evil.example", URL_FAMILY),
        ("Url", "https://evil.example/x", URL_FAMILY),
        ("CertificateThumbprint", SHA1, {"Allowed", "BlockAndRemediate"}),
    ],
)
def test_actions_by_type(sandbox: Sandbox, kind: str, value: str, accepted: set[str]) -> None:
    for action in ACTIONS:
        answer = sandbox.submit(**row(value, kind, action=action, generateAlert=True))
        if action in accepted:
            assert answer.status_code == 200, (action, answer.text)
        else:
            refused(answer, 400, "InvalidInput")


def test_audit_needs_an_alert(sandbox: Sandbox) -> None:
    for alert in (..., None, False):
        answer = sandbox.submit(**row(action="Audit", generateAlert=alert))
        assert "generateAlert" in refused(answer, 400, "InvalidInput")
    assert sandbox.create(action="Audit", generateAlert=True)["generateAlert"] is True


def test_retired_actions_are_refused_or_translated(sandbox: Sandbox) -> None:
    for action in ("Alert", "AlertAndBlock"):
        refused(sandbox.submit(**row(SHA1, "FileSha1", action=action)), 400, "InvalidInput")
    sandbox.switch(legacy_actions="accept")
    alert = sandbox.create(SHA1, "FileSha1", action="Alert")
    assert (alert["action"], alert["generateAlert"]) == ("Audit", True)
    both = sandbox.create(SHA1, "FileSha1", action="AlertAndBlock")
    assert (both["action"], both["generateAlert"]) == ("BlockAndRemediate", True)
    refused(sandbox.submit(**row(action="AlertAndBlock")), 400, "InvalidInput")


def test_contradictory_types_and_actions_are_switches(sandbox: Sandbox) -> None:
    assert sandbox.create(MD5, "FileMd5")["indicatorType"] == "FileMd5"
    sandbox.switch(md5_accepted=False, warn_accepted=False)
    refused(sandbox.submit(**row(MD5, "FileMd5")), 400, "InvalidInput")
    refused(sandbox.submit(**row(action="Warn")), 400, "InvalidInput")


def test_lengths_are_unlimited_until_switched(sandbox: Sandbox) -> None:
    assert sandbox.submit(**row(title="t" * 5000, description="d" * 5000)).status_code == 200
    sandbox.switch(max_title=10, max_description=10, max_value=20)
    for changes in ({"title": "t" * 11}, {"description": "d" * 11}, {"indicatorValue": "x" * 20 + ".example"}):
        refused(sandbox.submit(**row(**changes)), 400, "InvalidInput")


def test_the_same_submission_updates_in_place(sandbox: Sandbox) -> None:
    before = sandbox.create(SHA1.replace("2", "A"), "FileSha1", application="one", title="old", severity="High")
    sandbox.advance(60)
    after = sandbox.create(SHA1.replace("2", "a"), "FileSha1", application="two", title="new")
    for name in ("id", "creationTimeDateTimeUtc", "createdBy", "application", "indicatorValue"):
        assert after[name] == before[name]
    assert (after["title"], after["severity"], after["lastUpdatedBy"]) == ("new", "Informational", ALL.app_id)
    assert after["lastUpdateTime"].startswith("2026-01-01T00:01:00.")
    assert sandbox.truth()["statistics"] == {"created": 1, "updated": 1}


def test_an_update_may_keep_what_it_leaves_out(sandbox: Sandbox) -> None:
    sandbox.switch(omitted_on_update="keep")
    sandbox.create(severity="High", expirationTime="2027-01-01T00:00:00Z")
    after = sandbox.create(title="new")
    assert (after["severity"], after["expirationTime"]) == ("High", "2027-01-01T00:00:00Z")


def test_another_action_or_device_group_is_another_row(sandbox: Sandbox) -> None:
    ids = {
        sandbox.create()["id"],
        sandbox.create(action="Allowed")["id"],
        sandbox.create(rbacGroupNames=["Servers"])["id"],
        sandbox.create(rbacGroupNames=["Servers", "Laptops"])["id"],
    }
    assert len(ids) == 4
    assert sandbox.create(rbacGroupNames=["Laptops", "Servers"])["id"] in ids
    assert sandbox.create(value="EVIL.example")["id"] not in ids


def test_the_action_may_not_belong_to_the_key(sandbox: Sandbox) -> None:
    sandbox.switch(action_in_key=False)
    first, second = sandbox.create(), sandbox.create(action="Allowed")
    assert (second["id"], second["action"]) == (first["id"], "Allowed")


def test_repeats_may_always_make_rows(sandbox: Sandbox) -> None:
    sandbox.switch(duplicate_rows=True)
    assert sandbox.create()["id"] != sandbox.create()["id"]


def test_an_app_that_sees_only_its_own_rows_cannot_take_over_others(sandbox: Sandbox) -> None:
    sandbox.create()
    own = sandbox.as_app(OWN)
    refused(own.submit(**row(title="mine")), 403, "DisallowedOperation")
    sandbox.switch(foreign_upsert="update")
    taken = own.create(title="mine")
    assert (taken["createdBy"], taken["lastUpdatedBy"]) == (ALL.app_id, OWN.app_id)


def test_capacity_refuses_new_rows_and_still_updates(sandbox: Sandbox) -> None:
    assert sandbox.truth()["capacity"] == 15_000
    sandbox.switch(capacity=2)
    sandbox.create("a.example", expirationTime="2026-01-01T00:01:00Z")
    sandbox.create("b.example")
    assert "Max capacity exceeded" in refused(sandbox.submit(**row("c.example")), 400, "BadRequest")
    assert sandbox.create("b.example", title="new")["title"] == "new"
    sandbox.advance(60)
    assert sandbox.create("c.example")["id"] == "3"


def test_both_versions_of_the_path_work(sandbox: Sandbox) -> None:
    assert sandbox.call("POST", "/api/v1.0/indicators", json=row()).status_code == 200
    assert sandbox.call("GET", "/api/v1.0/indicators").json()["value"][0]["indicatorValue"] == "evil.example"
    refused(sandbox.call("GET", "/api/v2.0/indicators"), 404, "NotFound")
    assert sandbox.call("PUT", "/api/indicators", json=row()).status_code == 405


def test_every_error_has_a_target_of_its_own(sandbox: Sandbox) -> None:
    targets = {sandbox.submit().json()["error"]["target"] for _ in range(3)}
    assert len(targets) == 3
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", target) for target in targets)
