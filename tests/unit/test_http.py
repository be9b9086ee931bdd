"""Calls over HTTP: which answer becomes which error, with what text, and what is measured."""

import gzip
import socket
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from services.runtime.vendors.errors import (
    BrokenAnswerError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    RefusedError,
    ThrottledError,
    UnauthorizedError,
    UnavailableError,
    UnreachableError,
    VendorError,
)
from services.runtime.vendors.http import VendorHttp

Handler = Callable[[httpx.Request], httpx.Response]


def vendor(handler: Handler, *, connection: str = "acme", hints: Mapping[int, str] | None = None) -> VendorHttp:
    return VendorHttp(
        connection,
        "https://api.example",
        url_field="spec.apiUrl",
        throttled_s=60,
        hints=hints,
        transport=httpx.MockTransport(handler),
    )


def answering(status: int, **options: Any) -> Handler:
    return lambda _: httpx.Response(status, **options)


def failure(handler: Handler, **options: Any) -> VendorError:
    with pytest.raises(VendorError) as caught:
        vendor(handler, **options).request("GET", "/api/things", route="things").json()
    return caught.value


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"ioc_bridge_{name}", labels) or 0.0


@pytest.mark.parametrize(
    ("status", "kind", "transient", "may_have_acted"),
    [
        (302, RefusedError, False, False),
        (400, RefusedError, False, False),
        (401, UnauthorizedError, False, False),
        (403, ForbiddenError, False, False),
        (404, NotFoundError, False, False),
        (408, UnavailableError, True, True),
        (409, ConflictError, True, False),
        (422, RefusedError, False, False),
        (429, ThrottledError, True, False),
        (500, UnavailableError, True, True),
        (503, UnavailableError, True, True),
        (599, UnavailableError, True, True),
    ],
)
def test_every_status_has_its_error(
    status: int, kind: type[VendorError], transient: bool, may_have_acted: bool
) -> None:
    error = failure(answering(status))
    assert type(error) is kind
    assert (error.transient, error.may_have_acted) == (transient, may_have_acted)
    assert (error.connection, error.route) == ("acme", "things")
    assert str(status) in error.text


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error": {"code": "InvalidInput", "message": "Bad\r\nvalue", "target": "x"}}, "InvalidInput", "Bad value"),
        ({"error": "invalid_client", "error_description": "AADSTS7: no"}, "invalid_client", "AADSTS7: no"),
        ({"message": "API rate limit exceeded"}, "", "API rate limit exceeded"),
        ({"message": [["::1", "not supported"], ["*x", "bad"]], "error": "Bad Request"}, "Bad Request",
         "::1: not supported; *x: bad"),
        ({"message": ["a", "b", "c", "d", "e"]}, "", "a; b; c; and 2 more"),
        ({"status": "error", "errorCode": "Invalid Request", "errors": ["e1", "e2"]}, "Invalid Request", "e1; e2"),
        ({"status": {"message": "nested"}}, "", "nested"),
        ({"error": "plain"}, "plain", "plain"),
        ({"validation_errors": [{"field": "values[3]", "message": "odd"}]}, "", "values[3]: odd"),
        ("text", "", "text"),
        ([1, 2], "", ""),
        ({"message": None, "error": {"code": 5}}, "", ""),
        ({"message": "x" * 1000}, "", "x" * 299 + "…"),
    ],
)  # fmt: skip
def test_every_shape_of_error_body_is_read(body: object, code: str, message: str) -> None:
    error = failure(answering(400, json=body))
    assert isinstance(error, RefusedError)
    assert (error.code, error.message, error.body) == (code, message, body)
    assert message in error.text
    assert "\n" not in str(error)


@pytest.mark.parametrize("content", [b"", b"<html>gateway</html>", b"\xff\xfe", b'{"message":'])
def test_an_error_body_that_is_no_json_says_nothing(content: bytes) -> None:
    error = failure(answering(403, content=content))
    assert isinstance(error, ForbiddenError)
    assert (error.text, error.body) == ("403 Forbidden", None)


def test_a_hint_says_what_to_do() -> None:
    error = failure(answering(403, json={"message": "no"}), hints={403: "grant it"})
    assert error.text == "403 Forbidden: no; grant it"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "soon"}, 60.0),
        ({"Retry-After": "nan"}, 60.0),
        ({"Retry-After": "Mon, 01 Jan 2026 00:00:00 +99999999999999"}, 60.0),
        ({"Retry-After": "1 Jan 99999999999999999999 1:1:1 GMT"}, 60.0),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 -2359"}, 60.0),
        ({}, 60.0),
        ({"RateLimit-Reset": "4"}, 4.0),
        ({"RateLimit-Reset": "1767225600"}, 60.0),
        ({"Retry-After": "2", "RateLimit-Reset": "9"}, 2.0),
    ],
)
def test_how_long_to_wait_after_a_429(headers: dict[str, str], seconds: float) -> None:
    error = failure(answering(429, headers=headers))
    assert isinstance(error, ThrottledError)
    assert error.retry_after == seconds


