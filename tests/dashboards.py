"""Reading committed dashboards and rules, for the tests that hold them against the code and against Prometheus."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "deploy" / "grafana" / "dashboards"
RULES = ROOT / "deploy" / "prometheus" / "rules"

SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^{}]*)\})?")
"""A metric (or a function, or a label: whoever uses this knows which) and its matchers."""
MATCHER = re.compile(r'([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"')
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")


class Target(NamedTuple):
    """One query of one panel."""

    dashboard: str
    panel: str
    expr: str

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.panel}"


def dashboards() -> dict[str, dict[str, Any]]:
    """Every committed dashboard by the name of its file."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Its panels, headings apart."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def targets() -> Iterator[Target]:
    """Every query of every panel."""
    for name, dashboard in dashboards().items():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                yield Target(name, panel["title"], target["expr"])


def selectors(expr: str) -> Iterator[tuple[str, set[str]]]:
    """Metrics of ours in an expression, each with the labels that its matchers name."""
    for name, matchers in SELECTOR.findall(expr):
        if name.startswith("ioc_bridge_"):
            yield name, set(MATCHER.findall(matchers))


def groupings(expr: str) -> set[str]:
    """Labels that an expression groups or joins by."""
    return {label.strip() for found in GROUPING.findall(expr) for label in found.split(",") if label.strip()}
