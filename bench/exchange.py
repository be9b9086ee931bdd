"""Both sandbox tenants and the real services between them, for figures that are measured from vendor to vendor."""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from schemas.resources import RESOURCE, AnyResource, encode_resource, resource_key
from services.runtime import kafka
from services.runtime.ledger import Entry, Ledger
from services.runtime.settings import Settings, load_settings
from services.runtime.topics import apply_topics
from services.sandbox.defender import create_app as defender_app
from services.sandbox.defender.settings import DefenderTenant
from services.sandbox.netskope.app import create_app as netskope_app
from services.sandbox.netskope.settings import SANDBOX_TOKEN, NetskopeTenant
from services.sandbox.processes import ServiceProcess
from services.sandbox.tenant.serve import TenantServer

MDE, NETSKOPE, OTHER, ELSEWHERE = "mde", "netskope", "other", "elsewhere"
URL_LIST = "from-defender"
SERVICES = ("pull_defender", "pull_netskope", "router", "push_defender", "push_netskope")
LOGS = Path("build/bench")


class Exchange:
    """A running exchange. `other` and `elsewhere` are tenants that do not answer: a bench
    writes reports of the one itself, and shares them to the other."""

    def __init__(self, services: Sequence[str] = SERVICES, poll: str = "1s") -> None:
        self.settings: Settings = load_settings(topic_prefix=f"x{secrets.token_hex(3)}")
        self.services: dict[str, ServiceProcess] = {}
        self._wanted = services
        self._poll = poll
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.mde = self._stack.enter_context(TenantServer(defender_app(DefenderTenant())))
        self.netskope = self._stack.enter_context(TenantServer(netskope_app(NetskopeTenant())))
        with closing(kafka.admin(self.settings)) as admin:
            apply_topics(admin, self.settings.topics.all([MDE, NETSKOPE, ELSEWHERE]), replication=1)
        self.apply(self._resources())
        app = DefenderTenant().apps[0]
        environment = {
            "IOC_BRIDGE_TOPIC_PREFIX": self.settings.topic_prefix,
            "BENCH_MDE_SECRET": app.secret,
            "BENCH_NETSKOPE_TOKEN": SANDBOX_TOKEN,
        }
        for name in self._wanted:
            log = LOGS / f"{name}-{self.settings.topic_prefix}.log"
            self.services[name] = self._stack.enter_context(ServiceProcess(name, environment, log))
        for service in self.services.values():
            service.wait_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def apply(self, resources: Sequence[AnyResource]) -> None:
        """Write resources into the policy."""
        topic = self.settings.topics.policy.name
        with closing(Ledger(self.settings, "policy")) as ledger:
            ledger.write(Entry(topic, resource_key(found).encode(), encode_resource(found)) for found in resources)

    def admin(self, tenant: TenantServer, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  # JSON
        """Call a tenant's admin page."""
        answer = httpx.request(method, f"{tenant.url}/_admin/{path}", json=body, timeout=60, trust_env=False)
        answer.raise_for_status()
        return answer.json()

    def check_alive(self) -> None:
        """Raise RuntimeError where a service has ended."""
        for service in self.services.values():
            if service.exit_code is not None:
                raise RuntimeError(f"{service.service} ended with {service.exit_code}: {service.last_lines()}")

    def _resources(self) -> list[AnyResource]:
        tenant = DefenderTenant()
        mde = {
            "type": "defender", "tenantId": tenant.tenant_id, "appId": tenant.apps[0].app_id,
            "appSecret": {"env": "BENCH_MDE_SECRET"}, "apiUrl": self.mde.url, "loginUrl": self.mde.url,
            "pollInterval": self._poll,
        }  # fmt: skip
        token = {"env": "BENCH_NETSKOPE_TOKEN"}
        netskope_spec = {
            "type": "netskope", "tenantUrl": self.netskope.url, "v2Token": token, "pollInterval": self._poll
        }  # fmt: skip
        unreachable = {"type": "netskope", "tenantUrl": "http://127.0.0.1:9", "v2Token": token}
        block = {"kind": "defender-action", "action": "Block"}
        urls = {"kind": "url-list", "name": URL_LIST}
        return [
            resource("Connection", MDE, mde),
            resource("Connection", NETSKOPE, netskope_spec),
            resource("Connection", OTHER, unreachable),
            resource("Connection", ELSEWHERE, {**unreachable, "polling": False}),
            resource("Sharing", "to-defender", {"source": NETSKOPE, "destination": MDE, "target": block}),
            resource("Sharing", "to-netskope", {"source": MDE, "destination": NETSKOPE, "target": urls}),
        ]


def resource(kind: str, name: str, spec: Mapping[str, object]) -> AnyResource:
    """A resource, checked."""
    return RESOURCE.validate_python(
        {"apiVersion": "ioc-bridge/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}, extra="forbid"
    )
