"""Sends spans to an OpenTelemetry collector, by OTLP over HTTP, if the setting `otlp_endpoint` names one.

The SDK sends batches from its own thread and drops what the collector does not take, so tracing never blocks work. It
honours `OTEL_EXPORTER_OTLP_HEADERS` and the like.
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
    """Start sending spans if `otlp_endpoint` is set. Returns a function that sends the last ones and stops.

    Raises:
        SettingsError: `otlp_endpoint` is set, but packages are missing or a proxy variable is unreadable.

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
    session.trust_env = False  # proxy and CA bundle are set below
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
