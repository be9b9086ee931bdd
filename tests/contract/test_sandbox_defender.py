"""The sandbox Defender tenant under test, through real HTTP; here: its token endpoints and who may call the API.

`Sandbox` and `running` are shared by the other files of this suite.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest

from services.sandbox.defender import AppRegistration, DefenderTenant, MachineGroup, create_app
from services.sandbox.tenant.clock import TenantClock
from services.sandbox.tenant.serve import TenantServer

START = 1_767_225_600.0  # 2026-01-01T00:00:00Z
ALL = AppRegistration(app_id="aaaaaaaa-0000-4000-8000-000000000001", secret="all", display_name="all-app")
OWN = AppRegistration(
    app_id="aaaaaaaa-0000-4000-8000-000000000002", secret="own", display_name="own-app", roles=("Ti.ReadWrite",)
)
NONE = AppRegistration(
    app_id="aaaaaaaa-0000-4000-8000-000000000003", secret="none", roles=("Score.Read.All",), display_name="no-app"
)
EXPIRED = AppRegistration(app_id="aaaaaaaa-0000-4000-8000-000000000004", secret="old", secret_expired=True)
LIMITED = AppRegistration(app_id="aaaaaaaa-0000-4000-8000-000000000005", secret="few", device_groups=("Servers",))
SETTINGS = DefenderTenant(
    apps=(ALL, OWN, NONE, EXPIRED, LIMITED),
    machine_groups=(MachineGroup(id=4, name="Servers"), MachineGroup(id=7, name="Laptops")),
)
SCOPE = "https://api.securitycenter.microsoft.com/.default"
V2, V1 = f"/{SETTINGS.tenant_id}/oauth2/v2.0/token", f"/{SETTINGS.tenant_id}/oauth2/token"


def row(value: str = "evil.example", kind: str = "DomainName", **changes: Any) -> dict[str, Any]:
    basic = {"indicatorValue": value, "indicatorType": kind, "action": "Block", "title": "t", "description": "d"}
    return {name: given for name, given in {**basic, **changes}.items() if given is not ...}


class Sandbox:
    """A client with a valid token, and the admin's view."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.app = ALL
        self._tokens: dict[str, str] = {}

    def credentials(self, **changes: str) -> dict[str, str]:
        form = {"grant_type": "client_credentials", "client_id": self.app.app_id, "client_secret": self.app.secret}
        return {name: value for name, value in {**form, **changes}.items() if value}

    def token(self, scope: str = SCOPE) -> str:
        answer = self.http.post(V2, data=self.credentials(scope=scope))
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    def as_app(self, app: AppRegistration) -> "Sandbox":
        other = Sandbox(self.http)
        other.app = app
        return other

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        if "token" not in self._tokens:
            self._tokens["token"] = self.token()
        headers = {"Authorization": f"Bearer {self._tokens['token']}", **options.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **options)

    def listing(self, **params: Any) -> httpx.Response:
        return self.call("GET", "/api/indicators", params={f"${name}": value for name, value in params.items()})

    def values(self, **params: Any) -> list[str]:
        answer = self.listing(**params)
        assert answer.status_code == 200, answer.text
        return [entity["indicatorValue"] for entity in answer.json()["value"]]

    def submit(self, **body: Any) -> httpx.Response:
        return self.call("POST", "/api/indicators", json=body)

    def create(self, value: str = "evil.example", kind: str = "DomainName", **changes: Any) -> dict[str, Any]:
        answer = self.submit(**row(value, kind, **changes))
        assert answer.status_code == 200, answer.text
        entity: dict[str, Any] = answer.json()
        return entity

    def import_rows(self, *rows: Any) -> httpx.Response:
        return self.call("POST", "/api/indicators/import", json={"Indicators": list(rows)})

    def batch_delete(self, *ids: Any) -> httpx.Response:
        return self.call("POST", "/api/indicators/BatchDelete", json={"IndicatorIds": list(ids)})

    def admin(self, path: str, body: Any = None, method: str = "POST") -> Any:
        answer = self.http.request(method, f"/_admin/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def truth(self) -> dict[str, Any]:
        truth: dict[str, Any] = self.admin("truth", method="GET")
        return truth

    def switch(self, **changes: Any) -> None:
        self.admin("switches", changes)

    def advance(self, seconds: float) -> None:
        self.admin("clock", {"seconds": seconds})

    def fault(self, kind: str, **more: Any) -> None:
        self.admin("faults", {"kind": kind, **more})


@contextlib.contextmanager
def running() -> Iterator[Sandbox]:
    app = create_app(SETTINGS, TenantClock(lambda: START))
    with TenantServer(app) as server, httpx.Client(base_url=server.url, timeout=10) as http:
        yield Sandbox(http)


def refused(answer: httpx.Response, status: int, code: str) -> str:
    assert answer.status_code == status, answer.text
    assert answer.json()["error"].keys() == {"code", "message", "target"}
    assert answer.json()["error"]["code"] == code
    message: str = answer.json()["error"]["message"]
    return message


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with running() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.admin("reset")
    return server.as_app(ALL)


def test_v2_token_has_the_documented_shape_and_a_readable_roles_claim(sandbox: Sandbox) -> None:
    answer = sandbox.http.post(V2, data=sandbox.credentials(scope=SCOPE)).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3599)
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert claims["roles"] == ["Ti.ReadWrite.All"]
    assert claims["aud"] == "https://api.securitycenter.microsoft.com"
    assert (claims["tid"], claims["appid"], claims["ver"]) == (SETTINGS.tenant_id, ALL.app_id, "1.0")
    assert claims["exp"] - claims["iat"] == 3599


