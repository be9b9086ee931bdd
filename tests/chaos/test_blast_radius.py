"""One tenant never harms another: whatever is wrong with one of 200 connections, the other 199 converge as ever.

All are worked for by one pusher process. The healthy ones share a tenant, each as an app with a quota of its own.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from schemas.canonical import indicator_id
from schemas.connection_state import ConnectionState
from schemas.deadletter import Header
from schemas.desired import Applied, AppliedState, Desired, entry_key
from schemas.resources import AnyResource, encode_resource, resource, resource_key
from schemas.targets import Target
from schemas.types import IndicatorType, Severity
from schemas.vendors.defender import DefenderAction
from schemas.vendors.netskope import UrlList
from services.console.queries.states import read_states, troubles
from services.runtime.kafka import clients as kafka
from services.runtime.kafka.clients import MAX_REQUEST_BYTES
from services.runtime.kafka.record_headers import RawName, sendable
from services.runtime.kafka.topics import apply_topics
from services.runtime.kafka.transactional_producer import OutgoingRecord, TransactionalProducer
from services.runtime.settings import Settings
from services.sandbox.defender import create_app
from services.sandbox.defender.settings import AppRegistration, DefenderTenant
from services.sandbox.processes import ServiceProcess
from services.sandbox.tenant.serve import TenantServer
from tests.integration.services import activities, applied
from tests.routing import settings_for
from tests.waiting import ANSWER_S, eventually

pytestmark = pytest.mark.timeout(1800)
MANY = 200
SICK = "t000"
HEALTHY = [f"t{number:03}" for number in range(1, MANY)]
BLOCK = DefenderAction(kind="defender-action", action="Block")
DOMAIN = IndicatorType.DOMAIN


class World:
    """One pusher process, a tenant for all who are well, and one for the connection that gets the poison."""

    def __init__(self, settings: Settings, well: TenantServer, sick: TenantServer, folder: Path) -> None:
        self.settings = settings
        self.well, self.sick = well, sick
        secret = AppRegistration().secret
        environment = {
            "IOC_BRIDGE_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
            "IOC_BRIDGE_TOPIC_PREFIX": settings.topic_prefix,
            "IOC_BRIDGE_PARTITIONS": str(settings.partitions),
            "IOC_BRIDGE_KAFKA_SESSION_TIMEOUT_S": "30",
            "SECRET": secret,
        }
        self.pusher = ServiceProcess("push_defender", environment, folder / "push_defender.log")

    def want(self, connections: Iterable[str], value: str) -> None:
        """A domain of this name in each of these connections, below a host of its own."""
        with closing(kafka.producer(self.settings)) as producer:
            found = [self.entry(name, f"{name}.{value}") for name in connections]
            sent = [producer.send(one.topic, one.value, key=one.key) for one in found]
            for future in sent:
                future.get(timeout=ANSWER_S)

    def entry(self, connection: str, value: str, **fields: Any) -> OutgoingRecord:
        record = desired(value, **fields)
        key = entry_key(record.target.id, indicator_id(record.type, record.value)).encode()
        return OutgoingRecord(self.settings.topics.desired(connection).name, key, record.encode())

    def is_ready_and_names_the_failure(self) -> bool:
        """Between two tries; while the worker starts, the process waits for the entries of its connection."""
        ready = httpx.get(f"http://127.0.0.1:{self.pusher.port}/readyz", trust_env=False)
        return ready.status_code == httpx.codes.OK and f"worker of {SICK}: it failed " in ready.text

    def rows(self, tenant: TenantServer) -> set[str]:
        truth = httpx.get(f"{tenant.url}/_admin/truth", trust_env=False, timeout=60).json()
        return {row["indicatorValue"] for row in truth["rows"]}

    def state(self) -> ConnectionState | None:
        return next(iter(read_states(self.settings).get(SICK, ())), None)

    def all_are_well(self, value: str) -> None:
        """What is wanted of all others from now on arrives, and the process is the same one."""
        self.want(HEALTHY, value)
        awaited = {f"{name}.{value}" for name in HEALTHY}
        eventually(lambda: awaited <= self.rows(self.well), "all others converge", within_s=300, every_s=1)
        assert self.pusher.exit_code is None, self.pusher.how_it_ended()

    def failing(self) -> float:
        return self.pusher.total("ioc_bridge_worker_failures", connection=SICK)


def desired(value: str, target: Target = BLOCK, kind: IndicatorType = DOMAIN, **fields: Any) -> Desired:
    record = Desired(
        target=target, type=kind, value=value, severity=Severity.HIGH, reputation=5, sources=("s",), sharings=("s",),
        content="1", reported_at=1_700_000_000_000,
    )  # fmt: skip
    return record.model_copy(update=fields)


def connection(name: str, tenant: DefenderTenant, server: TenantServer) -> AnyResource:
    spec = {
        "type": "defender", "tenantId": tenant.tenant_id, "appId": f"app-{name}", "appSecret": {"env": "SECRET"},
        "apiUrl": server.url, "loginUrl": server.url, "pollInterval": "1h",
    }  # fmt: skip
    return resource("Connection", name, spec)


@pytest.fixture(scope="module")
def world(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    settings = settings_for(bootstrap, "blast")
    names = [SICK, *HEALTHY]
    tenant = DefenderTenant(apps=tuple(AppRegistration(app_id=f"app-{name}") for name in names))
    with ExitStack() as stack:
        well, sick = (stack.enter_context(TenantServer(create_app(tenant))) for _ in range(2))
        with closing(kafka.admin(settings)) as admin:
            apply_topics(admin, settings.topics.all(names), replication=1)
        with closing(TransactionalProducer(settings, "policy")) as producer:
            found = [connection(name, tenant, sick if name == SICK else well) for name in names]
            topic = settings.topics.policy.name
            producer.write(OutgoingRecord(topic, resource_key(one).encode(), encode_resource(one)) for one in found)
        world = World(settings, well, sick, tmp_path_factory.mktemp("blast"))
        stack.callback(world.pusher.stop)
        world.want(names, "first.example")
        world.pusher.wait_ready(within_s=300)
        yield world


class Poison(NamedTuple):
    """A record that should do no harm. `topic` is desired or applied."""

    key: bytes
    value: bytes | None
    topic: str = "desired"
    headers: tuple[Header, ...] = ()


def entry(value: str, target: Target = BLOCK, kind: IndicatorType = DOMAIN, **fields: Any) -> Poison:
    """A desired record that decodes, or should, with fields that no router would write."""
    plain = json.loads(desired("x.example", target, kind).encode()) | {"value": value} | fields
    key = entry_key(target.id, indicator_id(kind, value))
    return Poison(key.encode("utf-8", "surrogatepass"), json.dumps(plain).encode())


GOOD = entry("good.example")
KEY = GOOD.key or b""
LIST = UrlList(kind="url-list", name="blocked")
APPLIED = Applied(
    state=AppliedState.APPLIED, target=LIST, type=DOMAIN, value="other.example", content="1", remote_id="7",
    reported_at=1, at=1,
)  # fmt: skip
IPV4, IPV6, SHA256 = IndicatorType.IPV4, IndicatorType.IPV6, IndicatorType.SHA256
POISONS = {
    "empty": Poison(KEY, b""),
    "no JSON": Poison(KEY, b"{"),
    "no UTF-8": Poison(KEY, b"\xff\xfe\x00"),
    "a list": Poison(KEY, b"[]"),
    "deep": Poison(KEY, b"[" * 100_000),
    "NaN": Poison(KEY, b'{"v":NaN}'),
    "version": entry("version.example", v=2),
    "type": entry("type.example", type="carrier-pigeon"),
    "severity": entry("severity.example", severity="worst"),
    "target kind": Poison(KEY, (GOOD.value or b"").replace(b"defender-action", b"moon")),
    "subject": Poison(KEY, desired("another.example").encode()),
    "no slash": Poison(b"key", GOOD.value),
    "key type": Poison(KEY.replace(b"domain:", b"pigeon:"), GOOD.value),
    "key no UTF-8": Poison(b"\xff" + KEY, GOOD.value),
    "long key": Poison(KEY + b"x" * 60_000, GOOD.value),
    "large": Poison(KEY, bytes(range(256)) * 3_600),
    "lone surrogate": Poison(KEY, (GOOD.value or b"").replace(b'"comments": ""', b'"comments": "\\ud800"')),
    "surrogate value": entry("\ud800.example"),
    "other vendor": entry("vendor.example", LIST),
    "year 10000": entry("y10k.example", expires_at=253_402_300_800_000),
    "absurd expiry": entry("absurd.example", expires_at=10**18),
    "beyond 64 bits": entry("bits.example", expires_at=10**30),
    "negative time": entry("negative.example", reported_at=-1),
    "no IPv6": entry("not:an:address", kind=IPV6),
    "no IPv4": entry("999.999.999.999", kind=IPV4),
    "no hash": entry("nothex", kind=SHA256),
    "no value": entry(""),
    "long value": entry("a." * 4_000 + "example"),
    "NUL": entry("a\0b.example"),
    "long comments": entry("comments.example", comments="x" * 400_000),
    "many tags": entry("tags.example", tags=[f"tag-{number}" for number in range(10_000)]),
    "long content": entry("content.example", content="x" * 100_000),
    "headers": GOOD._replace(headers=(("traceparent", None), (RawName(b"\xff"), b"\xff"), ("a", b""), ("a", None))),
    "applied of another schema": Poison(KEY, b'{"v":1,"hold":"x"}', "applied"),
    "applied of another vendor": Poison(entry("other.example", LIST).key, APPLIED.encode(), "applied"),
    "applied of no address": Poison(
        entry("not:an:address", kind=IPV6).key,
        APPLIED.model_copy(update={"target": BLOCK, "type": IPV6, "value": "not:an:address"}).encode(),
        "applied",
    ),
    "a note of no kind": Poison(b"\x00pigeon/1", b"\xff", "applied"),
    "a note that is none": Poison(b"\x00spent/import/1", b"{}", "applied"),
    "no note's key": Poison(b"\x00", None, "applied"),
}


def write(settings: Settings, poisons: Iterable[Poison]) -> None:
    with closing(kafka.producer(settings, max_request_size=MAX_REQUEST_BYTES * 2)) as producer:
        for poison in poisons:
            topic = getattr(settings.topics, poison.topic)(SICK).name
            producer.send(topic, poison.value, key=poison.key, headers=sendable(poison.headers)).get(timeout=ANSWER_S)


def test_what_is_wrong_with_one_connection_does_not_touch_the_others(world: World) -> None:
    world.all_are_well("before.example")
    write(world.settings, POISONS.values())
    world.all_are_well("meanwhile.example")
    world.want([SICK], "after.example")
    eventually(
        lambda: {f"{SICK}.after.example", "good.example"} <= world.rows(world.sick),
        "its other entries go on", within_s=120, every_s=0.5,
    )  # fmt: skip
    reasons = {one.value: one.reason.code for one in applied(world.settings, SICK).values() if one.reason}
    assert "vendor.example" not in reasons, "an entry for a target of another vendor is a dead letter, not an entry"
    assert reasons["not:an:address"] == "unusable_entry"


def test_a_connection_that_fails_is_started_again_shown_and_heals_by_itself(world: World) -> None:
    """Too much of its desired state cannot be read: that is beyond what its worker can do without."""
    too_many = [Poison(KEY, b"{%d" % number) for number in range(60)]
    write(world.settings, too_many)
    eventually(lambda: world.failing() >= 2, "it is started again and fails again", within_s=120, every_s=0.5)
    world.all_are_well("later.example")
    eventually(world.is_ready_and_names_the_failure, "it is Ready and names the connection that fails")
    state = world.state()
    assert state is not None
    assert troubles([state])[0].startswith("push_defender restarting: TooManyDeadLettersError: ")
    said = [one for one in activities(world.settings) if one.code == "worker_failed"]
    told = [one for one in said if "TooManyDeadLettersError" in one.message]
    # On a busy machine Kafka may answer another one too late; that one is started again as well.
    assert {one.connection for one in told} == {SICK}
    assert all(one.remedy for one in told)
    with closing(kafka.admin(world.settings)) as admin:  # as compaction does with what was overwritten
        admin.delete_topics([world.settings.topics.desired(SICK).name])
        eventually(partial(_is_gone, admin, world.settings), "the topic is gone")
        apply_topics(admin, [world.settings.topics.desired(SICK)], replication=1)
    world.want([SICK], "healed.example")
    eventually(lambda: f"{SICK}.healed.example" in world.rows(world.sick), "it heals", within_s=300, every_s=0.5)
    eventually(lambda: world.failing() == 0, "that is shown", within_s=300, every_s=0.5)
    eventually(lambda: not troubles([state for state in [world.state()] if state]), "also to people", within_s=60)
    assert any(one.code == "worker_recovered" for one in activities(world.settings))


def _is_gone(admin: Any, settings: Settings) -> bool:
    return settings.topics.desired(SICK).name not in admin.list_topics()
