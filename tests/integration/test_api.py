"""The API as it runs: real Kafka, a real router, a real server, and real tokens."""

import json
import secrets
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    negative_data_rejection,
    positive_data_acceptance,
)
from typer.testing import CliRunner, Result

from schemas.activity import ActivityItem
from schemas.connection_state import BreakerState, ConnectionState
from schemas.hold import LISTING, Hold, HoldKind, hold_id
from schemas.resources import resource
from services.console.__main__ import app
from services.console.api.app import create_app
from services.console.audit import ASKED_RECONCILE, CHANGED
from services.console.auth.roles import Role
from services.console.readmodel.database import Database
from services.console.readmodel.follow import Follower
from services.runtime.clock import now_ms
from services.runtime.kafka.transactional_producer import OutgoingRecord, TransactionalProducer
from services.runtime.supervision import Supervisor
from services.sandbox.processes import ServiceProcess
from tests.routing import CONNECTIONS, DESTINATION, SOURCE, Exchange, numbered
from tests.serving import Site
from tests.waiting import ANSWER_S, eventually

FEED = "feed"
SHARING = {
    "apiVersion": "ioc-bridge/v1",
    "kind": "Sharing",
    "metadata": {"name": "pushed"},
    "spec": {
        "source": FEED,
        "destination": DESTINATION,
        "target": {"kind": "defender-action", "action": "Block", "rbacGroups": ["Unit A", "Unit B"]},
    },
}
RULE = {"apiVersion": "ioc-bridge/v1", "kind": "Rule", "metadata": {"name": "mine"}, "spec": {"folder": "a"}}


