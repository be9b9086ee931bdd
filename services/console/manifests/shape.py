"""Translates pydantic's error paths to the paths of files, by the JSON Schema of a kind.

pydantic puts the tag of a union into an error's path (`spec.defender.tenantId`); the file has no such field.
"""

from functools import cache
from typing import Any

from schemas.resources import KINDS
from services.console.manifests.places import Path

Node = dict[str, Any]
"""A part of a JSON Schema."""


class Shape:
    """The schema of one kind. `node` arguments and results are parts of it."""

    def __init__(self, schema: Node) -> None:
        self.root = schema
        self._definitions: dict[str, Node] = schema.get("$defs", {})

    def follow(self, loc: Path) -> tuple[Path, Node]:
        """The path in the file for pydantic's `loc`, and the schema of that field (empty if unknown)."""
        node, path = self.resolve(self.root), list[str | int]()
        for part in loc:
            if "discriminator" in node:
                node = self.resolve(self.member(node, part))
                continue
            path.append(part)
            child = node.get("items", {}) if isinstance(part, int) else node.get("properties", {}).get(part, {})
            node = self.resolve(child)
        return tuple(path), node

    def resolve(self, node: Node) -> Node:
        """The node with references and `or null` resolved. Its own description overrides the referenced one."""
        while True:
            choices = [choice for choice in node.get("anyOf", []) if choice.get("type") != "null"]
            if "$ref" in node:
                behind = self._definitions[node["$ref"].rpartition("/")[2]]
            elif len(choices) == 1:
                behind = choices[0]
            else:
                return node
            own = {key: value for key, value in node.items() if key not in ("$ref", "anyOf")}
            node = {**behind, **own}

    def member(self, union: Node, tag: object) -> Node:
        """The member of a union with a tag; empty if there is none."""
        found = union["discriminator"]["mapping"].get(tag)
        return {"$ref": found} if found else {}


@cache
def shape(kind: str) -> Shape:
    """The shape of a kind of resource."""
    return Shape(KINDS[kind].model_json_schema())
