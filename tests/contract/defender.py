"""Who works for the sandbox Defender tenant in contract tests: a pusher and a puller, each with the tenant at hand."""

import threading
from typing import Any

from schemas.resources import Connection
from services.pull_defender.client import DefenderClient as PullClient
from services.pull_defender.service import DefenderSource
from services.push_defender.client import DefenderClient
from services.push_defender.service import DefenderPusher
from services.runtime.polling import puller
from services.runtime.reconciling.status_writer import StatusWriter
from services.runtime.vendors.budget import Quotas, Window
from services.runtime.vendors.defender import QUOTAS, DefenderSession
from services.runtime.vendors.session import BeforeCall
from tests import pulling, pushing
from tests.contract.test_vendor_sessions import Sandbox

OWNER = "0badcafe"
PLENTY: Quotas = {bucket: (Window(10_000, 1),) for bucket in QUOTAS}


class AtTenant:
    """What is done in the tenant by others, and by whoever looks after the sandbox."""

    sandbox: Sandbox

    def connection_to(self, sandbox: Sandbox, **spec: object) -> Connection:
        """The connection to a tenant, which is the one that is at hand from now on."""
        self.sandbox = sandbox
        settings = sandbox.tenant.settings
        return pushing.defender(sandbox.url, settings.tenant_id, settings.apps[0].app_id, **spec)

    def seed(self, *values: str, **more: object) -> None:
        rows = [{"indicatorValue": value, **more} for value in values]
        self.sandbox.admin.post("/_admin/seed", json={"rows": rows}).raise_for_status()

    def delete(self, *values: str) -> None:
        self.sandbox.admin.post("/_admin/rows/delete", json={"values": list(values)}).raise_for_status()

    def switch(self, **changes: object) -> None:
        self.sandbox.admin.post("/_admin/switches", json=changes).raise_for_status()


class PusherHarness(AtTenant, pushing.PusherHarness):
    """A pusher at work for the tenant, with a clock of its own for what is due now and then."""

    def __init__(self, sandbox: Sandbox, **spec: object) -> None:
        self.now = 0.0
        spec = {"reconcile": {"interval": "10m"}, **spec}
        super().__init__(self.connection_to(sandbox, **spec), self._pusher_for)

    def _pusher_for(self, writer: StatusWriter) -> DefenderPusher:
        before = BeforeCall(writer.check, writer.spending.note)
        session = DefenderSession(self.connection, threading.Event(), before=before, quotas=PLENTY)
        return DefenderPusher(writer, DefenderClient(session), OWNER, probe_s=60, clock=lambda: self.now)

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.store.wake(float("inf"))

    def rows(self) -> dict[str, dict[str, Any]]:
        """The tenant's rows by value and action."""
        found = [row.entity for row in self.sandbox.tenant.indicators.rows.values()]
        rows = {f"{row['indicatorValue']} {row['action']}": row for row in found}
        assert len(rows) == len(found), "no row is there twice"
        return rows

    def values(self) -> set[str]:
        return set(self.sandbox.values)

    def sent(self, *routes: str) -> int:
        """Calls that were answered, by the end of their route."""
        counts = self.sandbox.admin.get("/_admin/calls").json()["calls"]
        return sum(call["count"] for call in counts if call["route"].endswith(routes))


class Bench(AtTenant, pulling.Bench[DefenderSource]):
    """A puller at work for the tenant."""

    def __init__(self, sandbox: Sandbox, **spec: object) -> None:
        super().__init__(self.connection_to(sandbox, **spec), self._source_for)

    def _source_for(self, harness: puller.SourceContext) -> DefenderSource:
        before = BeforeCall(harness.check)
        session = DefenderSession(self.connection, threading.Event(), before=before, quotas=PLENTY)
        return DefenderSource(harness, PullClient(session))

    def values(self) -> set[str]:
        return {report.value for report in self.committed.held().values()}
