"""Every fault of a Defender tenant, alone and together, with crashes: afterwards it holds what is desired, and no more.

After the faults end: what is there of ours is what is desired, less what was rejected, held or is there of others;
entries of others are untouched; and the tenant never had to refuse a call because of its quotas.
"""

import random
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from schemas.marker import is_of
from schemas.spent import Spent
from schemas.types import Severity
from schemas.vendors.defender import DefenderAction
from services.push_defender.client import DefenderClient
from services.push_defender.service import DefenderPusher
from services.runtime.reconciling.status_writer import StatusWriter
from services.runtime.vendors.budget import Quotas, Window
from services.runtime.vendors.defender import QUOTAS, DefenderSession
from services.runtime.vendors.session import BeforeCall
from services.sandbox.defender import AppRegistration, DefenderTenant, create_app
from services.sandbox.tenant.clock import TenantClock
from services.sandbox.tenant.faults import Fault
from services.sandbox.tenant.serve import TenantServer
from tests.contract import defender as tenant
from tests.contract.test_vendor_sessions import SECRET, Sandbox, fresh
from tests.faults.misfortune import Brittle, Misfortune, OnTime, Time, Waiting, befall, come_to_rest, own_time

TIME = Time()
LIMITS = {"minute": (5, 60.0), "hour": (60, 3600.0)}
TIGHT: Quotas = {bucket: tuple(Window(*limit) for limit in LIMITS.values()) for bucket in QUOTAS}
WRITES = "/(import|BatchDelete|[0-9]+)$"
REFUSAL = {"error": {"code": "InvalidRequestBody", "message": "Request body is incorrect", "target": "t"}}
BUSY = {"error": {"code": "TooManyRequests", "message": "by CPU", "target": "t"}}
FAULTS: dict[str, dict[str, Any]] = {
    "reset_before": {"kind": "reset_before"},
    "reset_after": {"kind": "reset_after"},
    "cut": {"kind": "cut"},
    "chunk_cut": {"kind": "cut", "chunked": True},
    "empty": {"kind": "empty"},
    "malformed": {"kind": "malformed"},
    "throttled": {"kind": "status", "code": 429, "body": BUSY},
    "unavailable": {"kind": "status", "code": 503},
    "failed_after": {"kind": "status", "code": 500, "commit": True},
    "gateway": {"kind": "status", "code": 502, "body": "<html>bad gateway</html>"},
    "refused": {"kind": "status", "code": 400, "body": REFUSAL, "path": "/import$"},
    "forbidden": {"kind": "status", "code": 403, "path": WRITES},
    "tokens": {"kind": "expire_tokens"},
    "rows": {
        "kind": "partial_batch",
        "params": {"every": 3, "reason": "Internal error, try again"},
        "path": "/import$",
    },
    "enum": {"kind": "unknown_enum", "params": {"every": 2}},
    "twins": {"kind": "duplicate_ids", "path": "/import$"},
    "full": {"kind": "capacity", "path": "/import$"},
    "slow": {"kind": "latency", "seconds": 0.01},
}
VALUES = [f"h{number}.example" for number in range(14)]
TARGETS = [
    DefenderAction(kind="defender-action", action="Block"),
    DefenderAction(kind="defender-action", action="Audit", generate_alert=True),
    DefenderAction(kind="defender-action", action="Block", allow_deletion="owned"),
    DefenderAction(kind="defender-action", action="Warn", rbac_groups=("Servers",)),
]


class PusherHarness(OnTime, tenant.PusherHarness):
    """The same desk under quotas that are used up now and then, with a topic that the process may die writing."""

    time = TIME

    def __init__(self, sandbox: Sandbox, dice: random.Random) -> None:
        self.dice = dice
        super().__init__(sandbox)
        self.written = Brittle(dice)
        self.restart()

    def _pusher_for(self, writer: StatusWriter) -> DefenderPusher:
        before = BeforeCall(writer.check, writer.spending.note)
        session = DefenderSession(self.connection, Waiting(TIME), clock=TIME, before=before, quotas=TIGHT)
        writer.spending.restore(writer.notes.of(Spent), session.budget)
        return DefenderPusher(writer, DefenderClient(session), tenant.OWNER, probe_s=60, clock=TIME)


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    app = create_app(DefenderTenant(apps=(AppRegistration(secret=SECRET),)), TenantClock(TIME))
    with TenantServer(app) as server, httpx.Client(base_url=server.url, trust_env=False) as admin:
        yield Sandbox(app.state.tenant, server.url, admin)


