"""The sandbox Defender tenant: which values it takes for which type, and the code it refuses others with."""

from collections.abc import Iterator

import pytest

from tests.contract.test_sandbox_defender import ALL, Sandbox, refused, row, running


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with running() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.admin("reset")
    return server.as_app(ALL)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("IpAddress", ["198.51.100.7", "8.8.8.8", "2001:4860:4860:0:0:0:0:8888", "2001:0db8:0:0:0:0:0:1"]),
        ("DomainName", ["evil.example", "a-b.xn--p1ai", "1.evil.example"]),
        ("Url", ["https://evil.example/a?b=c#d", "http://8.8.8.8:8080/x", "evil.example/path", "ftp://evil.example/a"]),
        ("FileSha1", ["aB" * 20]),
        ("FileSha256", ["0f" * 32]),
        ("FileMd5", ["9E" * 16]),
    ],
)
def test_accepted(sandbox: Sandbox, kind: str, values: list[str]) -> None:
    for value in values:
        assert sandbox.create(value, kind)["indicatorValue"] == value


@pytest.mark.parametrize(
    ("kind", "code", "values"),
    [
        (
            "IpAddress",
            "InvalidIpAddress",
            [
                *("10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.1.1", "0.0.0.0", "100.64.0.1"),
                *("224.0.0.1", "255.255.255.255", "0:0:0:0:0:0:0:1", "fe80:0:0:0:0:0:0:1", "fc00:0:0:0:0:0:0:1"),
                *("198.51.100.0/24", "198.51.100.1-198.51.100.9", "198.51.100.*", "198.51.100", "198.51.100.256"),
                *("198.51.100.07", "2001:db8::1", "2001:db8:0:0:0:0:0:0/64", "2001:db8:0:0:0:0:1", "evil.example"),
                *("198.51.100.7:80", "::ffff:198.51.100.7", "[2001:db8:0:0:0:0:0:1]", "2001:db8:0:0:0:0:0:0:1"),
            ],
        ),
        (
            "DomainName",
            "InvalidDomainName",
            [
                *(
                    "*.evil.example",
                    "evil",
                    "_dmarc.evil.example",
                    "a_b.evil.example",
                    "evil..example",
                    ".evil.example",
                ),
                *(
                    "evil.example.",
                    "https://evil.example",
                    "evil.example/path",
                    "198.51.100.7",
                    "-a.example",
                    "a-.example",
                ),
                *(f"{'a' * 64}.example", f"{'a.' * 127}example", "böse.example", "evil.example:80"),
            ],
        ),
        (
            "Url",
            "InvalidUrl",
            [
                *(
                    "https://",
                    "https://*.evil.example/",
                    "javascript://evil.example/x",
                    "https://evil/",
                    "evil.example",
                ),
                *("198.51.100.7", "https://evil.example:99999/", "mailto:a@evil.example"),
            ],
        ),
        ("FileSha1", "InvalidHashValue", ["a" * 39, "a" * 41, "g" * 40, "a" * 64]),
        ("FileSha256", "InvalidHashValue", ["a" * 63, "z" * 64, "a" * 32]),
        ("FileMd5", "InvalidHashValue", ["a" * 31, "a" * 40, "-" * 32]),
    ],
)
def test_refused_with_the_code_of_the_type(sandbox: Sandbox, kind: str, code: str, values: list[str]) -> None:
    outcomes = {value: sandbox.submit(**row(value, kind)) for value in values}
    for value, answer in outcomes.items():
        assert value in refused(answer, 400, code)
    assert sandbox.truth()["rows"] == []


def test_a_thumbprint_is_a_sha1(sandbox: Sandbox) -> None:
    assert sandbox.create("c" * 40, "CertificateThumbprint", action="Allowed")["id"]
    refused(sandbox.submit(**row("c" * 64, "CertificateThumbprint", action="Allowed")), 400, "InvalidHashValue")


@pytest.mark.parametrize(
    "value", ["evil.example ", " evil.example", "evil .example", "evil.example\n", "evil\u200b.example"]
)
def test_white_space_is_refused_for_every_type(sandbox: Sandbox, value: str) -> None:
    for kind in ("DomainName", "Url", "IpAddress", "FileSha1"):
        refused(sandbox.submit(**row(value, kind)), 400, "InvalidInput")


def test_an_empty_value_is_answered_in_the_vendors_spelling(sandbox: Sandbox) -> None:
    message = refused(sandbox.submit(**row("")), 400, "InvalidInput")
    assert message == "Recieved an empty indicator value."


def test_web_categories_cannot_be_submitted(sandbox: Sandbox) -> None:
    refused(sandbox.submit(**row("Gambling", "WebCategory")), 400, "InvalidInput")


def test_an_education_url_must_be_one(sandbox: Sandbox) -> None:
    assert sandbox.create(educateUrl="https://intranet.example/why")["educateUrl"]
    refused(sandbox.submit(**row(educateUrl="why")), 400, "InvalidUrl")


def test_uncertain_value_rules_are_switches(sandbox: Sandbox) -> None:
    sandbox.switch(private_ip_error_code="InvalidInput", underscore_labels="reject_leading")
    refused(sandbox.submit(**row("10.0.0.1", "IpAddress")), 400, "InvalidInput")
    refused(sandbox.submit(**row("_dmarc.evil.example")), 400, "InvalidDomainName")
    assert sandbox.create("a_b.evil.example")["id"]
    sandbox.switch(underscore_labels="accept", schemeless_url="reject", bare_host_url="accept")
    assert sandbox.create("_dmarc.evil.example")["id"]
    refused(sandbox.submit(**row("evil.example/path", "Url")), 400, "InvalidUrl")
    sandbox.switch(schemeless_url="accept")
    assert sandbox.create("evil.example", "Url")["id"]
