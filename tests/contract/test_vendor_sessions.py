"""Sessions with the sandbox Defender tenant: sign-in, faults, retries and quotas, and no secret in any log line.

`connection_to`, `POLICY`, `HARMS` and `json_logs` are shared by the other files of this suite.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import structlog

from schemas.resources import Connection
from services.runtime.observability import log
from services.runtime.vendors import budget
from services.runtime.vendors.budget import Quotas
from services.runtime.vendors.defender import IMPORT, LIST, QUOTAS, DefenderSession
from services.runtime.vendors.errors import (
    BrokenAnswerError,
    NotFoundError,
    RefusedError,
    ThrottledError,
    UnavailableError,
    UnreachableError,
    VendorError,
)
from services.runtime.vendors.retry import RetryPolicy
from services.sandbox.defender import AppRegistration, DefenderTenant, create_app
from services.sandbox.defender.tenant import Defender
from services.sandbox.tenant.faults import Fault
from services.sandbox.tenant.serve import TenantServer

SECRET = "app-secret-of-the-sandbox"
POLICY = RetryPolicy(attempts=3, total_s=5, first_wait_s=0.001, longest_wait_s=0.002, throttled_s=0.01)
ROW = {
    "indicatorValue": "evil.example",
    "indicatorType": "DomainName",
    "action": "Block",
    "title": "t",
    "description": "d",
}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Sandbox:
    """A tenant behind a real socket, and sessions with it."""

    def __init__(self, tenant: Defender, url: str, admin: httpx.Client) -> None:
        self.tenant = tenant
        self.url = url
        self.admin = admin
        self.clock = Clock()
        self.stop = threading.Event()
        self.opened: list[DefenderSession] = []

    def session(
        self, policy: RetryPolicy = POLICY, name: str = "acme", quotas: Quotas = QUOTAS, **changes: Any
    ) -> DefenderSession:
        spec = {
            "type": "defender",
            "tenantId": self.tenant.settings.tenant_id,
            "appId": self.tenant.settings.apps[0].app_id,
            "appSecret": {"env": "ACME_SECRET"},
            "apiUrl": self.url,
            "loginUrl": self.url,
        }
        connection = connection_to(name, {**spec, **changes})
        session = DefenderSession(connection, self.stop, clock=self.clock, policy=policy, quotas=quotas)
        self.opened.append(session)
        return session

    def fault(self, kind: str, path: str = "/api/", **more: Any) -> None:
        self.tenant.faults.add(Fault(kind=kind, path=path, **{"times": 1, **more}))

    def calls(self, route: str, count: int) -> list[str]:
        """Statuses of the calls to a route, oldest first; at least `count`, since calls are logged after the answer."""
        for _ in range(500):
            self.admin.get("/_admin/calls")  # the tenant's loop comes round meanwhile
            found = [call["status"] for call in self.tenant.calls.recent if call["route"].endswith(route)]
            if len(found) >= count:
                return found
        raise AssertionError(f"{route} was called {len(found)} times, not {count}")

    @property
    def values(self) -> list[str]:
        return [row.entity["indicatorValue"] for row in self.tenant.indicators.rows.values()]


def connection_to(name: str, spec: dict[str, Any]) -> Connection:
    return Connection.model_validate({"metadata": {"name": name}, "spec": spec})


@contextmanager
def serving() -> Iterator[Sandbox]:
    asgi = create_app(DefenderTenant(apps=(AppRegistration(secret=SECRET),)))
    with TenantServer(asgi) as server, httpx.Client(base_url=server.url, trust_env=False) as admin:
        yield Sandbox(asgi.state.tenant, server.url, admin)


@contextmanager
def fresh(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The tenant as it was created, and no quota and no secret of another test."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(budget, "_shared", {})
    monkeypatch.setattr(log, "_secrets", set())
    monkeypatch.setenv("ACME_SECRET", SECRET)
    sandbox.admin.post("/_admin/reset").raise_for_status()
    sandbox.clock, sandbox.stop = Clock(), threading.Event()
    yield sandbox
    while sandbox.opened:
        sandbox.opened.pop().close()


Lines = Callable[[], list[dict[str, Any]]]


@contextmanager
def json_logs(capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    """Everything logged inside, down to debug, as the JSON lines a service writes."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    log.configure("debug", "test")
    try:
        yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()


def listing(session: DefenderSession, **options: Any) -> Any:
    return session.call("GET", "/api/indicators", route="list", bucket=LIST, params={"$top": 10}, **options)


def importing(session: DefenderSession, **options: Any) -> Any:
    body = {"Indicators": [ROW]}
    return session.call("POST", "/api/indicators/import", route="import", bucket=IMPORT, json=body, **options)


def failing(call: Callable[[], object]) -> VendorError:
    with pytest.raises(VendorError) as caught:
        call()
    return caught.value


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    with serving() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with fresh(served, monkeypatch) as sandbox:
        yield sandbox


