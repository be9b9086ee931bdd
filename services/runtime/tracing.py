"""Spans to an OpenTelemetry collector, by OTLP over HTTP. Off unless the setting `otlp_endpoint` names one.

OpenTelemetry's SDK is imported only then. Its batches are sent from a thread of its own, and what a collector does not
take is dropped: tracing holds nothing up. `OTEL_EXPORTER_OTLP_HEADERS` and the like are honoured, as the SDK does.
"""

from collections.abc import Callable
from importlib.metadata import version

from services.runtime.settings import Settings, SettingsError
from services.runtime.trace import Span, export_to

_FLUSH_WITHIN_MS = 3_000


def enable(settings: Settings, service: str) -> Callable[[], None]:
    """Send spans from now on, where the settings want it. Returns what sends the last ones and stops.

    Raises:
        SettingsError: they want it, and the packages are missing.

    """
    if not settings.otlp_endpoint:
        return lambda: None
    try:
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
    processor = BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint))
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
