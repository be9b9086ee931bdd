"""A broker guarded as production's is: TLS, SCRAM-SHA-512, a user for each service, and nothing allowed but its grants.

Beside that it keeps a plain listener, whose anonymous user may do everything: for who sets the stage.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from deploy.access import Grant
from services.sandbox.kafka import EmbeddedKafka
from services.sandbox.kafka.ports import free_port
from tests.certificates import Certificates

_KINDS = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "transactionalId": ResourceType.TRANSACTIONAL_ID}
_OPERATIONS = {
    "Read": ACLOperation.READ,
    "Write": ACLOperation.WRITE,
    "Create": ACLOperation.CREATE,
    "Describe": ACLOperation.DESCRIBE,
    "DescribeConfigs": ACLOperation.DESCRIBE_CONFIGS,
}


@dataclass(frozen=True)
class GuardedKafka:
    """Where it is, and how its users come in."""

    open_bootstrap: str
    bootstrap: str
    ca: Path
    passwords: Mapping[str, str]

    def environment(self, user: str) -> dict[str, str]:
        """What a service finds in its environment, as the manifests put it there."""
        return {
            "IOC_BRIDGE_KAFKA_BOOTSTRAP": self.bootstrap,
            "IOC_BRIDGE_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "IOC_BRIDGE_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "IOC_BRIDGE_KAFKA_SASL_USERNAME": user,
            "IOC_BRIDGE_KAFKA_SASL_PASSWORD": self.passwords[user],
            "IOC_BRIDGE_KAFKA_SSL_CA_FILE": str(self.ca),
        }


@contextmanager
def guarded_kafka(cache: Path, folder: Path, grants: Mapping[str, Sequence[Grant]]) -> Iterator[GuardedKafka]:
    """Such a broker with these users."""
    certificates = Certificates(folder)
    port, guarded, controller = free_port(), free_port(), free_port()
    settings = {
        "listeners": f"PLAINTEXT://127.0.0.1:{port},TLS://127.0.0.1:{guarded},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port},TLS://127.0.0.1:{guarded}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SASL_SSL",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.tls.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "listener.name.tls.ssl.keystore.type": "PEM",
        "listener.name.tls.ssl.keystore.location": str(certificates.broker_store),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    passwords = {user: secrets.token_urlsafe(16) for user in grants}
    with EmbeddedKafka(cache=cache, port=port, settings=settings, heap=256) as broker:
        with closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap)) as admin:
            mechanism = ScramMechanism.SCRAM_SHA_512
            made = admin.alter_user_scram_credentials(
                [UserScramCredentialUpsertion(user, mechanism, password) for user, password in passwords.items()]
            )
            assert not any(made.values()), made
            admin.create_acls(
                [acl for user, granted in grants.items() for grant in granted for acl in _acls(user, grant)]
            )
        yield GuardedKafka(broker.bootstrap, f"127.0.0.1:{guarded}", certificates.ca, passwords)


def _acls(user: str, grant: Grant) -> list[ACL]:
    pattern = ACLResourcePatternType.PREFIXED if grant.prefixed else ACLResourcePatternType.LITERAL
    resource = ResourcePattern(_KINDS[grant.kind], grant.name, pattern)
    return [
        ACL(f"User:{user}", "*", _OPERATIONS[operation], ACLPermissionType.ALLOW, resource)
        for operation in grant.operations
    ]
