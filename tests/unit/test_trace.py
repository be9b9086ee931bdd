"""Steps of a trace: who is whose, what travels in headers and to vendors, and what an exporter is given."""

import gzip
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from services.runtime.observability import trace, tracing
from services.runtime.settings import Settings, SettingsError
from services.runtime.vendors.http import VendorHttp


@pytest.fixture
def exported() -> Iterator[list[trace.Span]]:
    spans: list[trace.Span] = []
    trace.export_to(spans.append)
    yield spans
    trace.export_to(None)


def test_steps_within_steps_are_one_trace(exported: list[trace.Span]) -> None:
    with trace.span("poll") as outer, trace.span("call") as inner:
        assert trace.current() == inner.traceparent
        assert trace.headers() == (("traceparent", inner.traceparent.encode()),)
    assert trace.current() is None
    assert trace.headers() == ()
    assert [span.name for span in exported] == ["call", "poll"]
    assert inner.parent == outer.traceparent
    assert trace.trace_id(inner.traceparent) == trace.trace_id(outer.traceparent)
    assert outer.began <= inner.began <= inner.ended <= outer.ended


def test_a_step_goes_on_from_what_came_with_a_record(exported: list[trace.Span]) -> None:
    came_with = trace.of([("schema", b"x"), ("traceparent", trace.new().encode())])
    assert came_with
    with trace.span("merge", parent=came_with) as step:
        pass
    assert trace.trace_id(step.traceparent) == trace.trace_id(came_with)


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b"00-short-01"])
def test_what_came_with_a_record_and_is_no_traceparent_begins_a_new_trace(raw: bytes) -> None:
    assert trace.of([("traceparent", raw)]) is None
    with trace.span("merge", parent=trace.of([("traceparent", raw)])) as step:
        assert step.parent is None


def test_a_step_that_fails_says_so(exported: list[trace.Span]) -> None:
    with pytest.raises(KeyError), trace.span("poll"):
        raise KeyError
    assert exported[0].failure == "KeyError"


def test_a_vendor_is_told_the_step(exported: list[trace.Span]) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["traceparent"])
        return httpx.Response(200, json={})

    http = VendorHttp("acme", "http://127.0.0.1:1", url_field="spec.url", transport=httpx.MockTransport(answer))
    with trace.span("poll") as poll:
        http.request("GET", "/", route="list")
    assert trace.trace_id(seen[0]) == trace.trace_id(poll.traceparent)
    assert exported[0].attributes == {"connection": "acme", "route": "list", "status": 200}


def test_without_a_collector_nothing_is_exported() -> None:
    tracing.enable(Settings(), "router")()
    with trace.span("poll"):
        pass


def test_a_collector_without_the_packages_is_a_clear_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(SettingsError, match="install opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http"):
        tracing.enable(Settings(otlp_endpoint="http://127.0.0.1:1"), "router")


def test_a_collector_receives_the_spans() -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name is the base class's
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            bodies.append(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stop = tracing.enable(Settings(otlp_endpoint=f"http://127.0.0.1:{server.server_port}"), "router")
    other = trace.new()
    with trace.span("poll", connection="acme") as poll, trace.span("push", links=[other]):
        pass
    stop()
    server.shutdown()
    server.server_close()
    spans = [
        span
        for body in bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert {span.name for span in spans} == {"poll", "push"}
    assert {span.trace_id.hex() for span in spans} == {trace.trace_id(poll.traceparent)}
    (push,) = [span for span in spans if span.name == "push"]
    assert [link.trace_id.hex() for link in push.links] == [trace.trace_id(other)]
