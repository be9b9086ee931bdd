"""Alert rules say how bad it is, what it is, and where to read what to do; and promtool's tests of them hold."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dashboards import ROOT, RULES, groupings, selectors
from tests.not_run import not_run
from tests.prometheus import MISSING
from tests.unit.test_dashboards import labels_of

TESTS = RULES.parent / "tests"
_SEVERITIES = {"critical", "warning", "info"}


def rules() -> list[dict[str, Any]]:
    files = [yaml.safe_load(path.read_text("utf-8")) for path in sorted(RULES.glob("*.yaml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
RECORDED = {rule["record"] for rule in rules() if "record" in rule}


def anchors(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", ALERTS)
def test_it_says_how_bad_what_and_where_to_read_on(name: str) -> None:
    rule = ALERTS[name]
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert rule["labels"]["severity"] in _SEVERITIES
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith(".")
    assert page == "docs/operations.md"
    assert anchor in anchors(ROOT / page)


def test_the_runbook_answers_four_questions_for_each_alert_and_knows_no_others() -> None:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    sections = dict(re.findall(r"^### (IocBridge\w+)\n(.+?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL))
    assert sections.keys() == ALERTS.keys()
    for name, section in sections.items():
        for question in ("**Means**", "**Look**", "**Do**", "**Over**"):
            assert question in section, f"{name}: {question}"


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_every_metric_exists_with_the_labels_asked_for(rule: dict[str, Any]) -> None:
    expr, known = rule["expr"], {"job", "instance"}
    for metric, asked in selectors(re.sub(r"\b\w+:[\w:]+", "", expr)):
        labels = labels_of(metric)
        assert labels is not None, f"{metric} is not in services/runtime/observability/metrics.py"
        assert asked <= labels, metric
        known |= labels
    assert groupings(expr) <= known
    assert set(re.findall(r"\b(?:ioc_bridge|service|connection):[\w:]+", expr)) <= RECORDED


def test_each_alert_has_a_test_that_it_fires() -> None:
    cases = [case for path in TESTS.glob("*.yaml") for case in yaml.safe_load(path.read_text("utf-8"))["tests"]]
    fired = {one["alertname"] for case in cases for one in case["alert_rule_test"] if one["exp_alerts"]}
    assert fired == ALERTS.keys()


def test_promtool_finds_the_rules_as_their_tests_say() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        not_run(*MISSING, installable=True)
    files = [str(path) for path in sorted(TESTS.glob("*.yaml"))]
    ran = subprocess.run([promtool, "test", "rules", *files], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
