"""A dead letter from a real router to the API and back: seen, mended and replayed, it is routed like any report."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from schemas.canonical import canonicalise
from schemas.partitions import partition_of
from schemas.report import Report, ReportBatch, Verb
from services.console.auth.roles import Role
from services.runtime.kafka import clients
from tests.routing import CONNECTIONS, SOURCE, Exchange
from tests.serving import Site
from tests.waiting import eventually


def test_what_a_router_could_not_read_is_mended_by_an_editor_and_routed(
    bootstrap: str, prefix: str, tmp_path: Path
) -> None:
    exchange, found = Exchange(bootstrap, prefix, tmp_path), canonicalise("mended.evil.example")
    exchange.apply(*CONNECTIONS)
    report = Report(
        verb=Verb.UPDATE, type=found.type, value=found.value, observed_at=1, first_seen=1, last_seen=1
    )  # fmt: skip
    good = json.loads(ReportBatch(source=SOURCE, poll="p", reports=(report,)).encode())
    bad = {**good, "reports": [{**good["reports"][0], "severity": "rather bad"}]}
    site = Site(exchange.settings, tmp_path)
    with closing(clients.producer(exchange.settings)) as producer, exchange.start() as router, site.running():
        router.wait_ready()
        number = partition_of(found.id, exchange.settings.partitions)
        producer.send(
            exchange.settings.topics.reports.name, json.dumps(bad).encode(), key=SOURCE.encode(), partition=number,
            headers=[("schema", b"report-batch/1")],
        )  # fmt: skip

        def letters(**asked: object) -> list[dict[str, Any]]:
            items: list[dict[str, Any]] = site.get("/v1/deadletters", **asked).json()["items"]
            return items

        eventually(letters, "the router has set it aside")
        (letter,) = letters(topic="reports", state="open", service="router")
        assert "reports.0.severity" in letter["error"]
        path = f"/v1/deadletters/{letter['id']}"
        whole = site.get(path).json()
        assert (whole["original"], whole["headers"]) == (bad, {"schema": "report-batch/1"})
        assert "reports.0.severity" in whole["problem"]

        replay = f"/v1/deadletters/replay?id={letter['id']}"
        for method, where in (("PUT", f"{path}/payload"), ("POST", replay), ("POST", replay.replace("replay", "drop"))):
            assert site.call(method, where, Role.VIEWER, json=good).status_code == 403, where
        (left,) = site.call("POST", replay).json()["items"]
        assert (left["done"], left["why"]) == (False, "not_readable")
        refused = site.call("PUT", f"{path}/payload", json={**good, "source": 7})
        assert (refused.status_code, "source" in refused.json()["detail"]) == (422, True)
        edited = site.call("PUT", f"{path}/payload", json=good).json()
        assert (edited["problem"], edited["edited_by"], edited["original"]) == ("", "some-editor", bad)
        assert site.call("POST", replay).json()["done"] == 1

        eventually(lambda: found.id in exchange.indicators(), "it is routed")
        assert [one["id"] for one in letters(state="replayed")] == [letter["id"]]
        assert len(letters()) == 1, "what was mended is not set aside again"
        told = "dead_letters_replayed"
        eventually(lambda: site.get("/v1/activity", code=told).json()["items"], "the activity log has it")
        assert site.call("POST", "/v1/deadletters/replay").status_code == 422
        assert site.call("POST", "/v1/deadletters/replay?all=true").json()["done"] == 0
        assert site.get("/v1/deadletters/nothing@0:0").status_code == 404
