"""Which proxy is taken: every form of NO_PROXY, values that cannot be read, and real proxies on loopback."""

import ast
import http.server
import socketserver
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st

from services.console.cli.remote import RemoteError, remote
from services.runtime.proxies import ProxyError, proxy_for
from services.runtime.vendors.errors import MisconfiguredError, UnreachableError
from services.runtime.vendors.http import VendorHttp

PROXY = "http://proxy.example:3128"
NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


def is_direct(url: str, no_proxy: str) -> bool:
    return proxy_for(url, {"ALL_PROXY": PROXY, "NO_PROXY": no_proxy}) is None


@pytest.mark.parametrize(
    ("no_proxy", "direct", "proxied"),
    [
        ("fd01::/48", ["http://[fd01::1]:8080", "http://[fd01:0:0:ffff::1]"], ["http://[fd02::1]", "http://10.1.2.3"]),
        ("[fd01::]/48", ["http://[fd01::1]"], ["http://[fd02::1]"]),
        ("[fd01::/48]", ["http://[fd01::1]"], ["http://[fd02::1]"]),
        ("[::1]", ["http://[::1]:8080", "https://[0:0:0:0:0:0:0:1]"], ["http://[::2]", "http://127.0.0.1"]),
        ("::1", ["http://[::1]:8080"], ["http://[::2]"]),
        ("[::1]:8080", ["http://[::1]:8080"], ["http://[::1]:8081", "http://[::1]"]),
        ("10.0.0.0/8", ["http://10.1.2.3:8080", "http://[::ffff:10.1.2.3]"], ["http://11.1.2.3", "http://a.example"]),
        ("10.1.2.3/8", ["http://10.9.9.9"], ["http://11.1.2.3"]),
        ("::ffff:10.0.0.0/104", ["http://10.1.2.3", "http://[::ffff:a01:203]"], ["http://11.1.2.3"]),
        ("::ffff:10.1.2.3", ["http://10.1.2.3"], ["http://10.1.2.4"]),
        ("10.1.2.3:443", ["https://10.1.2.3"], ["http://10.1.2.3", "https://10.1.2.3:8443"]),
        (".corp.example", ["http://corp.example", "https://a.b.corp.example"], ["http://badcorp.example"]),
        ("corp.example", ["http://corp.example", "https://a.b.corp.example"], ["http://badcorp.example"]),
        ("*.corp.example", ["http://corp.example", "https://a.corp.example"], ["http://badcorp.example"]),
        ("Corp.EXAMPLE", ["http://a.cOrp.example"], ["http://corp.example.org"]),
        ("corp.example.", ["http://a.corp.example", "http://corp.example."], ["http://corp.example.org"]),
        ("corp.example:8443", ["https://a.corp.example:8443"], ["https://a.corp.example"]),
        ("corp.example:80", ["http://corp.example"], ["https://corp.example"]),
        ("bücher.example", ["http://bücher.example", "http://www.xn--bcher-kva.example"], ["http://bucher.example"]),
        ("localhost, 127.0.0.1 ,,\t::1", ["http://localhost:1", "http://127.0.0.1", "http://[::1]"], ["http://a"]),
        ("*", ["http://a", "https://[::1]", "http://10.1.2.3"], []),
        ("a.example, *", ["http://b.example"], []),
        ("*:8080", ["http://a:8080"], ["http://a"]),
        ("::/0", ["http://[2001:db8::1]"], ["http://10.1.2.3"]),
        ("0.0.0.0/0", ["http://10.1.2.3", "http://[::ffff:1.2.3.4]"], ["http://[2001:db8::1]"]),
        ("", [], ["http://a"]),
        (" , ", [], ["http://a"]),
    ],
)  # fmt: skip
def test_networks_addresses_domains_and_ports(no_proxy: str, direct: list[str], proxied: list[str]) -> None:
    assert [url for url in direct if not is_direct(url, no_proxy)] == []
    assert [url for url in proxied if is_direct(url, no_proxy)] == []


