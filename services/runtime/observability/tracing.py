"""Spans to an OpenTelemetry collector, by OTLP over HTTP. Off unless the setting `otlp_endpoint` names one.

OpenTelemetry's SDK is imported only then. Its batches are sent from a thread of its own, and what a collector does not
take is dropped: tracing holds nothing up. `OTEL_EXPORTER_OTLP_HEADERS` and the like are honoured, as the SDK does.
"""

import os
from collections.abc import Callable
from importlib.metadata import version

from services.runtime.observability.trace import Span, export_to
from services.runtime.proxies import ProxyError, proxy_for
from services.runtime.settings import Settings, SettingsError

_FLUSH_WITHIN_MS = 3_000
_CA_BUNDLES = (
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)


def enable(settings: Settings, service: str) -> Callable[[], None]:
    """Send spans from now on, where the settings want it. Returns what sends the last ones and stops.

    Raises:
        SettingsError: they want it, and the packages are missing or a variable about proxies cannot be read.

    """
    if not settings.otlp_endpoint:
        return lambda: None
    try:
        import requests  # noqa: PLC0415  # what the exporter sends with
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  # optional
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError(
            f"otlp_endpoint (IOC_BRIDGE_OTLP_ENDPOINT): {error.name} is missing; install opentelemetry-sdk and "
            "opentelemetry-exporter-otlp-proto-http, or unset it"
        ) from error
    endpoint = settings.otlp_endpoint.rstrip("/") + "/v1/traces"
    session = requests.Session()
    session.trust_env = False  # the proxy is decided below; the CA bundles that it would have read are read here
    try:
        proxy = proxy_for(endpoint)
    except ProxyError as error:
        raise SettingsError(str(error)) from error
    session.proxies = {"http": proxy, "https": proxy} if proxy else {}
    trusted = next(filter(None, map(os.environ.get, _CA_BUNDLES)), None)
    processor = BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, session=session, certificate_file=trusted))
    resource = Resource.create({"service.name": f"ioc-bridge-{service}", "service.version": version("ioc-bridge")})

    def context(traceparent: str) -> SpanContext:
        _, trace, step, _ = traceparent.split("-")
        return SpanContext(int(trace, 16), int(step, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))

    def export(span: Span) -> None:
        processor.on_end(
            ReadableSpan(
                span.name,
                context=context(span.traceparent),
                parent=context(span.parent) if span.parent else None,
                resource=resource,
                attributes={f"ioc_bridge.{name}": value for name, value in span.attributes.items()},
                links=[Link(context(link)) for link in span.links],
                status=Status(StatusCode.ERROR, span.failure) if span.failure else Status(),
                start_time=span.began,
                end_time=span.ended,
            )
        )

    def stop() -> None:
        export_to(None)
        processor.force_flush(_FLUSH_WITHIN_MS)

    export_to(export)
    return stop
