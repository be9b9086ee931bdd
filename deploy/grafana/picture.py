"""A picture of a dashboard as SVG: the panels where Grafana puts them, with the values of the moment it was drawn.

For documents, since Grafana itself is not needed to build the project. A line of Grafana's is a bar here.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

Answers = Mapping[int, Sequence[tuple[str, list[dict[str, Any]]]]]
"""By panel id: for each query, what its series are called and what Prometheus answered."""

_CELL_W, _CELL_H, _GAP = 50, 34, 6
_LINE, _MOST_LINES = 19, 11
_COLOURS = {"green": "#1a7f37", "orange": "#bc6c00", "red": "#c4232b"}
_STEPS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}
_UNITS = {"reqps": " req/s", "cps": " /s", "ops": " /s", "rps": " /s", "wps": " /s", "bytes": "B", "short": ""}


def draw(dashboard: Mapping[str, Any], answers: Answers) -> str:
    """The picture."""
    bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    width, height = 24 * _CELL_W + _GAP, bottom * _CELL_H + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
        f'<rect width="{width}" height="{height}" fill="#f4f5f5"/>',
        _text(12, 26, dashboard["title"], size=18, weight=600),
    ]
    for panel in dashboard["panels"]:
        parts += _heading(panel) if panel["type"] == "row" else _panel(panel, answers.get(panel["id"], ()))
    return "\n".join([*parts, "</svg>", ""])


def _heading(panel: Mapping[str, Any]) -> list[str]:
    return [_text(12, panel["gridPos"]["y"] * _CELL_H + 63, panel["title"], size=15, weight=600, fill="#444")]


def _panel(panel: Mapping[str, Any], answers: Sequence[tuple[str, list[dict[str, Any]]]]) -> Iterator[str]:
    at = panel["gridPos"]
    x, y = at["x"] * _CELL_W + _GAP, at["y"] * _CELL_H + 40
    width, height = at["w"] * _CELL_W - _GAP, at["h"] * _CELL_H - _GAP
    yield f"<g><title>{escape(panel['description'])}</title>"
    yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="3" fill="#fff" stroke="#d8d9da"/>'
    yield _text(x + 10, y + 21, panel["title"], size=13, weight=600)
    values = sorted(_values(answers), key=lambda found: math.inf if math.isnan(found[1]) else -found[1])
    if panel["type"] == "stat":
        yield from _stat(panel, values[0][1] if values else math.nan, (x, y, width, height))
    else:
        yield from _bars(panel, values, (x, y, width, height))
    yield "</g>"


def _stat(panel: Mapping[str, Any], value: float, box: tuple[int, int, int, int]) -> Iterator[str]:
    x, y, width, height = box
    text, colour = _shown(value, panel["fieldConfig"]["defaults"]["unit"]), _colour(panel, value)
    for mapping in panel["fieldConfig"]["defaults"].get("mappings", ()):
        if found := mapping["options"].get(f"{value:g}"):
            text, colour = found["text"], found["color"]
    fill = _COLOURS[colour]
    yield f'<rect x="{x + 8}" y="{y + 32}" width="{width - 16}" height="{height - 40}" rx="3" fill="{fill}"/>'
    size = min(44, height // 3)
    middle = y + 32 + (height - 40) // 2 + size // 3
    yield _text(x + width // 2, middle, text, size=size, weight=700, fill="#fff", anchor="middle")


def _bars(panel: Mapping[str, Any], values: list[tuple[str, float]], box: tuple[int, int, int, int]) -> Iterator[str]:
    x, y, width, height = box
    most = panel["fieldConfig"]["defaults"].get("max") or max((value for _, value in values), default=0) or 1
    lines = min(_MOST_LINES, (height - 40) // _LINE)
    for number, (name, value) in enumerate(values[:lines]):
        top = y + 34 + number * _LINE
        share = 0.0 if math.isnan(value) else max(0.0, min(1.0, value / most))
        long = round(share * (width - 20))
        yield f'<rect x="{x + 10}" y="{top}" width="{long}" height="{_LINE - 4}" fill="#5794f2" opacity="0.35"/>'
        yield _text(x + 14, top + 12, name[: width // 9], size=11)
        shown = _shown(value, panel["fieldConfig"]["defaults"]["unit"])
        yield _text(x + width - 12, top + 12, shown, size=11, weight=600, anchor="end")
    if len(values) > lines:
        yield _text(x + 14, y + 34 + lines * _LINE + 10, f"and {len(values) - lines} more", size=10, fill="#777")


def _values(answers: Sequence[tuple[str, list[dict[str, Any]]]]) -> Iterator[tuple[str, float]]:
    for legend, result in answers:
        for found in result:
            labels = found["metric"]
            name = legend
            for label in re.findall(r"\{\{(\w+)\}\}", legend):
                name = name.replace(f"{{{{{label}}}}}", labels.get(label, ""))
            yield name, float(found["value"][1])


def _colour(panel: Mapping[str, Any], value: float) -> str:
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return str(reached[-1])


def _shown(value: float, unit: str) -> str:
    if math.isnan(value):
        return "–"
    if unit == "percentunit":
        return f"{value:.0%}"
    if unit == "s":
        days, rest = divmod(value, 86_400)
        return f"{days:.0f} d" if days else f"{rest / 3600:.1f} h" if rest >= 7200 else f"{rest:.3g} s"
    prefix, step = max(((p, s) for p, s in _STEPS.items() if abs(value) >= s), key=lambda one: one[1], default=("", 1))
    return f"{value / step:.3g}{' ' if prefix or unit == 'bytes' else ''}{prefix}{_UNITS.get(unit, f' {unit}')}"


def _text(
    x: float, y: float, text: str, *, size: int, weight: int = 400, fill: str = "#222", anchor: str = "start"
) -> str:
    style = f'font-size="{size}" font-weight="{weight}" fill="{fill}" text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'
