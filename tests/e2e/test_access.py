"""What the manifests grant in Kafka is enough for the whole exchange, and lets nobody do another's work."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from kafka.structs import OffsetAndMetadata

from deploy.access import grants
from schemas.checkpoint import Checkpoint
from schemas.hold import Hold, HoldKind
from schemas.request import Request, RequestVerb
from schemas.topics import Topics
from services.runtime.deadletters import DeadLetters
from services.runtime.kafka import clients
from services.runtime.kafka.bulk_read import Raw
from services.runtime.kafka.topics import apply_topics
from services.runtime.kafka.transactional_producer import ProducerError, TransactionalProducer
from services.runtime.settings import Settings
from services.sandbox.exchange import MDE, NETSKOPE, SERVICES, Exchange
from services.sandbox.processes import ServiceProcess
from tests.guarded import GuardedKafka, guarded_kafka
from tests.serving import Site
from tests.waiting import ANSWER_S, eventually, run

PARTITIONS = 3
TOPICS = Topics(partitions=PARTITIONS)


class _SignedIn(Exchange):
    """The exchange, with every service signed in as its own user."""

    def __init__(
        self, settings: Settings, logs: Path, guarded: GuardedKafka, services: Sequence[str] = SERVICES
    ) -> None:
        super().__init__(settings, logs, services=services)
        self._guarded = guarded

    def start(self, name: str) -> ServiceProcess:
        environment = {**self.environment, **self._guarded.environment(name.replace("_", "-"))}
        self.services[name] = ServiceProcess(name, environment, self._logs / f"{name}.log")
        return self.services[name]


@pytest.fixture(scope="module")
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    cache = Path(os.environ.get("IOC_BRIDGE_CACHE") or request.config.rootpath / ".cache")
    with guarded_kafka(cache, tmp_path_factory.mktemp("guarded"), grants(TOPICS)) as found:
        with closing(clients.admin(_open(found))) as admin:
            apply_topics(admin, TOPICS.all([MDE, NETSKOPE]), replication=1)
        yield found


def _open(guarded: GuardedKafka) -> Settings:
    """For who sets the stage: may do everything."""
    return Settings(kafka_bootstrap=guarded.open_bootstrap, partitions=PARTITIONS)


def _settings(guarded: GuardedKafka, user: str) -> Settings:
    values = {name.removeprefix("IOC_BRIDGE_").lower(): value for name, value in guarded.environment(user).items()}
    return Settings(**values, partitions=PARTITIONS)  # type: ignore[arg-type]  # checked by pydantic


def test_the_exchange_runs_in_both_directions_with_nothing_but_what_is_granted(
    guarded: GuardedKafka, tmp_path: Path
) -> None:
    with _SignedIn(_open(guarded), tmp_path, guarded) as exchange:
        rows = [
            {"indicatorValue": f"d{n}.example", "indicatorType": "DomainName", "action": "Block", "title": "t"}
            for n in range(20)
        ]
        exchange.admin(exchange.mde, "POST", "seed", {"rows": rows})
        exchange.admin(exchange.netskope, "POST", "seed", {"alerts": [{"kind": "malware", "md5": f"{7:032x}"}]})
        eventually(lambda: exchange.url_list() == {f"d{n}.example" for n in range(20)}, "domains at Netskope")
        eventually(lambda: len(exchange.defender_rows()) == 21, "the alert at Defender")
        exchange.admin(exchange.mde, "POST", "rows/delete", {"values": ["d0.example"]})
        eventually(lambda: "d0.example" not in exchange.url_list(), "a withdrawal carried over")
        for service in exchange.services.values():
            assert service.total("ioc_bridge_ready") == 1
        exchange.stop()
        logs = {name: (tmp_path / f"{name}.log").read_text() for name in exchange.services}
        assert not [name for name, log in logs.items() if "uthorization" in log], "something was denied"


def test_the_console_lists_asks_changes_and_takes_with_nothing_but_what_is_granted(
    guarded: GuardedKafka, tmp_path: Path
) -> None:
    site = Site(_settings(guarded, "console"), tmp_path)
    resources: dict[str, dict[str, object]] = {
        "feed": {"type": "api", "tokenHash": site.feed_hash},
        "third": {"type": "defender", "tenantId": "t", "appId": "a", "appSecret": {"env": "NONE"}},
    }
    with _SignedIn(_open(guarded), tmp_path, guarded, ["router"]), site.running():
        made = [
            site.call("PUT", f"/v1/resources/connections/{name}", json=_document("Connection", name, spec)).json()
            for name, spec in resources.items()
        ]
        assert [one["topics_created"] for one in made] == [[], ["ioc.desired.third", "ioc.applied.third"]]
        target = {"kind": "defender-action", "action": "Block"}
        sharing = _document("Sharing", "pushed", {"source": "feed", "destination": "third", "target": target})
        assert site.call("POST", "/v1/apply", json=sharing).status_code == httpx.codes.OK
        pushed = site.call("POST", "/v1/sources/feed/indicators", "feed", json=["evil.example"])
        assert pushed.json()["accepted"] == 1
        eventually(lambda: site.get("/v1/indicators", destination="third").json()["items"], "it is listed as shared")
        (step,) = site.get("/v1/explain", value="evil.example").json()["steps"]
        assert step["verdict"] == "wanted"
        eventually(lambda: site.get("/v1/activity").json()["items"], "what was changed is told")
        assert site.get("/v1/holds").json() == {"items": []}


def _document(kind: str, name: str, spec: dict[str, object]) -> dict[str, object]:
    return {"apiVersion": "ioc-bridge/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def test_the_operator_makes_and_checks_topics(guarded: GuardedKafka) -> None:
    environment = {**os.environ, **guarded.environment("operator"), "IOC_BRIDGE_PARTITIONS": str(PARTITIONS)}
    for verb in ("apply", "check"):
        command = [sys.executable, "-m", "services.console", "topics", verb]
        done = run(command, environment)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_operator_sends_dead_letters_back_wherever_they_came_from(guarded: GuardedKafka) -> None:
    environment = {**os.environ, **guarded.environment("operator"), "IOC_BRIDGE_PARTITIONS": str(PARTITIONS)}
    question = Request(id="dead", verb=RequestVerb.EXPLAIN, at=1, indicator="domain:dead.example").encode()
    held = Hold(
        id="mde-1", kind=HoldKind.LISTING_SHRANK, service="s", connection="mde", subject="listing", count=1, of=1,
        limit_percent=1, since=1,
    )  # fmt: skip
    remembered = Checkpoint(source="dead", poll="p", at=1).encode()
    dead = [(TOPICS.requests, b"dead", question), (TOPICS.holds, b"mde-1", held.encode()),
            (TOPICS.checkpoints, b"dead", remembered)]  # fmt: skip
    with closing(clients.producer(_open(guarded))) as producer, closing(DeadLetters(_open(guarded), "test")) as aside:
        for topic, key, value in dead:
            sent = producer.send(topic.name, value, key=key, partition=0).get(timeout=ANSWER_S)
            aside.set_aside(topic.name, 0, Raw(sent.offset, key, value), ValueError("could not"))
    command = [sys.executable, "-m", "services.console", "deadletters", "replay", "--all"]
    done = run(command, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" replayed") == len(dead)


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("push-defender", TOPICS.reports.name),
        ("pull-netskope", TOPICS.desired(MDE).name),
        ("router", TOPICS.applied(NETSKOPE).name),
        ("router", TOPICS.policy.name),
        ("console", TOPICS.indicators.name),
        ("console", TOPICS.replies.name),
    ],
)
def test_nobody_writes_what_is_anothers(guarded: GuardedKafka, user: str, topic: str) -> None:
    with closing(clients.producer(_settings(guarded, user))) as producer, pytest.raises(TopicAuthorizationFailedError):
        producer.send(topic, b"forged", partition=0).get(timeout=ANSWER_S)


def test_nobody_joins_anothers_group_or_writes_as_another(guarded: GuardedKafka) -> None:
    settings = _settings(guarded, "pull-defender")
    with closing(clients.consumer(settings, group_id="ioc-push_defender")) as consumer:
        consumer.subscribe([TOPICS.leases.name])
        with pytest.raises(GroupAuthorizationFailedError):
            consumer.poll(timeout_ms=ANSWER_S * 1_000)
    with pytest.raises(ProducerError):
        TransactionalProducer(settings, "push/mde")


def test_the_autoscaler_sees_the_lag_of_the_routers_and_no_record(guarded: GuardedKafka) -> None:
    settings = _settings(guarded, "keda")
    reports = TopicPartition(TOPICS.reports.name, 1)
    with closing(clients.consumer(_open(guarded), group_id="ioc-router")) as router:
        router.assign([reports])
        router.commit({reports: OffsetAndMetadata(0, "", -1)})
    with closing(clients.admin(settings)) as admin:
        assert admin.list_group_offsets({"ioc-router": [reports]})["ioc-router"][reports].offset == 0
        assert admin.list_partition_offsets({reports: OffsetSpec.LATEST})[reports].offset >= 0
    with closing(clients.consumer(settings)) as consumer:
        consumer.assign([reports])
        consumer.seek(reports, 0)
        with pytest.raises(TopicAuthorizationFailedError):
            eventually(lambda: consumer.poll(timeout_ms=500), "a refusal")