def test_a_date_to_wait_for() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    error = failure(answering(503, headers={"Retry-After": later}))
    assert isinstance(error, UnavailableError)
    assert error.retry_after is not None
    assert 3000 < error.retry_after <= 3600


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"content": b""}, "empty"),
        ({"content": b" \n"}, "empty"),
        ({"content": b'{"value":['}, "malformed"),
        ({"text": "<html>"}, "malformed"),
        (
            {"content": iter([gzip.compress(b"{}")[:-4] + b"xxxx"]), "headers": {"Content-Encoding": "gzip"}},
            "malformed",
        ),
    ],
)
def test_an_unreadable_body_is_a_broken_answer(options: dict[str, Any], kind: str) -> None:
    labels = {"connection": "broken", "route": "things", "error": kind}
    before = metric("vendor_call_errors_total", **labels)
    error = failure(answering(200, **options), connection="broken")
    assert isinstance(error, BrokenAnswerError)
    assert error.kind == kind
    assert error.may_have_acted
    assert metric("vendor_call_errors_total", **labels) == before + 1


def test_bodies_that_are_fine() -> None:
    def got(handler: Handler, **options: bool) -> object:
        return vendor(handler).request("GET", "/x", route="x").json(**options)

    assert got(answering(200, content=gzip.compress(b"[1]"), headers={"Content-Encoding": "gzip"})) == [1]
    assert got(answering(204)) is None
    assert got(answering(200), empty_ok=True) is None
    assert got(answering(200, content=b'{"id":7147084621365701239}')) == {"id": 7147084621365701239}
    assert got(answering(200, content=b'{"object":"a\xffb"}')) == {"object": "a\ufffdb"}


def raising(error: Exception, cause: Exception | None = None) -> Handler:
    def handler(_: httpx.Request) -> httpx.Response:
        raise error from cause

    return handler


def untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = 18, "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("handler", "kind", "may_have_acted", "says"),
    [
        (raising(httpx.ConnectTimeout("x")), "timeout", False, "check spec.apiUrl, spec.proxy"),
        (raising(httpx.PoolTimeout("x")), "timeout", False, "no connection"),
        (raising(httpx.ConnectError("x"), ConnectionRefusedError(111, "refused")), "connect", False, "no connection"),
        (raising(httpx.ConnectError("x"), socket.gaierror(-2, "unknown")), "dns", False, "does not resolve"),
        (raising(httpx.ConnectError("x"), untrusted()), "tls", False, "self-signed certificate"),
        (raising(httpx.ConnectError("x"), ssl.SSLError(1, "wrong version")), "tls", False, "the TLS handshake with"),
        (raising(httpx.ProxyError("x")), "proxy", False, "spec.proxy"),
        (raising(httpx.LocalProtocolError("Illegal header value b'token'")), "protocol", False, "cannot be sent"),
        (raising(httpx.ReadTimeout("x")), "timeout", True, "no answer from api.example"),
        (raising(httpx.WriteError("x")), "reset", True, "closed the connection"),
        (raising(httpx.ReadError("x")), "reset", True, "closed the connection"),
        (raising(httpx.RemoteProtocolError("x")), "reset", True, "closed the connection"),
    ],
)
def test_no_answer_says_why_and_whether_the_vendor_may_have_acted(
    handler: Handler, kind: str, may_have_acted: bool, says: str
) -> None:
    error = failure(handler)
    assert isinstance(error, UnreachableError)
    assert (error.kind, error.may_have_acted) == (kind, may_have_acted)
    assert says in error.text
    assert "token" not in str(error)


def test_calls_are_measured_by_route_and_never_by_url() -> None:
    client = vendor(lambda request: httpx.Response(int(request.url.params["answer"])), connection="measured")
    labels = {"connection": "measured", "route": "import"}
    client.request("POST", "/api/secret-path", route="import", params={"answer": 200}, json={"a": 1})
    with pytest.raises(UnavailableError):
        client.request("POST", "/api/secret-path", route="import", params={"answer": 500})
    assert metric("vendor_calls_total", **labels, status="200") == 1
    assert metric("vendor_calls_total", **labels, status="500") == 1
    assert metric("vendor_call_seconds_count", **labels) == 2
    with pytest.raises(UnreachableError):
        vendor(raising(httpx.ReadTimeout("x")), connection="measured").request("GET", "/", route="import")
    assert metric("vendor_call_errors_total", **labels, error="timeout") == 1
    exposed = [str(sample.labels) for family in REGISTRY.collect() for sample in family.samples]
    assert not [labels for labels in exposed if "secret-path" in labels]


def test_what_is_sent() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    seen: list[httpx.Request] = []
    client = vendor(handler)
    client.request("POST", "/api/a%2Fb", route="r", json={"n": [1]}, params={"$top": 5}, headers={"X-Token": "t"})
    client.request("POST", "/t", route="r", form={"a": "b c"})
    client.request("GET", "/t", route="r", read_timeout_s=120)
    first, second, third = seen
    assert str(first.url) == "https://api.example/api/a%2Fb?%24top=5"
    assert (first.content, first.headers["Content-Type"], first.headers["X-Token"]) == (
        b'{"n":[1]}',
        "application/json",
        "t",
    )
    assert first.headers["User-Agent"].startswith("ioc-bridge/")
    assert (second.content, second.headers["Content-Type"]) == (b"a=b+c", "application/x-www-form-urlencoded")
    assert first.extensions["timeout"] == {"connect": 10.0, "read": 60.0, "write": 60.0, "pool": 10.0}
    assert third.extensions["timeout"]["read"] == 120
    assert "Content-Type" not in third.headers
