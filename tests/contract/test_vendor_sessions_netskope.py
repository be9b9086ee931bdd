"""Sessions with the sandbox Netskope tenant: tokens, pace, 409, errors that arrive with 200, and no secret in a log."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from services.runtime.observability import log
from services.runtime.vendors import budget
from services.runtime.vendors.errors import (
    BrokenAnswerError,
    ConflictError,
    ForbiddenError,
    MisconfiguredError,
    RefusedError,
    SecretMissingError,
    ThrottledError,
    UnauthorizedError,
    VendorError,
)
from services.runtime.vendors.netskope import ITERATOR, POLICY, NetskopeSession
from services.runtime.vendors.retry import RetryPolicy
from services.sandbox.tenant.quota import Limit
from tests.contract.test_sandbox_netskope_gate import (
    HASHES,
    LISTS,
    MALSITE,
    MALWARE,
    START,
    TOKEN,
    V1_TOKEN,
    Api,
    serving,
)
from tests.contract.test_vendor_sessions import HARMS, connection_to, failing, json_logs
from tests.contract.test_vendor_sessions import POLICY as QUICK

SHA256 = "c" * 64
BUCKET = f"{ITERATOR}:malware"


class Sandbox:
    """A tenant behind a real socket, and sessions with it."""

    def __init__(self, api: Api, folder: Path) -> None:
        self.api = api
        self.folder = folder
        self.opened: list[NetskopeSession] = []
        (folder / "v2").write_text(TOKEN + "\n")
        (folder / "v1").write_text(V1_TOKEN)

    def session(self, policy: RetryPolicy = QUICK, name: str = "acme", **changes: Any) -> NetskopeSession:
        spec = {
            "type": "netskope",
            "tenantUrl": str(self.api.http.base_url),
            "v2Token": {"file": str(self.folder / "v2")},
            "v1Token": {"file": str(self.folder / "v1")},
        }
        session = NetskopeSession(connection_to(name, {**spec, **changes}), threading.Event(), policy=policy)
        self.opened.append(session)
        return session

    def count(self, route: str) -> int:
        calls = self.api.admin("calls", method="GET")["calls"]
        return sum(call["count"] for call in calls if call["route"] == route)


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    with serving() as api:
        yield api


@contextmanager
def opened(api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(budget, "_shared", {})
    monkeypatch.setattr(log, "_secrets", set())
    sandbox = Sandbox(api, folder)
    yield sandbox
    for session in sandbox.opened:
        session.close()


@pytest.fixture
def sandbox(served: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    served.admin("reset")
    served.seed(hash_lists=[{"name": "Blocked", "hashes": ["a" * 32]}])
    with opened(served, tmp_path, monkeypatch) as sandbox:
        yield sandbox


def lists(session: NetskopeSession, **options: Any) -> Any:
    return session.call_v2("GET", LISTS, route="urllist", bucket=POLICY, repeatable=True, **options)


def page(session: NetskopeSession, operation: str = "next", *, repeatable: bool = False) -> Any:
    params = {"index": "i", "operation": operation}
    return session.call_v2("GET", MALWARE, route="alerts", bucket=BUCKET, params=params, repeatable=repeatable)


def update(session: NetskopeSession, name: str = "Blocked", hashes: str = SHA256) -> Any:
    return session.call_v1("POST", HASHES, route="hashlist", json={"name": name, "list": hashes})


def test_calls_of_both_versions_are_let_in(sandbox: Sandbox) -> None:
    session = sandbox.session()
    assert lists(session) == []
    assert page(session)["ok"] == 1
    assert update(session)["status"] == "success"
    assert (session.budget.left(POLICY), session.budget.left(BUCKET), session.budget.left("v1")) == (23, 3, 23)


@pytest.mark.parametrize(("status", "kind"), [(401, UnauthorizedError), (403, ForbiddenError)])
def test_a_wrong_token_is_told_and_a_rotated_one_taken_up(
    sandbox: Sandbox, status: int, kind: type[RefusedError]
) -> None:
    sandbox.api.switch(bad_token_status=status)
    session = sandbox.session()
    (sandbox.folder / "v2").write_text("mistyped-token")
    error = failing(lambda: lists(session))
    assert type(error) is kind
    assert "the token is wrong" in error.text
    assert sandbox.count(LISTS) == 1
    (sandbox.folder / "v2").unlink()
    assert isinstance(failing(lambda: lists(session)), SecretMissingError)
    (sandbox.folder / "v2").write_text(TOKEN)
    assert lists(session) == []


def test_a_token_without_access_to_the_endpoint_is_told(sandbox: Sandbox) -> None:
    sandbox.api.seed(tokens=[{"value": TOKEN, "scopes": {MALSITE: "read"}}])
    error = failing(lambda: page(sandbox.session()))
    assert isinstance(error, ForbiddenError)
    assert "API token has no access to this endpoint; the token is wrong, expired, or has no access" in error.text


def test_the_pace_the_vendor_announces_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(policy_rate=(Limit(3, 60.0),)) as api, opened(api, tmp_path, monkeypatch) as sandbox:
        one, other = sandbox.session(name="one"), sandbox.session(name="other")
        for _ in range(3):
            lists(one)
        error = failing(lambda: lists(other))
        assert isinstance(error, ThrottledError)
        assert 50 < error.retry_after <= 60
        assert other.budget.left(POLICY) == 0
        counted = api.admin("calls", method="GET")
        assert (counted["admitted"], counted["refusals"]) == ({"policy": 3}, {})
        assert page(other)["ok"] == 1  # other buckets go on


def test_a_429_makes_everybody_wait_as_long_as_the_vendor_says(sandbox: Sandbox) -> None:
    one, other = sandbox.session(name="one"), sandbox.session(name="other")
    sandbox.api.fault("status", code=429, retry_after=120, path=LISTS)
    for session in (one, other):
        error = failing(partial(lists, session))
        assert isinstance(error, ThrottledError)
        assert 110 < error.retry_after <= 120
    assert sandbox.count(LISTS) == 1


def test_a_409_is_left_to_the_caller(sandbox: Sandbox) -> None:
    sandbox.api.fault("concurrency")
    session = sandbox.session()
    error = failing(lambda: page(session, repeatable=True))
    assert isinstance(error, ConflictError)
    assert error.transient
    assert error.message == "Concurrency found while calling the API"
    assert page(session)["ok"] == 1


@pytest.mark.parametrize("kind", ["cut", "empty", "malformed"])
def test_a_page_that_breaks_is_told_and_can_be_asked_for_again(sandbox: Sandbox, kind: str) -> None:
    sandbox.api.switch(fresh_next="oldest")
    sandbox.api.seed(alerts=[{"kind": "malware", "md5": "a" * 32, "timestamp": START - 600}])
    session = sandbox.session()
    sandbox.api.fault(kind, path=MALWARE)
    error = failing(lambda: page(session))
    assert isinstance(error, BrokenAnswerError)
    assert error.may_have_acted
    assert len(page(session, "resend", repeatable=True)["result"]) == 1


@pytest.mark.parametrize(("harm", "kind"), HARMS)
def test_harm_that_passes_is_lived_through(sandbox: Sandbox, harm: dict[str, Any], kind: type[VendorError]) -> None:
    session = sandbox.session(RetryPolicy(attempts=3, first_wait_s=0.001, throttled_s=0.01))
    harm = {"retry_after": 0, **harm} if harm.get("code") == 429 else harm
    sandbox.api.fault(**{**harm, "times": 2})
    assert lists(session) == []
    assert sandbox.count(LISTS) == 3


def test_a_refusal_carries_the_whole_body(sandbox: Sandbox) -> None:
    body = {"name": "mine", "data": {"urls": ["ok.example", "::1"], "type": "exact"}}
    session = sandbox.session()
    error = failing(lambda: session.call_v2("POST", LISTS, route="urllist", bucket=POLICY, json=body, repeatable=False))
    assert isinstance(error, RefusedError)
    assert error.status == 400
    assert isinstance(error.body, dict)
    assert error.body["message"][0][0] == "::1"
    assert "::1" in error.message


@pytest.mark.parametrize(
    ("body", "message"),
    [({"status": "error", "message": "no deploy"}, "no deploy"), ({"ok": 0, "message": "bad query"}, "bad query")],
)
def test_errors_that_arrive_with_200_are_errors(sandbox: Sandbox, body: dict[str, Any], message: str) -> None:
    sandbox.api.fault("status", code=200, body=body)
    error = failing(lambda: lists(sandbox.session()))
    assert isinstance(error, RefusedError)
    assert (error.status, error.message, error.body) == (200, message, body)


def test_an_empty_answer_is_broken_unless_it_may_be_empty(sandbox: Sandbox) -> None:
    session = sandbox.session()
    sandbox.api.fault("empty")
    assert lists(session, empty_ok=True) is None
    sandbox.api.fault("empty", times=3)
    assert isinstance(failing(lambda: lists(session)), BrokenAnswerError)


def test_errors_of_v1(sandbox: Sandbox) -> None:
    session = sandbox.session()
    error = failing(lambda: update(session, name="Missing"))
    assert type(error) is RefusedError
    assert (error.status, error.code) == (200, "Not Found")
    assert "Missing does not exist" in error.message
    update(session)
    again = failing(lambda: update(session))
    assert isinstance(again, RefusedError)
    assert "Duplicate request, no change in file hashes" in again.message


@pytest.mark.parametrize(("status", "kind"), [(200, UnauthorizedError), (403, ForbiddenError)])
def test_a_wrong_v1_token_is_told(sandbox: Sandbox, status: int, kind: type[RefusedError]) -> None:
    sandbox.api.switch(v1_bad_token_status=status)
    (sandbox.folder / "v1").write_text("mistyped-token")
    error = failing(lambda: update(sandbox.session()))
    assert type(error) is kind
    assert "token" in error.text
    assert "mistyped-token" not in str(error)


def test_v1_without_a_token_is_told_before_anything_is_sent(sandbox: Sandbox) -> None:
    error = failing(lambda: update(sandbox.session(v1Token=None)))
    assert isinstance(error, MisconfiguredError)
    assert "spec.v1Token: file-hash lists need API v1" in error.text
    assert sandbox.count(HASHES) == 0


def test_no_secret_is_ever_logged(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log, "hide", lambda secret: secret)  # what is written must hold none in the first place
    session = sandbox.session(RetryPolicy(attempts=20, first_wait_s=0.0001, throttled_s=0.01))
    for path in (LISTS, HASHES):
        for harm, _ in HARMS:
            sandbox.api.fault(**{**harm, "path": path, "retry_after": 0 if harm.get("code") == 429 else None})
    with json_logs(capsys) as logged:
        lists(session)
        with pytest.raises(RefusedError, match="no change"):
            update(session)  # the first of the attempts that were harmed had come through
        (sandbox.folder / "v1").write_text("mistyped-token")
        error = failing(lambda: update(session))
        log.get("test").error("gave up", why=error, exc_info=error)
        text = json.dumps(logged())
    assert text.count("is tried again") >= 2 * len(HARMS)
    assert "gave up" in text
    assert not [secret for secret in (TOKEN, V1_TOKEN, "mistyped-token", SHA256) if secret in text + str(error)]


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({}, False), ([], False), (None, False), ("ok", False), ({"status": "queued"}, False), ({"status": 1}, False),
        ({"status": None, "data": []}, False), ({"errorCode": "X", "errors": ["no"]}, True),
        ({"status": "ERROR", "errors": ["no"]}, True), ({"status": " Error "}, True),
    ],
)  # fmt: skip
def test_a_v1_answer_that_says_neither_success_nor_an_error_is_never_taken_for_success(
    sandbox: Sandbox, body: object, refused: bool
) -> None:
    session = sandbox.session(policy=RetryPolicy(attempts=1))
    sandbox.api.fault("status", path="updateFileHashList", code=200, body=body)
    error = failing(lambda: update(session))
    assert isinstance(error, RefusedError if refused else BrokenAnswerError)
