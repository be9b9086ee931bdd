"""How brokers are spoken to: the options of each security protocol, and files that cannot be used are named."""

import ssl
from pathlib import Path

import pytest

from services.runtime.kafka.clients import security
from services.runtime.observability import log
from services.runtime.settings import Settings, SettingsError
from tests.certificates import Certificates

SASL = {"kafka_sasl_username": "bridge", "kafka_sasl_password": "hush-hush"}


@pytest.fixture(autouse=True)
def _forget_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_secrets", set())


def options(protocol: str, **settings: object) -> dict[str, object]:
    return security(Settings.model_validate({"kafka_security_protocol": protocol, **settings}))


def test_plain_text_needs_nothing() -> None:
    assert options("PLAINTEXT") == {"security_protocol": "PLAINTEXT"}


def test_sasl_has_name_and_password_and_keeps_the_password_out_of_the_log() -> None:
    assert options("SASL_PLAINTEXT", **SASL) == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "bridge",
        "sasl_plain_password": "hush-hush",
    }
    assert log.redact("with hush-hush") == "with ***"


@pytest.mark.parametrize("protocol", ["SSL", "SASL_SSL"])
def test_tls_checks_certificate_and_name(protocol: str) -> None:
    found = options(protocol, **SASL)
    context = found["ssl_context"]
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert ("sasl_mechanism" in found) == (protocol == "SASL_SSL")


def test_only_the_bundle_given_is_believed(tmp_path: Path) -> None:
    made = Certificates(tmp_path)
    context = options("SSL", kafka_ssl_ca_file=str(made.ca))["ssl_context"]
    assert isinstance(context, ssl.SSLContext)
    assert [found["subject"] for found in context.get_ca_certs()] == [((("commonName", "ca"),),)]


def test_a_file_that_cannot_be_used_is_named_with_its_setting(tmp_path: Path) -> None:
    made, missing, text = Certificates(tmp_path), tmp_path / "missing.pem", tmp_path / "text.pem"
    text.write_text("no certificate")
    for ca in (missing, text):
        with pytest.raises(SettingsError, match=rf"^kafka_ssl_ca_file \(IOC_BRIDGE_KAFKA_SSL_CA_FILE\): {ca} "):
            options("SSL", kafka_ssl_ca_file=str(ca))
    for cert, key in ((missing, made.client_key), (made.client, missing), (text, made.client_key), (made.client, text)):
        with pytest.raises(SettingsError, match=r"^kafka_ssl_cert_file \(IOC_BRIDGE_KAFKA_SSL_CERT_FILE\): "):
            options("SSL", kafka_ssl_cert_file=str(cert), kafka_ssl_key_file=str(key))