@pytest.fixture(scope="module")
def exchange(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Exchange:
    return Exchange(bootstrap, f"t{secrets.token_hex(6)}", tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="module")
def router(exchange: Exchange) -> Iterator[ServiceProcess]:
    with exchange.start() as found:
        yield found


@pytest.fixture(scope="module")
def site(exchange: Exchange, router: ServiceProcess) -> Iterator[Site]:
    site = Site(exchange.settings, exchange.folder)
    exchange.apply(*CONNECTIONS, resource("Connection", FEED, {"type": "api", "tokenHash": site.feed_hash}))
    with site.running():
        router.wait_ready()
        yield site


def push(site: Site, body: str | bytes, kind: str = "application/json", token: str = "feed") -> httpx.Response:
    return site.call("POST", f"/v1/sources/{FEED}/indicators", token, content=body, headers={"Content-Type": kind})


def ids(site: Site, **asked: object) -> set[str]:
    return {item["id"] for item in site.get("/v1/indicators", **asked).json()["items"]}


def test_nobody_gets_in_without_a_token_and_a_viewer_changes_nothing(site: Site) -> None:
    assert httpx.get(f"{site.url}/v1/indicators", trust_env=False).status_code == 401
    site.tokens["wrong"] = "some-editor.wrong"
    assert site.call("GET", "/v1/indicators", "wrong").status_code == 401
    site.tokens["nobody"] = "nobody.wrong"
    assert site.call("GET", "/v1/indicators", "nobody").status_code == 401
    assert site.call("GET", "/v1/indicators", FEED).status_code == 401
    assert push(site, '{"value": "a.evil.example"}', token=Role.EDITOR).status_code == 401
    assert site.call("GET", "/v1/indicators", Role.VIEWER).status_code == 200
    for method, path in (
        ("PUT", "/v1/resources/rules/mine"), ("DELETE", "/v1/resources/rules/mine"), ("POST", "/v1/apply"),
        ("POST", "/v1/sync"), ("POST", "/v1/holds/x/confirm"), ("POST", "/v1/deadletters/replay?all=true"),
        ("PUT", "/v1/deadletters/x/payload"), ("POST", "/v1/deadletters/drop?id=x"),
        ("POST", "/v1/rejected/retry"), ("POST", "/v1/rejected/correct?id=x&source=feed"),
        ("POST", f"/v1/connections/{DESTINATION}/reconcile"),
    ):  # fmt: skip
        assert site.call(method, path, Role.VIEWER, json=RULE).status_code == 403, path


def test_resources_are_added_edited_and_deleted_and_it_is_told_by_whom(site: Site) -> None:
    added = site.call("PUT", "/v1/resources/rules/mine", json=RULE)
    assert [change["what"] for change in added.json()["changes"]] == ["created"]
    first = site.get("/v1/resources/rule/mine").json()
    assert first["spec"] == {**first["spec"], "folder": "a"}
    edited = {**first, "spec": {"folder": "b"}}
    assert site.call("PUT", "/v1/resources/rules/mine", json=edited).status_code == 200
    conflict = site.call("PUT", "/v1/resources/rules/mine", json=edited)
    assert conflict.status_code == 409
    assert "conflict" in conflict.json()["detail"]
    wrong = site.call("PUT", "/v1/resources/rules/mine", json={**RULE, "spec": {"match": "ioc.nothing == 1"}})
    assert wrong.status_code == 422
    assert wrong.json()["mistakes"][0]["path"] == "spec.match"
    missing = {**SHARING, "spec": {**SHARING["spec"], "rule": "nobody"}}  # type: ignore[dict-item]
    assert "there is no Rule named nobody" in site.call("POST", "/v1/apply", json=missing).json()["detail"]
    assert site.call("DELETE", "/v1/resources/rules/mine").status_code == 200
    assert site.call("DELETE", "/v1/resources/rules/mine").status_code == 404
    assert site.get("/v1/resources/rules/mine").status_code == 404

    def told() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = site.get("/v1/activity", code=CHANGED).json()["items"]
        return items

    eventually(lambda: len(told()) == 3, "added, edited, deleted")
    assert all(said["message"].startswith("some-editor: Rule/mine") for said in told())


def test_connections_are_shown_with_their_state_and_compared_by_request(site: Site, exchange: Exchange) -> None:
    said = ConnectionState(
        connection=DESTINATION, service="push_defender", state=BreakerState.OPEN, since=1, reason="why", remedy="this"
    )
    with closing(TransactionalProducer(exchange.settings, "test")) as producer:
        producer.write([OutgoingRecord(exchange.settings.topics.connections.name, said.key(), said.encode())])
    shown = {one["name"]: one["services"] for one in site.get("/v1/connections").json()["items"]}
    assert shown == {
        SOURCE: [], FEED: [],
        DESTINATION: [
            {
                "service": "push_defender", "state": "open", "since": 1, "reason": "why", "remedy": "this",
                "failure": None, "failures": None, "failing_since": None,
            }
        ],
    }  # fmt: skip
    assert site.call("POST", "/v1/apply", json=SHARING).status_code == 200
    eventually(
        lambda: [one["waits"] for one in site.get("/v1/sharings").json()["items"]] == [["push_defender open: why"]],
        "a sharing tells what it waits for",
    )
    asked = site.call("POST", f"/v1/connections/{DESTINATION}/reconcile").json()
    assert (asked["services"], asked["answers"]) == (["pull_defender", "push_defender"], [])
    waited = site.call("POST", f"/v1/connections/{DESTINATION}/reconcile?wait=0.1").json()
    assert waited["missing"] == ["pull_defender", "push_defender"]
    (trouble,) = waited["trouble"]
    assert trouble.startswith("push_defender: open since ")
    assert trouble.endswith("; why; do: this")
    assert site.call("POST", "/v1/connections/nobody/reconcile").status_code == 404
    assert site.call("POST", f"/v1/connections/{FEED}/reconcile").status_code == 422

    def told() -> list[str]:
        return [item["message"] for item in site.get("/v1/activity", code=ASKED_RECONCILE).json()["items"]]

    eventually(lambda: len(told()) == 2, "asked twice")
    assert all(message.startswith(f"some-editor: Reconciliation/{DESTINATION}") for message in told())


def test_what_is_pushed_is_answered_item_by_item_and_found_shared_and_explained(site: Site, exchange: Exchange) -> None:
    assert site.call("POST", "/v1/apply", json=SHARING).status_code == 200
    seen = datetime.fromtimestamp(now_ms() // 1000 - 3600, UTC).isoformat()
    body = (
        f'[{{"value": "hxxp://evil1[.]example/a", "last_seen": "{seen}"}}, {{"value": "10.0.0.0/8"}}, "x.evil.example"]'
    )
    answer = push(site, body).json()
    assert (answer["accepted"], answer["refused"]) == (2, 1)
    assert [item["status"] for item in answer["items"]] == ["accepted", "refused", "accepted"]
    assert answer["items"][1]["reason"] == "address_range"
    lines = f'{{"value": "n1.evil.example", "last_seen": "{seen}"}}\nnot json\n'
    assert push(site, lines, "application/x-ndjson").json()["refused"] == 1
    table = f"value,severity,tags,last_seen\nc1.evil.example,high,phishing;mail,{seen}\n"
    assert push(site, table, "Text/CSV; Charset=UTF-8").json()["accepted"] == 1
    assert push(site, table, "text/plain").status_code == 422

    expected = {
        "url:http://evil1.example/a",
        "domain:x.evil.example",
        "domain:n1.evil.example",
        "domain:c1.evil.example",
    }
    eventually(lambda: ids(site, source=FEED) == expected, "all are in the read model")
    assert ids(site, tag="phishing", severity="high") == {"domain:c1.evil.example"}
    for target in ("defender-action:Block:Unit A,Unit B", "defender-action:Block:Unit%20A,Unit%20B"):
        assert ids(site, target=target) == expected
    assert ids(site, target="defender-action:Block") == set()
    assert ids(site, q="evil1.exam") == {"url:http://evil1.example/a"}
    assert site.get("/v1/indicators/count", family="url").json() == {"count": 4, "more": False}
    (shared,) = site.get("/v1/indicator", value="c1[.]evil.example").json()["shared"]
    assert (shared["destination"], shared["state"], shared["sharings"]) == (DESTINATION, "pending", ["pushed"])
    (row,) = site.get("/v1/sharings").json()["items"]
    assert row["in_force"]
    assert row["counts"] == [{"state": "pending", "reason": "", "count": 4}]
    effects = site.get("/v1/sharings/pushed/test").json()["effects"]
    assert {effect["type"]: effect["count"] for effect in effects} == {"domain": 3, "url": 1}
    why = site.get("/v1/explain", value="c1.evil.example").json()
    assert [step["verdict"] for step in why["steps"]] == ["wanted"]

    before = exchange.indicators()
    assert push(site, table, "text/csv").json()["accepted"] == 1
    push(site, '{"value": "last.evil.example"}')
    eventually(lambda: "domain:last.evil.example" in ids(site), "everything before it is merged")
    assert exchange.indicators()["domain:c1.evil.example"] == before["domain:c1.evil.example"], (
        "a repeat says nothing new"
    )


def test_a_source_may_push_as_soon_as_it_is_applied(site: Site, exchange: Exchange) -> None:
    for number in range(5):
        name = f"new-{number}"
        exchange.apply(resource("Connection", name, {"type": "api", "tokenHash": site.feed_hash}))
        path = f"/v1/sources/{name}/indicators"
        assert site.call("POST", path, FEED, json={"value": f"{name}.evil.example"}).json()["accepted"] == 1


def test_what_would_change_is_told_before_it_is_applied(site: Site) -> None:
    gone = {**SHARING, "metadata": {"name": "pushed"}, "spec": {**SHARING["spec"], "enabled": False}}  # type: ignore[dict-item]
    effects = site.call("POST", "/v1/diff", Role.VIEWER, json=gone).json()["effects"]
    assert {effect["effect"] for effect in effects} == {"withdraw"}
    assert site.get("/v1/resources/sharings/pushed").json()["spec"]["enabled"] is True


def test_what_is_held_is_told_as_it_is_kept(site: Site, exchange: Exchange) -> None:
    kind = HoldKind.LISTING_SHRANK
    hold = Hold(
        id=hold_id(FEED, LISTING, kind), kind=kind, service="test", connection=FEED, subject=LISTING, count=9, of=10,
        limit_percent=50, since=now_ms(), sample=(ActivityItem(subject="a.example", reason=kind),),
    )  # fmt: skip
    topic = exchange.settings.topics.holds.name
    with closing(TransactionalProducer(exchange.settings, "pull/held")) as producer:
        producer.write([OutgoingRecord(topic, hold.id.encode(), hold.encode())])
        assert site.get("/v1/holds").json() == {"items": [hold.model_dump(mode="json", exclude={"v"})]}
        producer.write([OutgoingRecord(topic, hold.id.encode(), None)])
    assert site.get("/v1/holds").json() == {"items": []}


def test_too_much_at_once_is_refused_as_a_whole(site: Site) -> None:
    answer = push(site, "\n".join(["value", *("a.example" for _ in range(10_001))]), "text/csv")
    assert answer.status_code == 422
    assert "10000" in answer.json()["detail"]
    assert push(site, "{").status_code == 422
    assert push(site, "[]").status_code == 422


def test_a_read_model_built_from_scratch_is_the_one_that_followed(
    site: Site, exchange: Exchange, tmp_path: Path
) -> None:
    exchange.report(numbered(number) for number in range(200))
    eventually(lambda: site.get("/v1/status").json()["indicators"] >= 200, "all are followed")
    with closing(Database(tmp_path / "fresh.sqlite", site.settings.topics)) as fresh:
        follower = Follower(site.settings, fresh, lambda: [DESTINATION, "source", FEED], supervisor := Supervisor())
        follower.start()
        assert follower.caught_up.wait(ANSWER_S)
        follower.stop()
        assert supervisor.failure is None
        with closing(Database(site.settings.console_read_model, site.settings.topics)) as followed:
            for sql in (
                "SELECT id, severity, active, first_seen, last_seen, hits, sources, tags FROM indicators ORDER BY 1",
                "SELECT indicator, destination, target, content, sharings, skipped, state FROM shared ORDER BY 1, 2, 3",
                "SELECT label, active, type, severity, last_seen FROM labels ORDER BY 1, 2, 3, 4, 5",
                "SELECT num, code FROM activity ORDER BY 1",
            ):
                assert fresh.writer.execute(sql).fetchall() == followed.writer.execute(sql).fetchall(), sql


def test_a_token_taken_out_of_the_file_is_refused_at_once(site: Site) -> None:
    kept = site.file.read_text()
    site.file.write_text("tokens: []\n")
    assert site.get("/v1/status").status_code == 401
    site.file.write_text(kept)
    assert site.get("/v1/status").status_code == 200


def test_whoever_outruns_the_router_is_told_to_wait(bootstrap: str, prefix: str, tmp_path: Path) -> None:
    exchange = Exchange(bootstrap, prefix, tmp_path)
    site = Site(exchange.settings, tmp_path, console_push_backlog=1)
    exchange.apply(resource("Connection", FEED, {"type": "api", "tokenHash": site.feed_hash}))
    with site.running():
        for number in range(4):
            exchange.report([numbered(number)])
        eventually(lambda: push(site, '{"value": "a.evil.example"}').status_code == 429, "nobody merges what is pushed")
        answer = push(site, '{"value": "a.evil.example"}')
        assert int(answer.headers["Retry-After"]) > 0


def test_the_command_line_pushes_and_lists_through_the_api(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(token: str, *arguments: str) -> Result:
        monkeypatch.setenv("IOC_BRIDGE_API_URL", site.url)
        monkeypatch.setenv("IOC_BRIDGE_API_TOKEN", site.tokens[token])
        return CliRunner().invoke(app, list(arguments))

    assert site.call("POST", "/v1/apply", json=SHARING).status_code == 200
    good, bad = tmp_path / "good.csv", tmp_path / "bad.ndjson"
    good.write_text("value,tags\nfrom-a-file.evil.example,file\n")
    bad.write_text('"also.evil.example"\n"10.0.0.0/8"\n')
    assert "1 accepted, 0 refused" in run(FEED, "push", FEED, "-f", str(good)).stderr
    torn = tmp_path / "torn.csv"
    torn.write_bytes(
        b'\xef\xbb\xbfValue, Tags\r\n"torn.evil.example","low\r\n\r\nfrom-a-file.evil.example, "file"\r\n\xff,\r\n'
    )
    partly = run(FEED, "push", FEED, "-f", str(torn), "-o", "json")
    assert "1 accepted, 2 refused" in partly.stderr
    assert [(one["line"], one["reason"]) for one in json.loads(partly.stdout)["refused"]] == [
        (2, "not_an_item"), (5, "not_an_item"),
    ]  # fmt: skip
    whole = push(site, torn.read_bytes(), "text/csv").json()
    assert (whole["accepted"], whole["refused"]) == (1, 2), "the API reads it as the command line does"
    assert [one["line"] for one in whole["items"]] == [2, 4, 5]
    refused = run(FEED, "push", FEED, "-f", str(bad))
    assert refused.exit_code == 1
    assert "address_range" in refused.stdout
    assert run(Role.EDITOR, "push", FEED, "-f", str(good)).exit_code == 1
    with monkeypatch.context() as patched:
        patched.setattr("services.console.cli.push.MAX_ITEMS", 1)
        said = run(FEED, "push", FEED, "-f", str(bad), "-o", "name").stdout
        assert f"{bad}:1\n" in said, "its place in the file, whichever request it went with"
    monkeypatch.delenv("IOC_BRIDGE_API_TOKEN")
    assert "a push to feed needs its token" in CliRunner().invoke(app, ["push", FEED, "-f", str(good)]).stderr

    def listed() -> str:
        return run(Role.VIEWER, "indicators", "from-a-file", "-o", "name").stdout

    eventually(lambda: listed() == "domain:from-a-file.evil.example\n", "it is listed")
    monkeypatch.setenv("COLUMNS", "200")

    def at_target() -> str:
        target = "defender-action:Block:Unit A,Unit B"
        return run(Role.VIEWER, "indicators", "from-a-file", "--tag", "file", "--target", target).stdout

    eventually(lambda: f"{DESTINATION}/defender-action:Block:Unit A,Unit B pending" in at_target(), "it is shared")
    assert "skipped" in run(Role.VIEWER, "activity", "--connection", FEED).stdout
    assert "Sharing/pushed" in run(Role.VIEWER, "sharings", "-o", "name").stdout
    monkeypatch.setenv("IOC_BRIDGE_API_URL", "http://127.0.0.1:1")
    unanswered = CliRunner().invoke(app, ["indicators"])
    assert unanswered.exit_code == 75
    assert "is `ioc-bridge serve` running" in unanswered.stderr


def test_a_misspelt_or_repeated_parameter_is_refused_and_not_ignored(site: Site) -> None:
    answer = httpx.get(
        f"{site.url}/v1/indicators?serverity=high&family=url&family=hash&type=md5&type=sha1",
        headers={"Authorization": f"Bearer {site.tokens[Role.VIEWER]}"},
    )
    assert answer.status_code == 422
    assert {one["path"]: one["message"] for one in answer.json()["mistakes"]} == {
        "query.serverity": "there is no such parameter here; did you mean severity?",
        "query.family": "is given more than once; give it once",
    }


described = schemathesis.openapi.from_dict(create_app().openapi())


@pytest.mark.filterwarnings("ignore:Skipped test cases with unsupported payload")  # NDJSON has tests of its own
@described.parametrize()
@settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_whatever_is_asked_is_answered_as_described(case: Any, site: Site) -> None:
    role = FEED if case.path.startswith("/v1/sources") else Role.VIEWER
    case.call_and_validate(
        base_url=site.url, headers={"Authorization": f"Bearer {site.tokens[role]}"}, timeout=120,
        # In a query everything is text, so that an object in place of a name is a name, too.
        excluded_checks=[positive_data_acceptance, negative_data_rejection, allow_header_conformance],
    )  # fmt: skip