@pytest.mark.parametrize(
    "entry",
    ["10.0.0.0/33", "fd01::/129", "10.0.0/8", "[corp.example]", "[::1", "[10.0.0.1]", "corp.example:0", "10.*", "10.0.",
     "corp.example:99999", "a..b", "http://corp.example", "corp.example/8", "*corp*", ":80", "<local>", "a:b:c", "//"],
)  # fmt: skip
def test_an_entry_that_cannot_be_read_is_one_line_that_names_it(entry: str) -> None:
    with pytest.raises(ProxyError, match=r"^NO_PROXY: the entry ") as caught:
        is_direct("http://a.example", f"b.example,{entry}")
    assert ascii(entry) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert proxy_for("http://a.example", {"NO_PROXY": entry}) is None, "without a proxy it decides nothing"


@given(st.text(max_size=40))
@example("\ud800")
@example("[")
@example("%")
@example("١٢٣:٨")
def test_any_text_is_read_or_named(text: str) -> None:
    for name in ("NO_PROXY", "no_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        try:
            proxy_for("http://a.example", {"ALL_PROXY": PROXY, name: text})
        except ProxyError as error:
            assert str(error).startswith(f"{name}: ")  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017


LABELS = st.sampled_from(["a", "b", "corp", "xy"])
HOSTS = st.lists(LABELS, min_size=1, max_size=3).map(lambda parts: ".".join([*parts, "example"]))
ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.1.1", "10.1.0.1", "11.0.0.1", "192.0.2.7"])
NETWORKS = st.tuples(ADDRESSES, st.integers(1, 32)).map(lambda pair: f"{pair[0]}/{pair[1]}")


@given(
    st.lists(HOSTS.map(lambda host: f".{host}") | ADDRESSES | NETWORKS, max_size=5),
    HOSTS | ADDRESSES,
    st.sampled_from(["", ":8080"]),
    st.sampled_from([",", ", ", " ,"]),
)
def test_requests_decides_the_same_where_both_say_what_they_do(
    entries: list[str], host: str, port: str, separator: str
) -> None:
    """Not compared: IPv6 and ports of addresses, which requests does not know, and domains without a leading dot.

    For those requests compares endings, so that `corp.example` takes `badcorp.example` along; curl does not.
    """
    url, no_proxy = f"http://{host}{port}/", separator.join(entries)
    assert is_direct(url, no_proxy) == requests.utils.should_bypass_proxies(url, no_proxy=no_proxy)


@given(st.ip_addresses(), st.lists(st.ip_addresses(), min_size=1, max_size=3), st.data())
def test_any_network_covers_what_is_in_it(host: Any, bases: list[Any], data: st.DataObject) -> None:
    networks = [
        ip_network((base, data.draw(st.integers(0, base.max_prefixlen))), strict=False) for base in [host, *bases]
    ]
    url = f"http://[{host}]" if host.version == 6 else f"http://{host}"
    mapped = getattr(host, "ipv4_mapped", None)
    expected = any(host in network for network in networks if network.version == host.version)
    assert expected
    assert is_direct(url, ",".join(map(str, networks))) or mapped
    assert not is_direct(url, str(type(host)(int(host) ^ 1)))


@pytest.mark.parametrize(
    ("environ", "url", "expected"),
    [
        ({"HTTP_PROXY": PROXY}, "http://a", PROXY),
        ({"HTTP_PROXY": PROXY}, "https://a", None),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "https://a", PROXY),
        ({"ALL_PROXY": PROXY}, "https://a", PROXY),
        ({"all_proxy": "http://other:1", "HTTPS_PROXY": PROXY}, "https://a", PROXY),
        ({"http_proxy": PROXY, "HTTP_PROXY": "http://other:1"}, "http://a", PROXY),
        ({"http_proxy": "", "HTTP_PROXY": PROXY}, "http://a", None),
        ({"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, "http://a", None),
        ({"HTTP_PROXY": PROXY, "no_proxy": "a", "NO_PROXY": "b"}, "http://a", None),
        ({"HTTP_PROXY": PROXY, "no_proxy": "", "NO_PROXY": "a"}, "http://a", None),
        ({}, "http://a", None),
    ],
)
def test_variables_and_their_order(environ: dict[str, str], url: str, expected: str | None) -> None:
    assert proxy_for(url, environ) == expected


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(
    "value",
    ["http://[::1", "http://", "socks5://secret@a:1", "http://a:99999", "a b:3128", "http://a:b:c", "x://", "[", "\0"],
)  # fmt: skip
def test_a_proxy_that_cannot_be_read_is_named_without_its_value(name: str, value: str) -> None:
    with pytest.raises(ProxyError, match=f"^{name}: ") as caught:
        proxy_for("http://a", {name: value})
    assert "secret" not in str(caught.value)
    assert "http://host:port" in str(caught.value)


class _Proxy(socketserver.ThreadingTCPServer):
    """Notes what it is asked for, and answers it itself. A tunnel is refused once it is noted."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Proxy

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body = b'{"items": []}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self) -> None:
        self.server.asked.append(self.path)
        self.send_error(502)

    def log_request(self, *_: Any) -> None:
        pass

    def log_error(self, *_: Any) -> None:
        pass


@contextmanager
def listening() -> Iterator[_Proxy]:
    with _Proxy() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "no_proxy", ["127.0.0.0/8", "127.0.0.1", "127.0.0.0/8,fd01::/48,[::1]", "*", "::ffff:127.0.0.1"]
)
def test_what_is_bypassed_is_asked_directly_by_every_client(environment: pytest.MonkeyPatch, no_proxy: str) -> None:
    with listening() as proxy, listening() as target:
        environment.setenv("HTTP_PROXY", proxy.url)
        environment.setenv("NO_PROXY", no_proxy)
        environment.setenv("IOC_BRIDGE_API_URL", target.url)
        environment.setenv("IOC_BRIDGE_API_TOKEN", "t0ken")
        with remote() as api:
            assert api.get("/api/v1/x") == {"items": []}
        with closing(VendorHttp("acme", target.url, url_field="spec.apiUrl")) as client:
            client.request("GET", "/y", route="r")
        assert (proxy.asked, target.asked) == ([], ["/api/v1/x", "/y"])


def test_what_is_not_bypassed_goes_by_the_proxy_plain_and_tunnelled(environment: pytest.MonkeyPatch) -> None:
    with listening() as proxy:
        environment.setenv("ALL_PROXY", proxy.url)
        environment.setenv("NO_PROXY", "10.0.0.0/8,fd01::/48,.corp.example")
        environment.setenv("IOC_BRIDGE_API_URL", "http://api.example:8080")
        with remote() as api:
            api.get("/api/v1/x")
        client = VendorHttp("acme", "https://vendor.example", url_field="spec.apiUrl")
        with closing(client), pytest.raises(UnreachableError, match="proxy"):
            client.request("GET", "/y", route="r")
        assert proxy.asked == ["http://api.example:8080/api/v1/x", "vendor.example:443"]


@pytest.mark.parametrize(("name", "value"), [("NO_PROXY", "10.0.0.0/99"), ("ALL_PROXY", "socks5://a:1")])
def test_every_client_names_the_variable_that_cannot_be_read(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv("ALL_PROXY", PROXY)
    environment.setenv(name, value)
    with pytest.raises(RemoteError, match=f"^{name}: "), remote():
        pass
    client = VendorHttp("acme", "https://vendor.example", url_field="spec.apiUrl")
    with closing(client), pytest.raises(MisconfiguredError, match=f"{name}: .* restart"):
        client.request("GET", "/", route="r")
    named = VendorHttp("acme", "http://a", url_field="f", proxy="http://127.0.0.1:1")
    with closing(named), pytest.raises(UnreachableError):
        named.request("GET", "/", route="r")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IOC_BRIDGE_API_URL", "http://[::1"),
        ("IOC_BRIDGE_API_TOKEN", "tökén"),
        ("IOC_BRIDGE_API_TOKEN", "a\nb"),
    ],
)
def test_the_command_line_names_its_own_variables_too(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    with pytest.raises(RemoteError, match=f"^{name} "), remote():
        pass


def test_no_client_of_ours_reads_the_environment_itself() -> None:
    makers = {"Client", "AsyncClient", "get", "post", "request", "stream"}
    made = 0
    for path in (Path(__file__).parents[2] / "services").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {f"httpx.{maker}" for maker in makers}:
                made += 1
                trusts = {word.arg: ast.unparse(word.value) for word in node.keywords}.get("trust_env")
                assert trusts == "False", f"{path}:{node.lineno}: trust_env=False, and services.runtime.proxies"
    assert made >= 4
