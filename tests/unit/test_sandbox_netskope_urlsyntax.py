"""Which entries URL lists take; the invalid examples are those of the vendor's pages."""

import pytest

from services.sandbox.netskope.urlsyntax import destination_reason, exact_reason, ignored, regex_reason

LABEL = "x" * 63


@pytest.mark.parametrize(
    "entry",
    [
        "bad.example",
        "BAD.Example",
        "*.google.com",
        "*.gov",
        "xn--jp-cd2fp15c.xn--fsq.jp",
        "www.apple.com/i%20mac",
        "http://www.example.com",
        "https://www.example.com:443/a?b=c#d",
        "www.example.net:1",
        "www.example.net:65535/x",
        "*.example.com:8080",
        "a.example/~x-y_z.!$&'()+,;=:@",
        "a.example/?u=http://b.example/",
        "198.51.100.7",
        "198.51.100.7:8080/x",
        "http://198.51.100.7/some/path",
        "10.0.0.0/24",
        "10.0.0.1/32",
        "10.0.0.1-10.0.0.100",
        "1-2.example",
        "3com.example",
        f"{LABEL}.example",
    ],
)
def test_taken(entry: str) -> None:
    assert exact_reason(entry) is None


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ("www.google.*", "first character"),
        ("*google.com", "first character"),
        ("www.*.com", "first character"),
        ("*", "first character"),
        ("http://*.google.com", "first character"),
        ("*.*.com", "only one"),
        ("*.google.com/*", "only one"),
        ("www.exa mple.com", "spaces"),
        ("www.example.com/a b", "spaces"),
        ("www.example.com\t", "control"),
        ("jp納豆.example", "non-ASCII"),
        ("a.example/納豆", "non-ASCII"),
        ("?param=1", "host is missing"),
        ("/path", "host is missing"),
        ("http://", "host is missing"),
        ("http:///path", "host is missing"),
        ("www.example.net:0", "port"),
        ("www.example.net:65536", "port"),
        ("www.example.net:foo", "port"),
        ("www.example.net:80-90", "port"),
        ("www.example.net:", "port"),
        ("https://user:password@www.example.com", "user:password"),
        ("user@www.example.com", "user:password"),
        ("ftp://www.example.com", "schemes"),
        ("http://1.2.3.4/24", "host portion"),
        ("1.2.3.4/24", "host portion"),
        ("1.2.3.0/33", "prefix length"),
        ("http://1.2.3", "invalid IP"),
        ("1.2.3.256", "invalid IP"),
        ("1.2.3.04", "invalid IP"),
        ("1234", "invalid IP"),
        ("0.0.0.0", "cannot be"),
        ("0.0.0.0/0", "cannot be"),
        ("0.0.0.0-1.2.3.4", "cannot be"),
        ("http://1.2.3.20-1.2.3.10", "below its end"),
        ("1.2.3.4-1.2.3.4", "below its end"),
        ("http://1.2.3.10-1.2.3.20/some/path", "cannot be followed"),
        ("1.2.3.4-1.2.3", "invalid IP"),
        ("*.1.2.3.4", "hostname"),
        ("::1", "IPv6"),
        ("2001:db8::/32", "IPv6"),
        ("http://[2001:db8::1]/", "IPv6"),
        ("under_score.example", "hostname"),
        ("-dash.example", "hostname"),
        ("dash-.example", "hostname"),
        ("a..example", "hostname"),
        ("a.example.", "hostname"),
        (".example", "hostname"),
        ("per%63ent.example", "hostname"),
        (f"{LABEL}x.example", "hostname"),
        (".".join(["x" * 50] * 6), "hostname"),
        ("localhost", "domain"),
        ("a.example/%zz", "percent-encoded"),
        ("a.example/<x>", "percent-encoded"),
        ("a.example/[x]", "percent-encoded"),
    ],
)
def test_refused(entry: str, word: str) -> None:
    assert word in (exact_reason(entry) or "taken")


@pytest.mark.parametrize("entry", ["198.51.100.7", "10.0.0.0/24", "10.0.0.1-10.0.0.9"])
def test_addresses_may_be_off(entry: str) -> None:
    assert "not enabled" in (exact_reason(entry, addresses=False) or "taken")


@pytest.mark.parametrize(("line", "dropped"), [("", True), ("  ", True), ("# x", True), (" ;x", True), ("x", False)])
def test_blank_lines_and_comments(line: str, dropped: bool) -> None:
    assert ignored(line) is dropped


@pytest.mark.parametrize(
    "entry",
    [
        r"^(.*\.)?bad\.example/.*$",
        "bad",
        r"[^a-z]+\.example",
        r"[]^]x",
        r"a\^b",
        r"(?:a|b)\.example",
        r"(?i)a",
        r"\(?=x",
        "[(?=]x",
        "[[a]",
        "a++b",
    ],
)
def test_regexes_taken(entry: str) -> None:
    assert regex_reason(entry) is None


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ("(?=a)b", "look-around"),
        ("a(?!b)", "look-around"),
        ("(?<=a)b", "look-around"),
        ("(?<!a)b", "look-around"),
        (r"(a)\1", "back-references"),
        (r"(?P<n>a)(?P=n)", "back-references"),
        (r"(?<n>a)\k<n>", "back-references"),
        (r"(a)\g{1}", "back-references"),
        ("https://bad.example", "scheme"),
        (r"^https?:\/\/bad", "scheme"),
        ("a|^b", "start anchor"),
        ("(^a)", "start anchor"),
        ("(a", "invalid"),
        ("*a", "invalid"),
        ("[a", "invalid"),
        ("(" * 5000, "invalid"),
        ("ü", "non-ASCII"),
    ],
)
def test_regexes_refused(entry: str, word: str) -> None:
    assert word in (regex_reason(entry) or "taken")


def test_destinations_write_networks_their_own_way() -> None:
    assert destination_reason("CIDR:10.0.0.0/24") is None
    assert "CIDR" in (destination_reason("10.0.0.0/24") or "taken")
    assert "scheme" in (destination_reason("http://a.example") or "taken")
