"""`ioc-bridge reconcile` with real services: what differs is found at once, told, and answered once for each asking."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from schemas.resources import Reconciliation, decode_resource
from schemas.types import IndicatorType
from services.console.__main__ import app
from services.runtime.kafka.bulk_read import latest
from services.sandbox.exchange import MDE, NETSKOPE, Exchange
from tests.chaos.test_pusher_kills import BLOCK, URLS, want
from tests.integration.services import activities, applied, exchange_of, writes
from tests.waiting import eventually

SERVICES = ("pull_defender", "pull_netskope", "push_defender", "push_netskope")
SITES = [f"site{number}.example" for number in range(6)]


@pytest.fixture(scope="module")
def exchange(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """Both tenants hold what is desired. Nothing is compared, or polled at Defender, again within the hour."""
    with exchange_of(bootstrap, tmp_path_factory.mktemp("reconcile"), ()) as exchange:
        slow = [
            found.model_copy(update={"spec": found.spec.model_copy(update={"poll_interval": hour(found)})})
            for found in exchange.resources if found.kind == "Connection"
        ]  # fmt: skip
        exchange.apply([found for found in slow if found.name == MDE])
        want(exchange.settings, MDE, BLOCK, IndicatorType.DOMAIN, SITES, present=True)
        want(exchange.settings, NETSKOPE, URLS, IndicatorType.DOMAIN, SITES, present=True)
        for name in SERVICES:
            exchange.start(name)
        eventually(lambda: len(exchange.defender_rows()) == len(SITES), "Defender has them")
        eventually(lambda: exchange.url_list() == set(SITES), "Netskope has them")
        puller = exchange.services["pull_defender"]
        eventually(lambda: puller.total("ioc_bridge_polls_total", outcome="ok") >= 1, "Defender was polled")
        yield exchange


def hour(found: Any) -> Any:
    return found.spec.reconcile.interval


@pytest.fixture(autouse=True)
def environment(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in exchange.environment.items():
        monkeypatch.setenv(name, value)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["reconcile", *arguments])


def found_by(answer: Result) -> dict[str, dict[str, int]]:
    assert answer.exit_code == 0, answer.output
    return {said["service"]: said["counts"] for said in json.loads(answer.stdout)["answers"]}


def test_what_others_took_out_of_defender_is_found_written_again_and_what_is_new_is_pulled(exchange: Exchange) -> None:
    eventually(lambda: found_by(run(MDE, "--wait", "-o", "json"))["push_defender"] == {"lost": 0, "stray": 0}, "calm")
    exchange.admin(exchange.mde, "POST", "rows/delete", {"values": SITES[:2]})
    exchange.admin(exchange.mde, "POST", "seed", {"rows": [{"indicatorValue": "theirs.example"}]})
    answer = run(MDE, "--wait", "-o", "json")
    assert found_by(answer) == {"push_defender": {"lost": 2, "stray": 0}, "pull_defender": {"reported": 1}}
    listed = {item["subject"] for said in json.loads(answer.stdout)["found"] for item in said["items"]}
    assert listed == {f"domain:{site}" for site in SITES[:2]}
    values = {row["indicatorValue"] for row in exchange.defender_rows()}
    eventually(lambda: values | {row["indicatorValue"] for row in exchange.defender_rows()} >= set(SITES), "it is back")


def test_what_others_took_out_of_a_url_list_is_found_and_written_again(exchange: Exchange) -> None:
    pairs = [entry for site in SITES[1:] for entry in (site, f"*.{site}")]
    left = {"name": URLS.name, "data": {"urls": pairs, "type": "exact"}, "pending": False}
    seed = {"url_lists": [left]}
    exchange.admin(exchange.netskope, "POST", "seed", seed)
    answer = run(NETSKOPE, "--wait", "-o", "json")
    assert found_by(answer)["push_netskope"] == {"lost": 1, "failing": 0}
    assert "pull_netskope" in found_by(answer)
    eventually(lambda: exchange.url_list() == set(SITES), "it is back")
    table = run(NETSKOPE, "--wait")
    assert "0 lost" in table.stdout


def test_a_service_that_is_down_is_named_and_carries_it_out_once_when_it_is_back(exchange: Exchange) -> None:
    exchange.services["push_defender"].stop()
    exchange.admin(exchange.mde, "POST", "rows/delete", {"values": SITES[:1]})
    asked = run(MDE, "--wait", "--timeout", "3", "-o", "json")
    assert asked.exit_code == 75
    assert "no answer from push_defender yet" in asked.stderr
    id_ = json.loads(asked.stdout)["id"]

    def answers() -> list[dict[str, int]]:
        return [
            said.counts for said in activities(exchange.settings)
            if said.request == id_ and said.service == "push_defender"
        ]  # fmt: skip

    for _ in range(2):
        exchange.start("push_defender").wait_ready()
        eventually(lambda: answers() == [{"lost": 1, "stray": 0}], "it is answered, once")
        exchange.services["push_defender"].stop()
    exchange.start("push_defender").wait_ready()
    assert len(answers()) == 1


def test_what_a_tenant_does_not_accept_is_remembered_by_the_next_process_and_tried_again_when_asked(
    exchange: Exchange,
) -> None:
    first, second = (f"{number:032x}" for number in (1, 2))

    def states() -> dict[str, str]:
        known = applied(exchange.settings, MDE)
        return {entry.value: entry.state for entry in known.values() if entry.type is IndicatorType.MD5}

    exchange.admin(exchange.mde, "POST", "switches", {"md5_accepted": False})
    want(exchange.settings, MDE, BLOCK, IndicatorType.MD5, [first], present=True)
    eventually(lambda: states() == {first: "skipped"}, "it is left out")
    exchange.services["push_defender"].kill()
    exchange.start("push_defender").wait_ready()
    calls = writes(exchange, exchange.mde)
    want(exchange.settings, MDE, BLOCK, IndicatorType.MD5, [second], present=True)
    eventually(lambda: states() == {first: "skipped", second: "skipped"}, "so is the next one")
    assert writes(exchange, exchange.mde) == calls, "by what the killed process had learnt"
    exchange.admin(exchange.mde, "POST", "switches", {"md5_accepted": True})
    assert run(MDE, "--wait").exit_code == 0
    eventually(lambda: states() == {first: "applied", second: "applied"}, "both are taken")


def test_asking_is_told_with_whom_and_is_idempotent_and_what_is_not_there_is_said(exchange: Exchange) -> None:
    assert run("nobody").exit_code == 3
    for _ in range(2):
        asked = run(NETSKOPE)
        assert (asked.exit_code, asked.stdout.split(";")[0]) == (
            0, f"Connection/{NETSKOPE} is compared by pull_netskope and push_netskope",
        )  # fmt: skip
    policy = latest(exchange.settings, exchange.settings.topics.policy.name)
    desired_entries = [decode_resource(value) for key, value in policy.items() if key.startswith(b"reconciliation/")]
    assert sorted(desired_entry.name for desired_entry in desired_entries) == [MDE, NETSKOPE]
    assert all(isinstance(desired_entry, Reconciliation) and desired_entry.spec.by for desired_entry in desired_entries)
    assert "reconcile_asked" in {said.code for said in activities(exchange.settings)}
