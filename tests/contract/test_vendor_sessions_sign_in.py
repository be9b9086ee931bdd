"""Signing in to the sandbox Defender tenant: tokens, roles, and what the directory refuses, told field by field."""

from collections.abc import Iterator
from typing import Any

import pytest

from services.runtime.vendors.errors import (
    BrokenAnswerError,
    CredentialsError,
    ForbiddenError,
    SecretMissingError,
    UnauthorizedError,
)
from tests.contract.test_vendor_sessions import (
    POLICY,
    SECRET,
    Sandbox,
    failing,
    fresh,
    importing,
    json_logs,
    listing,
    serving,
)


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    with serving() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with fresh(served, monkeypatch) as sandbox:
        yield sandbox


def test_a_token_is_renewed_at_nine_tenths_of_its_life(sandbox: Sandbox) -> None:
    sandbox.tenant.switch({"token_lifetime": 1000})
    session = sandbox.session()
    for now, issued in ((0, 1), (899, 1), (900, 2), (1799, 2), (1800, 3)):
        sandbox.clock.now = now
        listing(session)
        assert sandbox.tenant.directory.issued == issued


def test_a_token_that_is_withdrawn_is_replaced_without_a_word(sandbox: Sandbox) -> None:
    session = sandbox.session()
    listing(session)
    sandbox.fault("expire_tokens")
    assert importing(session, repeatable=False)["value"]
    assert sandbox.calls("/import", 2) == ["401", "200"]
    assert sandbox.tenant.directory.issued == 2


def test_an_audience_the_api_does_not_take_is_told_after_one_renewal(sandbox: Sandbox) -> None:
    session = sandbox.session(scope="https://graph.microsoft.com/.default")
    error = failing(lambda: listing(session))
    assert isinstance(error, UnauthorizedError)
    assert "check spec.scope" in error.text
    assert sandbox.calls("/indicators", 2) == ["401", "401"]


@pytest.mark.parametrize(
    ("changes", "number", "says"),
    [
        ({"tenantId": "00000000-0000-0000-0000-000000000000"}, 90002, "spec.tenantId is not a tenant"),
        ({"appId": "00000000-0000-0000-0000-000000000000"}, 700016, "spec.appId is not known"),
        ({"scope": "https://nowhere.example/.default"}, 500011, "spec.scope names an API"),
        ({"scope": "https://api.securitycenter.microsoft.com"}, 1002012, "must end in /.default"),
    ],
)
def test_what_the_directory_refuses_is_told_by_field(
    sandbox: Sandbox, changes: dict[str, Any], number: int, says: str
) -> None:
    error = failing(sandbox.session(POLICY, **changes).sign_in)
    assert isinstance(error, CredentialsError)
    assert not error.transient
    assert says in error.text
    assert f"(AADSTS{number})" in error.text
    assert "\n" not in str(error)
    assert sandbox.calls("/token", 1) == ["400"]


def test_a_wrong_secret_is_told_and_a_corrected_one_taken_up(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    session = sandbox.session()
    monkeypatch.setenv("ACME_SECRET", "mistyped-secret")
    error = failing(lambda: listing(session))
    assert isinstance(error, CredentialsError)
    assert str(error) == (
        "connection acme, token: spec.appSecret is wrong; put the secret's value there (not its id), "
        "for this very app (AADSTS7000215)"
    )
    monkeypatch.delenv("ACME_SECRET")
    assert isinstance(failing(lambda: listing(session)), SecretMissingError)
    monkeypatch.setenv("ACME_SECRET", SECRET)
    assert listing(session)["value"] == []


def test_an_expired_secret_is_told(sandbox: Sandbox) -> None:
    sandbox.tenant.switch({"secrets_expired": True})
    assert "spec.appSecret has expired; make a new client secret" in failing(sandbox.session().sign_in).text


def test_an_unknown_refusal_of_the_directory_is_quoted(sandbox: Sandbox) -> None:
    body = {"error": "odd_error", "error_description": "AADSTS12345: Odd.\r\nTrace ID: 1", "error_codes": [12345]}
    sandbox.fault("status", "/token", code=400, body=body)
    error = failing(sandbox.session().sign_in)
    assert error.text == ("no token: odd_error: AADSTS12345: Odd.; check spec.tenantId, spec.appId and spec.appSecret")


@pytest.mark.parametrize(
    ("body", "says"),
    [({"hello": 1}, "holds no access token; check spec.loginUrl"), ("<html>", "malformed")],
)
def test_a_login_host_that_is_none(sandbox: Sandbox, body: object, says: str) -> None:
    sandbox.fault("status", "/token", code=200, body=body, times=None)
    error = failing(sandbox.session().sign_in)
    assert isinstance(error, BrokenAnswerError)
    assert says in error.text


def test_a_login_url_without_a_token_endpoint(sandbox: Sandbox) -> None:
    error = failing(sandbox.session(loginUrl=f"{sandbox.url}/elsewhere").sign_in)
    assert isinstance(error, CredentialsError)
    assert "check spec.loginUrl" in error.text


def test_the_older_answer_with_texts_for_numbers_and_an_opaque_token_is_taken(sandbox: Sandbox) -> None:
    body = {"token_type": "Bearer", "expires_in": "3599", "expires_on": "1", "access_token": "opaque-token"}
    sandbox.fault("status", "/token", code=200, body=body)
    session = sandbox.session()
    session.sign_in()
    assert session.roles is None
    assert listing(session)["value"] == []  # the API refuses it, so a real one is fetched


def test_an_app_without_the_role_is_told_before_the_first_call_and_let_in_once_it_has_it(sandbox: Sandbox) -> None:
    sandbox.tenant.switch({"roles": ["Score.Read.All"]})
    session = sandbox.session()
    error = failing(lambda: listing(session))
    assert isinstance(error, CredentialsError)
    assert "add Ti.ReadWrite.All of WindowsDefenderATP as an application permission" in error.text
    assert sandbox.calls("/indicators", 0) == []
    sandbox.tenant.switch({"roles": ["Ti.ReadWrite.All"]})
    assert listing(session)["value"] == []


def test_an_app_that_sees_its_own_rows_only_is_warned_of_once(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.tenant.switch({"roles": ["Ti.ReadWrite"]})
    session = sandbox.session()
    with json_logs(capsys) as lines:
        for now in (0, 10_000):
            sandbox.clock.now = now
            listing(session)
        assert [line["missing_role"] for line in lines() if "missing_role" in line] == ["Ti.ReadWrite.All"]
    assert session.roles == frozenset({"Ti.ReadWrite"})


def test_a_permission_granted_after_a_403_is_used_by_the_next_call(sandbox: Sandbox) -> None:
    sandbox.tenant.switch({"write_needs_all": True, "roles": ["Ti.ReadWrite"]})
    session = sandbox.session()
    error = failing(lambda: importing(session))
    assert isinstance(error, ForbiddenError)
    assert "grant it Ti.ReadWrite.All" in error.text
    sandbox.tenant.switch({"roles": ["Ti.ReadWrite.All"]})
    assert importing(session)["value"]
