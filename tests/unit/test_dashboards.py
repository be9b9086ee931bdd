"""Dashboards are what their code makes, ask for metrics that exist, and keep the rules of Grafana's dashboard-linter.

The rules are those of https://github.com/grafana/dashboard-linter (docs/rules), each held by a test of its name here.
"""

import re
from typing import Any

import pytest

from deploy.grafana.build import DASHBOARDS, files
from services.runtime.observability.metrics import DEFINITIONS
from tests.dashboards import FOLDER, dashboards, groupings, panels, selectors, targets

ALL = dashboards()
_SCRAPED = {"job", "instance"}
_KNOWN = {definition.name: definition for definition in DEFINITIONS}
_HISTOGRAM = re.compile(r"_(bucket|count|sum)$")
_COUNTER = re.compile(r"\b(ioc_bridge_\w+_total|ioc_bridge_\w+_(?:bucket|count|sum)|process_cpu_seconds_total)\b")
_WRAPPED = re.compile(r"\b(?:rate|increase|irate)\((?:[^()]*)\)")


def labels_of(metric: str) -> set[str] | None:
    """The labels of a metric as it is scraped; None where there is no such metric."""
    if found := _KNOWN.get(metric):
        return None if found.kind == "histogram" else {*found.labels, *_SCRAPED}
    base = _KNOWN.get(_HISTOGRAM.sub("", metric))
    return {*base.labels, *_SCRAPED, "le"} if base and base.kind == "histogram" else None


def test_what_is_committed_is_what_the_code_makes() -> None:
    made = files()
    assert {path.name for path in FOLDER.glob("*.json")} == {path.name for path in made}
    stale = [path.name for path, text in made.items() if path.read_text("utf-8") != text]
    assert stale == [], "run: make dashboards"


def test_there_is_one_for_each_family_and_for_those_on_call() -> None:
    assert {made.__name__ for made in DASHBOARDS} == {"overview", "pullers", "router", "pushers", "tenants", "kafka"}
    assert len({dashboard["uid"] for dashboard in ALL.values()}) == len(ALL)


@pytest.mark.parametrize("target", list(targets()), ids=str)
def test_every_metric_exists_with_the_labels_asked_for(target: Any) -> None:
    known: set[str] = set()
    for metric, asked in selectors(target.expr):
        labels = labels_of(metric)
        assert labels is not None, f"{metric} is not in services/runtime/observability/metrics.py"
        assert asked <= labels, metric
        known |= labels
    assert groupings(target.expr) <= known | _SCRAPED


def test_every_metric_of_ours_is_shown_somewhere() -> None:
    shown = {_HISTOGRAM.sub("", metric) for target in targets() for metric, _ in selectors(target.expr)}
    assert {name for name in _KNOWN if name not in shown} == set()


@pytest.mark.parametrize("name", ALL)
class TestLinterRules:
    def test_uneditable_dashboard(self, name: str) -> None:
        assert ALL[name]["editable"] is False

    def test_template_datasource(self, name: str) -> None:
        sources = [one for one in ALL[name]["templating"]["list"] if one["type"] == "datasource"]
        assert [(one["name"], one["label"], one["query"]) for one in sources] == [
            ("datasource", "Data source", "prometheus")
        ]

    @pytest.mark.parametrize("variable", ["job", "instance"])
    def test_template_job_and_instance(self, name: str, variable: str) -> None:
        (found,) = [one for one in ALL[name]["templating"]["list"] if one["name"] == variable]
        assert (found["type"], found["multi"], found["allValue"]) == ("query", True, ".+")
        assert found["label"] == variable.capitalize()
        assert found["datasource"]["uid"] == "$datasource"
        assert found["refresh"] == 2, "anew when the time range changes"

    def test_panel_title_description_units_and_datasource(self, name: str) -> None:
        for panel in panels(ALL[name]):
            assert panel["title"], panel["id"]
            assert panel["description"].endswith("."), panel["title"]
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
            assert panel["datasource"]["uid"] == "$datasource", panel["title"]
            assert panel["targets"], panel["title"]

    def test_panel_titles_are_told_apart(self, name: str) -> None:
        titles = [panel["title"] for panel in panels(ALL[name])]
        assert len(titles) == len(set(titles))

    def test_target_job_and_instance(self, name: str) -> None:
        for target in targets():
            if target.dashboard == name:
                for metric, asked in selectors(target.expr):
                    assert asked >= _SCRAPED, f"{target}: {metric}"

    def test_target_counter_aggregation(self, name: str) -> None:
        for target in targets():
            if target.dashboard == name:
                bare = _WRAPPED.sub("", re.sub(r"\{[^{}]*\}", "", target.expr))
                assert _COUNTER.findall(bare) == [], target

    def test_target_rate_interval(self, name: str) -> None:
        for target in targets():
            if target.dashboard == name:
                windows = re.findall(r"\brate\([^\[]*\[([^\]]+)\]", target.expr)
                assert set(windows) <= {"$__rate_interval"}, target

    def test_panels_do_not_overlap_and_stay_within_the_grid(self, name: str) -> None:
        taken: set[tuple[int, int]] = set()
        for panel in ALL[name]["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not cells & taken, panel["title"]
            assert max(x for x, _ in cells) < 24, panel["title"]
            taken |= cells

    def test_panel_legends_tell_series_apart(self, name: str) -> None:
        for panel in panels(ALL[name]):
            for target in panel["targets"]:
                by = re.findall(r"\bby \(([^)]*)\) ", target["expr"])
                if panel["type"] != "stat" and by:
                    needed = {label.strip() for label in by[0].split(",")} - {"le"}
                    assert needed <= set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])), panel["title"]
