"""Secrets: from files and the environment, taken up anew when they change, never shown, and missed in clear words."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from schemas.connections import SecretRef
from services.runtime.observability import log
from services.runtime.secrets import Secret
from services.runtime.vendors.errors import MisconfiguredError, SecretMissingError


@pytest.fixture(autouse=True)
def _forget_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_secrets", set())


def from_file(path: Path) -> Secret:
    return Secret(SecretRef(file=str(path)), "acme", "spec.appSecret")


def from_env(name: str) -> Secret:
    return Secret(SecretRef(env=name), "acme", "spec.v2Token")


def test_a_file_is_stripped_and_hidden(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(" s3cret-value\n")
    assert from_file(file).read() == "s3cret-value"
    assert log.redact("with s3cret-value inside") == "with *** inside"


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("first")
    secret = from_file(file)
    assert secret.read() == "first"
    file.write_text("again")  # as long, and perhaps within the clock's grain
    os.utime(file, ns=(1, 1))
    assert secret.read() == "again"
    assert log.redact("first again") == "*** ***"


def test_a_file_is_read_again_when_it_is_replaced_as_kubernetes_does(tmp_path: Path) -> None:
    for name, value in (("one", "first"), ("two", "later")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "secret").write_text(value)
        os.utime(tmp_path / name / "secret", ns=(1, 1))
    link = tmp_path / "current"
    link.symlink_to(tmp_path / "one")
    secret = from_file(link / "secret")
    assert secret.read() == "first"
    fresh = tmp_path / "fresh"
    fresh.symlink_to(tmp_path / "two")
    fresh.replace(link)
    assert secret.read() == "later"


def test_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", "tok-en-1\n")
    secret = from_env("ACME_TOKEN")
    assert secret.read() == "tok-en-1"
    monkeypatch.setenv("ACME_TOKEN", "tok-en-2")
    assert secret.read() == "tok-en-2"
    assert log.redact("tok-en-1 tok-en-2") == "*** ***"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read (No such file or directory); mount it"),
        (b"", "is empty; put the secret there"),
        (b" \n", "is empty"),
        (b"one\ntwo", "is not one line of printable ASCII"),
        ("schlüssel".encode(), "is not one line of printable ASCII"),
        (b"\xff\xfe", "is not text"),
    ],
)
def test_a_file_without_a_secret(tmp_path: Path, content: bytes | None, says: str) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SecretMissingError) as caught:
        from_file(file).read()
    text = str(caught.value)
    assert text.startswith(f"connection acme, secret: spec.appSecret: file {file} ")
    assert says in text
    assert "\n" not in text
    assert "one" not in text.replace("one line", "")
    assert isinstance(caught.value, MisconfiguredError)
    assert not caught.value.transient


def test_a_folder_is_no_secret(tmp_path: Path) -> None:
    with pytest.raises(SecretMissingError, match="cannot be read"):
        from_file(tmp_path).read()


@pytest.mark.parametrize(
    ("value", "says"), [(None, "is not set for this service; set it and restart"), ("", "is empty")]
)
def test_an_environment_variable_without_a_secret(
    monkeypatch: pytest.MonkeyPatch, value: str | None, says: str
) -> None:
    monkeypatch.delenv("ACME_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("ACME_TOKEN", value)
    with pytest.raises(SecretMissingError, match=says) as caught:
        from_env("ACME_TOKEN").read()
    assert "connection acme, secret: spec.v2Token: environment variable ACME_TOKEN" in str(caught.value)


def test_a_secret_that_goes_missing_is_not_remembered(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("value")
    secret = from_file(file)
    assert secret.read() == "value"
    file.write_text("")
    with pytest.raises(SecretMissingError):
        secret.read()
    file.unlink()
    with pytest.raises(SecretMissingError):
        secret.read()


def test_when_it_expires_is_shown_where_the_connection_says_so(tmp_path: Path) -> None:
    ref = SecretRef.model_validate({"file": str(tmp_path / "secret"), "expires": "2027-01-31"})
    Secret(ref, "dated", "spec.appSecret")
    labels = {"connection": "dated", "secret": "spec.appSecret"}
    expires = REGISTRY.get_sample_value("ioc_bridge_secret_expires_timestamp_seconds", labels)
    assert expires == datetime(2027, 1, 31, tzinfo=UTC).timestamp()
