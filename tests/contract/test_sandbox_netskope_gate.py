"""The stand-in Netskope tenant: tokens, scopes, quotas, the gateway's answers – and the harness its other tests use."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from services.sandbox.netskope.app import create_app
from services.sandbox.netskope.auth import ENDPOINTS, Token, full_access
from services.sandbox.netskope.settings import SANDBOX_TOKEN, SANDBOX_V1_TOKEN, NetskopeTenant
from services.sandbox.netskope.tenant import Tenant
from services.sandbox.tenant.clock import TenantClock
from services.sandbox.tenant.serve import TenantServer

START = 1_767_225_600
TOKEN, V1_TOKEN = "v2-token", "v1-token"
LISTS = "/api/v2/policy/urllist"
DEPLOY = f"{LISTS}/deploy"
MALWARE = "/api/v2/events/dataexport/alerts/malware"
MALSITE = "/api/v2/events/dataexport/alerts/malsite"
HASHES = "/api/v1/updateFileHashList"


class Api:
    """A tenant behind a real socket, and a client with a token that opens everything."""

    def __init__(self, tenant: Tenant, http: httpx.Client) -> None:
        self.tenant = tenant
        self.http = http

    def admin(self, page: str, body: object = None, method: str = "POST") -> Any:
        answer = self.http.request(method, f"/_admin/{page}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def seed(self, **what: object) -> Any:
        return self.admin("seed", what)

    def switch(self, **what: object) -> None:
        self.admin("switches", what)

    def fault(self, kind: str, **what: object) -> None:
        self.admin("faults", {"kind": kind, "times": 1, **what})

    def truth(self) -> Any:
        return self.admin("truth", method="GET")

    def advance(self, seconds: float) -> None:
        self.admin("clock", {"seconds": seconds})

    def pull(self, operation: object = "next", index: str = "i", path: str = MALWARE) -> httpx.Response:
        """One iterator request, a second after the last: the quota is not what most tests are about."""
        self.tenant.clock.advance(1)
        return self.http.get(path, params={"index": index, "operation": str(operation)})


@contextmanager
def serving(**settings: Any) -> Iterator[Api]:
    """A tenant whose clock stands still."""
    settings = {"tokens": (full_access(TOKEN),), "v1_token": SecretStr(V1_TOKEN), **settings}
    app = create_app(NetskopeTenant(**settings), TenantClock(lambda: START))
    # A connection per request: what one of them does to its connection is no business of the next.
    transport = httpx.HTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))
    with (
        TenantServer(app) as server,
        httpx.Client(base_url=server.url, headers={"Netskope-Api-Token": TOKEN}, transport=transport) as http,
    ):
        yield Api(app.state.tenant, http)


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    with serving() as api:
        yield api


@pytest.fixture
def api(served: Api) -> Api:
    served.admin("reset")
    return served


def anyone(api: Api, headers: dict[str, str]) -> httpx.Response:
    """Asks for the URL lists with these headers alone."""
    request = api.http.build_request("GET", LISTS)
    del request.headers["Netskope-Api-Token"]
    request.headers.update(headers)
    return api.http.send(request)


@pytest.mark.parametrize("header", ["Netskope-Api-Token", "Netskope-API-Token", "netskope-api-token"])
def test_the_token_header_is_case_insensitive(api: Api, header: str) -> None:
    assert anyone(api, {header: TOKEN}).status_code == 200


@pytest.mark.parametrize(("status", "headers"), [(403, {}), (403, {"Netskope-Api-Token": "wrong"}), (401, {})])
def test_a_bad_token_is_refused_as_switched(api: Api, status: int, headers: dict[str, str]) -> None:
    api.switch(bad_token_status=status)
    answer = anyone(api, headers)
    assert (answer.status_code, list(answer.json())) == (status, ["message"])


def limited(*, expires_at: float | None = None, **scopes: str) -> dict[str, object]:
    paths = {"lists": LISTS, "malware": MALWARE}
    return {
        "value": TOKEN,
        "scopes": {paths[name]: access for name, access in scopes.items()},
        "expires_at": expires_at,
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", LISTS, 200),
        ("GET", f"{LISTS}/1", 200),
        ("POST", LISTS, 403),
        ("PUT", f"{LISTS}/1", 403),
        ("PATCH", f"{LISTS}/1/append", 403),
        ("DELETE", f"{LISTS}/1", 403),
        ("POST", DEPLOY, 403),
        ("GET", f"{MALWARE}?index=i&operation=next", 200),
        ("GET", f"{MALSITE}?index=i&operation=next", 403),
    ],
)
def test_a_read_scope_opens_only_reading_of_its_endpoint(api: Api, method: str, path: str, status: int) -> None:
    api.seed(url_lists=[{"name": "a", "data": {"urls": ["a.example"], "type": "exact"}}])
    api.seed(tokens=[limited(lists="read", malware="read")])
    assert api.http.request(method, path).status_code == status


def test_write_access_to_lists_is_not_access_to_deploy(api: Api) -> None:
    api.seed(tokens=[limited(lists="read+write")])
    body = {"name": "a", "data": {"urls": ["a.example"], "type": "exact"}}
    assert api.http.post(LISTS, json=body).status_code == 201
    assert api.http.post(DEPLOY).status_code == 403
    assert len(api.truth()["url_lists"]["pending"]) == 1


def test_a_token_expires_by_the_tenants_clock(api: Api) -> None:
    api.seed(tokens=[limited(lists="read", expires_at=START + 10)])
    assert api.http.get(LISTS).status_code == 200
    api.advance(10)
    assert api.http.get(LISTS).status_code == 403


def test_the_expired_token_fault_lasts_as_long_as_it_is_armed(api: Api) -> None:
    api.fault("expired_token", path="urllist")
    assert [api.http.get(LISTS).status_code for _ in range(2)] == [403, 200]
    api.fault("expired_token", path="updateFileHashList")
    assert api.http.post(HASHES, json={"token": V1_TOKEN}).status_code == 403


def test_only_allowed_addresses_may_call() -> None:
    with serving(allowed_clients={"192.0.2.1"}) as api:
        assert api.http.get(LISTS).status_code == 403
        assert api.http.post(HASHES, json={"token": V1_TOKEN}).status_code == 403
    with serving(allowed_clients={"127.0.0.1"}) as api:
        assert api.http.get(LISTS).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v2/nothing"),
        ("GET", f"{LISTS}/"),
        ("DELETE", LISTS),
        ("GET", "/api/v2/events/dataexport/alerts/Malware"),
        ("POST", "/api/v2/policy/deploy"),
        ("GET", HASHES),
    ],
)
def test_an_unknown_route_is_the_gateways_404(api: Api, method: str, path: str) -> None:
    answer = api.http.request(method, path)
    assert (answer.status_code, answer.json()) == (404, {"message": "no Route matched with those values"})


def test_iterator_quota_is_four_a_second_per_endpoint(api: Api) -> None:
    params = {"index": "i", "operation": "next"}
    answers = [api.http.get(MALWARE, params={**params, "index": f"i{number}"}) for number in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["3", "2", "1", "0", "0"]
    assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"4"}
    refused = answers[-1]
    assert refused.json() == {"message": "API rate limit exceeded"}
    assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"] == "1"
    assert api.http.get(MALSITE, params=params).status_code == 200
    api.advance(1)
    assert api.http.get(MALWARE, params=params).status_code == 200
    calls = api.admin("calls", method="GET")
    assert (calls["refusals"], calls["admitted"]) == ({"iterator": 1}, {"iterator": 6})
    assert {"method": "GET", "route": MALWARE, "status": "429", "count": 1} in calls["calls"]


def test_a_request_without_token_spends_no_quota(api: Api) -> None:
    for _ in range(30):
        assert anyone(api, {}).status_code == 403
    assert api.http.get(LISTS).headers["RateLimit-Remaining"] == "23"


def test_policy_and_v1_have_quotas_of_their_own(api: Api) -> None:
    assert [api.http.get(LISTS).status_code for _ in range(25)] == [200] * 24 + [429]
    answers = [api.http.post(HASHES, json={"token": V1_TOKEN}) for _ in range(25)]
    assert [answer.status_code for answer in answers] == [200] * 24 + [429]
    assert answers[-1].headers["Retry-After"] == "5"
    api.advance(5)
    assert api.http.get(LISTS).status_code == 200


def test_every_answer_has_a_request_id(api: Api) -> None:
    ids = {api.http.get(path).headers["x-request-id"] for path in (LISTS, f"{LISTS}/9", MALWARE)}
    assert len(ids) == 3


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip", "gzip"), ("identity", None)])
def test_answers_are_compressed_when_asked(api: Api, accepted: str, encoding: str | None) -> None:
    api.seed(alerts=[{"kind": "malware", "md5": f"{number:032x}"} for number in range(20)])
    answer = api.http.get(MALWARE, params={"index": "i", "operation": 0}, headers={"Accept-Encoding": accepted})
    assert answer.headers.get("Content-Encoding") == encoding
    assert len(answer.json()["result"]) == 20


def test_a_status_fault_speaks_as_the_gateway(api: Api) -> None:
    api.fault("status", code=429)
    answer = api.http.get(LISTS)
    assert (answer.json(), answer.headers["Retry-After"]) == ({"message": "API rate limit exceeded"}, "1")
    api.fault("status", code=503)
    assert api.http.get(LISTS).json() == {"message": "Service Unavailable"}
    api.fault("status", code=599)
    assert api.http.get(LISTS).json() == {"message": "error"}


def test_a_wrong_switch_changes_nothing(api: Api) -> None:
    answer = api.http.post("/_admin/switches", json={"write_status": 200, "bad_token_status": 500})
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["bad_token_status"])
    assert api.admin("switches", method="GET")["write_status"] == 201


def test_reset_forgets_everything(api: Api) -> None:
    api.seed(alerts=[{"kind": "malsite", "url": "a.example"}], hash_lists=[{"name": "h"}], v1_token="other")
    api.switch(write_status=200)
    api.pull(0)
    api.admin("reset")
    truth = api.truth()
    assert (truth["records"], truth["iterators"], truth["hash_lists"]["applied"]) == ({}, [], {})
    assert api.admin("switches", method="GET")["write_status"] == 201
    api.seed(hash_lists=[{"name": "h"}])
    body = {"name": "h", "list": "a" * 32, "token": V1_TOKEN}
    assert api.http.post(HASHES, json=body).json()["status"] == "success"


def test_a_wrong_seed_says_where(api: Api) -> None:
    answer = api.http.post("/_admin/seed", json={"alerts": [{"kind": "malware"}]})
    assert answer.status_code == 422
    assert "md5, sha256" in answer.text
    answer = api.http.post("/_admin/seed", json={"url_lists": [{"name": "a", "data": {"urls": [], "type": "exact"}}]})
    assert answer.status_code == 422
    assert "urls should not be empty" in answer.text


def test_a_tenant_without_settings_has_tokens_that_open_it() -> None:
    with serving(tokens=NetskopeTenant().tokens, v1_token=NetskopeTenant().v1_token) as api:
        assert anyone(api, {"Netskope-Api-Token": SANDBOX_TOKEN}).status_code == 200
        assert api.http.post(HASHES, json={"token": SANDBOX_V1_TOKEN}).status_code == 200


def test_a_token_of_full_access_names_every_endpoint() -> None:
    token: Token = full_access("x")
    assert set(token.scopes) == set(ENDPOINTS)
    assert "x" not in repr(token.value)
