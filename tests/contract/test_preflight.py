"""Preflight against the sandbox tenants: what is in order is said to be, and each trouble is one line with a remedy."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from schemas.policy import Policy
from schemas.resources import AnyResource, resource
from services.console.preflight.check import check
from services.console.preflight.finding import Finding
from services.sandbox.defender import AppRegistration, DefenderTenant
from services.sandbox.defender import create_app as defender_app
from services.sandbox.netskope.app import create_app as netskope_app
from services.sandbox.netskope.auth import ENDPOINTS, PROFILES, PROFILES_DEPLOY, URL_LISTS, Token
from services.sandbox.netskope.settings import SANDBOX_TOKEN, SANDBOX_V1_TOKEN, NetskopeTenant
from services.sandbox.tenant.serve import TenantServer

MALSITE = "/api/v2/events/dataexport/alerts/malsite"
ALL: dict[str, Any] = dict.fromkeys(ENDPOINTS, "read+write")
SHARING = resource(
    "Sharing", "urls", {"source": "mde", "destination": "netskope", "target": {"kind": "url-list", "name": "Blocked"}}
)

PROFILE = resource(
    "Sharing",
    "profile",
    {"source": "mde", "destination": "netskope", "target": {"kind": "destination-profile", "name": "Blocked"}},
)


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFLIGHT_MDE", AppRegistration().secret)
    monkeypatch.setenv("PREFLIGHT_V2", SANDBOX_TOKEN)
    monkeypatch.setenv("PREFLIGHT_V1", SANDBOX_V1_TOKEN)
    monkeypatch.setenv("PREFLIGHT_WRONG", "not-the-secret")


@pytest.fixture
def tenant(request: pytest.FixtureRequest) -> Iterator[TenantServer]:
    with TenantServer(request.param) as server:
        yield server


def defender(**app: Any) -> Any:
    return defender_app(DefenderTenant(apps=(AppRegistration(**app),)))


def netskope(**scopes: Any) -> Any:
    kept = {path: access for path, access in {**ALL, **scopes}.items() if access}
    return netskope_app(NetskopeTenant(tokens=(Token(value=SecretStr(SANDBOX_TOKEN), scopes=kept),)))


def mde(server: TenantServer, **spec: Any) -> AnyResource:
    app = AppRegistration()
    given = {"tenantId": DefenderTenant().tenant_id, "appId": app.app_id, "appSecret": {"env": "PREFLIGHT_MDE"}}
    return resource(
        "Connection", "mde", {"type": "defender", **given, "apiUrl": server.url, "loginUrl": server.url, **spec}
    )


def ns(server: TenantServer, **spec: Any) -> AnyResource:
    given = {"v2Token": {"env": "PREFLIGHT_V2"}, "v1Token": {"env": "PREFLIGHT_V1"}}
    return resource("Connection", "netskope", {"type": "netskope", "tenantUrl": server.url, **given, **spec})


def failed(*resources: AnyResource) -> list[Finding]:
    found = list(check(Policy.of(resources), ["mde", "netskope"]))
    assert found
    return [finding for finding in found if not finding.ok]


@pytest.mark.parametrize("tenant", [defender()], indirect=True)
def test_a_defender_tenant_in_order_passes_and_its_secret_is_looked_at(tenant: TenantServer) -> None:
    assert failed(mde(tenant)) == []
    (wrong,) = failed(mde(tenant, appSecret={"env": "PREFLIGHT_WRONG"}))
    assert wrong.what == "sign-in"
    assert "spec.appSecret" in wrong.text
    (unset,) = failed(mde(tenant, appSecret={"env": "PREFLIGHT_UNSET"}))
    assert "PREFLIGHT_UNSET is not set" in unset.text


@pytest.mark.parametrize("tenant", [defender(roles=("Ti.ReadWrite",))], indirect=True)
def test_an_app_that_sees_only_its_own_is_told_which_role_it_lacks(tenant: TenantServer) -> None:
    (finding,) = failed(mde(tenant))
    assert finding.what == "role Ti.ReadWrite.All"
    assert "admin consent" in finding.text


@pytest.mark.parametrize("tenant", [netskope()], indirect=True)
def test_a_netskope_tenant_in_order_passes_and_nothing_there_is_changed(tenant: TenantServer) -> None:
    assert failed(ns(tenant), SHARING) == []
    lists = httpx.get(f"{tenant.url}{URL_LISTS}", headers={"Netskope-Api-Token": SANDBOX_TOKEN}, trust_env=False)
    assert lists.json() == []
    findings = failed(ns(tenant, v2Token={"env": "PREFLIGHT_WRONG"}, v1Token={"env": "PREFLIGHT_WRONG"}), SHARING)
    assert len(findings) == 5, "both iterators, reading and writing lists, and API v1"


@pytest.mark.parametrize("tenant", [netskope(**{URL_LISTS: "read", MALSITE: None})], indirect=True)
def test_each_scope_that_a_token_lacks_is_named(tenant: TenantServer) -> None:
    assert [finding.what for finding in failed(ns(tenant), SHARING)] == [
        f"{MALSITE} (Read)", f"{URL_LISTS} (Read + Write)",
    ]  # fmt: skip
    assert all("the v2 token needs" in finding.text for finding in failed(ns(tenant), SHARING))
    assert [finding.what for finding in failed(ns(tenant))] == [f"{MALSITE} (Read)"], "not what is not used"


@pytest.mark.parametrize(
    "tenant", [netskope(**{PROFILES: "read", PROFILES_DEPLOY: None, URL_LISTS: None})], indirect=True
)
def test_the_scopes_of_destination_profiles_are_asked_for_where_one_is_shared_to(tenant: TenantServer) -> None:
    assert [finding.what for finding in failed(ns(tenant), PROFILE)] == [
        f"{PROFILES} (Read + Write)", f"{PROFILES_DEPLOY} (Read + Write)",
    ]  # fmt: skip
    written_only = ns(tenant, polling=False)
    assert len(failed(written_only, PROFILE)) == 2, "what it does not use need not be open"
    assert [finding.what for finding in failed(written_only)] == [f"{URL_LISTS} (Read)"]


@pytest.mark.parametrize("tenant", [netskope()], indirect=True)
def test_checking_destination_profiles_changes_nothing(tenant: TenantServer) -> None:
    assert failed(ns(tenant), PROFILE) == []
    listed = httpx.get(f"{tenant.url}{PROFILES}", headers={"Netskope-Api-Token": SANDBOX_TOKEN}, trust_env=False)
    assert listed.json() == {"elements": [], "total_count": 0}


def test_a_tenant_that_does_not_answer_is_told_with_its_field() -> None:
    with TenantServer(defender()) as gone:
        pass
    (finding,) = failed(mde(gone))
    assert "spec.loginUrl" in finding.text
