"""The Faust app of the router: one agent for the reports, and a table whose changelog the router reads itself."""

import tempfile
from typing import Any, Protocol, cast

import faust
from faust.auth import SASLCredentials, SSLCredentials

from services.router.engine.batches import Event
from services.router.engine.faust_internals import REBALANCED, SCHEME, URL
from services.runtime.kafka.clients import tls_context
from services.runtime.settings import Settings

_RAW: dict[str, Any] = {"key_type": bytes, "key_serializer": "raw", "value_type": bytes, "value_serializer": "raw"}


class Router(Protocol):
    """The calls that Faust makes. The supervisor gets their errors before Faust does."""

    async def dispatch(self, event: Event) -> None:
        """Route a report batch."""

    async def rebalanced(self, numbers: set[int]) -> dict[int, int]:
        """Take over these partitions and give up all others; returns the changelog end of each."""

    async def revoked(self, *_: object, **__: object) -> None:
        """Pause: a rebalance begins."""

    async def resumed(self, *_: object, **__: object) -> None:
        """Resume: a rebalance is over."""


def make_app(settings: Settings, router: Router) -> faust.App:
    """Make a Faust app that passes report batches and partition changes to the router."""
    app = faust.App(
        f"{settings.topic_prefix}-router",
        broker=[f"{SCHEME}://{host}" for host in settings.kafka_bootstrap.split(",")],
        broker_credentials=_credentials(settings),
        store=URL,
        topic_partitions=settings.partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        stream_buffer_maxsize=64,
        stream_wait_empty=False,
        broker_max_poll_records=50,
        broker_session_timeout=settings.kafka_session_timeout_s,
        broker_heartbeat_interval=settings.kafka_session_timeout_s / 5,
        broker_commit_interval=1.0,
        web_enabled=False,
        datadir=tempfile.mkdtemp(prefix="ioc-bridge-router-"),
    )
    reports = app.topic(settings.topics.reports.name, partitions=settings.partitions, **_RAW)
    changelog = app.topic(settings.topics.indicators.name, partitions=settings.partitions, compacting=True, **_RAW)
    app.Table(
        "indicators", key_type=bytes, value_type=bytes, partitions=settings.partitions, changelog_topic=changelog,
        options={REBALANCED: router.rebalanced},
    )  # fmt: skip

    async def route(stream: faust.StreamT[bytes]) -> None:
        async for event in cast("faust.Stream[bytes]", stream).noack().events():
            await router.dispatch(event)

    app.agent(reports, name="route")(route)
    app.on_partitions_revoked.connect(router.revoked, weak=False)
    app.on_rebalance_complete.connect(router.resumed, weak=False)
    return app


def _credentials(settings: Settings) -> SASLCredentials | SSLCredentials | None:
    context = tls_context(settings) if settings.kafka_security_protocol.endswith("SSL") else None
    if settings.kafka_security_protocol.startswith("SASL"):
        assert settings.kafka_sasl_password
        return SASLCredentials(
            mechanism=settings.kafka_sasl_mechanism,
            username=settings.kafka_sasl_username,
            password=settings.kafka_sasl_password.get_secret_value(),
            ssl_context=context,
        )
    return SSLCredentials(context) if context else None