def test_v1_token_writes_its_numbers_as_strings(sandbox: Sandbox) -> None:
    resource = "https://api.securitycenter.windows.com"
    answer = sandbox.http.post(V1, data=sandbox.credentials(resource=resource)).json()
    assert (answer["expires_in"], answer["expires_on"]) == ("3599", str(int(START) + 3599))
    assert answer["resource"] == resource
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    assert sandbox.http.get("/api/indicators", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "resource",
    [
        "https://api.securitycenter.microsoft.com",
        "https://api.securitycenter.windows.com",
        "https://securitycenter.onmicrosoft.com/windowsatpservice",
        "https://eu.api.security.microsoft.com",
        "https://api-gcc.securitycenter.microsoft.us",
        "https://api-gov.securitycenter.microsoft.us",
    ],
)
def test_every_documented_audience_works(sandbox: Sandbox, resource: str) -> None:
    headers = {"Authorization": f"Bearer {sandbox.token(resource + '/.default')}"}
    assert sandbox.http.get("/api/indicators", headers=headers).status_code == 200


def test_regional_audiences_and_the_own_url_can_be_switched_off(sandbox: Sandbox) -> None:
    own = f"{str(sandbox.http.base_url).rstrip('/')}/.default"
    assert sandbox.token(own)
    sandbox.switch(regional_audience=False)
    for scope in (own, "https://us.api.security.microsoft.com/.default"):
        answer = sandbox.http.post(V2, data=sandbox.credentials(scope=scope))
        assert (answer.status_code, answer.json()["error_codes"]) == (400, [500011])


@pytest.mark.parametrize(
    ("changes", "status", "error", "number"),
    [
        ({"tenant": "11111111-0000-4000-8000-000000000009"}, 400, "invalid_request", 90002),
        ({"client_id": "00000000-0000-4000-8000-000000000000"}, 400, "unauthorized_client", 700016),
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_id": EXPIRED.app_id, "client_secret": "old"}, 401, "invalid_client", 7000222),
        ({"client_secret": ""}, 401, "invalid_client", 7000218),
        ({"scope": "https://nothing.example/.default"}, 400, "invalid_resource", 500011),
        ({"scope": "https://api.securitycenter.microsoft.com"}, 400, "invalid_scope", 1002012),
        ({"scope": ""}, 400, "invalid_request", 900144),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
    ],
)
def test_token_errors_are_flat_and_numbered(
    sandbox: Sandbox, changes: dict[str, str], status: int, error: str, number: int
) -> None:
    form = {"scope": SCOPE, **changes}
    path = V2.replace(SETTINGS.tenant_id, form.pop("tenant", SETTINGS.tenant_id))
    answer = sandbox.http.post(path, data=sandbox.credentials(**form))
    body = answer.json()
    assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [number])
    assert body["error_description"].startswith(f"AADSTS{number}: ")
    assert "\r\nTrace ID: " in body["error_description"]
    assert body.keys() >= {"timestamp", "trace_id", "correlation_id"}


