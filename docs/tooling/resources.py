"""The reference page of resources: every field of every kind, from the descriptions in their models."""

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pydantic import BaseModel

from services.console.manifests.places import Path, dotted
from services.console.manifests.shape import Node, Shape
from services.console.manifests.validation import NEEDED_IN_FILES

_INTRO = """What is configured, in files and in `ioc.policy`. A file holds any number of resources, each after a line
`---`; a field that is not listed here is an error with its place. `ioc-bridge apply -f` takes them ([command
line](cli.md)).

Durations are a whole number and one of s, m, h, d: `30s`, `5m`, `4h`, `90d`.
"""
_WORDS = {
    "string": "text",
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "object": "mapping",
}
_FORMATS = {"duration": "duration", "uri": "URL"}


class _Section(NamedTuple):
    """One table: the fields at a place of the model, or those of one member of the union there."""

    title: str
    loc: Path
    level: int


def resources_page(kinds: Mapping[str, type[BaseModel]]) -> str:
    """The page."""
    return "\n".join([_INTRO, *(text for kind, model in kinds.items() for text in _kind(kind, model))])


def _kind(kind: str, model: type[BaseModel]) -> Iterator[str]:
    shape, defaults = Shape(model.model_json_schema()), Shape(model.model_json_schema(mode="serialization"))
    waiting = [_Section(kind, (), 2)]
    while waiting:
        section = waiting.pop(0)
        node = shape.follow(section.loc)[1]
        yield f"{'#' * section.level} {section.title}\n"
        yield f"{node.get('description', '')}\n"
        yield "| field | form | default | meaning |"
        yield "|---|---|---|---|"
        rows, found = _rows(shape, defaults, section.loc, kind)
        yield from rows
        yield ""
        waiting = found + waiting


def _rows(shape: Shape, defaults: Shape, loc: Path, kind: str) -> tuple[list[str], list[_Section]]:
    rows: list[str] = []
    sections: list[_Section] = []
    parent = shape.follow(loc)[1]
    needed = parent.get("required", ()) if loc else (*parent.get("required", ()), *NEEDED_IN_FILES)
    for name in parent.get("properties", {}):
        at = (*loc, name)
        path, node = shape.follow(at)
        default = "required" if name in needed else _default(defaults.follow(at)[1])
        rows.append(f"| `{dotted(path)}` | {_form(shape, node)} | {default} | {node.get('description', '')} |")
        if "discriminator" in node:
            by = node["discriminator"]["propertyName"]
            sections += [
                _Section(f"{kind}: `{dotted(path)}` with `{by}: {tag}`", (*at, tag), 3)
                for tag in node["discriminator"]["mapping"]
            ]
        elif "properties" in node:
            more, found = _rows(shape, defaults, at, kind)
            rows += more
            sections += found
    return rows, sections


def _form(shape: Shape, node: Node) -> str:
    if "discriminator" in node:
        return f"one of the below, by `{node['discriminator']['propertyName']}`"
    if choices := node.get("enum") or ([node["const"]] if "const" in node else None):
        return ", ".join(f"`{choice}`" for choice in choices)
    if node.get("type") == "array":
        return f"list of: {_form(shape, shape.resolve(node['items']))}"
    form = _FORMATS.get(node.get("format", "")) or _WORDS.get(node.get("type", ""), "any")
    low, high = node.get("minimum"), node.get("maximum")
    if low is not None and high is not None:
        return f"{form}, {low} to {high}"
    return form


def _default(node: Node) -> str:
    value = node.get("default")
    if value is None or value in ("", [], {}) or isinstance(value, dict):
        return "–"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
