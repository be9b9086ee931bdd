"""What tests of the vendor-facing services stand on: an exchange of real processes, and what they told Kafka."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from kafka import TopicPartition

from schemas.activity import Activity
from schemas.desired import Applied
from schemas.note import RESERVED
from services.runtime.kafka.bulk_read import latest, read_to_end
from services.runtime.kafka.clients import consumer
from services.runtime.settings import Settings
from services.sandbox.exchange import Exchange
from services.sandbox.tenant.serve import TenantServer
from tests.routing import settings_for


@contextmanager
def exchange_of(
    bootstrap: str, folder: Path, services: Sequence[str], environment: Mapping[str, str] | None = None
) -> Iterator[Exchange]:
    """Both tenants, topics of its own, and these services at work."""
    settings = settings_for(bootstrap, f"t{secrets.token_hex(6)}")
    with Exchange(settings, folder, services=services, environment=environment) as exchange:
        yield exchange


def activities(settings: Settings) -> list[Activity]:
    """Everything that was told to people."""
    with closing(consumer(settings)) as reader:
        records = list(read_to_end(reader, TopicPartition(settings.topics.activity.name, 0)))
    return [Activity.decode(record.value) for record in records if record.value]


def applied(settings: Settings, destination: str) -> dict[str, Applied]:
    """What a pusher knows of its entries, by key."""
    found = latest(settings, settings.topics.applied(destination).name)
    return {key.decode(): Applied.decode(value) for key, value in found.items() if not key.startswith(RESERVED)}


def writes(exchange: Exchange, tenant: TenantServer) -> int:
    """Calls that a tenant answered which change something; signing in does not."""
    calls = exchange.admin(tenant, "GET", "calls")["calls"]
    return sum(call["count"] for call in calls if call["method"] != "GET" and "oauth2" not in call["route"])