@pytest.fixture
def sandbox(served: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setenv("PUSH_TEST_SECRET", SECRET)
    with fresh(served, monkeypatch) as found, own_time(TIME, monkeypatch):
        limits = [{"calls": calls, "seconds": seconds} for calls, seconds in LIMITS.values()]
        found.admin.post("/_admin/switches", json={"quotas": dict.fromkeys(QUOTAS, limits)}).raise_for_status()
        yield found


class Course(Misfortune):
    """One run: what may happen in it, and what must be so after it."""

    harness: PusherHarness

    def __init__(self, sandbox: Sandbox, seed: int, faults: list[str]) -> None:
        super().__init__(seed, [FAULTS[name] for name in faults])
        self.harness = PusherHarness(sandbox, self.dice)
        self.theirs: dict[str, dict[str, Any]] = {}
        self.contents = 0

    def want(self) -> None:
        self.contents += 1
        for value in self.dice.sample(VALUES, 3):
            target, severity = self.dice.choice(TARGETS), self.dice.choice(list(Severity))
            content = f"c{self.contents}"
            self.keys.append(self.harness.want(value, target, severity=severity, content=content))

    def drop(self) -> None:
        self.harness.drop(*self.dice.sample(self.keys, min(2, len(self.keys))))

    def stranger(self) -> None:
        value = self.dice.choice(VALUES)
        full = len(self.harness.sandbox.tenant.indicators.rows) >= self.capacity
        if not full and value not in {row["indicatorValue"] for row in self.theirs.values()} | self.harness.values():
            self.harness.seed(value, description="theirs")
            found = (row.entity for row in self.harness.sandbox.tenant.indicators.rows.values())
            self.theirs |= {row["id"]: dict(row) for row in found if row["description"] == "theirs"}

    def armed(self, fault: Fault) -> None:
        self.harness.sandbox.tenant.faults.add(fault)

    def check(self) -> None:
        harness = self.harness
        rows = {row.id: row.entity for row in harness.sandbox.tenant.indicators.rows.values()}
        assert {key: rows.get(key) for key in self.theirs} == self.theirs, "entries of others are untouched"
        ours = sorted(
            f"{row['indicatorValue']} {row['action']} {','.join(row['rbacGroupNames'])}"
            for row in rows.values()
            if is_of(row["externalId"], tenant.OWNER)
        )
        there = [entry for entry in harness.store if entry.remote_id is not None]
        assert ours == sorted(_name(entry) for entry in there), "ours is what the books say"
        assert {entry.key for entry in harness.store if entry.wanted is not None} == set(harness.desired)
        for entry in harness.store:
            assert entry.wanted == entry.content
            if entry.state == "applied":
                assert (entry.remote_id is None) == (entry.because == "already_there")
            allowed = {"applied", "rejected"} | ({"held"} if len(rows) >= self.capacity else set())
            assert entry.state in allowed, f"{entry.key} is {entry.state}: {entry.reason}"
        refusals = harness.sandbox.admin.get("/_admin/calls").json()["refusals"]
        assert refusals == {}, "no quota was ever exceeded"

    @property
    def capacity(self) -> int:
        return self.harness.sandbox.tenant.switches.capacity

    def run(self) -> None:
        harness, dice = self.harness, self.dice
        harness.switch(
            capacity=dice.choice([6, 12, 15_000]),
            capacity_error=dice.choice(["row", "whole"]),
            batch_delete_atomic=dice.choice([True, False]),
            omitted_on_update=dice.choice(["reset", "keep"]),
            list_order=dice.choice(["oldest_first", "scrambled"]),
        )
        self.want()
        assert isinstance(harness.written, Brittle)
        harness.written.crash_share = dice.choice([0.0, 0.1, 0.3])
        befall(harness, dice, self.events())
        harness.written.crash_share = 0.0
        harness.sandbox.tenant.faults.clear()
        come_to_rest(harness)
        self.check()


def _name(entry: Any) -> str:
    return f"{entry.value} {entry.target.action} {','.join(entry.target.rbac_groups)}"


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", range(2))
def test_alone(sandbox: Sandbox, fault: str, seed: int) -> None:
    with closing(Course(sandbox, seed, [fault])) as course:
        course.run()


@pytest.mark.parametrize("seed", range(1_000, 1_070))
def test_together(sandbox: Sandbox, seed: int) -> None:
    with closing(Course(sandbox, seed, list(FAULTS))) as course:
        course.run()
