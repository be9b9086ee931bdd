"""Certificates and proxies, through real sockets."""

from contextlib import closing
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from schemas.connections import Tls
from services.runtime.vendors import http
from services.runtime.vendors.errors import MisconfiguredError, UnreachableError
from services.runtime.vendors.http import VendorHttp
from services.sandbox.tenant.serve import TenantServer
from tests.unit.test_http import metric
from tests.unit.test_sandbox_tenant_properties import certificate


def test_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    pair = certificate(tmp_path)
    app = Starlette(routes=[Route("/", lambda _: JSONResponse({"hello": 1}))])
    with TenantServer(app, tls=pair) as server, TenantServer(app) as plain:

        def got(tls: Tls, url: str = server.url) -> object:
            with closing(VendorHttp("tls", url, url_field="spec.apiUrl", tls=tls)) as client:
                return client.request("GET", "/", route="r").json()

        with pytest.raises(UnreachableError, match=r"not trusted .*spec\.tls\.caFile") as caught:
            got(Tls())
        assert caught.value.kind == "tls"
        trusting = Tls(ca_file=str(pair[0]))
        assert got(trusting) == {"hello": 1}
        with pytest.raises(UnreachableError, match=r"not trusted .*check spec\.apiUrl"):
            got(trusting, server.url.replace("127.0.0.1", "localhost"))
        with pytest.raises(UnreachableError, match="the TLS handshake with"):
            got(trusting, plain.url.replace("http:", "https:"))
        assert metric("tls_unverified", connection="tls") == 0
        assert got(Tls(verify=False)) == {"hello": 1}
        assert metric("tls_unverified", connection="tls") == 1


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    client = VendorHttp("acme", "https://api.example", url_field="spec.apiUrl", tls=Tls(ca_file=str(file)))
    with closing(client), pytest.raises(MisconfiguredError, match=r"spec\.tls\.caFile: .*ca\.pem cannot be used"):
        client.request("GET", "/", route="r")


@pytest.mark.parametrize("named", [True, False])
def test_a_proxy_named_or_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, named: bool) -> None:
    async def forward(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse({"asked": scope["path"]})(scope, receive, send)

    with TenantServer(forward) as proxy:
        for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:1" if named else proxy.url)
        given = proxy.url if named else None
        with closing(VendorHttp("p", "http://api.invalid", url_field="spec.apiUrl", proxy=given)) as client:
            assert client.request("GET", "/x", route="r").json() == {"asked": "http://api.invalid/x"}


@pytest.mark.parametrize(("kept_s", "connections"), [(http.KEPT_S, 1), (0.0, 3)])
def test_a_connection_is_kept_for_a_moment_and_given_up_before_its_server_does(
    monkeypatch: pytest.MonkeyPatch, kept_s: float, connections: int
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(http, "KEPT_S", kept_s)
    app = Starlette(routes=[Route("/", lambda request: JSONResponse(asker(request)))])
    with TenantServer(app) as server, closing(VendorHttp("k", server.url, url_field="spec.apiUrl")) as client:
        askers = {str(client.request("GET", "/", route="r").json()) for _ in range(3)}
    assert len(askers) == connections
    assert kept_s < uvicorn.Config(app).timeout_keep_alive / 2, "else a call may meet the server's closing"


def asker(request: Request) -> list[object]:
    """The client's end of the connection."""
    return list(request.client or ())
