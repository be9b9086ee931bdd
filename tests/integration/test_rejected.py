"""What a vendor rejects, all the way: a source pushes, the tenant refuses, an operator retries or corrects it."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from schemas.resources import resource
from services.console.__main__ import app
from services.console.auth.roles import Role
from services.sandbox.exchange import MDE, Exchange
from tests.routing import settings_for
from tests.serving import Site
from tests.waiting import eventually

FEED, OTHER = "feed", "other"
REFUSED = ("a_1.evil.example", "b_1.evil.example")
BLOCK = {"kind": "defender-action", "action": "Block"}


class World:
    """An exchange with a feed that shares to Defender, and the command line of an editor."""

    def __init__(self, exchange: Exchange, site: Site) -> None:
        self.exchange = exchange
        self.site = site

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, ["rejected", *arguments], input=stdin)

    def rejected(self, *arguments: str) -> dict[str, dict[str, Any]]:
        said = self.run("list", "-o", "json", *arguments)
        assert said.exit_code == 0, said.output
        return {item["indicator"].partition(":")[2]: item for item in json.loads(said.stdout)}

    def rows(self) -> set[str]:
        return {str(row["indicatorValue"]) for row in self.exchange.defender_rows()}


@pytest.fixture(scope="module")
def world(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    settings, folder = settings_for(bootstrap, f"t{secrets.token_hex(6)}"), tmp_path_factory.mktemp("rejected")
    site = Site(settings, folder)
    more = [
        resource("Connection", FEED, {"type": "api", "tokenHash": site.feed_hash}),
        resource("Connection", OTHER, {"type": "api", "tokenHash": site.feed_hash}),
        resource("Sharing", "from-feed", {"source": FEED, "destination": MDE, "target": BLOCK}),
    ]
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        Exchange(settings, folder, services=("router", "push_defender"), more=more) as exchange,
        site.running(),
    ):
        monkeypatch.setenv("IOC_BRIDGE_API_URL", site.url)
        monkeypatch.setenv("IOC_BRIDGE_API_TOKEN", site.tokens[Role.EDITOR])
        found = World(exchange, site)
        body = json.dumps([*REFUSED, "good.evil.example"])
        headers = {"Content-Type": "application/json"}
        assert site.call("POST", f"/v1/sources/{FEED}/indicators", FEED, content=body, headers=headers).is_success
        eventually(lambda: len(found.rejected()) == len(REFUSED), "the tenant has refused them")
        yield found


def test_what_cannot_be_done_is_refused_with_the_reason(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    id_ = world.rejected()[REFUSED[0]]["id"]
    for arguments, says in (
        (("edit", id_, "--source", OTHER, "--set", "severity=high"), "no sharing takes from other to mde"),
        (("edit", id_, "--source", MDE, "--set", "severity=high"), "no Connection of type api named mde"),
        (("edit", id_, "--source", FEED, "--set", "severity=dreadful"), "severity"),
        (("edit", id_, "--source", FEED, "--set", "value=10.0.0.0/8"), "address_range"),
        (("edit", "mde/nothing", "--source", FEED, "--set", "severity=high"), "is not <destination>/<target id>"),
        (("retry", "nothing"), "is not <destination>/<target id>"),
        (("retry", "mde/defender-action:Block/domain:never.example"), "not_wanted"),
        (("retry", "netskope/defender-action:Block/domain:a_1.evil.example"), "not_wanted"),
    ):
        said = world.run(*arguments)
        assert (said.exit_code, says in said.stderr) == (1, True), said.output
    assert world.run("retry").exit_code == 2

    monkeypatch.setenv("EDITOR", "sed -i s/unknown/dreadful/")
    said = world.run("edit", id_, "--source", FEED)
    assert "what you wrote is in " in said.stderr
    kept = Path(said.stderr.partition("what you wrote is in ")[2].partition(";")[0])
    assert "dreadful" in kept.read_text()
    kept.unlink()
    monkeypatch.setenv("EDITOR", "true")
    assert "nothing is pushed" in world.run("edit", id_, "--source", FEED).stderr

    monkeypatch.setenv("IOC_BRIDGE_API_TOKEN", world.site.tokens[Role.VIEWER])
    assert set(world.rejected()) == set(REFUSED)
    assert "needs the role editor" in world.run("retry", id_).stderr
    assert "needs the role editor" in world.run("edit", id_, "--source", FEED, "--set", "severity=high").stderr


def test_what_was_rejected_is_listed_retried_and_corrected(world: World) -> None:
    found = world.rejected()
    assert set(found) == set(REFUSED)
    first = found[REFUSED[0]]
    assert (first["destination"], first["target"], first["code"]) == (MDE, "defender-action:Block", "vendor_rejected")
    assert first["detail"]
    assert world.rejected("--code", "nothing") == {}
    assert world.rejected("--destination", "netskope") == {}
    assert set(world.run("list", "-o", "name").stdout.split()) == {one["id"] for one in found.values()}
    assert first["detail"] in world.run("list").stdout
    assert "more than 1" in world.run("list", "--limit", "1").stderr

    # Nothing has changed at the tenant, so it refuses once more, and is not asked again after that.
    assert world.run("retry", first["id"]).stdout == f"{first['id']} is tried again\n"
    eventually(lambda: world.rejected().get(REFUSED[0], first)["at"] > first["at"], "it was tried and refused again")
    assert world.rejected()[REFUSED[1]]["at"] == found[REFUSED[1]]["at"], "the other was left alone"

    corrected = world.run("edit", found[REFUSED[1]]["id"], "--source", FEED, "--set", "value=b1.evil.example")
    assert corrected.exit_code == 0, corrected.output
    assert "stays rejected until its sources withdraw it" in corrected.stderr
    eventually(lambda: "b1.evil.example" in world.rows(), "the correction is at the tenant")
    assert set(world.rejected()) == set(REFUSED), "what is corrected is another indicator"

    world.exchange.admin(world.exchange.mde, "POST", "switches", {"underscore_labels": "accept"})
    assert world.run("retry", "--all", "--destination", MDE, "--code", "vendor_rejected").exit_code == 0
    eventually(lambda: world.rows() >= set(REFUSED), "the tenant takes them now")
    eventually(lambda: world.rejected() == {}, "nothing is rejected any more")
    assert "nothing is rejected" in world.run("retry", "--all").stderr
    codes = {item["code"] for item in world.site.get("/v1/activity", service="console").json()["items"]}
    assert {"retry_asked", "entry_corrected"} <= codes
