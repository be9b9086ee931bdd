"""Kafka clients: the only place that sets security, isolation and durability.

Invariant: consumers read committed records only; producers are idempotent and wait for all in-sync replicas.
"""

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient

from services.runtime.kafka import kafka_python_internals as _internals  # noqa: F401  # lets every client read any header
from services.runtime.observability import log
from services.runtime.settings import ENV_PREFIX, Settings, SettingsError
from services.runtime.timers import start_timer

MAX_REQUEST_BYTES = 1_000_000
TRANSACTION_TIMEOUT_MS = 20_000
PATIENCE_S = 2.0
"""Seconds without an answer of a broker after which a warning is logged."""
_WAITING = "Kafka at %s does not answer yet; still trying (IOC_BRIDGE_KAFKA_BOOTSTRAP)"
_LOG = logging.getLogger(__name__)
"""Of the standard library, because the command line, which has no log, shows these lines as well."""


def security(settings: Settings) -> dict[str, Any]:
    """Return security options that kafka-python and aiokafka both accept.

    Raises:
        SettingsError: a certificate or key file is unusable.

    """
    options: dict[str, Any] = {"security_protocol": settings.kafka_security_protocol}
    if settings.kafka_security_protocol.startswith("SASL"):
        assert settings.kafka_sasl_password is not None
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": log.hide(settings.kafka_sasl_password.get_secret_value()),
        }
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = tls_context(settings)
    return options


def tls_context(settings: Settings) -> ssl.SSLContext:
    """Return the TLS context for brokers: system CAs or the configured bundle, and the client certificate if set.

    Raises:
        SettingsError: names the certificate or key file that is unusable.

    """
    ca, cert, key = settings.kafka_ssl_ca_file, settings.kafka_ssl_cert_file, settings.kafka_ssl_key_file
    with _naming_field("kafka_ssl_ca_file", f"{ca} is not a usable CA bundle"):
        context = ssl.create_default_context(cafile=ca)
    if cert:
        what = f"{cert} and kafka_ssl_key_file {key} are not a usable certificate and key"
        with _naming_field("kafka_ssl_cert_file", what):
            context.load_cert_chain(cert, key)
    return context


@contextmanager
def _naming_field(field: str, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # ssl.SSLError is one
        why = error.strerror or str(error)
        raise SettingsError(
            f"{field} ({ENV_PREFIX}{field.upper()}): {what} ({why}); give readable PEM files"
        ) from error


def _common(settings: Settings) -> dict[str, Any]:
    return {"bootstrap_servers": settings.kafka_bootstrap.split(","), **security(settings)}


def producer(settings: Settings, **options: object) -> KafkaProducer:
    """Return an idempotent producer that waits for all in-sync replicas."""
    with _warning_when_slow(settings):
        return KafkaProducer(
            **_common(settings),
            metrics_enabled=False,
            acks="all",
            enable_idempotence=True,
            allow_auto_create_topics=False,
            **{"max_request_size": MAX_REQUEST_BYTES, **options},
        )


def consumer(settings: Settings, **options: object) -> KafkaConsumer:
    """Return a consumer of committed records that commits no offsets by itself."""
    with _warning_when_slow(settings):
        return KafkaConsumer(
            **_common(settings),
            metrics_enabled=False,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            max_poll_records=5_000,
            max_partition_fetch_bytes=8_000_000,
            **options,
        )


def admin(settings: Settings, **options: object) -> KafkaAdminClient:
    """Return an admin client."""
    with _warning_when_slow(settings):
        return KafkaAdminClient(**_common(settings), **options)


@contextmanager
def _warning_when_slow(settings: Settings) -> Iterator[None]:
    """Log a warning if a broker takes long to answer the client that is made inside."""
    patience = start_timer("kafka-patience", PATIENCE_S, lambda: _LOG.warning(_WAITING, settings.kafka_bootstrap))
    try:
        yield
    finally:
        patience.cancel()
