"""Real Kafka, real topics, one sharing, and numbered reports: what tests of the router stand on."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from schemas.canonical import indicator_id
from schemas.desired import Desired
from schemas.indicator import Indicator
from schemas.partitions import partition_of
from schemas.progress import PROGRESS_KEY
from schemas.report import MAX_REPORTS, Report, ReportBatch, Verb
from schemas.resources import AnyResource, encode_resource, resource, resource_key
from schemas.types import IndicatorType
from services.runtime.clock import now_ms
from services.runtime.kafka import clients
from services.runtime.kafka.bulk_read import latest
from services.runtime.kafka.topics import apply_topics
from services.runtime.kafka.transactional_producer import OutgoingRecord, TransactionalProducer
from services.runtime.settings import Settings
from services.sandbox.processes import ServiceProcess

SOURCE, DESTINATION = "source", "destination"
BEGAN = now_ms()
"""When numbered reports were first seen."""


def settings_for(bootstrap: str, prefix: str) -> Settings:
    """Few partitions and a short session, so that owners change quickly."""
    return Settings(kafka_bootstrap=bootstrap, topic_prefix=prefix, partitions=3, kafka_session_timeout_s=6)


CONNECTIONS = [
    resource("Connection", SOURCE, {"type": "netskope", "tenantUrl": "http://127.0.0.1:1", "v2Token": {"env": "NONE"}}),
    resource(
        "Connection", DESTINATION, {"type": "defender", "tenantId": "t", "appId": "a", "appSecret": {"env": "NONE"}}
    ),
]
SHARING = resource(
    "Sharing",
    "share",
    {"source": SOURCE, "destination": DESTINATION, "target": {"kind": "defender-action", "action": "Block"}},
)


class Exchange:
    """One installation on the shared broker, with few partitions and a short session timeout."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path) -> None:
        self.settings = Settings(
            kafka_bootstrap=bootstrap, topic_prefix=prefix, partitions=4, kafka_session_timeout_s=6, unit_batches=4
        )
        self.environment = {
            "IOC_BRIDGE_KAFKA_BOOTSTRAP": bootstrap,
            "IOC_BRIDGE_TOPIC_PREFIX": prefix,
            "IOC_BRIDGE_PARTITIONS": "4",
            "IOC_BRIDGE_KAFKA_SESSION_TIMEOUT_S": "6",
            "IOC_BRIDGE_UNIT_BATCHES": "4",
        }
        self.folder = folder
        self._started = 0
        with closing(clients.admin(self.settings)) as admin:
            apply_topics(admin, self.settings.topics.all([SOURCE, DESTINATION]), replication=1)

    def start(self, service: str = "router", **environment: str) -> ServiceProcess:
        self._started += 1
        log = self.folder / f"{service}-{self._started}.log"
        arguments = ["serve"] if service == "console" else []
        return ServiceProcess(service, {**self.environment, **environment}, log, arguments)

    def apply(self, *resources: AnyResource) -> None:
        with closing(TransactionalProducer(self.settings, "policy")) as producer:
            topic = self.settings.topics.policy.name
            producer.write(
                OutgoingRecord(topic, resource_key(found).encode(), encode_resource(found)) for found in resources
            )

    def delete(self, found: AnyResource) -> None:
        with closing(TransactionalProducer(self.settings, "policy")) as producer:
            producer.write([OutgoingRecord(self.settings.topics.policy.name, resource_key(found).encode(), None)])

    def report(self, reports: Iterable[Report], source: str = SOURCE, per_batch: int = MAX_REPORTS) -> None:
        parts: dict[int, list[Report]] = {}
        for said in reports:
            number = partition_of(indicator_id(said.type, said.value), self.settings.partitions)
            parts.setdefault(number, []).append(said)
        with closing(TransactionalProducer(self.settings, f"pull/{source}")) as producer:
            producer.write(
                OutgoingRecord(
                    self.settings.topics.reports.name,
                    source.encode(),
                    ReportBatch(source=source, poll="test", reports=tuple(waiting[at : at + per_batch])).encode(),
                    number,
                )
                for number, waiting in parts.items()
                for at in range(0, len(waiting), per_batch)
            )

    def desired(self) -> dict[str, Desired]:
        found = latest(self.settings, self.settings.topics.desired(DESTINATION).name)
        return {key.decode(): Desired.decode(value) for key, value in found.items()}

    def indicators(self) -> dict[str, Indicator]:
        topic = self.settings.topics.indicators.name
        return {
            key.decode(): Indicator.decode(value)
            for number in range(self.settings.partitions)
            for key, value in latest(self.settings, topic, number).items()
            if key != PROGRESS_KEY
        }


def numbered(number: int, time: int = 0, verb: Verb = Verb.UPDATE, comments: str = "") -> Report:
    """A statement about the indicator of this number."""
    return Report(
        verb=verb,
        type=IndicatorType.DOMAIN,
        value=f"host{number}.evil.example",
        observed_at=BEGAN + time,
        first_seen=BEGAN,
        last_seen=BEGAN + time,
        comments=comments,
    )
