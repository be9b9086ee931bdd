"""A broker that asks for a client certificate and a password over TLS, as a production one may: ours can do both."""

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka.errors import KafkaError

from schemas.topics import Topic
from services.runtime.kafka import clients
from services.runtime.kafka.bulk_read import latest
from services.runtime.kafka.topics import apply_topics
from services.runtime.kafka.transactional_producer import OutgoingRecord, TransactionalProducer
from services.runtime.settings import Settings
from services.sandbox.kafka import EmbeddedKafka
from services.sandbox.kafka.ports import free_port
from tests.broker import library_sockets_ignored
from tests.certificates import Certificates

NAME, PASSWORD = "bridge", "hush-hush"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def secured(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[str]:
    """The address of the secured listener of a broker of its own; the shared one has none."""
    plain, secure, controller = free_port(), free_port(), free_port()
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    settings = {
        "listeners": f"PLAINTEXT://127.0.0.1:{plain},SECURE://127.0.0.1:{secure},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{plain},SECURE://127.0.0.1:{secure}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL",
        "listener.name.secure.ssl.keystore.type": "PEM",
        "listener.name.secure.ssl.keystore.location": str(certificates.broker_store),
        "listener.name.secure.ssl.truststore.type": "PEM",
        "listener.name.secure.ssl.truststore.location": str(certificates.ca),
        "listener.name.secure.ssl.client.auth": "required",
        "listener.name.secure.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.secure.plain.sasl.jaas.config": f'{login} user_{NAME}="{PASSWORD}";',
    }
    cache = Path(os.environ.get("IOC_BRIDGE_CACHE") or request.config.rootpath / ".cache")
    with EmbeddedKafka(port=plain, settings=settings, heap=256, cache=cache):
        yield f"127.0.0.1:{secure}"


def settings_for(address: str, made: Certificates, **changed: object) -> Settings:
    values: dict[str, object] = {
        "kafka_bootstrap": address,
        "kafka_security_protocol": "SASL_SSL",
        "kafka_sasl_mechanism": "PLAIN",
        "kafka_sasl_username": NAME,
        "kafka_sasl_password": PASSWORD,
        "kafka_ssl_ca_file": str(made.ca),
        "kafka_ssl_cert_file": str(made.client),
        "kafka_ssl_key_file": str(made.client_key),
    }
    return Settings.model_validate(values | changed)


def test_topics_transactions_and_readers_work_over_it(secured: str, certificates: Certificates) -> None:
    settings = settings_for(secured, certificates)
    topic = Topic("ioc.some", 1)
    with closing(clients.admin(settings)) as admin:
        assert [found.state for found in apply_topics(admin, [topic], replication=1)] == ["created"]
    with closing(TransactionalProducer(settings, "owner")) as producer:
        producer.write([OutgoingRecord(topic.name, b"key", b"value")])
    assert latest(settings, topic.name) == {b"key": b"value"}


def test_a_wrong_password_is_refused(secured: str, certificates: Certificates) -> None:
    with library_sockets_ignored(), pytest.raises(KafkaError):
        clients.consumer(settings_for(secured, certificates, kafka_sasl_password="wrong"), bootstrap_timeout_ms=1_000)


def test_a_broker_of_another_authority_is_not_spoken_to(
    secured: str, certificates: Certificates, tmp_path: Path
) -> None:
    context = clients.tls_context(settings_for(secured, certificates, kafka_ssl_ca_file=str(Certificates(tmp_path).ca)))
    host, _, port = secured.partition(":")
    with socket.create_connection((host, int(port))) as plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname=host)
