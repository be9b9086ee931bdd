"""Every codec that Kafka has, as a topic or a broker may set it: each reader of each service reads what comes of it."""

from collections.abc import Iterator
from contextlib import closing

import aiokafka.codec
import kafka.codec
import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from services.runtime.kafka import clients
from services.runtime.kafka.topic_settings import CODECS
from services.sandbox.exchange import MDE, NETSKOPE, Exchange
from tests.integration.services import applied
from tests.routing import settings_for
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(900)
COMPRESSED = [codec for codec in CODECS if codec not in ("producer", "uncompressed")]
MANY = 300


def test_both_clients_have_every_codec() -> None:
    for codec in COMPRESSED:
        assert getattr(kafka.codec, f"has_{codec}")(), codec
        assert getattr(aiokafka.codec, f"has_{codec}")(), codec


@pytest.fixture(scope="module")
def exchange(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """All services. Each is started on topics that the codec of the moment was set for."""
    settings = settings_for(bootstrap, "codecs")
    with Exchange(settings, tmp_path_factory.mktemp("codecs"), services=()) as exchange:
        yield exchange


@pytest.mark.parametrize("codec", COMPRESSED)
def test_what_is_pulled_is_routed_and_pushed_whatever_the_codec(exchange: Exchange, codec: str) -> None:
    """Batches of hundreds: a batch of one record is hardly ever compressed."""
    set_codec(exchange, codec)
    for name in ("pull_defender", "router", "push_netskope"):
        exchange.start(name)
    values = {f"{codec}{number}.evil.example" for number in range(MANY)}
    exchange.admin(exchange.mde, "POST", "seed", {"rows": [{"indicatorValue": value} for value in sorted(values)]})
    eventually(lambda: values <= exchange.url_list(), f"{codec}: all are pushed", within_s=180, every_s=0.5)
    exchange.check_alive()
    assert values <= {entry.value for entry in applied(exchange.settings, NETSKOPE).values()}
    exchange.stop()


def set_codec(exchange: Exchange, codec: str) -> None:
    topics = exchange.settings.topics.all([MDE, NETSKOPE])
    configs = {topic.name: {**topic.config, "compression.type": codec} for topic in topics}
    with closing(clients.admin(exchange.settings)) as admin:
        admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, config) for name, config in configs.items()]
        )