def test_calls_share_one_token_and_count_against_the_quota(sandbox: Sandbox) -> None:
    session = sandbox.session()
    assert importing(session)["value"][0]["isFailed"] is False
    assert [row["indicatorValue"] for row in listing(session)["value"]] == ["evil.example"]
    assert sandbox.tenant.directory.issued == 1
    assert (session.budget.left(IMPORT), session.budget.left(LIST)) == (29, 99)
    assert session.roles == frozenset({"Ti.ReadWrite.All"})
    gone = session.call("DELETE", "/api/indicators/1", route="delete", bucket="delete")
    assert gone is None
    assert sandbox.values == []


HARMS: list[tuple[dict[str, Any], type[VendorError]]] = [
    ({"kind": "status", "code": 429}, ThrottledError),
    ({"kind": "status", "code": 429, "retry_after": 0}, ThrottledError),
    ({"kind": "status", "code": 500}, UnavailableError),
    ({"kind": "status", "code": 503, "commit": True}, UnavailableError),
    ({"kind": "reset_before"}, UnreachableError),
    ({"kind": "reset_after"}, UnreachableError),
    ({"kind": "cut"}, BrokenAnswerError),
    ({"kind": "cut", "chunked": True}, BrokenAnswerError),
    ({"kind": "empty"}, BrokenAnswerError),
    ({"kind": "malformed"}, BrokenAnswerError),
]


@pytest.mark.parametrize(("harm", "kind"), HARMS)
def test_harm_that_passes_is_lived_through(sandbox: Sandbox, harm: dict[str, Any], kind: type[VendorError]) -> None:
    sandbox.fault(**harm, times=2)
    assert importing(sandbox.session())["value"][0]["isFailed"] is False
    assert len(sandbox.calls("/import", 3)) == 3
    assert sandbox.values == ["evil.example"]


@pytest.mark.parametrize(("harm", "kind"), HARMS)
def test_harm_that_stays_is_told_as_what_it_is(sandbox: Sandbox, harm: dict[str, Any], kind: type[VendorError]) -> None:
    sandbox.fault(**harm, times=None)
    error = failing(lambda: importing(sandbox.session()))
    assert type(error) is kind
    assert (error.connection, error.route, error.transient) == ("acme", "import", True)
    assert len(sandbox.calls("/import", 3)) == 3


@pytest.mark.parametrize(("harm", "kind"), HARMS)
def test_a_call_that_must_not_happen_twice_does_not(
    sandbox: Sandbox, harm: dict[str, Any], kind: type[VendorError]
) -> None:
    sandbox.fault(**harm)
    session = sandbox.session()
    if kind is ThrottledError:
        assert importing(session, repeatable=False)["value"]
    else:
        assert failing(lambda: importing(session, repeatable=False)).may_have_acted
        assert len(sandbox.calls("/import", 1)) == 1


@pytest.mark.parametrize("harm", [harm for harm, _ in HARMS])
def test_the_token_endpoint_may_fail_for_a_while_too(sandbox: Sandbox, harm: dict[str, Any]) -> None:
    sandbox.fault(**harm, times=2, path="/token")
    assert listing(sandbox.session())["value"] == []


def test_refusals_carry_what_the_vendor_said(sandbox: Sandbox) -> None:
    session = sandbox.session()
    error = failing(lambda: session.call("GET", "/api/indicators", route="list", bucket=LIST, params={"$filter": "x"}))
    assert isinstance(error, RefusedError)
    assert (error.status, error.code) == (400, "ODataError")
    assert isinstance(error.body, dict)
    missing = failing(lambda: session.call("DELETE", "/api/indicators/77", route="delete", bucket="delete"))
    assert isinstance(missing, NotFoundError)
    assert missing.code == "ResourceNotFound"


def test_nobody_there(sandbox: Sandbox) -> None:
    with TenantServer(create_app(DefenderTenant())) as other:
        url = other.url
    error = failing(lambda: listing(sandbox.session(apiUrl=url)))
    assert isinstance(error, UnreachableError)
    assert (error.kind, error.may_have_acted) == ("connect", False)
    assert "check spec.apiUrl, spec.proxy and the network" in error.text


def test_no_secret_is_ever_logged(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden: list[str] = []

    def noted(secret: str) -> str:
        hidden.append(secret)  # and not blanked: what is written must hold none in the first place
        return secret

    monkeypatch.setattr(log, "hide", noted)
    for harm, _ in HARMS:
        sandbox.fault(**harm, path="")
    sandbox.fault("expire_tokens", skip=len(HARMS))
    session = sandbox.session(policy=RetryPolicy(attempts=20, first_wait_s=0.0001, throttled_s=0.01))
    with json_logs(capsys) as logged:
        importing(session)
        listing(session)
        monkeypatch.setenv("ACME_SECRET", "mistyped-secret")
        sandbox.tenant.directory.revoke_all()
        error = failing(lambda: listing(session))
        log.get("test").error("gave up", why=error, exc_info=error)
        lines = logged()
    assert len([line for line in lines if line["event"] == "a vendor call failed and is tried again"]) >= len(HARMS)
    assert {SECRET, "mistyped-secret"} < set(hidden)
    text = json.dumps(lines) + str(error)
    assert "gave up" in text
    assert not [secret for secret in hidden if secret in text]
    assert "%24top" not in text
    assert "evil.example" not in text
