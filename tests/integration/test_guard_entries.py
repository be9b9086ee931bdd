"""Entries of guards, by the command line and the API: what they mean, what they keep back, and what is refused."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.console.__main__ import app
from services.console.auth.roles import Role
from services.runtime.settings import Settings
from tests.routing import Exchange
from tests.serving import Site

GUARD = """\
apiVersion: ioc-bridge/v1
kind: Guard
metadata: {name: team}
spec:
  allow:
    domains: ["https://corp4.example/", "corp8.example/", "corp9.example:443", "a.example, b.example"]
"""
BROKEN = """\
apiVersion: ioc-bridge/v1
kind: Guard
metadata: {name: team}
spec:
  warningLists: [gogle]
  allow:
    domains: ["https://corp4.example/path"]
    networks: ["10.0.0.0/33"]
"""
NAMES = ("corp4.example", "corp8.example", "corp9.example", "a.example", "b.example")
MEANS = [f"{name} and everything below it, alone or as the host of a URL" for name in NAMES[:3]] + [
    "; ".join(f"{name} and everything below it, alone or as the host of a URL" for name in NAMES[3:])
]


@pytest.fixture
def settings(bootstrap: str, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    exchange = Exchange(bootstrap, prefix, tmp_path)
    for name, value in exchange.environment.items():
        monkeypatch.setenv(name, value)
    return exchange.settings


@pytest.fixture
def site(settings: Settings, tmp_path: Path) -> Iterator[Site]:
    found = Site(settings, tmp_path)
    with found.running():
        yield found


def test_apply_shows_what_each_entry_means_and_test_guard_what_is_kept_back(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "guard.yaml"
    file.write_text(GUARD)
    before = CliRunner().invoke(app, ["test-guard", "x.corp4.example", "-f", str(file), "-o", "json"])
    (answer,) = json.loads(before.stdout)["items"]
    assert (answer["kept_back"], [(hit["guard"], hit["field"], hit["line"]) for hit in answer["by"]]) == (
        "all", [("team", "spec.allow.domains[0]", f"{file}:6:15")],
    )  # fmt: skip
    assert json.loads(CliRunner().invoke(app, ["test-guard", "x.corp4.example", "-o", "json"]).stdout)["items"][0][
        "kept_back"
    ] == "no"  # fmt: skip

    applied = CliRunner().invoke(app, ["apply", "-f", str(file)])
    assert [line.partition(": ")[2] for line in applied.stdout.splitlines()[1:]] == MEANS
    values = [f"https://login.{name}/a" for name in NAMES]
    said = CliRunner().invoke(app, ["test-guard", *values, "evil.example", "corp7.example", "co.uk", "-o", "json"])
    found = {item["value"]: item for item in json.loads(said.stdout)["items"]}
    assert {value: found[value]["by"][0]["reason"] for value in values} == dict.fromkeys(values, "guard_allow_list")
    assert (found["evil.example"]["kept_back"], found["evil.example"]["nearest"]) == ("no", [])
    assert "corp4.example and everything below it" in found["corp7.example"]["nearest"][0]["why"]
    assert {hit["reason"] for hit in found["co.uk"]["by"]} == {"guard_public_suffix"}
    table = CliRunner().invoke(app, ["test-guard", "x.corp8.example", "corp7.example"]).stdout
    assert "spec.allow.domains[1]" in table
    assert "nearest entries" in table
    assert "corp4.example and everything below it" in CliRunner().invoke(app, ["describe", "guard", "team"]).stdout


def test_what_is_no_indicator_and_a_connection_that_is_not_there_are_refused(settings: Settings) -> None:
    mixed = CliRunner().invoke(app, ["test-guard", "10.0.0.1", "no indicator"])
    assert mixed.exit_code == 1
    assert "guard_special_address" in mixed.stdout
    assert "give one indicator" in mixed.stderr
    assert CliRunner().invoke(app, ["test-guard", "10.0.0.1", "--connection", "nobody"]).exit_code == 3


def test_every_mistake_of_a_guard_is_told_at_once(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "guard.yaml").write_text(BROKEN)
    refused = CliRunner().invoke(app, ["apply", "-f", str(tmp_path)])
    assert refused.exit_code == 1
    places = [line.split(": ")[2] for line in refused.stderr.splitlines()]
    assert places == ["spec.warningLists[0]", "spec.allow.domains[0]", "spec.allow.networks[0]"]


def test_the_api_says_the_same(site: Site) -> None:
    yaml = {"Content-Type": "application/yaml"}
    asked = site.call(
        "POST", "/v1/test-guard?value=x.corp9.example&value=evil.example", Role.VIEWER, content=GUARD, headers=yaml
    ).json()  # fmt: skip
    assert [item["kept_back"] for item in asked["items"]] == ["all", "no"]
    assert asked["items"][0]["by"][0]["line"] == "body:6:59"
    (change,) = site.call("POST", "/v1/apply", content=GUARD, headers=yaml).json()["changes"]
    assert [entry["meaning"] for entry in change["entries"]] == MEANS
    stored = site.get("/v1/test-guard", value="hxxps://x.corp8[.]example").json()
    assert stored["items"][0]["by"][0]["field"] == "spec.allow.domains[1]"
    assert site.get("/v1/test-guard", value="a.example", connection="nobody").status_code == 404
    wrong = site.call("POST", "/v1/apply", content=BROKEN, headers=yaml).json()
    assert [mistake["path"] for mistake in wrong["mistakes"]] == [
        "spec.warningLists[0]", "spec.allow.domains[0]", "spec.allow.networks[0]",
    ]  # fmt: skip
