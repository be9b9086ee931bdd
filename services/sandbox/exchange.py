"""Runs both sandbox tenants and the real services between them, for the demo, kill tests and benchmarks."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from schemas.policy import Policy
from schemas.resources import AnyResource, Sharing, encode_resource, resource, resource_key
from schemas.vendors.netskope import EMPTY_HASH, FileHashList
from schemas.vendors.registry import PULLERS, PUSHERS
from services.runtime.kafka import clients
from services.runtime.kafka.topics import apply_topics
from services.runtime.kafka.transactional_producer import OutgoingRecord, TransactionalProducer
from services.runtime.settings import Settings
from services.sandbox.defender import create_app as defender_app
from services.sandbox.defender.settings import DefenderTenant
from services.sandbox.netskope.app import create_app as netskope_app
from services.sandbox.netskope.settings import SANDBOX_TOKEN, SANDBOX_V1_TOKEN, NetskopeTenant
from services.sandbox.processes import ServiceFailedError, ServiceProcess
from services.sandbox.tenant.serve import TenantServer

MDE, NETSKOPE = "mde", "netskope"
URL_LIST, HASH_LIST = "from-defender", "hashes-from-defender"
SERVICES = (*(found.name for found in PULLERS), "router", *(found.name for found in PUSHERS))
_ARGUMENTS = {"console": ("serve",)}
"""Arguments of the services that need some."""


class Exchange:
    """A running exchange: both tenants, topics of its own, a policy in both directions, and the services asked for.

    `environment` is added to that of every service; services may be killed and started again by name. `policy` makes
    the resources once the tenants' addresses are known; without it there are three sharings, one per kind of target.
    `more` are added to either.
    """

    def __init__(
        self,
        settings: Settings,
        logs: Path,
        *,
        services: Sequence[str] = SERVICES,
        poll: str = "1s",
        environment: Mapping[str, str] | None = None,
        netskope: NetskopeTenant | None = None,
        defender: DefenderTenant | None = None,
        policy: "Callable[[Exchange], Sequence[AnyResource]] | None" = None,
        more: Sequence[AnyResource] = (),
    ) -> None:
        self.settings = settings
        self.services: dict[str, ServiceProcess] = {}
        self.resources: list[AnyResource] = []
        """The policy it began with; known once entered."""
        self._wanted = services
        self._poll = poll
        self._logs = logs
        self._policy = policy or Exchange._resources
        self._more = more
        self._http = httpx.Client(timeout=60, trust_env=False)
        self.defender = defender or DefenderTenant()
        self._stack = ExitStack()
        self.mde = TenantServer(defender_app(self.defender))
        self.netskope = TenantServer(netskope_app(netskope or NetskopeTenant()))
        self.environment = {
            "IOC_BRIDGE_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
            "IOC_BRIDGE_TOPIC_PREFIX": settings.topic_prefix,
            "IOC_BRIDGE_PARTITIONS": str(settings.partitions),
            "IOC_BRIDGE_KAFKA_SESSION_TIMEOUT_S": str(settings.kafka_session_timeout_s),
            "SANDBOX_MDE_SECRET": self.defender.apps[0].secret,
            "SANDBOX_NETSKOPE_TOKEN": SANDBOX_TOKEN,
            "SANDBOX_NETSKOPE_V1_TOKEN": SANDBOX_V1_TOKEN,
            **(environment or {}),
        }

    def __enter__(self) -> Self:
        try:
            self._stack.enter_context(self._http)
            self._stack.enter_context(self.mde)
            self._stack.enter_context(self.netskope)
            self.resources = [*self._policy(self), *self._more]
            self.admin(self.netskope, "POST", "seed", {"hash_lists": _hash_lists(self.resources)})
            destinations = Policy.of(self.resources).destinations
            with closing(clients.admin(self.settings)) as admin:
                apply_topics(admin, self.settings.topics.all(destinations), replication=1)
            self.apply(self.resources)
            self._stack.callback(self.stop)
            for name in self._wanted:
                self.start(name)
            for service in self.services.values():
                service.wait_ready()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def start(self, name: str) -> ServiceProcess:
        """Start or restart a service. Its former process must have ended."""
        self.services[name] = ServiceProcess(
            name, self.environment, self._logs / f"{name}.log", _ARGUMENTS.get(name, ())
        )
        return self.services[name]

    def stop(self, within_s: float = 25) -> None:
        """Stop every service with SIGTERM and wait for each. A service that does not end in time is killed."""
        for service in self.services.values():
            service.ask_to_leave()
        for service in self.services.values():
            service.stop(within_s)

    def apply(self, resources: Sequence[AnyResource]) -> None:
        """Write resources into the policy."""
        topic = self.settings.topics.policy.name
        with closing(TransactionalProducer(self.settings, "policy")) as ledger:
            ledger.write(
                OutgoingRecord(topic, resource_key(found).encode(), encode_resource(found)) for found in resources
            )

    def delete(self, found: AnyResource) -> None:
        """Take a resource out of the policy."""
        with closing(TransactionalProducer(self.settings, "policy")) as ledger:
            ledger.write([OutgoingRecord(self.settings.topics.policy.name, resource_key(found).encode(), None)])

    def admin(self, tenant: TenantServer, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  # JSON
        """Call a tenant's admin page."""
        answer = self._http.request(method, f"{tenant.url}/_admin/{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    def defender_rows(self) -> list[dict[str, Any]]:
        """The rows that the Defender tenant holds."""
        rows: list[dict[str, Any]] = self.admin(self.mde, "GET", "truth")["rows"]
        return rows

    def url_list(self, name: str = URL_LIST) -> set[str]:
        """The applied entries of a URL list; a pair of `host` and `*.host` is one, as `host`. Empty: no such list."""
        lists = self.admin(self.netskope, "GET", "truth")["url_lists"]["applied"]
        return _folded({url for found in lists if found["name"] == name for url in found["data"]["urls"]})

    def profile(self, name: str) -> set[str]:
        """The values of the destination profile of this name that policy applies, pairs as in `url_list`."""
        profiles = self.admin(self.netskope, "GET", "truth")["profiles"]["applied"]
        return _folded({value for found in profiles if found["name"] == name for value in found["values"]})

    def hash_list(self, name: str = HASH_LIST) -> set[str]:
        """The applied entries of a file-hash list."""
        return set(self.admin(self.netskope, "GET", "truth")["hash_lists"]["applied"][name])

    def check_alive(self) -> None:
        """Raise ServiceFailedError where a service has ended."""
        for service in self.services.values():
            if service.exit_code is not None:
                raise ServiceFailedError(service.how_it_ended())

    def _resources(self) -> list[AnyResource]:
        app = self.defender.apps[0]
        mde = {
            "type": "defender", "tenantId": self.defender.tenant_id, "appId": app.app_id,
            "appSecret": {"env": "SANDBOX_MDE_SECRET"}, "apiUrl": self.mde.url, "loginUrl": self.mde.url,
            "pollInterval": self._poll,
        }  # fmt: skip
        netskope = {
            "type": "netskope", "tenantUrl": self.netskope.url, "v2Token": {"env": "SANDBOX_NETSKOPE_TOKEN"},
            "v1Token": {"env": "SANDBOX_NETSKOPE_V1_TOKEN"}, "pollInterval": self._poll,
        }  # fmt: skip
        block = {"kind": "defender-action", "action": "Block"}
        urls = {"kind": "url-list", "name": URL_LIST}
        hashes = {"kind": "file-hash-list", "name": HASH_LIST}
        return [
            resource("Connection", MDE, mde),
            resource("Connection", NETSKOPE, netskope),
            resource("Sharing", "to-defender", {"source": NETSKOPE, "destination": MDE, "target": block}),
            resource("Sharing", "urls-to-netskope", {"source": MDE, "destination": NETSKOPE, "target": urls}),
            resource("Sharing", "hashes-to-netskope", {"source": MDE, "destination": NETSKOPE, "target": hashes}),
        ]


def _hash_lists(resources: Sequence[AnyResource]) -> list[dict[str, object]]:
    """Every file-hash list that is shared to, as an admin makes it in Netskope's console: the API cannot."""
    targets = [found.spec.target for found in resources if isinstance(found, Sharing)]
    names = sorted({target.name for target in targets if isinstance(target, FileHashList)} | {HASH_LIST})
    return [{"name": name, "hashes": [EMPTY_HASH]} for name in names]


def _folded(entries: set[str]) -> set[str]:
    return {entry for entry in entries if not entry.startswith("*.") or entry.removeprefix("*.") not in entries}
