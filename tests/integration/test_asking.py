"""Questions of the command line to a running router: what would be sent, what would change, why, and what is held."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition
from typer.testing import CliRunner, Result

from schemas.activity import Activity
from schemas.hold import LISTING, Hold, HoldKind, hold_id
from schemas.resources import Sharing, Verdict, decode_resource
from services.console.__main__ import app
from services.console.queries.progress import read_progress
from services.console.resources.store import PolicyStore
from services.runtime.clock import now_ms
from services.runtime.kafka import clients
from services.runtime.kafka.bulk_read import latest, read_to_end
from services.runtime.kafka.transactional_producer import OutgoingRecord, TransactionalProducer
from tests.routing import CONNECTIONS, DESTINATION, SHARING, SOURCE, Exchange, numbered
from tests.waiting import eventually

REPORTED = 30
OTHER = f"""
apiVersion: ioc-bridge/v1
kind: Rule
metadata: {{name: some}}
spec: {{match: 'ioc.value.startsWith("host1")'}}
---
apiVersion: ioc-bridge/v1
kind: Sharing
metadata: {{name: more}}
spec:
  source: {SOURCE}
  rule: some
  destination: {DESTINATION}
  target: {{kind: defender-action, action: Audit}}
"""
"""What begins with host1 goes to a second target: 1 and 10 to 19."""


@pytest.fixture
def exchange(bootstrap: str, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Exchange:
    found = Exchange(bootstrap, prefix, tmp_path)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def routed(exchange: Exchange) -> Iterator[Exchange]:
    """An exchange with one sharing, whose router has routed everything."""
    exchange.apply(*CONNECTIONS, SHARING)
    with exchange.start() as router:
        router.wait_ready()
        exchange.report(numbered(number) for number in range(REPORTED))
        eventually(lambda: len(exchange.desired()) == REPORTED, "all are desired")
        yield exchange


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def answer(*arguments: str) -> dict[str, Any]:
    said = run(*arguments, "-o", "json")
    assert said.exit_code == 0, said.output
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def activity(exchange: Exchange) -> list[str]:
    with closing(clients.consumer(exchange.settings)) as reader:
        records = read_to_end(reader, TopicPartition(exchange.settings.topics.activity.name, 0))
        return [Activity.decode(record.value).code for record in records if record.value]


def test_what_would_be_sent_what_would_change_and_why_and_sending_again(routed: Exchange, tmp_path: Path) -> None:
    (effect,) = answer("test", "share")["effects"]
    assert (effect["effect"], effect["type"], effect["count"]) == ("send", "domain", REPORTED)
    assert answer("test", "share", "--since", "2040-01-01")["effects"] == []
    nobody = run("test", "nobody")
    assert (nobody.exit_code, nobody.stderr) == (3, "ioc-bridge: there is no Sharing named nobody\n")
    assert run("test", "share", "--since", "yesterday").exit_code == 2

    file = tmp_path / "more.yaml"
    file.write_text(OTHER)
    changes = answer("diff", "-f", str(file))
    assert [(e["target"], e["effect"], e["count"]) for e in changes["effects"]] == [
        ("defender-action:Audit", "put", 11)
    ]
    assert len(changes["lines"]) == 11
    assert run("diff", "--exit-code", "-f", str(file)).exit_code == 4
    assert len(routed.desired()) == REPORTED, "nothing was applied"
    file.write_text(OTHER.replace("startsWith", "beginsWith"))
    refused = run("diff", "-f", str(file))
    assert refused.exit_code == 1
    assert f"{file}:5:" in refused.stderr, "the place of the mistake"

    before = {key: entry.resend_at for key, entry in routed.desired().items()}
    (resent,) = answer("sync", "share")["effects"]
    assert resent["count"] == REPORTED
    after = {key: entry.resend_at for key, entry in routed.desired().items()}
    assert all(after[key] is not None and after[key] != before[key] for key in before)
    assert "sync_asked" in activity(routed)

    why = answer("explain", "host1[.]evil.example")
    assert [(s["sharing"], s["verdict"]) for s in why["steps"]] == [("share", "wanted")]
    assert [p["state"] for p in why["presences"]] == ["pending"]
    unknown = run("explain", "never.example")
    assert "no source has reported" in unknown.stderr
    assert unknown.exit_code == 3
    assert run("explain", "not an indicator").exit_code == 1


def test_a_partition_without_a_router_is_named(exchange: Exchange) -> None:
    exchange.apply(*CONNECTIONS, SHARING)
    said = run("test", "share", "--timeout", "0.5")
    assert said.exit_code == 75
    assert "no answer from partition 0, 1, 2, 3" in said.stderr


@pytest.mark.parametrize("question", [("test", "share"), ("sync",), ("explain", "host1.evil.example")])
def test_who_counts_other_partitions_than_there_are_gets_no_half_answer(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, question: tuple[str, ...]
) -> None:
    exchange.apply(*CONNECTIONS, SHARING)
    there = exchange.settings.partitions
    monkeypatch.setenv("IOC_BRIDGE_PARTITIONS", str(there - 1))
    said = run(*question)
    assert said.exit_code == 78
    assert f"(IOC_BRIDGE_PARTITIONS): topic {exchange.settings.topics.requests.name} has {there}" in said.stderr


def test_a_sharing_deleted_with_keep_is_swept_once_every_partition_was_told(routed: Exchange) -> None:
    assert run("delete", "sharing", "share", "--keep").exit_code == 0
    assert "share" not in run("get", "sharings", "-o", "name").stdout
    kept = latest(routed.settings, routed.settings.topics.policy.name)[b"sharing/share"]
    resource = decode_resource(kept)
    assert isinstance(resource, Sharing)
    assert resource.metadata.ended == "keep"
    version = PolicyStore(routed.settings).read().stored["Sharing", "share"].version
    assert version is not None

    def told() -> bool:
        known = read_progress(routed.settings).values()
        return all(found is not None and found.policy_version > version for found in known)

    eventually(told, "every partition evaluated for it")
    assert all(entry.released for entry in routed.desired().values())
    assert run("delete", "connection", SOURCE).exit_code == 1, "an ended sharing still refers to it"
    routed.apply(*CONNECTIONS)
    assert run("delete", "connection", "nobody").exit_code == 3
    hold(routed, DESTINATION)
    assert run("confirm", hold_id(DESTINATION, LISTING, HoldKind.LISTING_SHRANK)).exit_code == 0
    assert b"sharing/share" not in latest(routed.settings, routed.settings.topics.policy.name)


def test_what_is_deleted_is_withdrawn_with_a_verdict_for_the_guard_and_told(routed: Exchange) -> None:
    assert run("delete", "sharing", "share").exit_code == 0
    eventually(lambda: routed.desired() == {}, "all are withdrawn")
    verdict = hold_id(DESTINATION, "defender-action:Block", HoldKind.TARGET_WOULD_SHRINK)
    assert f"verdict/{verdict}".encode() in latest(routed.settings, routed.settings.topics.policy.name)
    assert "policy_changed" in activity(routed)


def hold(exchange: Exchange, connection: str) -> Hold:
    held = Hold(
        id=hold_id(connection, LISTING, HoldKind.LISTING_SHRANK), kind=HoldKind.LISTING_SHRANK, service="test",
        connection=connection, subject=LISTING, count=90, of=100, limit_percent=50, since=now_ms(),
    )  # fmt: skip
    with closing(TransactionalProducer(exchange.settings, "test")) as producer:
        producer.write([OutgoingRecord(exchange.settings.topics.holds.name, held.id.encode(), held.encode())])
    return held


def test_holds_are_listed_and_judged(exchange: Exchange) -> None:
    exchange.apply(*CONNECTIONS)
    assert run("holds").stderr == "ioc-bridge: there is none\n"
    held = hold(exchange, SOURCE)
    assert run("holds", "-o", "name").stdout == f"{held.id}\n"
    assert run("confirm", "nothing").exit_code == 3
    assert run("reject", held.id).exit_code == 0
    assert run("confirm", held.id).exit_code == 0
    found = decode_resource(
        latest(exchange.settings, exchange.settings.topics.policy.name)[f"verdict/{held.id}".encode()]
    )
    assert isinstance(found, Verdict)
    assert (found.spec.verdict, found.spec.connection, found.spec.subject) == ("confirm", SOURCE, LISTING)
    assert found.spec.until > now_ms()