def test_secrets_can_expire_and_json_is_not_a_form(sandbox: Sandbox) -> None:
    assert sandbox.http.post(V2, json=sandbox.credentials(scope=SCOPE)).json()["error_codes"] == [900144]
    sandbox.switch(secrets_expired=True)
    assert sandbox.http.post(V2, data=sandbox.credentials(scope=SCOPE)).json()["error_codes"] == [7000222]


def test_a_token_expires_by_the_tenants_clock(sandbox: Sandbox) -> None:
    sandbox.switch(token_lifetime=60)
    assert sandbox.listing().status_code == 200
    sandbox.advance(59)
    assert sandbox.listing().status_code == 200
    sandbox.advance(1)
    refused(sandbox.listing(), 401, "Unauthorized")
    assert sandbox.as_app(ALL).listing().status_code == 200


def test_missing_garbled_foreign_and_misdirected_tokens_are_401(sandbox: Sandbox) -> None:
    misdirected = sandbox.token("https://graph.microsoft.com/.default")
    foreign = jwt.encode({"appid": ALL.app_id, "exp": START + 60}, "k" * 32, "HS256")
    for header in ("", "Basic abc", "Bearer nonsense", f"Bearer {foreign}", f"Bearer {misdirected}"):
        answer = sandbox.http.get("/api/indicators", headers={"Authorization": header} if header else {})
        refused(answer, 401, "Unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_of_another_tenant_is_401(sandbox: Sandbox) -> None:
    with running() as other:
        headers = {"Authorization": f"Bearer {other.token()}"}
        refused(sandbox.http.get("/api/indicators", headers=headers), 401, "Unauthorized")


def test_without_a_ti_role_every_call_is_403(sandbox: Sandbox) -> None:
    nobody = sandbox.as_app(NONE)
    for answer in (
        nobody.listing(),
        nobody.submit(**row()),
        nobody.import_rows(row()),
        nobody.batch_delete("1"),
        nobody.call("DELETE", "/api/indicators/1"),
    ):
        refused(answer, 403, "Forbidden")


def test_roles_are_those_of_the_token_and_can_be_switched(sandbox: Sandbox) -> None:
    assert sandbox.listing().status_code == 200
    sandbox.switch(roles=[])
    assert sandbox.listing().status_code == 200  # the token was issued before
    refused(sandbox.as_app(ALL).listing(), 403, "Forbidden")


def test_writing_may_need_the_all_role(sandbox: Sandbox) -> None:
    own = sandbox.as_app(OWN)
    assert own.submit(**row()).status_code == 200
    sandbox.switch(write_needs_all=True)
    refused(own.submit(**row()), 403, "Forbidden")
    assert own.listing().status_code == 200


def test_a_disabled_feature_is_403(sandbox: Sandbox) -> None:
    sandbox.switch(feature_enabled=False)
    refused(sandbox.listing(), 403, "DisabledFeature")


def test_device_groups_need_the_score_role(sandbox: Sandbox) -> None:
    path = "/api/exposureScore/ByMachineGroups"
    refused(sandbox.call("GET", path), 403, "Forbidden")
    answer = sandbox.as_app(NONE).call("GET", path, params={"$top": 1000, "$skip": 1})
    assert answer.json()["value"] == [{"rbacGroupId": 7, "rbacGroupName": "Laptops"}]
